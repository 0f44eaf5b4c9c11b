"""scripts/demo/train.py from end to end, a few steps only: it learns, measures and writes a bundle."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.torch


def train(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "scripts/demo/train.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    bundle = tmp_path_factory.mktemp("models") / "quick.pt"
    return train("--quick", "--out", str(bundle)), bundle


def test_quick_training_reports_accuracy_and_a_confusion_matrix(quick):
    result, _ = quick
    assert result.returncode == 0, result.stderr
    assert "held-out accuracy: " in result.stdout
    assert "recall" in result.stdout


def test_quick_training_shows_its_progress_on_stderr(quick):
    result, _ = quick
    assert "encoder " in result.stderr and "whole " in result.stderr


def test_the_bundle_names_the_categories_and_says_how_it_was_measured(quick):
    _, bundle = quick
    with zipfile.ZipFile(bundle) as archive:
        name = next(n for n in archive.namelist() if n.endswith("extra/wiretag.json"))
        manifest = json.loads(archive.read(name))
    assert len(manifest["labels"]) == 11 and "sports" in manifest["labels"]
    assert 0.0 <= manifest["about"]["heldout_accuracy"] <= 1.0
    assert manifest["about"]["heldout_texts"] > 0


def test_an_unknown_argument_is_refused_with_the_usage():
    result = train("--epoch-count", "3")
    assert result.returncode == 2
    assert "usage:" in result.stderr
