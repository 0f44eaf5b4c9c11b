"""precision int8 for a user's own TorchScript: what is found is converted, the rest still runs."""

import json
import subprocess

import pytest
from exporting import LABELS, ROOT, VOCAB, export

pytestmark = pytest.mark.torch
WIRETAG = ROOT / "build/wiretag"


def classify(model, precision, texts, tokens):
    lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts))
    command = [WIRETAG, "classify", "--model", model, "--device", "cpu", "--precision", precision,
               "--batch-tokens", str(tokens), "--logits"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["logits"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", ("OwnAttention", "MaskedMean"))
def test_it_runs_in_int8_close_to_fp32(articles, vocab_file, labels_file, tmp_path, kind):
    import own_models
    import torch

    if not WIRETAG.exists():
        pytest.skip("build/wiretag is not there: run scripts/build")
    torch.manual_seed(5)
    module = getattr(own_models, kind)(len(VOCAB), len(LABELS)).eval().requires_grad_(False)
    torch.jit.script(module).save(str(tmp_path / "own.pt"))
    bundle = tmp_path / "model.pt"
    status, _, said = export(checkpoint=tmp_path / "own.pt", vocab=vocab_file, labels=labels_file,
                             out=bundle)
    assert status == 0, said
    exact = classify(bundle, "fp32", articles, 4096)
    rounded = classify(bundle, "int8", articles, 4096)
    alone = classify(bundle, "int8", articles, 16)
    spread = max(max(row) - min(row) for row in exact)
    for wanted, got, single in zip(exact, rounded, alone, strict=True):
        assert max(abs(a - b) for a, b in zip(wanted, got, strict=True)) <= 0.25 * spread
        assert got == single
