#!/usr/bin/env python3
"""Reports what each precision changes: logits and labels of articles, against fp32.

    scripts/export/compare_precisions.py --model models/demo.pt --input data/samples.jsonl

--input has an article {"text"} a line. The worker's own program labels them (build/wiretag classify), in
fp32 first, then in each of --precisions; nothing but Python and a built wiretag is needed. The bound is
the one stored in the bundle: the largest difference it was exported with, with room to spare.
"Clear" are the articles whose two best logits in fp32 are further apart than twice the bound: of these no
label may change, and the program exits 1 where one does, or where a logit is further off than its bound.
"""

import argparse
import json
import math
import subprocess
import sys
import time
import zipfile
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Unavailable(Exception):
    """A precision that this bundle or device does not have; the worker's own words."""


def read_articles(path: Path, count: int | None) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        texts = (json.loads(line)["text"] for line in lines if line.strip())
        return [json.dumps({"text": text}) for text in islice(texts, count)]


def stored_bounds(model: Path) -> dict[str, float]:
    """wiretag.json of a bundle, which is a zip archive."""
    with zipfile.ZipFile(model) as archive:
        name = next(n for n in archive.namelist() if n.endswith("/extra/wiretag.json"))
        precisions = json.loads(archive.read(name))["precisions"]
    return {precision: entry["logits_bound"] for precision, entry in precisions.items()}


def classify(
    arguments: argparse.Namespace, articles: list[str], precision: str, *options: str
) -> tuple[list[list[float]], float]:
    """The logits of each article, and the seconds it took, loading included."""
    command = [arguments.wiretag, "classify", "--model", arguments.model, "--logits"]
    command += ["--device", arguments.device, "--precision", precision, *options]
    started = time.monotonic()
    done = subprocess.run(
        command, input="\n".join(articles), capture_output=True, text=True, check=False
    )
    if done.returncode != 0 and not done.stdout:
        raise Unavailable(done.stderr.strip().splitlines()[-1])
    # A label may hold what splitlines takes for the end of a line, such as U+2028.
    rows = [json.loads(line) for line in done.stdout.split("\n") if line]
    bad = next((row["error"]["message"] for row in rows if "error" in row), None)
    if bad is not None:
        raise SystemExit(f"compare_precisions.py: an article of the input is bad: {bad}")
    return [row["logits"] for row in rows], time.monotonic() - started


def best(logits: list[float]) -> int:
    return max(range(len(logits)), key=logits.__getitem__)


def lead(logits: list[float]) -> float:
    """Of the best logit over the next."""
    first, second = sorted(logits, reverse=True)[:2] if len(logits) > 1 else (math.inf, 0.0)
    return first - second


def compare(wanted: list[list[float]], found: list[list[float]], bound: float) -> dict:
    errors = [
        max(abs(a - b) for a, b in zip(left, right, strict=True))
        for left, right in zip(wanted, found, strict=True)
    ]
    same = [best(left) == best(right) for left, right in zip(wanted, found, strict=True)]
    clear = [lead(logits) > 2 * bound for logits in wanted]
    return {
        "worst": max(errors),
        "median": sorted(errors)[len(errors) // 2],
        "changed": same.count(False),
        "clear": sum(clear),
        "clear_changed": sum(c and not s for c, s in zip(clear, same, strict=True)),
    }


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, metavar="BUNDLE")
    parser.add_argument("--input", type=Path, required=True, metavar="FILE.jsonl")
    parser.add_argument("--articles", type=int, metavar="N", help="the first N only")
    parser.add_argument("--device", default="auto", metavar="D", help="as of wiretag classify")
    parser.add_argument(
        "--precisions", metavar="P,Q", help="default: all that the bundle has a bound for"
    )
    parser.add_argument(
        "--wiretag", type=Path, default=ROOT / "build" / "wiretag", metavar="FILE"
    )
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    try:
        articles = read_articles(arguments.input, arguments.articles)
        bounds = stored_bounds(arguments.model)
        wanted, seconds = classify(arguments, articles, "fp32")
    except (OSError, ValueError, KeyError, StopIteration, zipfile.BadZipFile, Unavailable) as error:
        print(f"compare_precisions.py: {error or 'not a bundle'}", file=sys.stderr)
        return 1
    if not wanted:
        print(f"compare_precisions.py: {arguments.input} has no article", file=sys.stderr)
        return 1
    print(f"{len(wanted)} articles, {len({best(row) for row in wanted})} different labels in fp32, "
          f"{seconds:.1f} s")  # fmt: skip
    print("precision  bound    worst    median   labels changed  clear ones   seconds")
    failed = False
    chosen = arguments.precisions.split(",") if arguments.precisions else list(bounds)
    for precision in chosen:
        if precision == "fp32":
            continue
        try:
            found, seconds = classify(arguments, articles, precision)
        except Unavailable as error:
            print(f"{precision:10} {error}")
            continue
        bound = bounds.get(precision, math.inf)
        seen = compare(wanted, found, bound)
        failed |= seen["worst"] > bound or seen["clear_changed"] > 0
        print(
            f"{precision:10} {bound:<8.3g} {seen['worst']:<8.3g} {seen['median']:<8.3g} "
            f"{seen['changed']:>4} of {len(wanted):<6} {seen['clear_changed']:>4} of "
            f"{seen['clear']:<6} {seconds:.1f}"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
