"""wiretag's ids are those of Hugging Face `tokenizers`: every code point, and texts of all kinds."""

import hugging_face as hf
import pytest
from texts import (CHOSEN_CODE_POINTS, TEXTS, articles, blank_and_odd, corpus, random_texts, specials_in_the_text,
                   texts_of_code_points)

# Options of tokenizer_config.json, and the words that tokenize_options takes for them.
OPTIONS = {
    "strip-only": (dict(strip_accents=True), ["strip"]),
    "lowercase-only": (dict(lowercase=True, strip_accents=False), ["lowercase", "no-strip"]),
    "no-clean": (dict(lowercase=True, clean_text=False), ["lowercase", "no-clean"]),
    "no-ideographs": (dict(lowercase=True, handle_chinese_chars=False), ["lowercase", "no-ideographs"]),
    "nothing": (dict(clean_text=False, handle_chinese_chars=False), ["no-clean", "no-ideographs"]),
}


def contexts(char):
    """Before, inside and after words, alone, doubled, and among marks that change places."""
    return (f"a{char} {char}a b{char}a {char} {char}{char} и{char}и {char}\u0301 {char}\u302E\U0001D165 "
            f"a\u302E{char}\U0001D165 .{char}. [{char}SEP]")


@CHOSEN_CODE_POINTS
@pytest.mark.parametrize("lowercase", [pytest.param(False, id="cased", marks=pytest.mark.long),
                                       pytest.param(True, id="uncased")])
def test_code_points_in_every_context(alphabet, lowercase, points):
    texts = texts_of_code_points(contexts, points)
    hf.assert_same(texts, hf.library_ids(texts, alphabet, words=["lowercase"] if lowercase else []),
                   hf.reference_ids(texts, alphabet, lowercase=lowercase))


def test_every_code_point(alphabet):
    texts = texts_of_code_points(lambda char: f"a{char}b {char}")
    hf.assert_same(texts, hf.library_ids(texts, alphabet, words=["lowercase"]),
                   hf.reference_ids(texts, alphabet, lowercase=True))


@CHOSEN_CODE_POINTS
@pytest.mark.parametrize("name", OPTIONS)
def test_code_points_with_other_options(alphabet, name, points):
    options, words = OPTIONS[name]
    texts = texts_of_code_points(lambda char: f"a{char}b {char} \u302E{char}\U0001D165", points)
    hf.assert_same(texts, hf.library_ids(texts, alphabet, words=words),
                   hf.reference_ids(texts, alphabet, **options))


@CHOSEN_CODE_POINTS
@pytest.mark.parametrize("lowercase", [False, True], ids=["cased", "uncased"])
def test_code_points_with_the_multilingual_vocabulary(mbert, lowercase, points):
    texts = texts_of_code_points(lambda char: f"a{char}и {char}{char}", points)
    hf.assert_same(texts, hf.command_ids(texts, mbert, lowercase=lowercase),
                   hf.reference_ids(texts, mbert, lowercase=lowercase))


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("case", ["alphabet", "alphabet-uncased", "trained", "trained-uncased", "mbert",
                                  "mbert-uncased"])
def test_texts(kind, case, request):
    lowercase = case.endswith("-uncased")
    name = case.removesuffix("-uncased")
    vocab = request.getfixturevalue("trained_lowercase" if name == "trained" and lowercase else name)
    texts = TEXTS[kind]()[::3 if name == "alphabet" else 1]
    hf.assert_same(texts, hf.command_ids(texts, vocab, lowercase=lowercase),
                   hf.reference_ids(texts, vocab, lowercase=lowercase))


@pytest.mark.parametrize("limit", [2, 3, 4, 5, 8, 16, 63, 64, 65, 128, 512])
def test_cut_texts(limit, trained):
    texts = articles() + specials_in_the_text() + blank_and_odd() + random_texts("russian") + corpus()
    ours = hf.command_ids(texts, trained, limit=limit)
    hf.assert_same(texts, ours, hf.reference_ids(texts, trained, limit=limit))
    tokenizer = hf.reference(trained)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    assert all(ids[0] == cls and ids[-1] == sep and len(ids) <= limit for ids in ours)


def test_a_vocabulary_with_odd_lines(tmp_path):
    """CRLF, trailing blanks, duplicates, blank lines: as Hugging Face reads them."""
    lines = ["[UNK]\r", "[CLS] ", "[SEP]\t", "", "мир\u3000\r", "##а", "мир", "##а", "##", "a b", "[PAD]", "м\r"]
    path = tmp_path / "vocab.txt"
    path.write_bytes("\n".join(lines).encode())
    texts = ["мир мира м ## a b [PAD] мираа", "[PAD]мир"]
    hf.assert_same(texts, hf.command_ids(texts, path), hf.reference_ids(texts, path))
