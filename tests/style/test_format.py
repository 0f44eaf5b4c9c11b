"""Formatting, held by the tools themselves, pinned so that they agree everywhere."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tree import ROOT, files, shell_scripts, text_files


def test_c_and_cpp_are_formatted_by_clang_format_14():
    tool = Path(sys.executable).parent / "clang-format"
    assert tool.exists(), "clang-format is not in this environment: run scripts/setup --test"
    done = subprocess.run([tool, "--dry-run", "--Werror", *files(".c", ".h", ".cpp")], cwd=ROOT,
                          capture_output=True, text=True)
    wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error:" in line})
    assert not wrong, f"not formatted; run {tool.relative_to(ROOT)} -i " + " ".join(wrong)


def test_shell_scripts_satisfy_shellcheck():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", "--format=gcc", *shell_scripts()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_lines_end_cleanly():
    wrong = []
    for path, text in text_files():
        if path.startswith(("data/", "tests/golden/", "tests/fuzz/")):
            continue  # texts and inputs, which are what they are
        if text and not text.endswith("\n"):
            wrong.append(f"{path}: no line end at the end of the file")
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip() and not path.endswith(".md"):
                wrong.append(f"{path}:{number}: white space at the end of the line")
            if "\t" in line and path.endswith((".c", ".h", ".cpp", ".py", ".yaml", ".md")):
                wrong.append(f"{path}:{number}: a tab")
    assert not wrong, "\n".join(wrong)
