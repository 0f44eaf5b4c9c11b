"""The texts of the demonstration: enough of them, no two alike, and the held-out ones truly held out."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
sys.path.insert(0, str(ROOT / "scripts/demo"))

from wiretag_demo.texts import CATEGORIES, Text, read_texts, word_ngrams, words  # noqa: E402

# The example that the demonstration must label without having seen it.
EXAMPLE = "В Париже завершилась церемония завершения Олимпийский игр"
TRAIN_COUNT_MIN = 180
HELDOUT_COUNT_MIN = 20
SAMPLE_COUNT_MIN = 22
SHARED_WORDS_MAX = 4  # in a row


def read_samples() -> list[Text]:
    lines = (DATA / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return [
        Text(record["expected"], record["text"], f"samples.jsonl:{number}")
        for number, record in enumerate(records, start=1)
    ]


@pytest.fixture(scope="module")
def train() -> list[Text]:
    return read_texts(DATA / "train")


@pytest.fixture(scope="module")
def heldout() -> list[Text]:
    return read_texts(DATA / "heldout")


@pytest.fixture(scope="module")
def samples() -> list[Text]:
    return read_samples()


def shared_passages(some: list[Text], others: list[Text]) -> list[str]:
    """Every run of five words that texts of both sides hold, with both places."""
    size = SHARED_WORDS_MAX + 1
    places = {ngram: text.where for text in others for ngram in word_ngrams(text.text, size)}
    return [
        f"{text.where} and {places[ngram]}: {' '.join(ngram)}"
        for text in some
        for ngram in sorted(word_ngrams(text.text, size) & places.keys())
    ]


def test_every_category_has_at_least_180_training_texts(train):
    counts = Counter(text.category for text in train)
    assert {c: counts[c] for c in CATEGORIES if counts[c] < TRAIN_COUNT_MIN} == {}


def test_every_category_has_at_least_20_heldout_texts(heldout):
    counts = Counter(text.category for text in heldout)
    assert {c: counts[c] for c in CATEGORIES if counts[c] < HELDOUT_COUNT_MIN} == {}


def test_no_two_texts_are_the_same(train, heldout, samples):
    seen: dict[tuple[str, ...], str] = {}
    twice = []
    for text in train + heldout + samples:
        key = tuple(words(text.text))
        if key in seen:
            twice.append(f"{text.where} repeats {seen[key]}")
        seen[key] = text.where
    assert twice == []


def test_heldout_texts_share_no_five_words_in_a_row_with_training_texts(train, heldout):
    assert shared_passages(heldout, train) == []


def test_samples_share_no_five_words_in_a_row_with_training_texts(train, samples):
    assert shared_passages(samples, train) == []


def test_no_text_shares_five_words_in_a_row_with_the_example(train, heldout):
    assert shared_passages([Text("sports", EXAMPLE, "the example")], train + heldout) == []


def test_the_folders_hold_one_file_a_category_and_nothing_else():
    expected = sorted(f"{category}.txt" for category in CATEGORIES)
    for folder in ("train", "heldout"):
        assert sorted(path.name for path in (DATA / folder).iterdir()) == expected


def test_texts_are_russian_and_of_natural_length(train, heldout, samples):
    odd = []
    for text in train + heldout + samples:
        letters = [character for character in text.text if character.isalpha()]
        cyrillic = sum("Ѐ" <= character <= "ӿ" for character in letters)
        if cyrillic < 0.8 * len(letters) or not 3 <= len(words(text.text)) <= 200:
            odd.append(text.where)
    assert odd == []


def test_training_texts_are_varied_in_length(train):
    for category in CATEGORIES:
        counts = [len(words(text.text)) for text in train if text.category == category]
        assert sum(count <= 12 for count in counts) >= len(counts) // 8, f"{category}: headlines"
        assert sum(count >= 25 for count in counts) >= len(counts) // 8, f"{category}: articles"


def test_samples_cover_every_category_and_begin_with_a_headline(samples):
    assert len(samples) >= SAMPLE_COUNT_MIN
    counts = Counter(text.category for text in samples)
    assert set(counts) == set(CATEGORIES) and min(counts.values()) >= 2
    for text in samples:
        headline = text.text.split(". ")[0]
        assert len(headline) <= 80, f"{text.where}: {headline}"


def test_samples_are_articles_as_the_worker_reads_them():
    lines = (DATA / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert all(set(record) == {"id", "text", "expected"} for record in records)
    assert len({record["id"] for record in records}) == len(records)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("Первый текст\nВторой текст", "no line feed"),
        ("Первый текст\n\nВторой текст\n", "empty"),
        (" Первый текст\n", "white space"),
        ("Табуляция \\t в тексте\n", "backslash"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(tmp_path, content, complaint):
    for category in CATEGORIES:
        (tmp_path / f"{category}.txt").write_text("Текст\n", encoding="utf-8")
    (tmp_path / "economy.txt").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"economy\.txt.*{complaint}"):
        read_texts(tmp_path)


def test_a_line_break_in_a_text_is_written_as_backslash_n(tmp_path):
    for category in CATEGORIES:
        (tmp_path / f"{category}.txt").write_text("Первая\\nвторая\n", encoding="utf-8")
    assert read_texts(tmp_path)[0].text == "Первая\nвторая"
