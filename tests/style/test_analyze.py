"""scripts/tools/analyze finds what it is there for, and says so by its last line and its status."""

import shutil
import subprocess

import pytest
from tree import ROOT, files

needs_clang_tidy = pytest.mark.skipif(shutil.which("clang-tidy") is None,
                                      reason="clang-tidy is not installed: scripts/setup --analyze")
CLEAN = "src/base/clock.c"
# What only clang-tidy finds, and what only gcc -fanalyzer does.
FLAWS = {
    "bugprone-integer-division": "double wt_flaw(int a);\ndouble wt_flaw(int a)\n{\n    return a / 2;\n}\n",
    "analyzer-malloc-leak": "#include <stdlib.h>\nint wt_flaw(int a);\nint wt_flaw(int a)\n{\n"
                            "    char *b = malloc(8);\n    if (b == NULL || a > 3) {\n        return a;\n    }\n"
                            "    a = b[0] = 1;\n    free(b);\n    return a;\n}\n",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The project elsewhere, with what is installed for it, but without libtorch."""
    copy = tmp_path_factory.mktemp("analyze") / "wiretag"
    for path in files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        if not path.startswith(("data/", "models/")):
            shutil.copy(ROOT / path, copy / path)
    (copy / ".deps").mkdir()
    for name in ("librdkafka", "kafka", "pip"):
        if (ROOT / ".deps" / name).exists():
            (copy / ".deps" / name).symlink_to((ROOT / ".deps" / name).resolve())
    return copy


def analyze(tree, *paths):
    return subprocess.run(["scripts/tools/analyze", "--no-install", *paths], cwd=tree, capture_output=True, text=True)


@needs_clang_tidy
def test_a_clean_file_passes(tree):
    done = analyze(tree, CLEAN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed"


@needs_clang_tidy
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_named_with_its_file_and_check(tree, flaw):
    flawed = tree / "src/base/address.c"
    sound = flawed.read_text(encoding="utf-8")
    flawed.write_text(sound + FLAWS[flaw], encoding="utf-8")
    done = analyze(tree, CLEAN, "src/base/address.c")
    flawed.write_text(sound, encoding="utf-8")
    assert done.returncode == 1
    assert "src/base/address.c" in done.stderr and flaw in done.stderr, done.stderr
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed"


@needs_clang_tidy
def test_what_is_no_source_is_named(tree):
    done = analyze(tree, "README.md")
    assert done.returncode == 1 and "README.md is no source" in done.stderr
