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
    return [path for path in files()
            if (ROOT / path).read_bytes()[:64].startswith((b"#!/usr/bin/env bash", b"# shellcheck shell=bash"))]
