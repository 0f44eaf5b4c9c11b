"""The documents hang together: links lead somewhere, both READMEs say the same, figures are the measured ones."""

import json
import re
import zipfile

import pytest
from commands import blocks
from tree import ROOT, files


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def anchors(text):
    """The anchors of headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.mark.parametrize("path", files(".md"))
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", read(path)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        place = (ROOT / path).parent / file if file else ROOT / path
        assert place.exists(), f"{path}: {target}"
        assert not anchor or anchor in anchors(place.read_text(encoding="utf-8")), f"{path}: {target}"


def test_both_readmes_show_the_same_commands():
    def shown(path):
        text = "\n".join(block for _, block in blocks(read(path)))
        return [re.sub(r"group\.id=\w+", "group.id=G", re.sub(r" +# .*", "", line)) for line in text.splitlines()]

    english, russian = shown("README.md"), shown("README.ru.md")
    assert [line for line in russian if line not in english] == []


def test_both_readmes_name_the_same_configuration_keys_and_documents():
    english, russian = read("README.md"), read("README.ru.md")
    for pattern in (r"`((?:kafka|input|output|model|delivery|dead_letter)\.[\w.]+)`", r"\]\(([\w/.]+\.(?:md|yaml))\)"):
        missing = set(re.findall(pattern, russian)) - set(re.findall(pattern, english)) - {"README.ru.md", "README.md"}
        assert missing == set()


def test_every_command_of_the_program_is_in_the_readme():
    names = re.findall(r'^    \{"(\w+)", wt_cli_', read("src/main.c"), re.MULTILINE)
    assert "run" in names
    assert [name for name in names if f"| `wiretag {name} " not in read("README.md")] == []


def test_the_accuracy_that_is_told_is_the_one_in_the_bundle():
    with zipfile.ZipFile(ROOT / "models/demo.pt") as bundle:
        about = json.loads(bundle.read(next(n for n in bundle.namelist() if n.endswith("extra/wiretag.json"))))["about"]
    percent = f"{100 * about['heldout_accuracy']:.1f} %"
    assert percent in read("models/README.md")
    whole = f"{round(100 * about['heldout_accuracy'])} %"
    for path in ("README.md", "README.ru.md"):
        assert f"{whole} of {about['heldout_texts']}" in read(path) or f"{whole} из {about['heldout_texts']}" in read(path), path


def test_the_demonstration_bundle_stays_under_10_mb():
    assert (ROOT / "models/demo.pt").stat().st_size < 10_000_000


def test_the_quick_start_shows_the_export_of_the_readme():
    """That line is not in a document: tests/export/test_documented.py runs those of the README."""
    def export(text):
        shown = re.search(r"scripts/export/export_model\.py (--checkpoint model\.pth.*?models/mine\.pt)", text, re.DOTALL)[1]
        return [word for word in re.split(r"[\s\\']+", shown) if word]
    assert export(read("scripts/quickstart")) == export(read("README.md"))


# `test_FILE.c` or `test_FILE.py`, and which of its tests.
TEST = re.compile(r"`((?:test|fuzz)_\w+\.(?:c|py))(?:::(\w+))?`")


@pytest.mark.parametrize("path", files(".md"))
def test_the_tests_that_a_document_names_are_there(path):
    for file, name in TEST.findall(read(path)):
        found = [test for test in files(file) if test.startswith("tests/") and test.endswith(f"/{file}")]
        assert len(found) == 1, f"{path}: {file}: {found}"
        assert not name or re.search(rf"\b(def|static void) {name}\(", read(found[0])), f"{path}: {file}::{name}"


@pytest.mark.parametrize("path", ["docs/security.md", "docs/delivery.md"])
def test_each_promise_names_a_test(path):
    tables = re.findall(r"^\| promise \|.*\n\|-.*\n((?:\|.*\n)+)", read(path), re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > 10
    assert [row for row in rows if not TEST.search(row) and "`tests/" not in row] == []


def test_each_reason_of_a_stall_has_a_row_for_operators():
    reasons = re.findall(r'WT_FAMILY_STALLED, "([\w-]+)"', read("src/observe/metrics_table.c"))
    section = read("docs/operations.md").split("### Nothing moves")[1].split("\n### ")[0]
    named = re.findall(r"`([\w-]+)`", "\n".join(row.split(" | ")[0] for row in re.findall(r"^\| `.*$", section, re.MULTILINE)))
    assert len(reasons) > 10
    assert sorted(named) == sorted(reasons)
