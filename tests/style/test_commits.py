"""Subjects of commits: `area: what it does`, at most 72 columns, so that a list of them can be read."""

import re
import subprocess

import pytest
from tree import ROOT

# The last commit from before the rule.
BEFORE = "1be0885529c37422811d76fe8a74852f3ebead5d"
COLUMNS = 72
SUBJECT = re.compile(r"[a-z][a-z0-9_ ,.-]*: \S.*[^.\s]")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)


def wrong(subject):
    """What is wrong with it, or None."""
    if len(subject) > COLUMNS:
        return f"{len(subject)} columns, {COLUMNS} are the most"
    if not SUBJECT.fullmatch(subject):
        return "it is not `area: what it does`, with a lower-case area and no full stop"
    return "it says that it is not done" if re.search(r"\b(wip|fixup|squash)\b", subject, re.IGNORECASE) else None


def test_subjects_name_an_area_and_fit_a_line():
    if git("merge-base", "--is-ancestor", BEFORE, "HEAD").returncode != 0:
        pytest.skip("no history here that goes back to where the rule begins")
    subjects = git("log", "--no-merges", "--format=%h %s", f"{BEFORE}..HEAD").stdout.splitlines()
    assert [f"{line}: {wrong(line.split(' ', 1)[1])}" for line in subjects if wrong(line.split(" ", 1)[1])] == []


@pytest.mark.parametrize("subject", ["Consume: a capital", "no area", "a:b", "area: ends with a stop.", "area: " + "x" * 70, "wip: more"])
def test_what_is_no_such_subject_is_noticed(subject):
    assert wrong(subject)


def test_what_is_one_passes():
    assert wrong("dead letters: a cut one says so in the log; one more form is tried") is None
