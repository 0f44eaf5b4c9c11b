"""The bound of each precision, as the export stores it, is measured with what will compute it: torch's
operators and, where the worker is built, the worker's own kernels."""

import json
import subprocess
import sys

import pytest
import worker
from exporting import ROOT, export, exported, manifest_of

pytestmark = pytest.mark.torch


@pytest.fixture(scope="session")
def files(published, vocab_file, labels_file):
    return {"checkpoint": published[1], "vocab": vocab_file, "labels": labels_file}


@pytest.fixture(scope="session")
def bundle(files, tmp_path_factory):
    """Measured by the worker too."""
    path = tmp_path_factory.mktemp("bounds") / "model.pt"
    exported(**files, out=path, wiretag=worker.binary())
    return path


def bounds_of(path):
    return {precision: entry["logits_bound"] for precision, entry in manifest_of(path)["precisions"].items()}


def test_every_precision_has_a_bound(bundle):
    bounds = bounds_of(bundle)
    assert list(bounds) == ["fp32", "bf16", "fp16", "int8"]
    assert bounds["fp32"] == 1e-4
    assert bounds["fp16"] < bounds["bf16"] <= 1.0 and bounds["fp16"] < bounds["int8"] <= 1.0


def compared(bundle, articles, folder):
    """compare_precisions.py of the bundle, on articles that its export did not see."""
    unseen = folder / "articles.jsonl"
    unseen.write_text("".join(json.dumps({"text": text}) + "\n" for text in articles), encoding="utf-8")
    return subprocess.run(
        [sys.executable, ROOT / "scripts/export/compare_precisions.py", "--model", bundle, "--input", unseen, "--device", "cpu",
         "--wiretag", worker.binary()], capture_output=True, text=True, timeout=240, check=False)


def test_they_hold_for_articles_that_were_not_measured(bundle, articles, tmp_path):
    done = compared(bundle, articles, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == ["bf16", "fp16", "int8"]


def test_a_bound_is_three_times_what_was_seen(bundle):
    from wiretag_modeling.worker import has_kernels

    bf16 = 3 if has_kernels(worker.binary(), bundle, "bf16") else 6
    for precision, factor in (("bf16", bf16), ("fp16", 3), ("int8", 3)):
        entry = manifest_of(bundle)["precisions"][precision]
        assert entry["logits_bound"] == pytest.approx(max(factor * entry["measured"], 1e-4), rel=0.06)


def test_on_a_processor_without_bf16_it_has_more_room(files, tmp_path):
    """There the worker leaves it to torch, and its kernels compute it elsewhere."""
    lacking = tmp_path / "wiretag"
    lacking.write_text('#!/bin/sh\ncase "$*" in *bf16*) set -- "$@" --kernels libtorch;; esac\n'
                       f'exec {worker.binary()} "$@"\n')
    lacking.chmod(0o755)
    path = tmp_path / "model.pt"
    status, out, err = export(**files, out=path, wiretag=lacking)
    assert status == 0, err
    assert "the worker's kernels for bf16 were not measured" in out
    precisions = manifest_of(path)["precisions"]
    for precision, factor in (("bf16", 6), ("int8", 3)):
        entry = precisions[precision]
        assert entry["logits_bound"] == pytest.approx(factor * entry["measured"], rel=0.06)


def test_a_label_may_hold_what_python_takes_for_the_end_of_a_line(files, bundle, articles, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(["a\u2028b", "\u0085c", "d\u001ce", "f", "g"]) + "\n", encoding="utf-8")
    path = tmp_path / "model.pt"
    exported(**{**files, "labels": labels}, out=path, wiretag=worker.binary())
    assert list(bounds_of(path)) == list(bounds_of(bundle))
    done = compared(path, articles, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_where_the_worker_is_not_built_bf16_has_more_room_and_int8_no_bound(files, tmp_path):
    path = tmp_path / "model.pt"
    status, out, _ = export(**files, out=path)
    assert status == 0 and "the worker's kernels were not measured" in out
    precisions = manifest_of(path)["precisions"]
    assert list(precisions) == ["fp32", "bf16", "fp16"]
    assert precisions["bf16"]["logits_bound"] == pytest.approx(6 * precisions["bf16"]["measured"], rel=0.06)


def test_a_precision_that_the_worker_refuses_has_no_bound_and_the_rest_is_written(files, tmp_path):
    refusing = tmp_path / "wiretag"
    refusing.write_text('#!/bin/sh\ncase "$*" in *int8*) echo "wiretag classify: no int8 here" >&2; exit 2;; esac\n'
                        f'exec {worker.binary()} "$@"\n')
    refusing.chmod(0o755)
    path = tmp_path / "model.pt"
    status, out, err = export(**files, out=path, wiretag=refusing)
    assert status == 0, err
    assert "not in int8: no int8 here" in out.splitlines()
    assert list(bounds_of(path)) == ["fp32", "bf16", "fp16"]
