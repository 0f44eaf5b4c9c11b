"""Measures what a bundle promises: logits alone and among others, in each precision."""

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# The worker's promise for fp32: an article alone and among others.
FP32_BOUND = 1e-4
# A bound must hold for articles, batches and processors that were not measured: the largest
# difference seen, this many times; twice that for the worker's own kernels where torch had to stand
# in for them.
SAFETY = 3.0
SAFETY_STANDING_IN = 6.0
MEASURED_BATCH = 8
FEW = 8
SMALL = 10_000_000  # weights


# What a model raises when it does not like what it is given; a scripted one has its own kind.
MODEL_ERRORS = (RuntimeError, IndexError, TypeError, AttributeError, torch.jit.Error)


class ExportError(Exception):
    """What is wrong with the inputs of an export, in a sentence for the person who runs it."""


def last_line(error: Exception) -> str:
    """The cause, without where in torch it was met."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


@contextmanager
def as_the_worker_runs() -> Iterator[None]:
    """Inference mode and one thread: other settings change bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def difference(left: Tensor, right: Tensor) -> float:
    """The largest difference of logits; NaN when there is one in either."""
    return float((left - right).abs().max())


class Runner:
    """Runs rows of ids through a module, alone or batched, as the worker would."""

    def __init__(self, module: nn.Module, inputs: str, device: str = "cpu") -> None:
        self.module, self.inputs, self.device = module, inputs, device

    def batch(self, rows: Sequence[Sequence[int]]) -> Tensor:
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
        second = lengths
        if self.inputs == "ids+mask":
            second = (torch.arange(ids.size(1)).unsqueeze(0) < lengths.unsqueeze(1)).long()
        return self.module(ids.to(self.device), second.to(self.device)).float().cpu()

    def alone(self, rows: Sequence[Sequence[int]]) -> Tensor:
        return torch.cat([self.batch([row]) for row in rows])

    def batched(self, rows: Sequence[Sequence[int]], seed: int = 1) -> Tensor:
        """Every row among others of other lengths; in the order of `rows`."""
        order = list(range(len(rows)))
        random.Random(seed).shuffle(order)
        logits: list[Tensor] = [torch.empty(0)] * len(rows)
        for start in range(0, len(order), MEASURED_BATCH):
            chosen = order[start : start + MEASURED_BATCH]
            for index, row in zip(chosen, self.batch([rows[i] for i in chosen]), strict=True):
                logits[index] = row
        return torch.stack(logits)


@dataclass
class Measured:
    """One precision against the fp32 logits of each text alone."""

    difference: float = 0.0  # the largest seen
    labels_changed: int = 0

    def add(self, other: "Measured") -> None:
        self.difference = max(self.difference, other.difference)
        self.labels_changed = max(self.labels_changed, other.labels_changed)


def bound_of(precision: str, measured: Measured, safety: float = SAFETY) -> float:
    """The bound that a bundle stores."""
    if precision == "fp32":
        return FP32_BOUND
    return max(float(f"{safety * measured.difference:.2g}"), FP32_BOUND)


def compared(logits: Tensor, expected: Tensor) -> Measured:
    """One run's logits against the expected ones."""
    if not torch.isfinite(logits).all():
        raise ExportError("it gives NaN or infinity")
    changed = int((logits.argmax(1) != expected.argmax(1)).sum())
    return Measured(difference(logits, expected), changed)


def measure(
    runner: Runner, rows: Sequence[Sequence[int]], expected: Tensor, together: bool
) -> Measured:
    """How far logits are from the expected ones: of each text alone and, `together`, batched."""
    found = Measured()
    for logits in [runner.alone(rows)] + ([runner.batched(rows)] if together else []):
        found.add(compared(logits, expected))
    return found


def measure_precisions(
    module: torch.jit.ScriptModule,
    inputs: str,
    rows: Sequence[Sequence[int]],
    expected: Tensor,
    together: bool,
    progress: Callable[[str], None],
) -> tuple[dict[str, Measured], list[str]]:
    """What each precision costs, on the processor and on a GPU where there is one; and a note for
    each that the model does not run in. `expected` are the fp32 logits of the processor."""
    everything = range(len(rows))
    # fp16 is for GPUs, but it rounds the same on a processor, where it is only slow: a few texts,
    # from the last on, which are long. A small model takes seconds for all of them.
    weights = sum(parameter.numel() for parameter in module.parameters())
    few = range(len(rows) - 1, -1, -(len(rows) // FEW + 1) if weights > SMALL else -1)
    tries = [
        ("bf16", torch.bfloat16, "cpu", everything),
        ("fp16", torch.float16, "cpu", few),
    ]
    if torch.cuda.is_available():
        # cuDNN's default would round fp32 to TF32.
        torch.backends.cudnn.allow_tf32 = False
        tries += [
            ("fp32", torch.float32, "cuda", everything),
            ("bf16", torch.bfloat16, "cuda", everything),
            ("fp16", torch.float16, "cuda", everything),
        ]
    measured: dict[str, Measured] = {}
    refused: dict[str, str] = {}
    for precision, dtype, device, chosen in tries:
        progress(f"measure {precision} on {device}: {len(chosen)} texts")
        try:
            runner = Runner(copy.deepcopy(module).to(device).to(dtype), inputs, device)
            found = measure(
                runner,
                [rows[i] for i in chosen],
                expected[list(chosen)],
                together and chosen is everything,
            )
            measured.setdefault(precision, Measured()).add(found)
        except (*MODEL_ERRORS, ExportError) as error:
            refused[precision] = f"not in {precision}: on {device} {last_line(error)}"
    for precision in refused:
        measured.pop(precision, None)
    return measured, list(refused.values())
