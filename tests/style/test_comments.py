"""Comments wrap, so that they can be read beside code: at 100 columns, and nowhere later than the bound held here.

clang-format breaks the code of C at 100 columns and leaves comments alone."""

import ast
import io
import re
import tokenize

import pytest
from tree import ROOT, code_files

COLUMNS = {"c": 110, "python": 120, "shell": 120, "cmake": 120}
# A literal of C, which may hold what looks like a comment, or a comment.
C_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.DOTALL)


def spans(kind, text):
    """(first, last) line of each comment."""
    if kind == "c":
        for match in C_TOKEN.finditer(text):
            if match[0].startswith("/"):
                first = text.count("\n", 0, match.start()) + 1
                yield first, first + match[0].count("\n")
    elif kind == "python":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.end[0]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, False) is not None:
                yield node.body[0].lineno, node.body[0].end_lineno
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith("#"):
                yield number, number


def too_wide(kind, text):
    lines = text.splitlines()
    return sorted({number for first, last in spans(kind, text) for number in range(first, last + 1)
                   if len(lines[number - 1]) > COLUMNS[kind]})


@pytest.mark.parametrize("path, kind", code_files())
def test_comments_wrap(path, kind):
    numbers = too_wide(kind, (ROOT / path).read_text(encoding="utf-8"))
    assert numbers == [], f"{path}: wrap the comments of these lines at 100 columns, {COLUMNS[kind]} are the most"


LONG = "word " * 30


@pytest.mark.parametrize("kind, text, numbers", [
    ("c", f"int a; /* {LONG}*/\n", [1]), ("c", f"/* short,\n * {LONG}\n */\n", [2]), ("c", f"// {LONG}\n", [1]),
    ("c", f'const char *a = "/* {LONG}*/";\n', []), ("c", f"const char *a = \"\\\"\"; // {LONG}\n", [1]),
    ("python", f"a = 1\n# {LONG}\n", [2]), ("python", f'def f():\n    """Short.\n\n    {LONG}"""\n', [4]),
    ("python", f'a = "# {LONG}"\n', []), ("shell", f"#!/usr/bin/env bash\n    # {LONG}\necho '{LONG}'\n", [2]),
    ("cmake", f"# {LONG}\n", [1]),
])
def test_wide_comments_are_found_and_wide_code_is_not_taken_for_one(kind, text, numbers):
    assert too_wide(kind, text) == numbers
