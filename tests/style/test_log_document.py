"""docs/log.md lists every warning and error line of the sources, with what it means and what to do."""

import re

from log_lines import warnings_and_errors
from tree import ROOT

ROW = re.compile(r"^\| (WARN|ERROR) \| ([\w*]+) \| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def documented():
    return ROW.findall((ROOT / "docs/log.md").read_text(encoding="utf-8"))


def test_every_warning_and_error_of_the_sources_is_documented_and_no_other():
    written = {(level, component or "*", message) for _, level, component, message in warnings_and_errors()}
    listed = {row[:3] for row in documented()}
    assert sorted(written - listed) == [], "not in docs/log.md"
    assert sorted(listed - written) == [], "no source writes these lines of docs/log.md"


def test_every_line_has_a_meaning_and_a_remedy():
    for level, component, message, meaning, remedy in documented():
        assert len(meaning) > 10 and len(remedy) > 6, message
    assert len(documented()) == len({row[:3] for row in documented()}), "a line is listed twice"
