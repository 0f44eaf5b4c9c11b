#!/usr/bin/env python3
"""Turns a model into a bundle that wiretag runs.

    .deps/python/bin/python scripts/export/export_model.py --checkpoint model.pth --vocab vocab.txt \\
        --labels labels.txt --name news --version 1 --out models/news.pt

--checkpoint is one of
  model.pth   a whole BiLSTMClassifier saved by torch.save (attributes bert, lstm, dropout, fc); it
              is read for its tensors only, nothing in it is executed
  folder      a Hugging Face sequence classification: config.json, its weights, its tokenizer;
              BERT, RoBERTa, XLM-R, CamemBERT, DistilBERT, ELECTRA, MPNet, DeBERTa-v2 and v3, ModernBERT
  file.pt     TorchScript that takes (ids, mask) or (ids, lengths) and gives logits; it is code:
              export only what you trust

Before it is written, the new module is compared with the one it was made from, one text at a time.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wiretag_modeling import TokenizerOptions
    from wiretag_modeling.sources import Source
    from wiretag_modeling.whole_tokenizer import WholeTokenizer

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples.jsonl"
WIRETAG = ROOT / "build" / "wiretag"  # measures its own kernels, where it is built
WIRETAG_FAKE = ROOT / "build-fake" / "wiretag"  # has the same tokenizers
# Run at every start of the worker, so few and short; a padded one is 512 tokens of work.
SELFTEST_TEXTS = {"exact": 6, "padded-512": 3}
SAMPLE_TEXTS = 24


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="PATH")
    parser.add_argument(
        "--vocab",
        type=Path,
        metavar="FILE",
        help="vocab.txt or tokenizer.json, unless the checkpoint has one",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="labels in id order, unless the checkpoint has them: one a line; or FILE.json, a list "
        'of names or of {"name", "uri", "threshold"}',
    )
    parser.add_argument(
        "--task",
        choices=("single-label", "multi-label"),
        help="one label an article, by softmax (default), or any number, by a sigmoid each; a "
        "Hugging Face directory says it with problem_type",
    )
    parser.add_argument(
        "--padding",
        choices=("exact", "padded-512"),
        default="exact",
        help="exact: padding influences nothing (default); padded-512: for a model that was "
        "trained and scored on texts padded to 512",
    )
    parser.add_argument(
        "--inputs",
        choices=("ids+lengths", "ids+mask"),
        help="of a TorchScript file, where its argument's name does not tell",
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        metavar="N",
        help="cut articles there (default: where the source says, 512 if it does not; 8192 at most)",
    )
    parser.add_argument("--lowercase", action="store_true", help="the vocabulary is uncased")
    parser.add_argument(
        "--accents",
        choices=("keep", "strip"),
        help="of the texts; an uncased tokenizer strips them where nothing says otherwise",
    )
    parser.add_argument(
        "--texts",
        type=Path,
        default=SAMPLES,
        metavar="FILE",
        help='JSON lines with "text" to measure with (default: data/samples.jsonl)',
    )
    parser.add_argument("--name", required=True, help="of the model, in every labelled record")
    parser.add_argument("--version", required=True, help="likewise")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE")
    return parser.parse_args()


class Progress:
    """A line a step on stderr, with the seconds since the start."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def __call__(self, step: str) -> None:
        print(f"{time.monotonic() - self.started:6.1f} s  {step}", file=sys.stderr, flush=True)


def read_texts(path: Path) -> list[str]:
    from wiretag_modeling import ExportError

    texts = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                text = json.loads(line).get("text") if line.strip() else None
                if isinstance(text, str) and text.strip():
                    texts.append(text)
    except OSError as error:
        raise ExportError(f"the texts {path} cannot be read: {error.strerror}") from error
    except (ValueError, AttributeError) as error:
        raise ExportError(f'{path}:{number}: not a JSON object with "text"') from error
    if not texts:
        raise ExportError(f"{path} has no text to measure with")
    return texts


def selftest_and_samples(texts: list[str], padding: str) -> tuple[list[str], list[str]]:
    """A few short texts for the self-test; for measuring also long and joined ones."""
    count = SELFTEST_TEXTS[padding]
    few = [text[: 40 + 60 * index] for index, text in enumerate(texts[:count])]
    samples = texts[count : count + SAMPLE_TEXTS]
    joined = " ".join(texts)
    return few, samples + [joined[:900], joined[-1500:], joined[:20000]]


def read_vocabulary(path: Path) -> "list[str] | WholeTokenizer":
    """The tokens of a vocab.txt, or a tokenizer.json."""
    from wiretag_modeling.directory_files import read_lines
    from wiretag_modeling.whole_tokenizer import WholeTokenizer

    lines = read_lines(path, "vocabulary")
    return WholeTokenizer.parse("\n".join(lines), str(path)) if path.suffix == ".json" else lines


def pad_id_of(vocabulary: "list[str] | WholeTokenizer | None") -> int:
    """What a TorchScript file is padded with; the others know."""
    if isinstance(vocabulary, list):
        return vocabulary.index("[PAD]") if "[PAD]" in vocabulary else 0
    return 0 if vocabulary is None else vocabulary.pad_id


def settle_tokenizer(
    arguments: argparse.Namespace,
    given: "list[str] | WholeTokenizer | None",
    source: "Source",
    texts: list[str],
) -> "tuple[list[str], TokenizerOptions | WholeTokenizer, list[str]]":
    """Vocabulary and options, compared with the tokenizer that comes with the model; notes."""
    from wiretag_modeling import ExportError, TokenizerOptions
    from wiretag_modeling.checks import check_accents, check_tokenizer
    from wiretag_modeling.whole_tokenizer import WholeTokenizer, check_as_loaded, check_by_worker

    options = source.tokenizer_options or TokenizerOptions()
    if isinstance(given, WholeTokenizer):
        options = given
    if isinstance(options, WholeTokenizer):
        if isinstance(given, list) or arguments.lowercase or arguments.accents is not None:
            raise ExportError(
                f"the tokenizer of type {options.kind} has vocabulary and options in its "
                "tokenizer.json; leave a vocab.txt, --lowercase and --accents out"
            )
        if arguments.checkpoint.is_dir() and given is None:
            check_as_loaded(arguments.checkpoint, options, texts)
        check_by_worker(options, texts, (WIRETAG, WIRETAG_FAKE))
        return [], options, []
    vocab = source.vocab_tokens if given is None else given
    if vocab is None:
        raise ExportError(f"{arguments.checkpoint} has no vocabulary; give its vocab.txt: --vocab")
    if arguments.lowercase:
        options.lowercase = True
    if arguments.accents is not None:
        options.strip_accents = arguments.accents == "strip"
    notes = check_accents(vocab, options, source.tokenizer_said)
    if source.encode is not None:
        check_tokenizer(vocab, options, source.encode, texts)
    return vocab, options, notes


def export(arguments: argparse.Namespace) -> list[str]:
    from wiretag_modeling import ExportError, write_bundle
    from wiretag_modeling.directory_files import read_lines
    from wiretag_modeling.labels import TASKS, as_labels, check_order, parse_labels
    from wiretag_modeling.sources import read_source
    from wiretag_modeling.whole_tokenizer import WholeTokenizer

    progress = Progress()
    texts = read_texts(arguments.texts)
    progress(f"read {arguments.checkpoint}")
    given = None if arguments.vocab is None else read_vocabulary(arguments.vocab)
    pad_id = pad_id_of(given)
    source = read_source(arguments.checkpoint, arguments.padding, arguments.inputs, pad_id)
    progress(source.what)
    labels = source.labels
    if arguments.labels is not None:
        lines = read_lines(arguments.labels, "labels file")
        labels = parse_labels(lines, arguments.labels)
        check_order(labels, as_labels(source.labels or []), arguments.labels)
    task = source.task or arguments.task or TASKS[0]
    if arguments.task not in (None, task):
        raise ExportError(
            f"{arguments.checkpoint} is of a model with task {task}, not {arguments.task}; leave "
            "--task out"
        )
    if labels is None:
        raise ExportError(
            f"{arguments.checkpoint} does not name its labels{source.labels_why}; give a file with one a "
            "line, in id order: --labels"
        )
    vocab, options, notes = settle_tokenizer(arguments, given, source, texts)
    tokens_max = source.tokens_max if arguments.max_tokens is None else arguments.max_tokens
    selftest, samples = selftest_and_samples(texts, arguments.padding)
    report = write_bundle(
        source.model,
        vocab,
        labels,
        options,
        arguments.name,
        arguments.version,
        selftest,
        arguments.out,
        padding=arguments.padding,
        inputs=source.inputs,
        tokens_max=tokens_max,
        sample_texts=samples,
        reference=source.reference,
        wiretag=WIRETAG if WIRETAG.exists() else None,
        task=task,
        own_tokenizer=given is None and (source.encode is not None or isinstance(options, WholeTokenizer)),
        progress=progress,
    )
    progress("done")
    return report.lines() + notes


def main() -> int:
    arguments = parse_arguments()
    # TorchScript writes some sets in hash order: with a fixed one, the same model gives the same
    # file, and so the same SHA-256.
    if os.environ.get("PYTHONHASHSEED") != "0":
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
    try:
        from wiretag_modeling import ExportError
    except ModuleNotFoundError as missing:
        print(
            f"export_model.py: {missing}; install what export needs with scripts/setup --python, "
            "then call .deps/python/bin/python scripts/export/export_model.py",
            file=sys.stderr,
        )
        return 1
    try:
        lines = export(arguments)
    except ExportError as error:
        print(f"export_model.py: {error}", file=sys.stderr)
        return 1
    except (MemoryError, OSError) as error:
        print(f"export_model.py: {error or 'out of memory'}", file=sys.stderr)
        return 1
    print(*lines, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
