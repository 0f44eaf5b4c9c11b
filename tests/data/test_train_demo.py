"""scripts/demo/train.py from end to end, a few steps only: it learns, measures and writes a bundle."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/demo"))

from wiretag_demo.texts import read_texts  # noqa: E402

pytestmark = pytest.mark.torch


def train(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, root / "scripts/demo/train.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    # Texts of the project in the place of posts.
    texts = read_texts(ROOT / "data/train")
    lines = [{"id": t.where, "text": t.text, "category": t.category} for t in texts]
    posts = folder / "posts.jsonl"
    posts.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return train("--quick", "--posts", str(posts), "--out", str(folder / "quick.pt")), folder / "quick.pt"


def test_quick_training_reports_accuracy_decoration_and_a_confusion_matrix(quick):
    result, _ = quick
    assert result.returncode == 0, result.stderr
    assert "held-out accuracy: " in result.stdout
    assert "labels changed by a link behind: " in result.stdout
    assert "recall" in result.stdout


def test_quick_training_shows_the_progress_of_each_stage_on_stderr(quick):
    result, _ = quick
    assert "hidden words " in result.stderr and "encoder " in result.stderr and "whole " in result.stderr


def test_the_bundle_names_the_categories_and_says_how_it_was_made_and_measured(quick):
    _, bundle = quick
    with zipfile.ZipFile(bundle) as archive:
        name = next(n for n in archive.namelist() if n.endswith("extra/wiretag.json"))
        manifest = json.loads(archive.read(name))
    assert len(manifest["labels"]) == 11 and "sports" in json.dumps(manifest["labels"])
    assert 0.0 <= manifest["about"]["heldout_accuracy"] <= 1.0
    assert manifest["about"]["heldout_texts"] > 0
    assert " posts" in manifest["about"]["pretraining"]


def test_without_posts_it_says_so_and_trains_from_nothing(tmp_path):
    root = tmp_path / "project"
    shutil.copytree(ROOT / "scripts/demo", root / "scripts/demo")
    shutil.copytree(ROOT / "scripts/export", root / "scripts/export")
    (root / "data").symlink_to(ROOT / "data")
    result = train("--quick", "--out", str(tmp_path / "quick.pt"), root=root)
    assert result.returncode == 0, result.stderr
    assert "no posts at " in result.stderr and "--posts" in result.stderr
    assert "hidden words" not in result.stderr


def test_posts_that_are_named_and_not_there_are_an_error(tmp_path):
    result = train("--quick", "--posts", str(tmp_path / "none.jsonl"))
    assert result.returncode == 1
    assert "none.jsonl" in result.stderr and "Traceback" not in result.stderr


def test_an_unknown_argument_is_refused_with_the_usage():
    result = train("--epoch-count", "3")
    assert result.returncode == 2
    assert "usage:" in result.stderr
