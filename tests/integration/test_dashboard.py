"""The dashboard over a recorded run: the metrics of a real worker, as Prometheus would have them, give every panel
something to draw."""

import json
import math
import os
import signal
import subprocess
import time

import exposition
import pytest
from broker import ROOT
from client import Record, article
from fake import POISON
from test_reload import replacements
from test_windows import LONG, TOKENS_MAX

DASHBOARD = json.loads((ROOT / "config" / "dashboard.json").read_text(encoding="utf-8"))
EXPRESSIONS = [(panel["title"], target["expr"].replace("$instance", ".*"))
               for panel in DASHBOARD["panels"] if panel["type"] != "row" for target in panel["targets"]]
SCRAPES = 6
# The run certainly has more of these than this, at its end.
MORE_THAN = {"Reloads": 0, "Label cache": 0, "Windows of an article": 1, "Shadow": 0, "Shadow differs": 0}
LONG_ARTICLE = article(" ".join(["матч"] * 70))


def recorded(lab):
    """What each of some scrapes of a worker had: {(name, labels as text): number}. It labels and refuses, has a shadow
    and a label cache, cuts a long article into windows, and takes another model meanwhile."""
    model, other = (lab.model(tokens, fail_on_token=POISON) for tokens in (TOKENS_MAX, TOKENS_MAX - 1))
    flow = lab.flow(2)
    shadow = lab.model(described={"task": "single-label", "labels": [{"name": "other"}]})
    running = lab.run(flow, model, http={"listen": "127.0.0.1:0"}, output={"threshold": 0.3}, input=LONG,
                      model={"shadow": {"path": str(shadow)}, "cache_bytes_max": 1 << 20})
    running.wait_ready()
    scrapes = []
    for scrape in range(SCRAPES):
        if scrape == SCRAPES // 2:
            os.replace(other.path, model.path)
            running.signal(signal.SIGHUP)
            replacements(running, 1)
        values = [article(f"новость {scrape} {number}") for number in range(100)] + [b"bad", article(POISON), None]
        values += [LONG_ARTICLE] * 5
        flow.produce([Record(value, b"key", partition=number % 2) for number, value in enumerate(values)])
        flow.wait_done()
        time.sleep(1.2)  # the monitor looks once a second
        samples = [sample for family in exposition.parse(running.http("/metrics")[1]).values() for sample in family.samples]
        scrapes.append({(name, tuple(sorted(labels.items()))): number for name, labels, number in samples})
    return scrapes


def series_of(scrapes):
    """promtool's input_series: a minute between two scrapes."""
    written = []
    for name, labels in sorted({key for scrape in scrapes for key in scrape}):
        braces = ",".join(f"{label}={json.dumps(value, ensure_ascii=False)}"
                          for label, value in [*labels, ("job", "wiretag"), ("instance", "worker-1")])
        numbers = [scrape.get((name, labels), math.nan) for scrape in scrapes]
        values = " ".join("_" if math.isnan(number) else "1e300" if math.isinf(number) else repr(number) for number in numbers)
        written.append({"series": f"{name}{{{braces}}}", "values": values})
    return written


def test_every_panel_has_something_to_draw(lab, tmp_path):
    if exposition.promtool() is None:
        pytest.skip("NOT PROVEN HERE: promtool is not there (scripts/setup --test)")
    assert set(MORE_THAN) <= {title for title, _ in EXPRESSIONS}
    asked = [f"count({expression}) > bool 0" for _, expression in EXPRESSIONS]
    asked += [f"max({expression}) > bool {MORE_THAN[title]}" for title, expression in EXPRESSIONS if title in MORE_THAN]
    checks = [{"expr": question, "eval_time": f"{SCRAPES - 1}m", "exp_samples": [{"labels": "{}", "value": 1}]}
              for question in asked]
    # One that must find nothing: a check that finds everything would not be one.
    checks.append({"expr": "count(wiretag_nothing)", "eval_time": "1m", "exp_samples": []})
    (tmp_path / "rules.yaml").write_text("groups: []\n", encoding="utf-8")
    (tmp_path / "run.yaml").write_text(json.dumps({
        "rule_files": ["rules.yaml"], "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series_of(recorded(lab)), "promql_expr_test": checks}],
    }, ensure_ascii=False), encoding="utf-8")
    done = subprocess.run([exposition.promtool(), "test", "rules", "run.yaml"], cwd=tmp_path, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
