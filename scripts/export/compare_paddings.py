#!/usr/bin/env python3
"""Reports what padding that is read does to the demonstration model: a table of docs/models.md.

    .deps/python/bin/python scripts/export/compare_paddings.py

The held-out texts are labelled alone, then in batches, in the order of the files. wiretag's way
leaves padding out; "read" is what a BERT with an LSTM and a mean over time does in batches that
only its attention masks.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/demo"))


def load(bundle: Path) -> tuple[object, object]:
    """The model and its tokenizer."""
    import torch
    from wiretag_demo import learning
    from wiretag_demo.vocabulary import OPTIONS

    from wiretag_modeling import build_tokenizer

    extra = {"vocab.txt": b""}
    module = torch.jit.load(str(bundle), map_location="cpu", _extra_files=extra)
    tokens = bytes(extra["vocab.txt"]).decode().split("\n")[:-1]
    model = learning.new_model(len(tokens), 0.0)
    model.load_state_dict(module.state_dict())
    return model.eval(), build_tokenizer(tokens, OPTIONS)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model",
        type=Path,
        default=ROOT / "models" / "demo.pt",
        metavar="BUNDLE",
        help="of scripts/demo/train.py (default: models/demo.pt)",
    )
    arguments = parser.parse_args()
    try:
        import torch
        from wiretag_demo.texts import CATEGORIES, read_texts

        from wiretag_modeling.measure import Runner, as_the_worker_runs, difference
    except ModuleNotFoundError as missing:
        print(
            f"compare_paddings.py: {missing}; install it with scripts/setup --python, then call "
            ".deps/python/bin/python scripts/export/compare_paddings.py",
            file=sys.stderr,
        )
        return 1
    try:
        model, tokenizer = load(arguments.model)
    except (OSError, RuntimeError, ValueError) as error:
        said = str(error).strip().split("\n")[0]
        print(f"compare_paddings.py: {arguments.model}: {said}", file=sys.stderr)
        return 1
    texts = read_texts(ROOT / "data" / "heldout")
    rows = [tokenizer.encode(text.text).ids for text in texts]
    expected = torch.tensor([CATEGORIES.index(text.category) for text in texts])
    lengths = [len(row) for row in rows]
    runner = Runner(model, "ids+lengths")

    def logits(rows_at_once: int, padding_read: bool, pad_to: int = 0) -> torch.Tensor:
        # Of the head any number says that the padding is read, however wide the batch is.
        model.pad_to, model.head.pad_to = pad_to, int(padding_read)
        starts = range(0, len(rows), rows_at_once)
        return torch.cat([runner.batch(rows[start : start + rows_at_once]) for start in starts])

    print(f"{len(rows)} texts of {min(lengths)} to {max(lengths)} tokens, against each alone")
    print("batches                                  worst logit  labels changed  accuracy")
    with as_the_worker_runs():
        alone = logits(1, False)
        for what, found in (
            ("wiretag, the longest of 32", logits(32, False)),
            ("padded to the longest of 8, read", logits(8, True)),
            ("padded to the longest of 32, read", logits(32, True)),
            ("always padded to 512, read", logits(8, True, 512)),
        ):
            labels = found.argmax(1)
            changed = int((labels != alone.argmax(1)).sum())
            right = float((labels == expected).float().mean())
            print(f"{what:41}{difference(found, alone):<13.4g}{changed:<16}{100 * right:.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
