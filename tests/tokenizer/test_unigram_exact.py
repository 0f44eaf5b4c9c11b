"""With a tokenizer.json of Unigram wiretag's ids are those of Hugging Face `tokenizers`: every code point, every kind
of text, vocabularies of all sizes; and its normalizers Precompiled, NFC, NFD, NFKC and NFKD give the same texts."""

import random

import json_files as jf
import pytest
import unigram_files as uf
from test_json_exact import SHARES_OF_POSTS, assert_same_when_cut, edges, random_strings
from texts import (CHOSEN_CODE_POINTS, CODE_POINTS, articles, blank_and_odd, corpus, posts, random_code_points,
                   texts_of_code_points)

MARKS = [0x300, 0x301, 0x306, 0x308, 0x323, 0x327, 0x338, 0x345, 0x5BC, 0x64B, 0x94D, 0x93C, 0xE33, 0x3099, 0x200D,
         0x20DD, 0x20E3, 0xFE0F, 0x1F3FB, 0x600, 0x110BD]
POOLS = {
    "low": range(0x20, 0x250),
    "marks": [*MARKS, *map(ord, "aeиoко ")],
    "hangul": [*range(0x1100, 0x1200), 0xAC00, 0xAC01, 0x301],
    "indic": [*range(0x900, 0xD00), 0x200D, 0x301],
    "kana": range(0x3040, 0x3400),
    "first": [c for c in CODE_POINTS if c < 0x3100],
    "all": CODE_POINTS,
    "emoji": [*map(ord, "©®\u200D\u0301🏽👩\uFE0F\r\n a"), 0x1F1F7, 0x1F1FA],
}


def random_clusters(count=20000):
    source = random.Random("clusters")
    texts = []
    for number in range(count):
        pool = POOLS[list(POOLS)[number % len(POOLS)]]
        chars = source.choices(pool, k=source.randrange(1, 30))
        if number % 2:
            chars = [x for c in chars for x in ([c, source.choice(MARKS)] if source.random() < 0.3 else [c])]
        texts.append("".join(map(chr, chars)))
    return texts


# --- Normalizers: each byte is one id -------------------------------------------------------------------------------

FORMS = {name: {"type": name} for name in ("NFC", "NFD", "NFKC", "NFKD")}


@pytest.fixture(scope="module", params=[*FORMS, "own", "nmt_nfkc", "nfkc_cf"])
def normalizer(request, own_map, tmp_path_factory):
    name = request.param
    if name in FORMS:
        part = FORMS[name]
    else:
        part = uf.precompiled(own_map if name == "own" else uf.published_map(name))
    return jf.write(tmp_path_factory.mktemp(name), jf.shows_bytes(part))


@CHOSEN_CODE_POINTS
def test_code_points_are_normalized_alike(normalizer, points):
    jf.assert_same(texts_of_code_points(lambda char: f"{char}a{char}\u0323\u0301 {char}\u3099", points), normalizer)


def test_texts_are_normalized_alike(normalizer):
    jf.assert_same(random_clusters() + articles() + edges(), normalizer)


# --- The model ------------------------------------------------------------------------------------------------------


def families():
    """Every layout with the small vocabulary. Training one of full size takes long, so the default run has one whose
    pieces are parts of words."""
    for size in ("small", "padded", "32000", "250000"):
        for layout in (layout for layout in uf.LAYOUTS if layout != "plain"):
            quick = size == "small" or (size, layout) == ("padded", "xlm-roberta")
            if quick or size != "padded":
                yield pytest.param((size, layout), id=f"{size}-{layout}", marks=[] if quick else [pytest.mark.long])


@pytest.fixture(scope="module", params=families())
def family(request, own_map, small_unigram, made_once):
    size, layout = request.param

    def make():
        vocab = small_unigram if size == "small" else uf.vocab_of(int(size)) if size.isdigit() else \
            uf.padded(small_unigram, uf.project_texts(), 32000)
        return jf.content(uf.document(vocab, layout, own_map))

    return made_once(f"{size}-{layout}/tokenizer.json", make)


def code_points(points):
    return texts_of_code_points(lambda char: f"а{char}б {char}\u0301 ", points)


@CHOSEN_CODE_POINTS
def test_code_points(family, points):
    jf.assert_same(code_points(points), family)


@pytest.mark.parametrize("family", [("small", "xlm-roberta")], indirect=True)
def test_every_code_point(family):
    jf.assert_same(texts_of_code_points(lambda char: f"а{char}"), family)


def test_texts(family):
    words = ["мир<unk><unk>мир", "<mask> <s>a</s>", "а <mask>  б", " ".join(SAMPLES)]
    strings = random_strings(20000 if family.parent.name == "padded-xlm-roberta" else 6000, family.parent.name)
    jf.assert_same(words + strings + edges() + articles() + corpus() + blank_and_odd() + random_code_points(), family)


SAMPLES = ["\uFB01ne", "½", "\u3000", "e\u0301", "и\u0306", "Ａ", "\u200B"]


@SHARES_OF_POSTS
def test_posts(family, share):
    jf.assert_same(posts()[::share], family)


@pytest.mark.parametrize("family", [("padded", "xlm-roberta")], indirect=True)
def test_all_posts(family):
    jf.assert_same(posts(), family)


def test_cut_texts(family):
    assert_same_when_cut(articles() + edges(), family, [2, 3, 5, 16, 512])


# --- Odd vocabularies -----------------------------------------------------------------------------------------------

def odd_vocabularies():
    """Ties, pieces twice, positive scores, bytes as pieces: what no training gives, but a file may have."""
    source = random.Random("vocabularies")
    for number in range(60):
        letters = "abcя東😀"[:2 + number % 5]
        scores = [[-1.0, -2.0, -3.0], [-1.1, -2.3, -0.7, -3.3], [50.0, 1.0, 40.0], None][number % 4]
        vocab = [["<unk>", source.choice([0.0, -5.0])]]
        for _ in range(source.randrange(1, 40)):
            piece = "".join(source.choices(letters + jf.BAR, k=source.randrange(1, 5)))
            vocab.append([piece, source.choice(scores) if scores else uf.single(-source.random() * 9)])
        if number % 3 == 0:
            vocab += [[f"<0x{byte:02X}>", -4.0] for byte in range(256) if number % 2 or byte != 0x91]
        source.shuffle(vocab)
        unknown = [piece for piece, _ in vocab].index("<unk>")
        yield letters, uf.document(vocab, "plain", unknown=unknown, byte_fallback=number % 3 == 0)


def test_any_vocabulary(tmp_path):
    source = random.Random("words")
    for letters, file in odd_vocabularies():
        words = ["".join(source.choices(letters + jf.BAR + "xй€ ", k=source.randrange(1, 40))) for _ in range(300)]
        words += ["".join(source.choices(letters, k=length)) for length in (31, 32, 33, 100, 3000)]
        words += [word + "<unk>" + word for word in words[:20]]
        jf.assert_same(words, jf.write(tmp_path, file))
        file["pre_tokenizer"] = jf.metaspace()
        jf.assert_same(words, jf.write(tmp_path, file))


def test_scores_are_read_as_the_package_reads_them(tmp_path):
    """Sums that tie exactly, or by the last bit of scores that the package does not read exactly."""
    source = random.Random("scores")
    for _ in range(100):
        scores = {letter: uf.single(-source.random() * 15) for letter in "abc"}
        vocab = [["<unk>", 0.0], *([letter, score] for letter, score in scores.items())]
        for _ in range(12):
            piece = "".join(source.choices("abc", k=source.randrange(2, 4)))
            vocab.append([piece, sum(scores[letter] for letter in piece)])
        words = ["".join(source.choices("abc", k=source.randrange(1, 20))) for _ in range(200)]
        jf.assert_same(words, jf.write(tmp_path, uf.document(vocab, unknown=0)))
