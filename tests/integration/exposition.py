"""The Prometheus text format, version 0.0.4, read strictly: what a scraper would refuse fails here.

`promtool check metrics` knows more (naming habits); it is used as well where it is there.
"""

import math
import re
import subprocess
from dataclasses import dataclass, field

import prometheus_server
from broker import ROOT

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')


@dataclass
class Family:
    name: str
    type: str
    help: str
    samples: list = field(default_factory=list)  # of (name, {label: value}, number)


def promtool():
    """The path of promtool, or None."""
    return prometheus_server.find("promtool")


def check_with_promtool(page):
    """Fails with what promtool says against the page; false if there is no promtool."""
    if promtool() is None:
        return False
    done = subprocess.run([promtool(), "check", "metrics"], input=page, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    return True


def parse(page):
    """{name: Family}; fails on what the format does not allow."""
    assert page.endswith("\n") and "\r" not in page
    families, family = {}, None
    lines = iter(page.splitlines())
    for line in lines:
        if line.startswith("# HELP "):
            name, text = line[7:].split(" ", 1)
            kind = re.fullmatch(rf"# TYPE {name} (counter|gauge|histogram)", next(lines))
            assert NAME.fullmatch(name) and kind, f"HELP without its TYPE: {line}"
            assert name not in families, f"{name} comes twice"
            assert text == text.strip() and text, line
            family = families[name] = Family(name, kind.group(1), text)
        else:
            assert family is not None, line
            family.samples.append(_sample(line, family))
    for family in families.values():
        _check(family)
    return families


def _sample(line, family):
    found = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", line)
    assert found, line
    name, text, number = found.groups()
    labels = dict(LABEL.findall(text or ""))
    assert text is None or ",".join(f'{label}="{value}"' for label, value in LABEL.findall(text)) == text, line
    endings = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
    assert name in [family.name + ending for ending in endings], f"{line} stands under {family.name}"
    assert re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]Inf|NaN", number), line
    return name, labels, float(number)


def _check(family):
    assert family.samples, f"{family.name} has no sample"
    keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in family.samples]
    assert len(keys) == len(set(keys)), f"{family.name}: a series comes twice"
    label_names = {tuple(sorted(set(labels) - {"le"})) for _, labels, _ in family.samples}
    assert len(label_names) == 1, f"{family.name}: series differ in their labels: {label_names}"
    if family.type == "counter":
        assert family.name.endswith("_total")
        assert all(number >= 0 and math.isfinite(number) for _, _, number in family.samples)
    if family.type == "histogram":
        _check_histogram(family)


def _check_histogram(family):
    """Buckets rise to +Inf, which is the count."""
    histograms = {}
    for name, labels, number in family.samples:
        key = tuple(sorted((label, value) for label, value in labels.items() if label != "le"))
        histograms.setdefault(key, {})[name[len(family.name):] + labels.get("le", "")] = number
    for key, parts in histograms.items():
        where = f"{family.name}{dict(key)}"
        bounds = [part[7:] for part in parts if part.startswith("_bucket")]
        assert [float(bound) for bound in bounds] == sorted(float(bound) for bound in bounds), where
        assert bounds[-1] == "+Inf", where
        counts = [parts["_bucket" + bound] for bound in bounds]
        assert counts == sorted(counts) and counts[-1] == parts["_count"], where
        assert parts["_sum"] >= 0, where


def documented():
    """{name: (type, labels)} of docs/metrics.md, which is made from the table of the code."""
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| ([^|]*) \|",
                      (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
