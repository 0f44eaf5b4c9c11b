#!/usr/bin/env python3
"""Compares what the benchmarks printed with the ratios that wiretag stands for (floors.json). Before a release:

    scripts/bench/floors.py --run                   runs the benchmarks one after the other, about an hour
    scripts/bench/floors.py --run --only tokenizer  those whose command has this word
    scripts/bench/floors.py FILE...                 reads what they printed before

Nothing else may run on the machine meanwhile. Each floor lies some percent below what was measured, as much as runs
on an idle machine differ; its source says where and on which processor. Exit 1 if a ratio is below its floor, or
was not measured.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

from wiretag_bench.output import to_its_reader

ROOT = Path(__file__).resolve().parents[2]
FLOORS = Path(__file__).with_name("floors.json")


def json_lines(text):
    """The JSON objects among the lines of a benchmark's output."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def at(line, path):
    for key in path:
        line = line.get(key) if isinstance(line, dict) else None
    return line


def measured(floor, lines):
    """The ratio in the last line that has it; None: not measured."""
    found = None
    for line in lines:
        if all(line.get(key) == value for key, value in floor["line"].items()):
            value = at(line, floor["value"])
            others = [at(line, path) for path in floor.get("over", [])]
            if value is not None and None not in others:
                found = value / max(others) if others else value
    return found


def compare(floors, lines):
    """Prints a line for each floor. True: all hold."""
    held = True
    for floor in floors:
        value = measured(floor, lines)
        holds = value is not None and value >= floor["floor"]
        held = held and holds
        verdict = "holds" if holds else "NOT MEASURED" if value is None else "BELOW"
        print(f"{verdict:12} {'' if value is None else format(value, '.2f'):>6} floor {floor['floor']:<5g} "
              f"once {floor['measured']:<5g} {floor['ratio']}")
        if not holds:
            print(f"{'':13}{floor['command']} (the floor: {floor['source']})")
    return held


def outputs(commands):
    for command in commands:
        print(command, file=sys.stderr, flush=True)
        words = shlex.split(command)
        # A benchmark that misses a goal of its own exits 1 and has printed its line.
        done = subprocess.run([sys.executable, ROOT / words[0], *words[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                              check=False)
        yield done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="run the benchmarks")
    parser.add_argument("--only", default="", metavar="WORD", help="only floors whose command has this word")
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    floors = [floor for floor in json.loads(FLOORS.read_text(encoding="utf-8")) if options.only in floor["command"]]
    if not floors or options.run == bool(options.files):
        parser.error("either --run or files with the benchmarks' output, and floors to compare with")
    texts = outputs(dict.fromkeys(floor["command"] for floor in floors)) if options.run else (
        file.read_text(encoding="utf-8") for file in options.files)
    return 0 if compare(floors, [line for text in texts for line in json_lines(text)]) else 1


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
