"""The panels of config/dashboard.json that the pictures show, and what their queries say of a recorded run."""

import gzip
import json
import math
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import prometheus_server

ROOT = Path(__file__).resolve().parents[3]
BOARD = ROOT / "config" / "dashboard.json"
# The main ones, as the board has them: numbers, then what goes over time.
NUMBERS = ["Ready workers", "Labelled a second", "Oldest record not done", "Time to drain", "Cannot be labelled"]
GRAPHS = ["Outcomes", "Categories", "Age of the oldest",
          "Record, from consumed to acknowledged", "Mean time in each stage", "Waiting records"]
STEPS = 180
SCRAPE_S = 2  # between two scrapes of the recorded run


@dataclass
class Panel:
    title: str
    unit: str
    queries: list  # of (PromQL as the board has it, legend)
    lines: list = field(default_factory=list)  # of (name, [(seconds since the beginning, number)])


def read(titles):
    """The board's panels with these titles, in this order."""
    panels = {panel["title"]: panel for panel in json.loads(BOARD.read_text(encoding="utf-8"))["panels"]}
    return [Panel(title, panels[title]["fieldConfig"]["defaults"].get("unit", "none"),
                  [(target["expr"], target.get("legendFormat", "")) for target in panels[title]["targets"]])
            for title in titles]


def families(panels):
    """The names of the series that the queries read."""
    return {name for panel in panels for query, _ in panel.queries
            for name in re.findall(r"\b(?:wiretag|process)_\w+", query)}


def name_of(legend, labels):
    """As Grafana writes a legend."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend).strip() or "value"


def evaluate(recording, folder, panels):
    """Fills the panels' lines from a recording (OpenMetrics with times, gzipped) by a Prometheus in `folder`; returns
    the length of the run in seconds."""
    text = gzip.decompress(Path(recording).read_bytes()).decode()
    (folder / "run.om").write_text(text, encoding="utf-8")
    subprocess.run([prometheus_server.find("promtool"), "tsdb", "create-blocks-from", "openmetrics", folder / "run.om",
                    folder / "data"], check=True, stdout=subprocess.DEVNULL)
    times = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")]
    begin, end = min(times), max(times)
    step = (end - begin) / STEPS
    server = prometheus_server.Server(folder, lookback=f"{2 * SCRAPE_S + 1}s")
    try:
        for panel in panels:
            for query, legend in panel.queries:
                for labels, values in server.range(query.replace("$instance", ".*"), begin, end, step):
                    points = [(moment - begin, number) for moment, number in values if math.isfinite(number)]
                    panel.lines.append((name_of(legend, labels), points))
            panel.lines.sort(key=lambda line: (-sum(number for _, number in line[1]), line[0]))
    finally:
        server.close()
    return end - begin
