"""No hot path takes more instructions than it did, however busy the machine is.

Callgrind counts the instructions of each path in hot_paths.c, libc's included. The counts depend on compiler and
libc, so instructions.json has a row for each pair that was counted; others are skipped. valgrind shows every
program the same processor, with AVX2 and nothing newer, so Intel's and AMD's give the same counts.

Where a path takes more for a reason, or fewer, count anew, on a build with optimization:

    .deps/test-venv/bin/python tests/speed/test_instructions.py build-fake
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tokenizer"))
from hugging_face import build_folder

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
COUNTED = HERE / "instructions.json"
ROOM = 0.03
PATHS = ("json", "script", "wordpiece", "bpe", "unigram", "batcher", "encode")


def processor_has_avx2():
    """Without it valgrind shows none, and other paths are taken."""
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return flags is not None and "avx2" in flags[1].split()


def run(build, folder, *before):
    vocab = folder / "vocab.txt"
    tokens = json.loads((ROOT / "tests/golden/fake-model.json").read_text(encoding="utf-8"))["vocab"]
    vocab.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    done = subprocess.run([*before, build / "tests/hot_paths", ROOT / "data/samples.jsonl", vocab, HERE / "bpe.json",
                           HERE / "unigram.json"], capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def built_by(build, folder):
    about = run(build, folder)
    return f"{about['built']}, {about['libc']}"


def count(build, folder):
    """{path: instructions}, each with all that it calls."""
    run(build, folder, "valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/counts")
    table = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", folder / "counts"],
                           capture_output=True, text=True, check=True).stdout
    found = {path: re.search(rf"^\s*([\d,]+) \(.*:path_{path} ", table, re.M) for path in PATHS}
    return {path: int(match[1].replace(",", "")) for path, match in found.items() if match is not None}


def test_no_hot_path_takes_more_instructions(tmp_path):
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind: scripts/setup --test installs it")
    if not processor_has_avx2():
        pytest.skip("counted with AVX2, which this processor does not have")
    rows = json.loads(COUNTED.read_text())
    compiler = built_by(build_folder(), tmp_path)
    if compiler not in rows:
        pytest.skip(f"not counted for {compiler}, only for {'; '.join(rows)}")
    found = count(build_folder(), tmp_path)
    assert found.keys() == set(PATHS)
    slower = {path: f"{found[path]:,} instructions, {100 * found[path] / before - 100:.1f} % more than {before:,}"
              for path, before in rows[compiler].items() if found[path] > before * (1 + ROOM)}
    assert not slower, f"{slower}; is it worth it? Then count anew, as {Path(__file__).name} says"


def main():
    build = ROOT / sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        compiler = built_by(build, Path(folder))
        found = count(build, Path(folder))
    rows = json.loads(COUNTED.read_text()) if COUNTED.exists() else {}
    for path, instructions in found.items():
        before = rows.get(compiler, {}).get(path)
        print(f"{path:10} {instructions:12,} {f'{100 * instructions / before - 100:+.1f} %' if before else ''}")
    rows[compiler] = found
    COUNTED.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
