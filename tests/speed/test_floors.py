"""The floors of the benchmarks' ratios: each has a source, and what lies below one is told."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOORS = json.loads((ROOT / "scripts/bench/floors.json").read_text(encoding="utf-8"))


def lines_at(share):
    """What the benchmarks would print if every ratio were this share of its floor."""
    lines = []
    for floor in FLOORS:
        line = dict(floor["line"])
        for path, value in [(floor["value"], share * floor["floor"]), *((path, 1.0) for path in floor.get("over", []))]:
            place = line
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place[path[-1]] = value
        lines.append(json.dumps(line))
    return lines


def compared(tmp_path, lines):
    file = tmp_path / "printed"
    file.write_text("\n".join(["a table", *lines]) + "\n", encoding="utf-8")
    return subprocess.run([sys.executable, ROOT / "scripts/bench/floors.py", file], capture_output=True, text=True,
                          check=False)


def test_every_floor_is_below_what_a_document_says_was_measured():
    for floor in FLOORS:
        assert 0.8 * floor["measured"] < floor["floor"] < floor["measured"], floor["ratio"]
        document, section = floor["source"].split(":")[0].split(", ")
        assert f"\n## {section}\n" in (ROOT / document).read_text(encoding="utf-8"), floor["source"]
        assert (ROOT / floor["command"].split()[0]).exists(), floor["command"]


def test_ratios_at_their_floors_hold(tmp_path):
    done = compared(tmp_path, lines_at(1.001))
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("holds ") == len(FLOORS)


def test_a_ratio_below_its_floor_fails_and_names_its_source(tmp_path):
    lines = lines_at(1.001)
    lines[2] = lines_at(0.99)[2]
    done = compared(tmp_path, lines)
    assert done.returncode == 1
    assert done.stdout.count("BELOW") == 1 and FLOORS[2]["source"] in done.stdout


def test_what_was_not_measured_is_not_taken_for_good(tmp_path):
    done = compared(tmp_path, lines_at(1.001)[1:])
    assert done.returncode == 1
    assert "NOT MEASURED" in done.stdout
