"""The committed tables are those that the generators make of today's pinned `tokenizers`. The default run compares
what is made of them, the ids."""

import subprocess
import sys

import pytest
from hugging_face import ROOT


@pytest.mark.long
@pytest.mark.parametrize("tables", ["unicode", "graphemes", "normal_forms", "classes"])
def test_the_generator_writes_what_is_committed(tables):
    done = subprocess.run([sys.executable, ROOT / "scripts/tools" / f"generate_{tables}.py", "--check"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
