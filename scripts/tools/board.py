#!/usr/bin/env python3
"""Draws the main panels of the Grafana dashboard as docs/images/board-light.svg and board-dark.svg.

    .deps/test-venv/bin/python scripts/tools/board.py draw
    .deps/test-venv/bin/python scripts/tools/board.py record [--seconds 280] [--burst 20000]

`draw` evaluates the queries of config/dashboard.json over the recorded run, docs/images/board-run.om.gz, by a
Prometheus of its own: after a change of a panel. `record` makes that run anew, on a local broker with two workers
(build/wiretag) and a steady feed, a burst and some broken records. Both need scripts/setup --test.
"""

import argparse
import tempfile
from pathlib import Path

from wiretag_board import drawing, panels

IMAGES = panels.ROOT / "docs" / "images"
RECORDING = IMAGES / "board-run.om.gz"
CAPTION = "two workers, a burst, and broken records: a recorded run"


def draw(recording=RECORDING):
    """{scheme: SVG}."""
    numbers, graphs = panels.read(panels.NUMBERS), panels.read(panels.GRAPHS)
    with tempfile.TemporaryDirectory(prefix="wiretag-board-") as folder:
        seconds = panels.evaluate(recording, Path(folder), [*numbers, *graphs])
    return {scheme: drawing.draw(scheme, CAPTION, numbers, graphs, seconds) for scheme in drawing.COLOURS}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("draw")
    recorder = commands.add_parser("record")
    recorder.add_argument("--seconds", type=int, default=280)
    recorder.add_argument("--burst", type=int, default=20_000)
    arguments = parser.parse_args()
    if arguments.command == "record":
        from wiretag_board import recording
        recording.record(RECORDING, arguments.seconds, arguments.burst)
    for scheme, picture in draw().items():
        (IMAGES / f"board-{scheme}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
