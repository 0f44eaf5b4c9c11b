#!/usr/bin/env python3
"""Measures what the sizing table of docs/operations.md says: articles a second, memory and start of bundles.

    scripts/bench/sizing.py --model BUNDLE [--model BUNDLE ...] [--precisions fp32,bf16,int8]
                            [--replicas 1x1,1x2,2x1] [--seconds 10] [--repeats 3]

For each bundle and precision: a start, from the program to the first label, and its peak memory (as load.py
measures them). Then wiretag bench model over data/samples.jsonl with each REPLICASxTHREADS: articles a second, and
peak memory. The number of articles is what takes about --seconds. Figures are medians; nothing else should run
meanwhile.

Prints the rows of the table, and last a JSON line.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import load
from wiretag_bench.output import to_its_reader

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples.jsonl"
TRIAL_ARTICLES = 40


def cpu():
    """The processor's name, and how many of them the process may use."""
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return f"{names[0] if names else 'unknown'}, {len(os.sched_getaffinity(0))} processors"


def bench(arguments, bundle, precision, replicas, threads, articles):
    """(articles a second, peak resident bytes) of one run."""
    command = [arguments.wiretag, "bench", "model", "--model", bundle, "--device", "cpu", "--precision", precision,
               "--input", SAMPLES, "--articles", str(articles), "--replicas", str(replicas), "--threads", str(threads)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise RuntimeError(errors.read().decode().strip().splitlines()[-1])
        return json.loads(out.read())["articles_per_s"], usage.ru_maxrss * 1024


def measure(arguments, bundle, precision):
    starts = [load.first_label(arguments.wiretag, bundle, precision) for _ in range(arguments.repeats)]
    row = {"bundle": bundle.stem, "bundle_mb": round(bundle.stat().st_size / 1e6), "precision": precision,
           "start_s": round(statistics.median(seconds for seconds, _ in starts), 2),
           "start_mb": round(statistics.median(peak for _, peak in starts) / 1e6), "articles_per_s": {}, "memory_mb": {}}
    rate, _ = bench(arguments, bundle, precision, 1, 1, TRIAL_ARTICLES)
    for form in arguments.replicas.split(","):
        replicas, threads = map(int, form.split("x"))
        articles = max(TRIAL_ARTICLES, int(rate * replicas * threads * arguments.seconds))
        runs = [bench(arguments, bundle, precision, replicas, threads, articles) for _ in range(arguments.repeats)]
        row["articles_per_s"][form] = round(statistics.median(run[0] for run in runs), 1)
        row["memory_mb"][form] = round(statistics.median(run[1] for run in runs) / 1e6)
    return row


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", required=True, metavar="BUNDLE")
    parser.add_argument("--precisions", default="fp32,bf16,int8", metavar="P,Q")
    parser.add_argument("--replicas", default="1x1,1x2,2x1", metavar="RxT,...")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    parser.add_argument("--wiretag", type=Path, default=ROOT / "build" / "wiretag", metavar="FILE")
    return parser.parse_args()


def main():
    arguments = read_arguments()
    rows = []
    try:
        for bundle in arguments.model:
            load.read_once(bundle)
            for precision in arguments.precisions.split(","):
                row = measure(arguments, bundle, precision)
                rows.append(row)
                rates = " | ".join(f"{row['articles_per_s'][form]:g}" for form in arguments.replicas.split(","))
                print(f"| {row['bundle']}, {row['bundle_mb']} MB | {precision} | {rates} | {max(row['memory_mb'].values())} MB | "
                      f"{row['start_s']} s |", flush=True)
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError) as error:
        print(f"sizing.py: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"cpu": cpu(), "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
