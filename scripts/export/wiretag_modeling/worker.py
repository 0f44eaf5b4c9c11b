"""Measures a bundle by the worker's own program, whose kernels compute other bits than torch's."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from .measure import ExportError, Measured, compared

# What a bundle promises that is only there to be measured: anything.
ANY_BOUND = 1e6
# Made for processors by the worker; torch does the rest itself.
PRECISIONS = ("bf16", "int8")
# Tokens of a batch: every text alone, and in company.
ALONE, TOGETHER = 1, 4096


def _logits(wiretag: Path, bundle: Path, texts: Sequence[str], precision: str, tokens: int) -> Tensor:
    command = [wiretag, "classify", "--model", bundle, "--device", "cpu", "--precision", precision]
    command += ["--batch-tokens", str(tokens), "--logits"]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    # A label may hold what splitlines takes for the end of a line, such as U+2028.
    rows = [json.loads(line) for line in done.stdout.split("\n") if line]
    wrong = [row["error"]["message"] for row in rows if "error" in row]
    if done.returncode != 0 or wrong or len(rows) != len(texts):
        said = wrong or done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ExportError(said[-1].removeprefix("wiretag classify: "))
    return torch.tensor([row["logits"] for row in rows])


def has_kernels(wiretag: Path, bundle: Path, precision: str) -> bool:
    """Whether the worker computes `precision` by kernels of its own here, not by torch's."""
    command = [wiretag, "bench", "model", "--model", bundle, "--device", "cpu"]
    command += ["--precision", precision, "--shapes", "1x8", "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        operators = json.loads(done.stdout.split("\n")[0])["operators"]
        return not operators.startswith("libtorch")
    except (ValueError, KeyError):
        return False


def measure_by_worker(
    wiretag: Path,
    bundle: Path,
    texts: Sequence[str],
    expected: Tensor,
    precisions: Sequence[str],
    together: bool,
    progress: Callable[[str], None],
) -> tuple[dict[str, Measured], list[str]]:
    """How far the worker's logits of `texts` are from the expected ones in each of `precisions`, and
    a note for each that the model does not run in. `bundle` has a bound of ANY_BOUND for them."""
    measured: dict[str, Measured] = {}
    notes: list[str] = []
    for precision in precisions:
        progress(f"measure {precision} by {wiretag}: {len(texts)} texts")
        try:
            found = Measured()
            for tokens in (ALONE, TOGETHER) if together else (ALONE,):
                found.add(compared(_logits(wiretag, bundle, texts, precision, tokens), expected))
            measured[precision] = found
        except (ExportError, OSError) as error:
            notes.append(f"not in {precision}: {error}")
    return measured, notes
