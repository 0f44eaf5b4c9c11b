"""What the tests of the export share: the program, and logits as a model's authors get them."""

import contextlib
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
LABELS = ["climate", "conflicts", "culture", "economy", "gloss"]
LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
VOCAB = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *LETTERS, *LETTERS.upper(), *("##" + letter for letter in LETTERS), *"0123456789.,:;-!?«»()",
    *("##" + digit for digit in "0123456789"), "мир", "##ом", "погода",
]  # fmt: skip

if str(ROOT / "scripts/export") not in sys.path:
    sys.path.insert(0, str(ROOT / "scripts/export"))


def bert_config(**changes):
    import transformers

    settings = {
        "vocab_size": len(VOCAB),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "num_labels": len(LABELS),
    } | changes
    return transformers.BertConfig(**settings)


def spread(module):
    """Larger weights than a random start has, and a balanced last layer, so that texts differ in
    their logits and labels.

    Not much larger: ten times as large, attention flips between positions by rounding alone.
    """
    import torch

    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4.0)
        module.eval()
        rng = random.Random(7)
        rows = [[2, *(rng.randrange(5, len(VOCAB)) for _ in range(8 * n))] for n in range(1, 17)]
        last = module.fc if hasattr(module, "fc") else module.classifier
        last.bias.sub_(torch.stack([published_logits(module, row) for row in rows]).mean(0))
    return module


def published_logits(model, row, padding="exact"):
    """One text as the authors run it (exact), or as they scored it (padded-512)."""
    import torch

    pad = 512 - len(row) if padding == "padded-512" else 0
    ids = torch.tensor([row + [0] * pad])
    mask = torch.tensor([[1] * len(row) + [0] * pad])
    with torch.inference_mode():
        out = model(input_ids=ids, attention_mask=mask)
    return (out.logits if hasattr(out, "logits") else out)[0]


def command_line(*arguments, **files):
    """export_model.py's arguments: (checkpoint=…, out=…, vocab=…, labels=…, padding=…)."""
    words = list(arguments)
    for option, value in ({"name": "test", "version": "1"} | files).items():
        words += [f"--{option.replace('_', '-')}", str(value)]
    return words


def export_apart(*arguments, timeout=280, **files):
    """Runs scripts/export/export_model.py as its users do."""
    command = [sys.executable, ROOT / "scripts/export/export_model.py", *command_line(*arguments, **files)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def export(*arguments, wiretag=None, **files):
    """The same within this process, which has torch loaded already: (status, stdout, stderr). By
    default as where the worker is not built, which saves starting it eight times."""
    import export_model

    out, err = io.StringIO(), io.StringIO()
    words = ["export_model.py", *command_line(*arguments, **files)]
    with (
        mock.patch.object(sys, "argv", words),
        mock.patch.object(export_model, "WIRETAG", wiretag or ROOT / "not-built"),
        mock.patch.dict(os.environ, {"PYTHONHASHSEED": "0"}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = export_model.main()
    return status, out.getvalue(), err.getvalue()


def exported(*arguments, **files):
    """An export that must succeed; the bundle's manifest."""
    status, _, err = export(*arguments, **files)
    assert status == 0, err
    return manifest_of(files["out"])


def refused(*arguments, **files):
    """An export that must fail with one line and leave nothing behind; that line."""
    before = sorted(files["out"].parent.iterdir())
    status, out, err = export(*arguments, **files)
    assert status == 1, out
    said = [line for line in err.splitlines() if line.startswith("export_model.py: ")]
    assert len(said) == 1 and err.endswith(said[0] + "\n"), err
    assert sorted(files["out"].parent.iterdir()) == before
    return said[0]


def manifest_of(path):
    import torch

    files = {"wiretag.json": ""}
    torch.jit.load(str(path), _extra_files=files)
    return json.loads(files["wiretag.json"])


def bundle_logits(path, rows, alone):
    """The bundle's logits of every row, alone or all in one batch."""
    import torch

    from wiretag_modeling.measure import Runner

    runner = Runner(torch.jit.load(str(path)), manifest_of(path)["inputs"])
    with torch.inference_mode():
        return runner.alone(rows) if alone else runner.batch(rows)
