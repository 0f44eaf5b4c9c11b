"""What is told of the demonstration model is so: its accuracy, its example, and how few labels links and emoji change.

The labels are the worker's own, in fp32. Nothing here is of the lists that training draws from.
"""

import json
import subprocess
import sys
import zipfile

import pytest
import worker
from tree import ROOT

sys.path.insert(0, str(ROOT / "scripts/demo"))

from wiretag_demo.augment import EMOJI  # noqa: E402
from wiretag_demo.texts import read_texts  # noqa: E402

DEMO = ROOT / "models/demo.pt"
EXAMPLE = "В Париже завершилась церемония завершения Олимпийский игр"
ACCURACY_MIN = 0.92
LINKS = (
    "https://t.me/agency_daily/245113",
    "https://observer.test/science/2026/03/14/pochti-tri-milliarda-let-nazad",
    "https://www.delovoy-list.test/economics/14/03/2026/67d3f0b09a7947",
    "http://sportnews.test/football/news/t5731204-final-kubka/",
    "https://example.org/politics/article?id=99812&utm_source=telegram",
    "t.me/+MudQsy2gMds3MmVi",
    "https://video.test/watch?v=dQw4w9WgXcQ",
)
# Of 220; models/README.md tells these figures.
FLIPS_MAX = {
    "a link behind": 1,
    "a link in a line of its own": 1,
    "a link before": 9,
    "a channel's footer": 1,
    "an emoji before": 2,
    "an emoji glued on": 6,
    "emoji behind": 2,
    "an emoji and a link": 2,
}
SIGNS = ("🔥", "⚡️", "🤔", "🏆", "🌪", "💰", "🎭", "💊", "🏛", "🚀", "👗", "✈️", "🕊", "🫠", "🦄", "🥁", "🧿", "🪁")
WAYS = {
    "a link behind": lambda text, n: f"{text} {LINKS[n % len(LINKS)]}",
    "a link in a line of its own": lambda text, n: f"{text}\n\n{LINKS[n % len(LINKS)]}",
    "a link before": lambda text, n: f"{LINKS[n % len(LINKS)]} {text}",
    "a channel's footer": lambda text, n: f"{text}\n\n[Подписаться на канал]({LINKS[n % len(LINKS)]})",
    "an emoji before": lambda text, n: f"{SIGNS[n % len(SIGNS)]} {text}",
    "an emoji glued on": lambda text, n: f"{SIGNS[n % len(SIGNS)]}{text}",
    "emoji behind": lambda text, n: f"{text} {SIGNS[n % len(SIGNS)]}{SIGNS[(n + 7) % len(SIGNS)]}",
    "an emoji and a link": lambda text, n: f"{SIGNS[n % len(SIGNS)]} {text} {LINKS[n % len(LINKS)]}",
}


def labels(texts):
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts))
    done = subprocess.run(
        [worker.binary(), "classify", "--model", DEMO, "--device", "cpu", "--precision", "fp32"],
        input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(len(texts)))
    return [answer["category"] for answer in answers]


@pytest.fixture(scope="module")
def heldout():
    return read_texts(ROOT / "data/heldout")


@pytest.fixture(scope="module")
def plain(heldout):
    return labels([text.text for text in heldout])


def test_the_accuracy_is_the_one_that_the_bundle_tells(heldout, plain):
    with zipfile.ZipFile(DEMO) as bundle:
        about = json.loads(bundle.read(next(n for n in bundle.namelist() if n.endswith("extra/wiretag.json"))))["about"]
    right = sum(text.category == label for text, label in zip(heldout, plain, strict=True))
    assert round(right / len(heldout), 4) == about["heldout_accuracy"] > ACCURACY_MIN


def test_the_example_is_sports():
    assert labels([EXAMPLE]) == ["sports"]


def test_the_articles_of_the_quick_start_are_labelled_as_expected():
    samples = [json.loads(line) for line in (ROOT / "data/samples.jsonl").read_text(encoding="utf-8").splitlines()]
    assert labels([sample["text"] for sample in samples]) == [sample["expected"] for sample in samples]


def test_some_of_the_signs_are_strange_to_the_model():
    assert len([sign for sign in SIGNS if sign not in EMOJI]) >= 5


@pytest.mark.parametrize("way", WAYS)
def test_what_says_nothing_changes_hardly_a_label(way, heldout, plain):
    changed = labels([WAYS[way](text.text, number) for number, text in enumerate(heldout)])
    flips = [text.where for text, a, b in zip(heldout, plain, changed, strict=True) if a != b]
    assert len(flips) <= FLIPS_MAX[way], flips


def test_the_document_tells_how_many_labels_change():
    told = (ROOT / "models/README.md").read_text(encoding="utf-8")
    assert [way for way, most in FLIPS_MAX.items() if f"| {way} | {most} |" not in told] == []
