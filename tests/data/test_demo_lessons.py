"""What the training makes of the texts: variants, collages, the teacher's opinion (no torch here)."""

import io
import json
import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/demo"))

from wiretag_demo.augment import (  # noqa: E402
    DATELINES,
    EMOJI,
    FOOTERS,
    HASHTAGS,
    LINK,
    collage,
    decorate,
    link,
    passage,
    sentences,
    variant,
    without_emoji,
)
from wiretag_demo.posts import Post, read_posts, without_links  # noqa: E402
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
        known = {word for text in texts for word in words(without_emoji(text))}
        for text in texts[::10]:
            made = words(variant(text, texts, rng))
            assert made and [word for word in made if word not in known] == []


def test_what_is_put_around_a_text_is_drawn_without_looking_at_it():
    """The same seed puts the same signs and links around two texts of as many words."""
    for seed in range(50):
        one = decorate("слово " * 5 + "слово", random.Random(seed))
        other = decorate("город " * 5 + "город", random.Random(seed))
        assert one.replace("слово", "город") == other


def test_a_decorated_text_keeps_its_words_in_order():
    rng = random.Random(2)
    text = "Сборная дважды выиграла матч"
    added = {word for part in (*FOOTERS, *DATELINES, *HASHTAGS) for word in words(part.replace(LINK, ""))}
    for _ in range(100):
        made = words(without_links(decorate(text, rng)))
        assert [word for word in made if word not in added | {"1024"}] == words(text)


def test_links_differ_and_hold_no_russian():
    rng = random.Random(4)
    made = [link(rng) for _ in range(300)]
    assert len(set(made)) > 250 and all(address.isascii() and " " not in address for address in made)


def test_variants_and_passages_hold_no_emoji_of_their_texts(train):
    rng = random.Random(5)
    pictures = {character for sign in EMOJI for character in sign} - set("\ufe0f\u200d")
    texts = [text.text for text in train]
    assert any(pictures & set(text) for text in texts)
    for text in texts[::7]:
        for made in (variant(text, texts, rng), passage(text, rng), collage(texts, rng)):
            assert not pictures & set(made)


def test_posts_lose_their_links_and_keep_the_words_of_them():
    assert without_links("Курс [вырос](https://a.example/b), @kanal https://c.example/d?e=f конец") == (
        "Курс [вырос], конец"
    )
    assert without_links("Оборванная [ссылка](https://a.exam") == "Оборванная [ссылка]"


def test_posts_of_a_few_words_are_left_out(tmp_path):
    path = tmp_path / "posts.jsonl"
    lines = [{"text": "Один два три четыре", "category": "it"}, {"text": "Мало слов", "category": "it"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert read_posts(path) == [Post("Один два три четыре", "it")]


@pytest.mark.parametrize("line", ["no json", '{"text": "Один два три четыре"}', "[]", '{"text": 1, "category": "a"}'])
def test_a_line_that_is_no_post_is_named(tmp_path, line):
    path = tmp_path / "posts.jsonl"
    path.write_text(f'{{"text": "Один два три четыре", "category": "a"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"posts\.jsonl:2"):
        read_posts(path)


def test_a_file_without_posts_is_refused(tmp_path):
    path = tmp_path / "posts.jsonl"
    path.write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="no post"):
        read_posts(path)


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


def test_progress_goes_on_from_what_an_earlier_run_did(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = Progress("words", 100)
    progress.skip(50)
    for _ in range(50):
        progress.step()
    lines = sys.stderr.getvalue().splitlines()
    assert len(lines) == 5 and lines[0].startswith("words 60/100") and lines[-1].startswith("words 100/100")
