#!/usr/bin/env python3
"""Gives the labels of a bundle URIs and thresholds, without exporting the model again.

    .deps/python/bin/python scripts/export/relabel_bundle.py --model models/news.pt \\
        --labels labels.json --out models/news-2.pt

labels.json is a list in id order of names or of {"name", "uri", "threshold"}; the last two are
optional. The names must be those of the bundle, unless --rename is given. Weights, vocabulary, bounds
and self-test stay as they are, byte for byte; the SHA-256 of the file changes.
"""

import argparse
import sys
from pathlib import Path


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, metavar="BUNDLE")
    parser.add_argument("--labels", type=Path, required=True, metavar="FILE.json")
    parser.add_argument("--rename", action="store_true", help="the file gives labels other names")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE")
    return parser.parse_args()


def relabel(arguments: argparse.Namespace) -> str:
    from wiretag_modeling import ExportError
    from wiretag_modeling.bundle import rewrite_manifest
    from wiretag_modeling.checks import check_words
    from wiretag_modeling.directory_files import read_lines
    from wiretag_modeling.labels import TASKS, check_order, describe, parse_labels, read_label

    labels = parse_labels(read_lines(arguments.labels, "labels file"), arguments.labels)

    def change(manifest: dict) -> dict:
        own = [read_label(label, str(arguments.model)) for label in manifest["labels"]]
        check_words([label.name for label in labels], manifest["name"], manifest["version"])
        check_order(labels, own, arguments.labels)
        if len(labels) != len(own):
            raise ExportError(
                f"{arguments.labels} has {len(labels)} labels, {arguments.model} has {len(own)}"
            )
        for number, (label, was) in enumerate(zip(labels, own, strict=True), 1):
            if label.name != was.name and not arguments.rename:
                raise ExportError(
                    f"{arguments.labels}: label {number} is {label.name!r}, in {arguments.model} it "
                    f"is {was.name!r}; --rename renames it"
                )
        task = manifest.pop("task", TASKS[0])
        return manifest | describe(labels, task)

    if not arguments.model.is_file():
        raise ExportError(f"{arguments.model} does not exist")
    digest = rewrite_manifest(arguments.model, arguments.out, change)
    return f"{arguments.out}: sha256 {digest}"


def main() -> int:
    arguments = parse_arguments()
    try:
        from wiretag_modeling import ExportError
    except ModuleNotFoundError as missing:
        print(
            f"relabel_bundle.py: {missing}; install what export needs with scripts/setup --python, "
            "then call .deps/python/bin/python scripts/export/relabel_bundle.py",
            file=sys.stderr,
        )
        return 1
    try:
        print(relabel(arguments))
    except (ExportError, OSError) as error:
        print(f"relabel_bundle.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
