"""The table of docs/models.md, what padding does where it is read, is what the script finds."""

import re
import subprocess
import sys

import pytest
from exporting import ROOT

pytestmark = pytest.mark.torch
SCRIPT = ROOT / "scripts/export/compare_paddings.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=280, check=False
    )


def figures(row, columns):
    """Name, worst difference, labels changed, accuracy of one row."""
    name, worst, changed, accuracy = re.split(columns, row.strip("| "))
    return name.replace("padding read", "read"), float(worst), int(changed), float(accuracy.rstrip(" %"))


def test_the_script_finds_what_the_documentation_says():
    done = run()
    assert done.returncode == 0, done.stderr
    found = [figures(line, r"\s{2,}") for line in done.stdout.splitlines()[2:]]
    text = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    table = text.split("| | largest change of a logit |")[1].split("\n\n")[0].splitlines()[2:]
    told = [figures(line, r"\s*\|\s*") for line in table]
    assert [row[0] for row in found] == [row[0] for row in told]
    # wiretag's own is rounding, other on every processor.
    assert found[0][1] <= 1e-4 and found[0][2] == 0
    for (_, worst, changed, accuracy), wanted in zip(found[1:], told[1:], strict=True):
        assert worst == pytest.approx(wanted[1], rel=0.01)
        assert changed == pytest.approx(wanted[2], abs=1)
        assert accuracy == pytest.approx(wanted[3], abs=0.5)


def test_a_bundle_of_another_model_is_refused_with_one_line(tmp_path):
    for content in (None, b"no bundle"):
        path = tmp_path / "model.pt"
        if content is not None:
            path.write_bytes(content)
        done = run("--model", path)
        assert done.returncode == 1 and done.stderr.startswith(f"compare_paddings.py: {path}: ")
        assert len(done.stderr.splitlines()) == 1
