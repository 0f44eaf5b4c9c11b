"""The committed tables are those that the generator makes of today's pinned `tokenizers`."""

import subprocess
import sys

from hugging_face import ROOT


def test_the_generator_writes_what_is_committed():
    done = subprocess.run([sys.executable, ROOT / "scripts/tools/generate_unicode.py", "--check"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
