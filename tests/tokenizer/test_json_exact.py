"""With a tokenizer.json wiretag's ids are those of Hugging Face `tokenizers`: every code point, every part of the
file that is supported, and texts of all kinds."""

import random

import json_files as jf
import pytest
import tokenizers
import unigram_files as uf
from hugging_face import ROOT
from texts import (ALPHABETS, CHOSEN_CODE_POINTS, CODE_POINTS, articles, blank_and_odd, corpus, posts, random_code_points, random_texts,
                   texts_of_code_points)
from tokenizers import normalizers, pre_tokenizers

ODD = {
    "spaces": " \t\r\n\u00A0\u2003\u2028\u3000\u0085a1.'",
    "cases": "aAbBяЯéÉǅʰªא東\u0301\u0308'sSlL !/\n",
    "contractions": "'sStTrRvVmMlLdDeE\u017F' a",
    "numbers": "0123456789²½٣Ⅷ a.",
    "bars": f"{jf.BAR} a{jf.BAR}b_",
    "specials": "<s>/pad>mask|[UNKCLS]  ",
    "symbols": "!?.,;:-=+*/%$#@ a\n",
}


def random_strings(count=20000, seed="tokenizer.json"):
    """Short, of one alphabet each, and of a few characters, so that rare neighbours meet."""
    source = random.Random(seed)
    alphabets = [*ALPHABETS.values(), *ODD.values()]
    texts = []
    for number in range(count):
        alphabet = alphabets[number % len(alphabets)]
        some = source.choices(alphabet, k=6) if number % 4 == 0 else alphabet
        texts.append("".join(source.choices(some, k=source.randrange(1, [6, 20, 70][number % 3]))))
    return texts


def edges():
    texts = [
        "", " ", "  ", "   a", " a", "a ", "a  ", "\n", "\n\n a", "a\n\nb", "a \n b", "don't I'LL 'S 's'ss", "'", "''",
        " '", "<s>", "<s> a", " <s>a", "a<mask> b", "a <mask>  b", "  <mask>", "<mask>" * 3, "<s></s><pad>",
        jf.BAR, jf.BAR * 2 + "a", f" {jf.BAR}a", f"{jf.BAR} a", f"a{jf.BAR}b", "\0", "a\0b", "\uFEFFa", "x" * 5000,
        "я" * 5000, "ab" * 3000, " " * 5000, "\U0001F600" * 1000, "aaaaaaaa" * 100 + "b"]
    # Longer than the parts of 32 KiB that a text is worked on in.
    texts += ["слово " * 8000, "a,b. c " * 10000, ("word " * 500 + "\n") * 30, "Привет<mask> мир" * 3000,
              "x <mask> y" * 3500, "漢字" * 12000, "a  b " * 15000]
    return texts


# In the default run most tokenizers get some of the 2,000 posts.
SHARES_OF_POSTS = pytest.mark.parametrize("share", [5, pytest.param(1, marks=pytest.mark.long)])


def code_points(points):
    return texts_of_code_points(lambda char: f"a{char}1 {char}.", points)


def assert_same_when_cut(texts, path, limits):
    """The package keeps what it cut off, in as many parts: texts of tens of thousands of ids only at the highest."""
    short = [text for text in texts if len(text) < 10000]
    for limit in limits:
        jf.assert_same(texts if limit == max(limits) else short, path, limit)


# --- Splitting: each word is one id ---------------------------------------------------------------------------------

SPLITTERS = {
    "gpt2": jf.byte_level(),
    "cl100k": jf.sequence(jf.pattern(jf.CL100K), jf.byte_level(pattern=False)),
    "o200k": jf.sequence(jf.pattern(jf.O200K), jf.byte_level(pattern=False)),
    "whitespace": {"type": "Whitespace"},
    "bert": {"type": "BertPreTokenizer"},
    "digits": jf.sequence({"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True}),
}
OTHER_SPLITTERS = {
    "gpt2-prefix": jf.byte_level(prefix=True),
    "gpt2-split": jf.sequence(jf.pattern(jf.GPT2, "Removed", True), jf.byte_level(pattern=False)),
    "qwen": jf.sequence(jf.pattern(jf.QWEN), jf.byte_level(pattern=False)),
    "no-splitter": None,
    "whitespace-split": {"type": "WhitespaceSplit"},
    "punctuation": {"type": "Punctuation", "behavior": "Isolated"},
    "punctuation-contiguous": {"type": "Punctuation", "behavior": "Contiguous"},
    "punctuation-removed": {"type": "Punctuation", "behavior": "Removed"},
    "digit-runs": {"type": "Digits", "individual_digits": False},
    "digits-bytes": jf.sequence({"type": "Digits", "individual_digits": True}, jf.byte_level(prefix=True)),
    "metaspace": jf.metaspace(),
    "metaspace-first": jf.metaspace("first"),
    "metaspace-never": jf.metaspace("never"),
    "metaspace-whole": jf.metaspace(split=False),
    "xlm-roberta": jf.sequence({"type": "WhitespaceSplit"}, jf.metaspace()),
    "xlm-roberta-first": jf.sequence({"type": "WhitespaceSplit"}, jf.metaspace("first")),
    "text-isolated": jf.text("'s", "Isolated"),
    "text-removed": jf.text(" ", "Removed"),
    "text-kept": jf.text(" ", "Removed", True),
    "text-previous": jf.text(" ", "MergedWithPrevious"),
    "text-previous-inverted": jf.text(" ", "MergedWithPrevious", True),
    "text-next-inverted": jf.text("a", "MergedWithNext", True),
    "text-of-three": jf.sequence(jf.text("'s", "MergedWithPrevious"), jf.text("\n", "Contiguous"), jf.text("  ", "MergedWithNext")),
    "text-digits": jf.sequence(jf.text("a", "Isolated"), {"type": "Digits", "individual_digits": True}, jf.byte_level(pattern=False)),
    "punctuation-metaspace": jf.sequence({"type": "Punctuation", "behavior": "Isolated"}, jf.metaspace(),
                                         {"type": "Digits", "individual_digits": True}),
}


@CHOSEN_CODE_POINTS
@pytest.mark.parametrize("name", SPLITTERS)
def test_code_points_are_split_alike(name, points, tmp_path):
    jf.assert_same(code_points(points), jf.write(tmp_path, jf.counts_words(SPLITTERS[name])))


@pytest.mark.parametrize("name", [*SPLITTERS, *OTHER_SPLITTERS])
def test_texts_are_split_alike(name, tmp_path):
    splitter = {**SPLITTERS, **OTHER_SPLITTERS}[name]
    path = jf.write(tmp_path, jf.counts_words(splitter))
    jf.assert_same(random_strings(20000 if name in SPLITTERS else 6000, name) + edges() + articles(), path)


# --- Normalizing: each byte is one id -------------------------------------------------------------------------------

NORMALIZERS = {
    "lowercase": normalizers.Lowercase(),
    "strip-accents": normalizers.StripAccents(),
    "bert": normalizers.BertNormalizer(),
    "nmt": normalizers.Nmt(),
    "bert-cased": normalizers.BertNormalizer(lowercase=False, strip_accents=True, clean_text=False),
}
OTHER_NORMALIZERS = {
    "strip": normalizers.Strip(),
    "strip-left": normalizers.Strip(right=False),
    "prepend": normalizers.Prepend(jf.BAR),
    "llama": normalizers.Sequence([normalizers.Prepend(jf.BAR), normalizers.Replace(" ", jf.BAR)]),
    "replace-letters": normalizers.Replace("аб", "<>"),
    "replace-words": normalizers.Replace("a b", "c"),
    "blanks": normalizers.Replace(tokenizers.Regex(" {2,}"), " "),
    "some-blanks": normalizers.Replace(tokenizers.Regex(" +"), jf.BAR),
    "deberta": normalizers.Sequence([normalizers.Replace(tokenizers.Regex(r"\s{2,}|[\n\r\t]"), " "), normalizers.NFC(),
                                     normalizers.Strip(left=False)]),
    "nmt-words": normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")]),
    "spaces": normalizers.Sequence([normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Lowercase()]),
    "sequence": normalizers.Sequence([normalizers.Strip(), normalizers.BertNormalizer(lowercase=False),
                                      normalizers.Replace("\u00AB", "\"")]),
}


def normalizing(normalizer, tmp_path):
    import json
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.normalizer = normalizer
    return jf.write(tmp_path, jf.shows_bytes(json.loads(tokenizer.to_str())["normalizer"]))


@CHOSEN_CODE_POINTS
@pytest.mark.parametrize("name", NORMALIZERS)
def test_code_points_are_normalized_alike(name, points, tmp_path):
    texts = texts_of_code_points(lambda char: f"a{char}\u302E{char}\U0001D165\u0301", points)
    jf.assert_same(texts, normalizing(NORMALIZERS[name], tmp_path))


@pytest.mark.parametrize("name", [*NORMALIZERS, *OTHER_NORMALIZERS])
def test_texts_are_normalized_alike(name, tmp_path):
    path = normalizing({**NORMALIZERS, **OTHER_NORMALIZERS}[name], tmp_path)
    jf.assert_same(random_strings(5000, name) + edges() + random_code_points()[:2000], path)


# --- Whole families, trained on the project's own texts -------------------------------------------------------------

def training_texts():
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "data" / "train").glob("*.txt"))]


SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
ROBERTA = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
           "add_prefix_space": False}


def template(*items):
    single = [{"Sequence": {"id": "A", "type_id": 0}} if item is None else
              {"SpecialToken": {"id": item, "type_id": 0}} for item in items]
    specials = {item: {"id": item, "ids": [SPECIALS.index(item)], "tokens": [item]} for item in items if item}
    return {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": specials}


def roberta():
    file = jf.trained(training_texts(), pre_tokenizers.ByteLevel(add_prefix_space=False), 8000, specials=SPECIALS,
                      alphabet=jf.BYTES)
    file["post_processor"] = ROBERTA
    file["added_tokens"][4]["lstrip"] = True
    return file


def llama():
    """Byte fallback, and merges that never leave a word although nothing splits the text."""
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    file = jf.trained(training_texts(), pre_tokenizers.Metaspace(prepend_scheme="never"), 6000, specials=specials,
                      unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    file["pre_tokenizer"] = None
    file["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": jf.BAR}, {"type": "Replace", "pattern": {"String": " "}, "content": jf.BAR}]}
    file["added_tokens"] = file["added_tokens"][:3]
    file["post_processor"] = template("<pad>", None)
    return file


def metaspace():
    file = jf.trained(training_texts(), pre_tokenizers.Metaspace(), 6000, specials=SPECIALS, unk_token="<unk>")
    file["post_processor"] = {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        template("<s>", None, "</s>", "</s>")]}
    return file


def bert_words():
    file = jf.trained(training_texts(), pre_tokenizers.Whitespace(), 6000, normalizers.BertNormalizer(), SPECIALS,
                      unk_token="<unk>", fuse_unk=False)
    file["post_processor"] = {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]}
    return file


def llama3():
    file = jf.trained(training_texts(), pre_tokenizers.Sequence([
        pre_tokenizers.Split(tokenizers.Regex(jf.CL100K), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), 8000, specials=SPECIALS,
        alphabet=jf.BYTES)
    file["model"]["ignore_merges"] = True
    file["model"]["vocab"]["ĠмÐ"] = len(file["model"]["vocab"])  # no merge leads to it
    file["model"]["vocab"]["Ġxyzzy"] = len(file["model"]["vocab"])
    return file


def gemma():
    """Nothing splits the text: its blanks are U+2581 before the pre-tokenizer looks for blanks."""
    file = llama()
    file["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": jf.BAR}
    file["pre_tokenizer"] = jf.text(" ", "MergedWithPrevious")
    return file


FAMILIES = {"gemma": gemma, "roberta": roberta, "llama": llama, "metaspace": metaspace, "bert-words": bert_words, "llama3": llama3}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, made_once):
    return made_once(f"{request.param}/tokenizer.json", lambda: jf.content(FAMILIES[request.param]()))


def more_texts():
    return ["xyzzy xyzzy", " xyzzy", "\U0001F600\U0001F601 \u0001\u0002", "мир<unk><unk>мир"] + articles() + corpus()


def test_texts(family):
    strings = random_strings(20000 if family.parent.name == "roberta" else 6000, family.parent.name)
    jf.assert_same(strings + edges() + more_texts() + blank_and_odd() + random_code_points(), family)


@SHARES_OF_POSTS
def test_posts(family, share):
    jf.assert_same(posts()[::share], family)


@pytest.mark.parametrize("family", ["roberta"], indirect=True)
def test_all_posts(family):
    jf.assert_same(posts(), family)


def test_cut_texts(family):
    assert_same_when_cut(more_texts() + edges() + random_texts("russian"), family, [3, 4, 5, 8, 16, 64, 512])


@pytest.mark.parametrize("family", ["roberta"], indirect=True)
def test_every_code_point(family):
    jf.assert_same(texts_of_code_points(lambda char: f"a{char}"), family)


# --- Added tokens ---------------------------------------------------------------------------------------------------

FLAGS = ["single_word", "lstrip", "rstrip", "normalized", "special"]


def added_tokens():
    """Every set of flags, on tokens that overlap and that the normalizer changes."""
    tokens = []
    for number in range(32):
        flags = {flag: bool(number >> place & 1) for place, flag in enumerate(FLAGS)}
        tokens.append(jf.added(f"<T{number}>", **flags))
    return tokens + [
        jf.added("мир", single_word=True), jf.added("мирный", normalized=True), jf.added("Ёж", normalized=True),
        jf.added("  ", normalized=True), jf.added("a b", normalized=True), jf.added("new", lstrip=True, rstrip=True),
        jf.added("<T1"), jf.added("<T10><T11>"), jf.added("Ġ"), jf.added("a"), jf.added("a")]


def texts_with_tokens():
    source = random.Random("added tokens")
    parts = [token["content"] for token in added_tokens()]
    parts += [" ", "  ", "\n", "\u00A0", "а", "мир", "ёж", "ЁЖ", "new", "_", "1", "<T", ">", "слово", " a b", "\u0301"]
    return ["".join(source.choices(parts, k=source.randrange(1, 14))) for _ in range(4000)] + edges()


@pytest.mark.parametrize("splitter", [jf.byte_level(), jf.byte_level(prefix=True), None], ids=["bytes", "prefix", "no"])
@pytest.mark.parametrize("normalizer", [None, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "x "}],
                         ids=["as-is", "lowercase", "prepend"])
def test_added_tokens_with_all_their_flags(splitter, normalizer, tmp_path):
    file = jf.document([*jf.BYTES, "<unk>"], pre_tokenizer=splitter, normalizer=normalizer, tokens=added_tokens(),
                       unk_token="<unk>")
    jf.assert_same(texts_with_tokens(), jf.write(tmp_path, file))


def test_ids_of_added_tokens_are_counted_on_from_the_models(tmp_path):
    tokens = [jf.added("<a>", id=10), jf.added("<b>", id=12), jf.added("<c>", id=2), jf.added("x", id=1)]
    file = jf.document([], tokens=tokens)
    file["model"]["vocab"] = {"a": 0, "b": 1, "x": 7}
    jf.assert_same(["a<a>b<b><c>x", "<c>"], jf.write(tmp_path, file))


# --- Older files ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["roberta", "llama", "unigram"])
def test_a_model_whose_type_is_not_named(name, small_unigram, tmp_path):
    """As in RoBERTa's and GPT-2's own files, which are of 2020."""
    file = uf.document(small_unigram, "plain") if name == "unigram" else FAMILIES[name]()
    del file["model"]["type"]
    jf.assert_same(edges() + articles(), jf.write(tmp_path, file))


# --- Odd tables of merges -------------------------------------------------------------------------------------------

def odd_tables():
    """Merges in any order, with several ways to one piece: what no training gives, but a file may have."""
    source = random.Random("merges")
    for number in range(60):
        letters = "abcd"[:2 + number % 3]
        pieces, merges = list(letters), []
        for _ in range(source.randrange(1, 30)):
            left, right = source.choice(pieces), source.choice(pieces)
            if len(left + right) <= 8:
                merges.append([left, right])
                if left + right not in pieces:
                    pieces.append(left + right)
        if number % 2:
            source.shuffle(merges)
        if number % 5 == 0:
            merges += merges[:2]
        source.shuffle(pieces)
        pieces.append(".")  # beside no other, so that words can be divided there
        yield jf.document(pieces, merges if number % 3 else [" ".join(merge) for merge in merges],
                          ignore_merges=number % 7 == 0)


# Around what is merged in one go: 14, 30, 62 and 254 characters, and around a key of 32 bytes and a set of 64 places.
LENGTHS_OF_WORDS = [*range(12, 18), *range(28, 36), *range(60, 67), 100, *range(252, 259), 500, 2000]


def test_any_table_of_merges(tmp_path):
    source = random.Random("words")
    for number, file in enumerate(odd_tables()):
        letters = "abcd"[:2 + number % 3]
        words = ["".join(source.choices(letters, k=source.randrange(1, 12))) for _ in range(300)]
        for some in (letters, letters + "." * (number % 5)):
            words += ["".join(source.choices(some, k=length)) for length in LENGTHS_OF_WORDS]
        words += [".".join(words[:length]) for length in (2, 3, 8, 50, 300)] + ["a." * 300, "." * 300]
        jf.assert_same(words + ["a" * 500, "ab" * 300], jf.write(tmp_path, file))


def test_every_code_point_in_bytes(tmp_path):
    jf.assert_same([chr(c) for c in CODE_POINTS[::17]], jf.write(tmp_path, jf.shows_bytes()))
