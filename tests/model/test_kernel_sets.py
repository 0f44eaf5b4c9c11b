"""model.kernels and --kernels: every set that this processor has gives the same bits in fp32; another one is refused
with a list of those that there are; what is chosen unasked gives the same bits in int8 at every start."""

import json
import re
import subprocess

import pytest
import worker
from tree import ROOT

DEMO = ROOT / "models/demo.pt"
TEXTS = [
    "В Париже завершилась церемония завершения Олимпийский игр",
    "Центробанк повысил ключевую ставку",
    "Учёные нашли воду на Марсе. " * 12,
]


def classify(*options):
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(TEXTS))
    command = [worker.binary(), "classify", "--logits", *options]
    return subprocess.run(command, input=lines, capture_output=True, text=True, cwd=ROOT, check=False)


def logits(*options):
    done = classify("--model", DEMO, "--device", "cpu", *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["logits"] for line in done.stdout.splitlines()]


def best(rows):
    return [row.index(max(row)) for row in rows]


@pytest.fixture(scope="module")
def sets():
    done = classify("--model", DEMO, "--device", "cpu", "--kernels", "avx1024")
    assert done.returncode == 2 and done.stdout == "", done.stderr
    there = re.search(r"kernels avx1024: this processor has no such set; use auto, libtorch or one of those that it "
                      r"has: ([a-z0-9, -]+)", done.stderr)
    assert there, done.stderr
    names = there.group(1).split(", ")
    assert names[0] == "portable"
    return names


@pytest.fixture(scope="module")
def expected():
    return logits("--precision", "fp32", "--kernels", "portable")


def test_every_set_gives_the_same_bits_in_fp32(sets, expected):
    """bf16 and int8, of which the labels are the same: test_model.c."""
    for name in sets[1:]:
        assert logits("--precision", "fp32", "--kernels", name) == expected, name


def test_libtorch_computes_where_it_is_named_but_not_in_int8(expected):
    for precision in ("fp32", "bf16"):
        assert best(logits("--precision", precision, "--kernels", "libtorch")) == best(expected)
    done = classify("--model", DEMO, "--device", "cpu", "--kernels", "libtorch", "--precision", "int8")
    assert done.returncode == 2 and "kernels libtorch: it has no int8" in done.stderr


def test_the_key_names_the_set_and_the_option_overrules_it(sets, tmp_path):
    config = tmp_path / "wiretag.yaml"
    config.write_text(f"model: {{path: {DEMO}, device: cpu, precision: fp32, kernels: avx1024}}\n"
                      "kafka: {common: {bootstrap.servers: nowhere:1}}\ninput: {topics: [a]}\noutput: {topic: b}\n")
    done = classify("-c", config)
    assert done.returncode == 2 and "kernels avx1024" in done.stderr
    assert classify("-c", config, "--kernels", sets[-1]).returncode == 0
    assert classify("-c", config, "--set", f"model.kernels={sets[-1]}").returncode == 0


def test_another_start_gives_the_same_bits_in_int8():
    first = logits("--precision", "int8")
    assert logits("--precision", "int8") == first
    assert logits("--precision", "int8", "--batch-tokens", "1") == first
