"""Writes a model bundle: one TorchScript file with everything the worker needs inside.

    report = write_bundle(model, vocab_tokens, labels, TokenizerOptions(), "demo", "1",
                          selftest_texts, "models/demo.pt", sample_texts=heldout)

Inside, beside the module: wiretag.json (src/model/manifest.h describes it), vocab.txt and
selftest.jsonl (src/model/selftest.h). write_bundle measures what it promises there: how far each
precision's logits are from fp32's, and whether an article's logits depend on its neighbours. The
file appears under its name only when all of it is written and was read back and compared.
"""

import copy
import hashlib
import json
import os
import random
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from .classifier import Classifier
from .tokenizer import TokenizerOptions, build_tokenizer

BUNDLE_FORMAT = 1
PADDINGS = {"exact": 0, "padded-512": 512}
INPUTS = ("ids+lengths", "ids+mask")

# The worker's promise for fp32: an article alone and among others.
FP32_BOUND = 1e-4
# A bound must hold for articles, batches and processors that were not measured: the largest
# difference seen, this many times.
SAFETY = 3.0
# A reloaded module must give the same logits again.
RELOAD_TOLERANCE = 1e-5
MEASURED_BATCH = 8
# Rows of an embedding beyond the vocabulary that count as rounding up, not as another vocabulary.
SPARE_ROWS_MAX = 127


class ExportError(Exception):
    """What is wrong with the inputs of an export, in a sentence for the person who runs it."""


@dataclass
class BundleReport:
    """What was written and what was measured."""

    path: Path
    sha256: str
    size_bytes: int
    seconds: float
    logits_bound: dict[str, float]  # as stored, by precision
    logits_measured: dict[str, float]  # the largest difference seen, by precision
    labels_changed: dict[str, int]  # of texts_measured, by precision
    texts_measured: int
    invariant: bool  # fp32 logits do not depend on the neighbours in a batch
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A summary for people."""
        lines = [f"{self.path}: {self.size_bytes / 1e6:.1f} MB, sha256 {self.sha256}"]
        for precision, bound in self.logits_bound.items():
            lines.append(
                f"{precision}: logits within {bound:.3g} (measured "
                f"{self.logits_measured[precision]:.3g}), label changed for "
                f"{self.labels_changed[precision]} of {self.texts_measured} texts"
            )
        if not self.invariant:
            lines.append("logits depend on padding: runs in batches of equal length only")
        return lines + self.notes


# torch calls TorchScript deprecated at every step; the version is pinned, and "runtime" in
# wiretag.json is where another format will follow.
warnings.filterwarnings("ignore", r".*torch\.jit\..* is deprecated", FutureWarning)
warnings.filterwarnings("ignore", r".*torch\.jit\..* is deprecated", DeprecationWarning)


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


def _check_words(labels: Sequence[str], name: str, version: str) -> None:
    for what, value in (("name", name), ("version", version)):
        if not value.strip() or "\0" in value:
            raise ExportError(f"the {what} is empty; give the model a {what}")
    if not labels:
        raise ExportError("there is no label; give one a line, in id order")
    seen: dict[str, int] = {}
    for index, label in enumerate(labels):
        if not label.strip() or "\0" in label:
            raise ExportError(f"label {index} is empty; give one a line, in id order")
        if label in seen:
            raise ExportError(f"label {label!r} is given twice, as {seen[label]} and {index}")
        seen[label] = index


def _check_vocab(vocab_tokens: Sequence[str], model: nn.Module) -> None:
    seen: dict[str, int] = {}
    for index, token in enumerate(vocab_tokens):
        if not token or any(c in token for c in "\n\r\0"):
            raise ExportError(
                f"vocabulary line {index + 1} is empty or holds a line break; it must be a "
                "vocab.txt with one token a line"
            )
        if token in seen:
            raise ExportError(
                f"vocabulary line {index + 1} repeats the token {token!r} of line {seen[token] + 1}"
            )
        seen[token] = index
    if isinstance(model, Classifier):
        check_rows(model.words.num_embeddings, len(vocab_tokens))


def check_rows(rows: int, tokens: int) -> None:
    """An embedding of `rows` belongs to `tokens` tokens, or to them rounded up."""
    rounded_up = rows % 8 == 0 and 0 < rows - tokens <= SPARE_ROWS_MAX
    if rows != tokens and not rounded_up:
        raise ExportError(
            f"the vocabulary has {tokens} tokens but the model's embedding has {rows} rows; give "
            "the vocab.txt that the model was trained with"
        )


def _check_sizes(model: nn.Module, padding: str, inputs: str, tokens_max: int) -> None:
    if padding not in PADDINGS:
        raise ExportError(f"padding {padding!r}: choose {' or '.join(PADDINGS)}")
    if inputs not in INPUTS:
        raise ExportError(f"inputs {inputs!r}: choose {' or '.join(INPUTS)}")
    if tokens_max < 3:
        raise ExportError(f"max_tokens {tokens_max}: [CLS], one token and [SEP] need 3")
    if PADDINGS[padding] and tokens_max > PADDINGS[padding]:
        raise ExportError(f"max_tokens {tokens_max}: {padding} has room for {PADDINGS[padding]}")
    if isinstance(model, Classifier):
        if model.pad_to != PADDINGS[padding]:
            raise ExportError(
                f"padding {padding}: the model was made with pad_to={model.pad_to}; "
                f"make it with ClassifierConfig(pad_to={PADDINGS[padding]})"
            )
        positions = model.positions.num_embeddings
        if max(tokens_max, PADDINGS[padding]) > positions:
            raise ExportError(
                f"max_tokens {tokens_max} with padding {padding}: the model knows {positions} "
                "positions"
            )


def _scripted(model: nn.Module) -> torch.jit.ScriptModule:
    """A scripted copy on the CPU, in eval mode; the caller's model stays as it is."""
    module = copy.deepcopy(model).cpu().eval()
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.dtype != torch.float32:
            raise ExportError(f"the tensor {name} is {tensor.dtype}; export from float32 weights")
        if not torch.isfinite(tensor).all():
            raise ExportError(f"the tensor {name} holds NaN or infinity; training went wrong")
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module if isinstance(module, torch.jit.ScriptModule) else torch.jit.script(module)


def _check_forward(runner: Runner, row: Sequence[int], labels: int, tokens: int) -> None:
    try:
        logits = runner.batch([row])
    except (RuntimeError, IndexError, TypeError) as error:
        cause = str(error).strip().splitlines()[-1]
        raise ExportError(
            f"the model does not take ({runner.inputs.replace('+', ', ')}): {cause}"
        ) from error
    if tuple(logits.shape) != (1, labels):
        raise ExportError(
            f"the model gives {list(logits.shape)} for one text, not one logit for each of the "
            f"{labels} labels; give the labels file it was trained with"
        )
    try:
        runner.batch([[row[0], tokens - 1, row[-1]]])
    except (RuntimeError, IndexError) as error:
        raise ExportError(
            f"the model does not know id {tokens - 1}, the last of the vocabulary; give the "
            "vocab.txt that it was trained with"
        ) from error


def difference(left: Tensor, right: Tensor) -> float:
    """The largest difference of logits; NaN when there is one in either."""
    return float((left - right).abs().max())


@dataclass
class _Measured:
    difference: float
    labels_changed: int


def _measure(
    runner: Runner, rows: Sequence[Sequence[int]], expected: Tensor, what: str
) -> _Measured:
    """How far a precision is from the fp32 logits, alone and batched."""
    alone, batched = runner.alone(rows), runner.batched(rows)
    worst = max(difference(alone, expected), difference(batched, expected))
    if not worst < float("inf"):
        raise ExportError(f"the model gives NaN or infinity in {what}")
    changed = (alone.argmax(1) != expected.argmax(1)) | (batched.argmax(1) != expected.argmax(1))
    return _Measured(worst, int(changed.sum()))


def _measure_precisions(
    module: torch.jit.ScriptModule,
    inputs: str,
    rows: Sequence[Sequence[int]],
    expected: Tensor,
    progress: Callable[[str], None],
) -> dict[str, _Measured]:
    measured: dict[str, _Measured] = {}
    tries = [("bf16", torch.bfloat16, "cpu")]
    if torch.cuda.is_available():
        # cuDNN's default would round fp32 to TF32.
        torch.backends.cudnn.allow_tf32 = False
        tries += [
            ("fp32", torch.float32, "cuda"),
            ("bf16", torch.bfloat16, "cuda"),
            ("fp16", torch.float16, "cuda"),
        ]
    for precision, dtype, device in tries:
        progress(f"measure {precision} on {device}: {len(rows)} texts alone and batched")
        converted = copy.deepcopy(module).to(device).to(dtype)
        now = _measure(
            Runner(converted, inputs, device), rows, expected, f"{precision} on {device}"
        )
        before = measured.get(precision, _Measured(0.0, 0))
        measured[precision] = _Measured(
            max(before.difference, now.difference), max(before.labels_changed, now.labels_changed)
        )
    return measured


def _selftest(texts: Sequence[str], logits: Tensor) -> str:
    return "".join(
        json.dumps({"text": text, "logits": row.tolist()}, ensure_ascii=False) + "\n"
        for text, row in zip(texts, logits, strict=True)
    )


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
    return digest.hexdigest()


def _copy_without_debug_records(whole: Path, path: Path) -> None:
    """Leaves out where each line of code came from: file names of the machine that exported.

    The worker prints one line an error and never reads them; without them a bundle does not depend
    on the folder it was exported in.
    """
    reader = torch._C.PyTorchFileReader(str(whole))
    writer = torch._C.PyTorchFileWriter(str(path))
    # The meaning of operators belongs to the version, which the writer writes at the end.
    version = next(r for r in (".data/version", "version") if reader.has_record(r))
    writer.set_min_version(int(reader.get_record(version)))
    written_at_the_end = ("version", "byteorder", ".data/", ".format_version", ".storage_alignment")
    for record in reader.get_all_records():
        if not record.endswith(".debug_pkl") and not record.startswith(written_at_the_end):
            data = reader.get_record(record)
            writer.write_record(record, data, len(data))
    writer.write_end_of_file()


def _save(module: torch.jit.ScriptModule, files: dict[str, str], path: Path) -> None:
    # TorchScript names its archive after the file: the temporary ones have the final name.
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        whole = Path(folder) / path.name
        torch.jit.save(module, str(whole), _extra_files=files)
        _copy_without_debug_records(whole, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _verify(
    path: Path, files: dict[str, str], rows: Sequence[Sequence[int]], expected: Tensor, inputs: str
) -> None:
    read: dict[str, bytes | str] = {name: "" for name in files}
    module = torch.jit.load(str(path), map_location="cpu", _extra_files=read)
    for name, text in files.items():
        found = read[name]
        if (found.encode() if isinstance(found, str) else found) != text.encode():
            raise ExportError(f"{name} came back different from {path}; check the disk")
    again = difference(Runner(module, inputs).alone(rows), expected)
    if not again <= RELOAD_TOLERANCE:
        raise ExportError(f"the written bundle gives other logits, by {again:.3g}")


def write_bundle(
    model: nn.Module,
    vocab_tokens: Sequence[str],
    labels: Sequence[str],
    tokenizer_options: TokenizerOptions,
    name: str,
    version: str,
    selftest_texts: Sequence[str],
    out_path: str | Path,
    padding: str = "exact",
    inputs: str = "ids+lengths",
    tokens_max: int = 512,
    sample_texts: Sequence[str] = (),
    about: dict | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> BundleReport:
    """Writes `model` with its vocabulary (index = id) and labels (index = output) to `out_path`.

    `model` is a Classifier, or a TorchScript module that takes `inputs`; it is left as it is.
    `selftest_texts` (10 to 30 of different lengths) travel in the bundle with their logits;
    `sample_texts` only add to what the bounds are measured on. `about` is kept in wiretag.json for
    people (accuracy, data, seed); the worker does not read it. `progress` hears a line a step.
    Raises ExportError; then nothing was written.
    """
    started = time.monotonic()
    out = Path(out_path)
    _check_words(labels, name, version)
    _check_vocab(vocab_tokens, model)
    _check_sizes(model, padding, inputs, tokens_max)
    texts = [text for text in selftest_texts if text.strip()]
    if not texts:
        raise ExportError("there is no text for the self-test; give at least one")
    try:
        tokenizer = build_tokenizer(vocab_tokens, tokenizer_options, tokens_max)
    except ValueError as error:
        raise ExportError(str(error)) from error
    samples = texts + [text for text in sample_texts if text.strip()]
    rows = [encoding.ids for encoding in tokenizer.encode_batch(samples)]
    module = _scripted(model)
    fp32 = Runner(module, inputs)
    notes = []

    with as_the_worker_runs():
        progress(f"compute the logits of {len(rows)} texts")
        _check_forward(fp32, rows[0], len(labels), len(vocab_tokens))
        expected = fp32.alone(rows)
        if not torch.isfinite(expected).all():
            raise ExportError("the model gives NaN or infinity for an ordinary text")
        in_batches = fp32.batched(rows)
        neighbours = difference(in_batches, expected)
        invariant = neighbours <= FP32_BOUND
        if not invariant and isinstance(model, Classifier):
            raise ExportError(
                f"logits change by {neighbours:.3g} with the neighbours in a batch; "
                f"{FP32_BOUND:g} is allowed"
            )
        measured = {"fp32": _Measured(0.0, 0)}
        if invariant:
            changed = int((in_batches.argmax(1) != expected.argmax(1)).sum())
            measured["fp32"] = _Measured(neighbours, changed)
            try:
                others = _measure_precisions(module, inputs, rows, expected, progress)
                measured["fp32"].difference = max(
                    measured["fp32"].difference, others.pop("fp32", _Measured(0.0, 0)).difference
                )
                measured.update(others)
            except RuntimeError as error:
                cause = str(error).strip().splitlines()[-1]
                notes.append(f"fp32 only: the model does not run in other precisions ({cause})")
        else:
            notes.append("fp32 only: other precisions were not measured")
    bounds = {
        precision: FP32_BOUND
        if precision == "fp32"
        else max(float(f"{SAFETY * found.difference:.2g}"), FP32_BOUND)
        for precision, found in measured.items()
    }

    manifest = {
        "bundle_format": BUNDLE_FORMAT,
        "runtime": "torchscript",
        "name": name,
        "version": version,
        "labels": list(labels),
        "tokenizer": tokenizer_options.to_manifest(),
        "max_tokens": tokens_max,
        "padding": padding,
        "inputs": inputs,
        "precisions": {
            precision: {
                "logits_bound": bounds[precision],
                "measured": found.difference,
                "labels_changed": found.labels_changed,
                "texts": len(rows),
            }
            for precision, found in measured.items()
        },
    }
    if about is not None:
        manifest["about"] = about
    files = {
        "wiretag.json": json.dumps(manifest, ensure_ascii=False, indent=1) + "\n",
        "vocab.txt": "".join(token + "\n" for token in vocab_tokens),
        "selftest.jsonl": _selftest(texts, expected[: len(texts)]),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        temporary = folder / out.name
        progress(f"write {out}")
        _save(module, files, temporary)
        progress("read it back and compare")
        with as_the_worker_runs():
            _verify(temporary, files, rows[: len(texts)], expected[: len(texts)], inputs)
        digest = file_sha256(temporary)
        size_bytes = temporary.stat().st_size
        os.replace(temporary, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return BundleReport(
        path=out,
        sha256=digest,
        size_bytes=size_bytes,
        seconds=time.monotonic() - started,
        logits_bound=bounds,
        logits_measured={precision: found.difference for precision, found in measured.items()},
        labels_changed={precision: found.labels_changed for precision, found in measured.items()},
        texts_measured=len(rows),
        invariant=invariant,
        notes=notes,
    )
