"""Long work shows how far it is: a moving line on a terminal, a plain one every few seconds elsewhere."""

import json
import os
import pty
import re
import subprocess

import fake
import pytest
import worker
from broker import ROOT


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """A model whose every call takes most of a second: loading it takes four or so, beyond the first plain line."""
    return fake.FakeModel(tmp_path_factory.mktemp("progress") / "slow.json", {"sleep_us_per_call": 800_000})


@pytest.fixture(scope="module")
def brisk(tmp_path_factory):
    """Loading this one takes two: time for a line that moves."""
    return fake.FakeModel(tmp_path_factory.mktemp("progress") / "slow.json", {"sleep_us_per_call": 400_000})


def off_terminal(*arguments):
    return subprocess.run([worker.binary(worker.fake_build()), *map(str, arguments)], cwd=ROOT, timeout=120,
                          capture_output=True, text=True, input='{"id":1,"text":"мяч"}\n')


def on_terminal(*arguments, columns=100):
    """(what a person sees on the terminal, stdout)"""
    terminal, end = pty.openpty()
    subprocess.run(["stty", "cols", str(columns)], stdin=end, check=True)
    running = subprocess.Popen([worker.binary(worker.fake_build()), *map(str, arguments)], cwd=ROOT,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=end,
                               env={**os.environ, "TERM": "xterm"})
    os.close(end)
    running.stdin.write('{"id":1,"text":"мяч"}\n'.encode())
    running.stdin.close()
    seen = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        seen += chunk
    os.close(terminal)
    out = running.stdout.read().decode()
    assert running.wait(60) == 0
    return seen.decode(), out


def test_loading_a_model_moves_a_line_on_a_terminal_and_leaves_none(brisk):
    seen, out = on_terminal("classify", "--model", brisk)
    assert "self-test" in seen or "preparing" in seen
    assert re.search(r"loading \S+slow\.json: \w[\w-]* .*\d s", seen)
    assert seen.count("\r\033[K") > 5, "it moves"
    assert seen.endswith("\r\033[K") and "\n" not in seen, "nothing is left of it"
    assert json.loads(out)["id"] == 1


def test_a_narrow_terminal_gets_lines_that_fit(brisk):
    seen, _ = on_terminal("classify", "--model", brisk, columns=30)
    lines = [line for line in seen.split("\r\033[K") if line]
    assert lines and max(map(len, lines)) < 30


def test_elsewhere_a_plain_line_comes_now_and_then(slow):
    done = off_terminal("classify", "--model", slow)
    assert done.returncode == 0 and json.loads(done.stdout)["id"] == 1
    lines = done.stderr.splitlines()
    assert 1 <= len(lines) <= 4
    for line in lines:
        assert re.fullmatch(r"wiretag classify: loading \S+slow\.json: [\w-]+, .*\d s", line), line


def test_a_worker_says_so_in_its_log(lab, slow):
    running = lab.run(lab.flow(), slow, log={"format": "json"}).wait_log("assigned")
    messages = [json.loads(line) for line in running.stderr.splitlines()]
    assert any(re.search(r"^loading \S+slow\.json: [\w-]+, ", line["message"]) for line in messages)
    took, = [line["message"] for line in messages if line["message"].startswith("the model is loaded: ")]
    seconds = [float(text) for text in re.findall(r"(\d+\.\d) s", took)]
    assert len(seconds) == 4 and sum(seconds) >= 4, "each call takes a second"


def test_a_bench_shows_share_rate_and_time_left(tmp_path):
    # Its time goes by length, so that loading is quick.
    model = fake.FakeModel(tmp_path / "model.json", {"sleep_us_per_token": 8_000})

    def articles(length):
        path = tmp_path / f"articles-{length}.jsonl"
        path.write_text("".join(json.dumps({"id": n, "text": "мяч " * length}) + "\n" for n in range(6)))
        return path
    done = off_terminal("bench", "model", "--model", model, "--input", articles(100), "--batch-tokens", "1")
    assert done.returncode == 0 and json.loads(done.stdout)["articles"] == 6
    assert re.search(r"^wiretag bench model: running the model: \d+ %, \d of 6 articles, [\d.]+/s, \d+ s left$",
                     done.stderr, re.MULTILINE)
    seen, _ = on_terminal("bench", "model", "--model", model, "--input", articles(40), "--batch-tokens", "1")
    assert re.search(r"running the model \[#+\.*\] \d+ %  \d of 6 articles", seen)


def test_quick_work_shows_nothing(tmp_path):
    quick = fake.FakeModel(tmp_path / "quick.json")
    assert off_terminal("classify", "--model", quick).stderr == ""
