"""The precision and the kernels that are measured best at load are those that the whole model is fastest
with: a model of the published architecture with random weights, large enough that its layers are not all
overhead.

The comparison itself is tests/unit/test_model_choice.c, which runs the demonstration model by default and
tries again where the machine was busy; WIRETAG_CHOICE_MODEL=BUNDLE names another one, such as the full-size.
"""

import os
import subprocess
import sys

import pytest
import worker
from exporting import LABELS, ROOT, exported

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    files = {"checkpoint": folder / "model.pth", "vocab": folder / "vocab.txt", "labels": folder / "labels.txt"}
    subprocess.run(
        [sys.executable, ROOT / "scripts/export/random_model.py", "--out", files["checkpoint"], "--vocab", files["vocab"],
         "--tokens", "2000", "--layers", "3", "--hidden", "384", "--labels", str(len(LABELS))], check=True, timeout=240)
    files["labels"].write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    return files


@pytest.mark.parametrize("padding", ["exact", "padded-512"])
def test_what_is_measured_at_load_foretells_the_whole_model(checkpoint, padding, tmp_path):
    bundle = tmp_path / "model.pt"
    exported(**checkpoint, out=bundle, padding=padding)
    done = subprocess.run(
        [worker.binary().parent / "tests/test_model_choice"], capture_output=True, text=True, timeout=900,
        env=os.environ | {"WIRETAG_CHOICE_MODEL": str(bundle)}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
