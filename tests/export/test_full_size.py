"""The published model at its full size: 12 layers of 768, 119,547 tokens, random weights, through the
pickle, the export and the worker's own code, compared with the loop that its authors run.

Takes tens of minutes and 4 GB of memory. WIRETAG_FULL_SIZE=FOLDER keeps the pickle and the bundles there
for the next run; with -s the measured figures are shown.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import worker
from exporting import ROOT, export_apart, manifest_of, published_logits

pytestmark = [pytest.mark.torch, pytest.mark.long, pytest.mark.timeout(3 * 3600)]

LABELS = (
    "climate conflicts culture economy gloss health politics science society sports travel"
).split()
TEXTS = 10
# Of the whole process, whose runtime is a fifth of the bundle.
MEMORY_FACTOR_MAX = 1.3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    kept = os.environ.get("WIRETAG_FULL_SIZE")
    return Path(kept) if kept else tmp_path_factory.mktemp("full-size")


@pytest.fixture(scope="module")
def checkpoint(folder):
    """The pickle, with vocab.txt, labels.txt and texts.jsonl beside it."""
    path = folder / "model.pth"
    if not path.exists():
        program = [sys.executable, ROOT / "scripts/export/random_model.py"]
        subprocess.run([*program, "--out", path, "--vocab", folder / "vocab.txt"], check=True)
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")
    lines = (ROOT / "data" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "texts.jsonl").write_text("\n".join(lines[-8:]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def texts():
    """Of many lengths, one longer than the model reads."""
    samples = (ROOT / "data" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    whole = [json.loads(line)["text"] for line in samples]
    return ["мяч", *(text[: 60 * n] for n, text in enumerate(whole[: TEXTS - 2], 1)), " ".join(whole)]


@pytest.fixture(scope="module", params=("exact", "padded-512"))
def bundle(request, folder, checkpoint):
    """(bundle, padding policy)"""
    path = folder / f"{request.param}.pt"
    if not path.exists():
        done = export_apart(
            checkpoint=checkpoint, vocab=folder / "vocab.txt", labels=folder / "labels.txt",
            texts=folder / "texts.jsonl", padding=request.param, out=path, timeout=3 * 3600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        print(done.stdout)
    return path, request.param


@pytest.fixture(scope="module")
def published(bundle, checkpoint, texts):
    """The logits of each text by the published model, loaded and run as its authors do."""
    import torch
    from random_model import published_class

    from wiretag_modeling import TokenizerOptions, build_tokenizer

    vocab = (checkpoint.parent / "vocab.txt").read_text(encoding="utf-8").splitlines()
    tokenizer = build_tokenizer(vocab, TokenizerOptions())
    main = sys.modules["__main__"]
    main.BiLSTMClassifier = published_class()
    try:
        model = torch.load(checkpoint, weights_only=False).eval()
    finally:
        del main.BiLSTMClassifier
    rows = [tokenizer.encode(text).ids for text in texts]
    assert len(rows[-1]) == 512 and len(rows[0]) < 8
    return torch.stack([published_logits(model, row, bundle[1]) for row in rows])


# A child's peak as the kernel counts it begins with that of the process it was forked from, which has
# torch and a model in memory; so a small one stands between.
MEASURE = (
    "import resource, subprocess, sys; status = subprocess.call(sys.argv[1:]); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); "
    "sys.exit(status)"
)


def measured(command, lines=""):
    """(stdout, peak resident bytes) of a command of the worker that must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, command)], input=lines, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, int(done.stderr.splitlines()[-1]) * 1024


def classify(path, texts, *options):
    """The worker's logits of each text."""
    import torch

    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    command = [worker.binary(), "classify", "--model", path, "--device", "cpu", "--logits"]
    out, _ = measured([*command, *options], lines)
    return torch.tensor([json.loads(line)["logits"] for line in out.splitlines()])


@pytest.mark.parametrize("budget", (1, 2048, 8192))
def test_logits_are_those_of_the_published_loop_in_any_batch(bundle, published, texts, budget):
    logits = classify(bundle[0], texts, "--precision", "fp32", "--batch-tokens", str(budget))
    difference = float((logits - published).abs().max())
    print(f"{bundle[1]}, batches of {budget} tokens: logits within {difference:.3g}")
    assert difference <= 1e-3
    assert (logits.argmax(1) == published.argmax(1)).all()
    assert published.argmax(1).unique().numel() > 1 and published.std(0).max() > 0.1


def test_bf16_stays_within_the_stored_bound(bundle, published, texts):
    bound = manifest_of(bundle[0])["precisions"]["bf16"]["logits_bound"]
    logits = classify(bundle[0], texts, "--precision", "bf16")
    difference = float((logits - published).abs().max())
    print(f"{bundle[1]}, bf16: logits within {difference:.3g}, the bound is {bound:.3g}")
    assert difference <= bound
    best = published.topk(2, dim=1)
    clear = best.values[:, 0] - best.values[:, 1] > 2 * bound
    assert (logits.argmax(1) == best.indices[:, 0])[clear].all()


def test_loading_takes_little_more_memory_than_the_model(bundle):
    """The peak of the whole process, the runtime's own libraries included."""
    done = subprocess.run([sys.executable, ROOT / "scripts/bench/load.py", "--model", bundle[0], "--repeats", "1",
                           "--wiretag", worker.binary()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    print(bundle[1], done.stdout, sep="\n")
    starts = json.loads(done.stdout.splitlines()[-1])["starts"]
    assert sorted(starts) == ["bf16", "fp32", "int8"]
    for precision, start in starts.items():
        assert start["peak_over_bundle"] <= MEMORY_FACTOR_MAX, precision


def test_replicas_share_their_weights(bundle, folder):
    command = [worker.binary(), "bench", "model", "--model", bundle[0], "--device", "cpu",
               "--precision", "fp32", "--input", folder / "texts.jsonl", "--replicas"]
    peaks = [measured([*command, replicas])[1] for replicas in ("1", "2")]
    print(f"{bundle[1]}: peak memory {peaks[0] / 1e6:.0f} MB with one replica, {peaks[1] / 1e6:.0f} with two")
    assert peaks[1] - peaks[0] <= 0.5 * bundle[0].stat().st_size
