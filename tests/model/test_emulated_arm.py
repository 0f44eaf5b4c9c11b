"""The whole program for ARM64, on an emulated processor: libtorch and the kernels label as on this machine."""

import json
import shutil
import subprocess

import pytest
from tree import ROOT

ARM = ROOT / "build-arm64/wiretag"
HERE = ROOT / "build/wiretag"
TEXTS = ("Сборная выиграла финал чемпионата Европы по гандболу", "Центробанк повысил ключевую ставку до 16 процентов")


def labels(*program):
    """What classify says of TEXTS."""
    articles = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(TEXTS))
    ended = subprocess.run([*map(str, program), "classify", "--model", ROOT / "models/demo.pt"], input=articles,
                           capture_output=True, text=True, timeout=1500, check=False)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_program_for_arm_labels_as_the_one_here():
    if not ARM.exists() or not HERE.exists() or not shutil.which("qemu-aarch64"):
        pytest.skip("there is no program for ARM64: scripts/build --arm")
    there = labels("qemu-aarch64", "-cpu", "max", "-L", ROOT / ".deps/arm64/debian", ARM)
    here = labels(HERE)
    assert len(there) == len(here) == len(TEXTS)
    for one, other in zip(there, here, strict=True):
        assert one["category"] == other["category"] and one["tokens"] == other["tokens"]
        assert one["scores"].keys() == other["scores"].keys()
        for label, score in one["scores"].items():
            assert score == pytest.approx(other["scores"][label], abs=0.02)
