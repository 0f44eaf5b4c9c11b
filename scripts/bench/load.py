#!/usr/bin/env python3
"""Measures how long a bundle takes from the start of the program to its first label, and its memory.

    scripts/bench/load.py --model BUNDLE [--precisions fp32,bf16,int8] [--repeats 5]

Each time a new wiretag classify is given one short article. The file is read once before, so that it
lies in the system's cache; nothing else should run meanwhile. Peak memory is that of the whole
process, the runtime's libraries included, as the kernel counts it; it is shown in MB and as a
multiple of the bundle's size. The steps are those of another start, of wiretag bench model.

Prints a table, with the shortest and the middle time, and last a JSON line.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wiretag_bench.output import to_its_reader

ROOT = Path(__file__).resolve().parents[2]
ARTICLE = '{"text":"мяч"}\n'.encode()


def read_once(path: Path) -> None:
    """In pieces: a child's peak memory, as the kernel counts it, begins with that of its parent."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def first_label(wiretag: Path, bundle: Path, precision: str) -> tuple[float, int]:
    """(seconds to the first label, peak resident bytes) of one start."""
    command = [wiretag, "classify", "--model", bundle, "--device", "cpu", "--precision", precision]
    with tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        with contextlib.suppress(BrokenPipeError):  # it has ended, and says below why
            process.stdin.write(ARTICLE)
            process.stdin.close()
        label = process.stdout.readline()
        seconds = time.monotonic() - started
        # subprocess would wait without asking what was used.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode != 0 or not label:
            errors.seek(0)
            said = errors.read().decode().strip().splitlines()
            raise RuntimeError(said[-1] if said else f"{wiretag} ended without a word")
    return seconds, usage.ru_maxrss * 1024


def steps(wiretag: Path, bundle: Path, precision: str) -> dict[str, float]:
    """The seconds of each step of loading."""
    command = [wiretag, "bench", "model", "--model", bundle, "--device", "cpu"]
    command += ["--precision", precision, "--shapes", "1x8", "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[0])["load_seconds"]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, metavar="BUNDLE")
    parser.add_argument("--precisions", default="fp32,bf16,int8", metavar="P,Q")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    parser.add_argument(
        "--wiretag", type=Path, default=ROOT / "build" / "wiretag", metavar="FILE"
    )
    return parser.parse_args()


def main() -> int:
    arguments = read_arguments()
    found = {}
    print("precision  first label, s    peak memory        steps, s")
    try:
        size = arguments.model.stat().st_size
        read_once(arguments.model)
        for precision in arguments.precisions.split(","):
            starts = [
                first_label(arguments.wiretag, arguments.model, precision)
                for _ in range(arguments.repeats)
            ]
            seconds = sorted(second for second, _ in starts)
            peak = max(peak for _, peak in starts)
            took = steps(arguments.wiretag, arguments.model, precision)
            found[precision] = {
                "seconds_least": round(seconds[0], 2),
                "seconds_median": round(statistics.median(seconds), 2),
                "peak_mb": round(peak / 1e6),
                "peak_over_bundle": round(peak / size, 3),
                "steps": took,
            }
            print(
                f"{precision:10} {seconds[0]:.2f} to {statistics.median(seconds):.2f}      "
                f"{peak / 1e6:5.0f} MB, {peak / size:.2f}x    "
                + ", ".join(f"{step} {value:.2f}" for step, value in took.items()),
                flush=True,
            )
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"load.py: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"bundle_mb": round(size / 1e6), "starts": found}))
    return 0


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
