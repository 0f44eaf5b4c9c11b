"""What wiretag check finds, for tests: run it, read its JSON, and hold it to its promises."""

import json
import subprocess

import worker
from broker import ROOT

LEVELS = ("ok", "note", "warning", "error")


def run(config, directory, *arguments):
    """(exit status, stdout, stderr)"""
    path = directory / "checked.yaml"
    path.write_text(config if isinstance(config, str) else worker.yaml(config) + "\n", encoding="utf-8")
    done = subprocess.run([worker.binary(worker.fake_build()), "check", "-c", path, *arguments], cwd=ROOT,
                          timeout=120, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def check(lab, flow, **changes):
    """(exit status, {check: [findings]}) of a configuration with the fake model."""
    changes = worker.merge({"model": {"path": str(lab.model())}}, changes)
    return findings(*run(flow.config(**changes), lab.directory, "--json"))


def findings(status, stdout, stderr):
    assert stdout.count("\n") == 1, stdout + stderr
    body = json.loads(stdout)
    by_check = {}
    for finding in body["findings"]:
        assert list(finding) == ["level", "check", "place", "message", "remedy"]
        assert finding["level"] in LEVELS and finding["message"]
        assert finding["remedy"] or finding["level"] != "warning"
        by_check.setdefault(finding["check"], []).append(finding)
    well = all(finding["level"] in ("ok", "note") for finding in body["findings"])
    assert body["well"] is well and (status == 0) is well
    return status, by_check


def bad(by_check):
    return {name for name, found in by_check.items() if any(one["level"] in ("warning", "error") for one in found)}
