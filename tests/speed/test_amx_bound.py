"""scripts/bench/amx_bound.py counts the tile instructions that the compiled kernels run."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/bench"), str(ROOT / "tests/tokenizer")]
import amx_bound
from hugging_face import build_folder

UNAVAILABLE = 77


def counted(*arguments):
    program = build_folder() / "tests/test_kernels_tiles"
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == UNAVAILABLE:
        pytest.skip("the processor has no AVX-512")
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


def numbers(count):
    return [count.loads, count.stores, count.zeros, count.dots]


@pytest.mark.parametrize("precision", amx_bound.PER_WORD)
@pytest.mark.parametrize("inputs, outputs, rows", [(1, 1, 1), (768, 768, 64), (768, 3072, 70), (3072, 768, 96),
                                                   (256, 1024, 6), (5000, 65, 49)])
def test_of_a_layer(precision, inputs, outputs, rows):
    assert numbers(amx_bound.linear(rows, inputs, outputs, precision)) == counted(precision, inputs, outputs, rows)


@pytest.mark.parametrize("tokens, size", [(1, 64), (64, 64), (129, 80), (512, 64)])
def test_of_a_head(tokens, size):
    assert numbers(amx_bound.attention(tokens, size)) == counted("attention", tokens, size)
