"""The files of the project: what git tracks or would."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*suffixes):
    """Paths relative to the root, in order; of the given suffixes, or all."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
        check=True, capture_output=True, text=True).stdout.split("\0")
    return [path for path in sorted(filter(None, listed))
            if (ROOT / path).is_file() and (not suffixes or path.endswith(suffixes))]


def text_files():
    """(path, text) of every file that is text."""
    for path in files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode("utf-8", errors="surrogateescape")


def shell_scripts():
    """Files to be run by bash or to be sourced into it."""
    return [path for path in files() if kind(path) == "shell"]


def kind(path):
    """What a file is written in: "c" (and C++), "python", "shell", "cmake"; None: something else."""
    for suffixes, name in (((".c", ".h", ".cpp"), "c"), ((".py",), "python"), (("CMakeLists.txt", ".cmake"), "cmake")):
        if path.endswith(suffixes):
            return name
    first = (ROOT / path).read_bytes()[:64]
    if first.startswith(b"#!/usr/bin/env python3"):
        return "python"
    return "shell" if first.startswith((b"#!/usr/bin/env bash", b"# shellcheck shell=bash")) else None


def code_files():
    """(path, kind) of every file that people write code in."""
    return [(path, kind(path)) for path in files() if kind(path)]
