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
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from .checks import (
    check_forward,
    check_logits,
    check_sizes,
    check_vocab,
    check_vocab_size,
    check_weights,
    check_words,
    wordpiece_rows,
)
from .classifier import TextModel
from .labels import TASKS, Label, as_labels, describe
from .measure import (
    FP32_BOUND,
    MODEL_ERRORS,
    SAFETY,
    SAFETY_STANDING_IN,
    ExportError,
    Measured,
    Runner,
    as_the_worker_runs,
    bound_of,
    difference,
    last_line,
    measure,
    measure_precisions,
)
from .tokenizer import TokenizerOptions
from .whole_tokenizer import WholeTokenizer
from .worker import ANY_BOUND, PRECISIONS, has_kernels, measure_by_worker

# A reloaded module must give the same logits again.
RELOAD_TOLERANCE = 1e-5
# How far the logits may be from those of the model that was exported.
SOURCE_TOLERANCE = 1e-3

# torch calls TorchScript deprecated at every step; the version is pinned, and "runtime" in
# wiretag.json is where another format will follow.
warnings.filterwarnings("ignore", r".*torch\.jit\..* is deprecated", FutureWarning)
warnings.filterwarnings("ignore", r".*torch\.jit\..* is deprecated", DeprecationWarning)

Rows = Sequence[Sequence[int]]


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
    source_difference: float | None = None  # to the model it was exported from
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A summary for people."""
        lines = [f"{self.path}: {self.size_bytes / 1e6:.1f} MB, sha256 {self.sha256}"]
        if self.source_difference is not None:
            lines.append(f"logits within {self.source_difference:.3g} of the source model's")
        for precision, bound in self.logits_bound.items():
            lines.append(
                f"{precision}: logits within {bound:.3g} (measured "
                f"{self.logits_measured[precision]:.3g}), label changed for "
                f"{self.labels_changed[precision]} of {self.texts_measured} texts"
            )
        if not self.invariant:
            lines.append("logits depend on padding: it will run in batches of equal length only")
        return lines + self.notes


def _scripted(model: nn.Module) -> torch.jit.ScriptModule:
    """A scripted copy on the CPU, in eval mode; the caller's model stays as it is."""
    with torch.no_grad():  # else a loaded module's copied parameters would be results, not leaves
        module = copy.deepcopy(model).cpu().eval()
    check_weights(module)
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module if isinstance(module, torch.jit.ScriptModule) else torch.jit.script(module)


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


def _copy_without_debug_records(
    whole: Path, path: Path, instead: dict[str, bytes] | None = None
) -> None:
    """Leaves out where each line of code came from: file names of the machine that exported. Puts
    the records `instead` in the place of those with the same names.

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
            data = (instead or {}).get(record) or reader.get_record(record)
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


def rewrite_manifest(bundle: Path, out: Path, change: Callable[[dict], dict]) -> str:
    """Writes `bundle` to `out` with a changed wiretag.json and every other byte of its files as it
    was: weights, code, vocabulary, self-test. Returns the SHA-256."""
    name = "extra/wiretag.json"
    try:
        manifest = json.loads(torch._C.PyTorchFileReader(str(bundle)).get_record(name))
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"{bundle} is not a bundle: {last_line(error)}") from error
    changed = {name: _json(change(manifest)).encode()}
    with _folder_beside(out) as folder:
        # The archive is named after its file, and its code after the archive.
        _copy_without_debug_records(bundle, folder / out.name, changed)
        digest = file_sha256(folder / out.name)
        os.replace(folder / out.name, out)
    return digest


def _verify(path: Path, files: dict[str, str], rows: Rows, expected: Tensor, inputs: str) -> None:
    read: dict[str, bytes | str] = {name: "" for name in files}
    module = torch.jit.load(str(path), map_location="cpu", _extra_files=read)
    for name, text in files.items():
        found = read[name]
        if (found.encode() if isinstance(found, str) else found) != text.encode():
            raise ExportError(f"{name} came back different from {path}; check the disk")
    again = difference(Runner(module, inputs).alone(rows), expected)
    if not again <= RELOAD_TOLERANCE:
        raise ExportError(f"the written bundle gives other logits, by {again:.3g}")


def _compare_with_source(
    reference: Callable[[Sequence[int]], Tensor], rows: Rows, expected: Tensor
) -> float:
    source = torch.stack([reference(row).reshape(-1).float() for row in rows])
    if source.shape != expected.shape:
        raise ExportError(
            f"the source model gives {source.shape[1]} logits, the bundle {expected.shape[1]}"
        )
    worst = difference(source, expected)
    if not worst <= SOURCE_TOLERANCE:
        raise ExportError(
            f"the exported model's logits differ from the source model's by {worst:.3g}; "
            f"{SOURCE_TOLERANCE:g} is allowed. Nothing was written"
        )
    return worst


@dataclass
class _Found:
    expected: Tensor  # fp32 logits of each text alone
    measured: dict[str, Measured]
    invariant: bool
    source_difference: float | None
    notes: list[str]
    by_own_kernels: set[str] = field(default_factory=set)  # the worker's, not torch in their place


def _measure_all(
    module: torch.jit.ScriptModule,
    inputs: str,
    rows: Rows,
    reference: Callable[[Sequence[int]], Tensor] | None,
    must_be_invariant: bool,
    progress: Callable[[str], None],
) -> _Found:
    runner = Runner(module, inputs)
    progress(f"compute the logits of {len(rows)} texts")
    try:
        expected = runner.alone(rows)
    except MODEL_ERRORS as error:
        raise ExportError(
            f"the model fails on an ordinary text: {last_line(error)}. A traced model must have "
            "been traced so that it takes every length"
        ) from error
    source_difference = None
    if reference is not None:
        progress(f"compare with the source model: {len(rows)} texts, one at a time")
        try:
            source_difference = _compare_with_source(reference, rows, expected)
        except ExportError:
            raise
        except Exception as error:  # of any kind: settings that nobody foresaw
            raise ExportError(
                f"the source model does not run: {type(error).__name__}: {last_line(error)}"
            ) from error
    progress("compute them again, batched")
    try:
        fp32 = measure(runner, rows, expected, together=True)
    except MODEL_ERRORS:
        fp32 = Measured(float("inf"))
    invariant = fp32.difference <= FP32_BOUND
    if not invariant and must_be_invariant:
        raise ExportError(
            f"logits change by {fp32.difference:.3g} with the neighbours in a batch; "
            f"{FP32_BOUND:g} is allowed"
        )
    measured = {"fp32": fp32 if invariant else Measured()}
    others, notes = measure_precisions(module, inputs, rows, expected, invariant, progress)
    measured["fp32"].add(others.pop("fp32", Measured()))
    measured.update(others)
    return _Found(expected, measured, invariant, source_difference, notes)


def _precisions(found: _Found, texts: int) -> dict:
    def safety(precision: str) -> float:
        standing_in = precision in PRECISIONS and precision not in found.by_own_kernels
        return SAFETY_STANDING_IN if standing_in else SAFETY

    return {
        precision: {
            "logits_bound": bound_of(precision, measured, safety(precision)),
            "measured": measured.difference,
            "labels_changed": measured.labels_changed,
            "texts": texts,
        }
        for precision, measured in found.measured.items()
    }


def _json(manifest: dict) -> str:
    return json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"


@contextmanager
def _folder_beside(out: Path) -> Iterator[Path]:
    """What is written there can be given the name `out` at once; it is gone afterwards."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        yield Path(folder)


def _measure_by_worker(
    module: torch.jit.ScriptModule,
    manifest: dict,
    files: dict[str, str],
    texts: Sequence[str],
    found: _Found,
    wiretag: Path,
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Adds to `found` what the worker's program measures, with a bundle made for nothing else."""
    wanted = [p for p in PRECISIONS if p == "int8" or p in found.measured]
    promises = {precision: {"logits_bound": ANY_BOUND} for precision in ("fp32", *wanted)}
    with _folder_beside(out) as folder:
        _save(
            module,
            {**files, "wiretag.json": _json({**manifest, "precisions": promises})},
            folder / out.name,
        )
        measured, notes = measure_by_worker(
            wiretag, folder / out.name, texts, found.expected, wanted, found.invariant, progress
        )
        found.by_own_kernels = {
            p for p in measured if has_kernels(wiretag, folder / out.name, p)
        }
    for precision in wanted:
        if precision in measured:
            found.measured.setdefault(precision, Measured()).add(measured[precision])
        else:
            found.measured.pop(precision, None)
    found.notes += notes + [
        f"the worker's kernels for {precision} were not measured, for want of a processor that has "
        "them: it has a wider bound"
        for precision in measured
        if precision not in found.by_own_kernels
    ]


def _write(
    module: torch.jit.ScriptModule,
    files: dict[str, str],
    out: Path,
    rows: Rows,
    expected: Tensor,
    inputs: str,
    progress: Callable[[str], None],
) -> tuple[str, int]:
    """Writes beside `out`, reads back, compares, then gives it its name. SHA-256 and size."""
    with _folder_beside(out) as folder:
        temporary = folder / out.name
        progress(f"write {out}")
        _save(module, files, temporary)
        progress("read it back and compare")
        with as_the_worker_runs():
            _verify(temporary, files, rows, expected, inputs)
        digest, size_bytes = file_sha256(temporary), temporary.stat().st_size
        os.replace(temporary, out)
    return digest, size_bytes


def write_bundle(
    model: nn.Module,
    vocab_tokens: Sequence[str],
    labels: Sequence[str | Label],
    tokenizer_options: TokenizerOptions | WholeTokenizer,
    name: str,
    version: str,
    selftest_texts: Sequence[str],
    out_path: str | Path,
    padding: str = "exact",
    inputs: str = "ids+lengths",
    tokens_max: int = 512,
    sample_texts: Sequence[str] = (),
    about: dict | None = None,
    reference: Callable[[Sequence[int]], Tensor] | None = None,
    wiretag: Path | None = None,
    progress: Callable[[str], None] = lambda step: None,
    task: str = TASKS[0],
    own_tokenizer: bool = False,
) -> BundleReport:
    """Writes `model` with its vocabulary (index = id) and labels (index = output) to `out_path`.

    `model` is a TextModel, such as a Classifier, or a TorchScript module that takes `inputs`; it is left as it is.
    With a WholeTokenizer there are no `vocab_tokens`: it has them.
    `selftest_texts` (a few of different lengths) travel in the bundle with their logits;
    `sample_texts` only add to what the bounds are measured on. `about` is kept in wiretag.json for
    people (accuracy, data, seed); the worker does not read it. `reference` gives the logits of one
    row of ids by the model that is exported, to compare with. `wiretag` is the worker's program, to
    measure its own kernels; without it torch stands in for them, and int8 gets no bound.
    `task` says what the logits are for: a softmax, or a sigmoid each. `own_tokenizer`: it came with the model,
    which may have more rows than it has tokens.
    `progress` hears a line a step.
    Raises ExportError; then nothing was written.
    """
    started = time.monotonic()
    out = Path(out_path)
    labels = as_labels(labels)
    check_words([label.name for label in labels], name, version)
    whole = tokenizer_options if isinstance(tokenizer_options, WholeTokenizer) else None
    if whole is None:
        check_vocab(vocab_tokens, model)
    tokens = len(vocab_tokens) if whole is None else whole.tokens
    notes = check_vocab_size(tokens, model, own_tokenizer)
    check_sizes(model, padding, inputs, tokens_max)
    texts = [text for text in selftest_texts if text.strip()]
    if not texts:
        raise ExportError("there is no text for the self-test; give at least one")
    samples = texts + [text for text in sample_texts if text.strip()]
    if whole is None:
        rows = wordpiece_rows(vocab_tokens, tokenizer_options, samples, tokens_max)
        vocabulary = {"vocab.txt": "".join(token + "\n" for token in vocab_tokens)}
    else:
        rows = whole.encode(samples, tokens_max)
        vocabulary = {"tokenizer.json": whole.text}
    module = _scripted(model)
    with as_the_worker_runs():
        check_forward(
            Runner(module, inputs), rows[0], len(labels), tokens, tokens_max
        )
        must_be_invariant = isinstance(model, TextModel)
        found = _measure_all(module, inputs, rows, reference, must_be_invariant, progress)
        found.notes += notes + check_logits(found.expected, task)
    manifest = {
        **describe(labels, task),
        **({} if whole is None else {"bundle_format": 2}),
        "runtime": "torchscript",
        "name": name,
        "version": version,
        "tokenizer": tokenizer_options.to_manifest(),
        "max_tokens": tokens_max,
        "padding": padding,
        "inputs": inputs,
    }
    files = {
        "wiretag.json": "",
        **vocabulary,
        "selftest.jsonl": _selftest(texts, found.expected[: len(texts)]),
    }
    if wiretag is not None:
        _measure_by_worker(module, manifest, files, samples, found, wiretag, out, progress)
    else:
        found.notes.append(
            "the worker's kernels were not measured, for want of its program: bf16 has a wider "
            "bound, int8 none"
        )
    precisions = _precisions(found, len(rows))
    manifest["precisions"] = precisions
    if about is not None:
        manifest["about"] = about
    files["wiretag.json"] = _json(manifest)
    digest, size_bytes = _write(
        module, files, out, rows[: len(texts)], found.expected[: len(texts)], inputs, progress
    )
    return BundleReport(
        path=out,
        sha256=digest,
        size_bytes=size_bytes,
        seconds=time.monotonic() - started,
        logits_bound={p: entry["logits_bound"] for p, entry in precisions.items()},
        logits_measured={p: entry["measured"] for p, entry in precisions.items()},
        labels_changed={p: entry["labels_changed"] for p, entry in precisions.items()},
        texts_measured=len(rows),
        invariant=found.invariant,
        source_difference=found.source_difference,
        notes=found.notes,
    )
