"""Files stay short enough to be read in one go, as CONTRIBUTING.md says: 150 to 400 lines are wanted, 500 the most."""

from pathlib import PurePath

import pytest
from tree import ROOT, code_files

LINES_MAX = 500
# By name: longer for a reason, and no longer than so many lines.
LONGER = {
    "grapheme_data.c": (1100, "a table that scripts/tools/generate_graphemes.py writes"),
    "normal_form_data.c": (2300, "a table that scripts/tools/generate_normal_forms.py writes"),
    "unicode_classes.c": (2100, "a table that scripts/tools/generate_classes.py writes"),
    "unicode_data.c": (2300, "a table that scripts/tools/generate_unicode.py writes"),
}
PATHS = [path for path, _ in code_files()]


def lines(path):
    return (ROOT / path).read_bytes().count(b"\n")


@pytest.mark.parametrize("path", PATHS)
def test_a_file_is_read_in_one_go(path):
    most, why = LONGER.get(PurePath(path).name, (LINES_MAX, "take a part out that has a name"))
    assert lines(path) <= most, f"{path} has {lines(path)} lines, {most} are the most: {why}"


def test_no_exception_outlives_its_file():
    needed = {PurePath(path).name for path in PATHS if lines(path) > LINES_MAX}
    assert [name for name in LONGER if name not in needed] == []
