"""What the training makes of the texts: variants, collages, the teacher's opinion (no torch here)."""

import io
import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/demo"))

from wiretag_demo.augment import FOOTERS, collage, sentences, variant  # noqa: E402
from wiretag_demo.report import Progress, confusion_matrix  # noqa: E402
from wiretag_demo.teacher import Teacher  # noqa: E402
from wiretag_demo.texts import CATEGORIES, Text, read_texts, words  # noqa: E402


@pytest.fixture(scope="module")
def train() -> list[Text]:
    return read_texts(ROOT / "data" / "train")


def test_sentences_split_at_full_stops_and_line_breaks_but_not_inside_numbers():
    text = "Ставка выросла до 16.5 процента. «Это много», — сказал банкир.\n\nПодробнее ниже"
    assert sentences(text) == [
        "Ставка выросла до 16.5 процента.",
        "«Это много», — сказал банкир.",
        "Подробнее ниже",
    ]


def test_a_variant_keeps_words_of_its_text_or_of_its_category_only(train):
    rng = random.Random(1)
    for category in CATEGORIES:
        texts = [text.text for text in train if text.category == category]
        known = {word for text in texts for word in words(text)}
        footers = {word for footer in FOOTERS for word in words(footer)}
        for text in texts[::10]:
            made = words(variant(text, texts, rng))
            strange = [word for word in made if word not in known | footers]
            # Datelines bring a few words; the rest comes from the category.
            assert made and len(strange) <= 6


def test_variants_of_one_seed_are_the_same(train):
    texts = [text.text for text in train[:40]]
    first, second = random.Random(7), random.Random(7)
    assert [variant(t, texts, first) for t in texts] == [variant(t, texts, second) for t in texts]


def test_a_collage_is_never_empty(train):
    rng = random.Random(3)
    texts = [text.text for text in train]
    assert all(words(collage(texts, rng)) for _ in range(500))


def test_the_teacher_is_sure_of_its_own_texts_and_undecided_about_unknown_words(train):
    teacher = Teacher(train)
    right = 0
    for text in train[::7]:
        probabilities = teacher.probabilities(text.text)
        assert sum(probabilities) == pytest.approx(1.0)
        right += CATEGORIES[probabilities.index(max(probabilities))] == text.category
    assert right == len(train[::7])
    assert teacher.probabilities("zzz qqq") == [1.0 / len(CATEGORIES)] * len(CATEGORIES)


def test_the_confusion_matrix_counts_texts_by_row_and_gives_recall():
    lines = confusion_matrix(["ham", "egg"], [0, 0, 1], [0, 1, 1]).splitlines()
    assert lines[1].split() == ["ham", "1", "1", "50%"]
    assert lines[2].split() == ["egg", ".", "1", "100%"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_fills_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress("encoder", 4)
    for _ in range(4):
        progress.step("loss 1.00")
    bars = sys.stderr.getvalue().split("\r")[1:]
    assert [bar[:22] for bar in bars] == [
        "[" + "#" * full + "." * (20 - full) + "]" for full in (5, 10, 15, 20)
    ]
    assert sys.stderr.getvalue().count("\n") == 1 and "encoder 4/4" in bars[-1]


def test_elsewhere_progress_is_a_line_every_tenth(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = Progress("whole", 100)
    for _ in range(100):
        progress.step()
    lines = sys.stderr.getvalue().splitlines()
    assert len(lines) == 10 and lines[0].startswith("whole 10/100")
