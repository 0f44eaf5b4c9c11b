"""Nothing in the tree that belongs to one machine, to nobody, or to later."""

import re

from tree import ROOT, files, text_files

# Written apart, so that this file does not find itself.
HOME_FOLDERS = "|".join(["ro" + "ot", "ho" + "me/[a-z]", "wo" + "rk", "Us" + "ers"])
HOSTS = "|".join(["py" + r"pi\.org", "pythonhos" + r"ted\.org", "repo1?" + r"\.maven", "deb" + r"\.debian\.org"])
UNDONE = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"])


def lines_with(pattern):
    found = []
    for path, text in text_files():
        if path.startswith("data/"):
            continue  # articles
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(pattern, line):
                found.append(f"{path}:{number}: {line.strip()[:120]}")
    return found


def test_no_path_of_somebodys_machine():
    assert lines_with(rf"(?<![\w.$}}/~-])/({HOME_FOLDERS})/") == []


def test_no_address_of_a_package_registry():
    """Everybody's pip, Maven and apt know theirs; mirrors must keep working."""
    assert lines_with(HOSTS) == []


def test_nothing_is_left_for_later():
    assert lines_with(rf"\b({UNDONE})\b") == []


def test_no_file_is_large():
    assert [path for path in files() if (ROOT / path).stat().st_size > 10_000_000] == []


def test_only_what_people_run_lies_at_the_top_of_the_scripts():
    """The rest is in the folder of what it is for, as CONTRIBUTING.md lists them."""
    within = [path.split("/")[1:] for path in files() if path.startswith("scripts/")]
    assert sorted(parts[0] for parts in within if len(parts) == 1) == ["build", "package", "quickstart", "setup", "test"]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [parts[0] for parts in within if len(parts) > 1 and f"`{parts[0]}/`" not in text] == []


def test_every_test_is_one_that_pytest_runs():
    """It takes those of files named test_*.py, and of two with one name only the second."""
    for path in files(".py"):
        named = re.findall(r"^def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
        assert not named or re.fullmatch(r"tests/.*/test_\w+\.py", path), f"{path}: {named}"
        assert len(named) == len(set(named)), f"{path}: {sorted(named)}"


def test_only_training_and_export_import_torch():
    """Building, running and testing wiretag never do: it would need 6 GB instead of 1.5."""
    allowed = r"scripts/(bench|demo)/.*|scripts/export/(?!compare_precisions).*|tests/(export|model)/.*"
    statement = "imp" + "ort torch"
    for path, text in text_files():
        if path.endswith(".py") and re.search(rf"^\s*({statement}|from torch)\b", text, re.MULTILINE):
            assert re.fullmatch(allowed, path), path
