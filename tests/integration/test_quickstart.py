"""The first minute: what scripts/quickstart shows, keeps to itself and leaves behind."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import urllib.request

import client
import commands
import pytest
from broker import ROOT

CATEGORIES = ("climate conflicts culture economy gloss health politics science society sports "
              "travel").split()


def environment(temporary):
    return {**os.environ, "TMPDIR": str(temporary)}


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    """One run, not on a terminal: (stdout, stderr, seconds, its folder for temporary files)."""
    temporary = tmp_path_factory.mktemp("quickstart")
    began = time.monotonic()
    done = subprocess.run([ROOT / "scripts/quickstart", "--no-install"], cwd="/", capture_output=True,
                          text=True, timeout=240, env=environment(temporary))
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr, time.monotonic() - began, temporary


def processes_of(temporary):
    """Everything that a run with this TMPDIR started: broker, kcat, worker, watcher."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as variables:
                if b"TMPDIR=" + os.fsencode(temporary) in variables.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            continue
    return found


def rows(stdout):
    return re.findall(r"^  (\w+) +(\d+\.\d) % ([✓≠]) (\S.*)$", stdout, re.MULTILINE)


def test_every_sample_gets_a_row_with_label_probability_and_headline(quickstart):
    samples = [json.loads(line) for line in (ROOT / "data/samples.jsonl").read_text("utf-8").splitlines()]
    found = rows(quickstart[0])
    assert len(found) == len(samples) >= 22
    assert {label for label, _, _, _ in found} == set(CATEGORIES)
    assert all(0 < float(percent) <= 100 for _, percent, _, _ in found)
    agreed = re.search(r"^  agreed +(\d+)  of the (\d+) samples got the label their editor gave", quickstart[0], re.MULTILINE)
    assert [int(number) for number in agreed.groups()] == [sum(mark == "✓" for _, _, mark, _ in found), len(samples)]


def test_the_books_balance_and_say_where_the_two_bad_records_went(quickstart):
    stdout = quickstart[0]
    count = {name: int(number) for name, number in re.findall(r"^  (in|labelled|dead-lettered) +(\d+)", stdout, re.MULTILINE)}
    assert count["in"] == count["labelled"] + count["dead-lettered"]
    assert count["dead-lettered"] == 2
    assert "are in news.labelled.dlq," in stdout
    letters = dict(re.findall(r"^    (\S.*)\n      why  (.*)\n      from news\.articles, partition \d, offset \d+$", stdout, re.MULTILINE))
    assert letters.keys() == {"Это не JSON, а просто строка.", '{"id": "no-text", "title": "Здесь нет текста"}'}
    assert "not valid JSON" in letters["Это не JSON, а просто строка."]
    assert re.search(r"^  rate +\d+ +articles/s", stdout, re.MULTILINE)


def test_steps_are_numbered_and_nothing_is_coloured_off_a_terminal(quickstart):
    stdout, stderr, _, _ = quickstart
    assert re.findall(r"^\[(\d)/5\]", stderr, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert "\x1b" not in stdout + stderr and "\r" not in stdout + stderr


def test_it_takes_half_a_minute_at_most(quickstart, tmp_path):
    if quickstart[2] >= 30 and os.getloadavg()[0] > os.cpu_count():
        pytest.skip(f"{quickstart[2]:.0f} s, but others load this machine")
    assert quickstart[2] < 30


def run_on_terminal(tmp_path, columns, **variables):
    """(exit status, everything shown) of a quick start on a terminal of its own."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = ["bash", "-c", f"stty cols {columns} rows 50; exec {ROOT}/scripts/quickstart --no-install"]
        plain = {name: value for name, value in environment(tmp_path).items() if name not in ("NO_COLOR", "COLUMNS")}
        os.execvpe("bash", command, {**plain, "TERM": "xterm", **variables})
    shown, deadline = b"", time.monotonic() + 240
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:
                break
            shown += chunk
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_narrow_terminal_gets_colour_and_a_table_that_fits(tmp_path):
    status, shown = run_on_terminal(tmp_path, columns=50)
    assert status == 0, shown
    assert re.search(r"\x1b\[36m\w+ *\x1b\[0m \x1b\[32m +\d+\.\d %", shown)
    plain = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", shown).replace("\r\n", "\n")
    assert len(rows(plain)) >= 22
    assert [line for line in plain.splitlines() if re.match(r"  \w+ +\d+\.\d % ", line) and len(line) > 50] == []
    # What moves stays within the line too, or it would scroll.
    moving = [part for part in re.split(r"[\r\n]+", plain) if re.match(r"      (broker|topics|compile|configure) .*\ds  ", part)]
    assert moving and max(map(len, moving)) <= 50
    assert "Nothing of this run is left running." in plain


def test_nothing_is_left_running_or_lying_about(quickstart):
    temporary = quickstart[3]
    client.wait_for("the watcher of the broker to end", lambda: not processes_of(temporary))
    assert os.listdir(temporary) == []


def test_its_advice_can_be_copied(quickstart, broker):
    advice = quickstart[0].split("How to go on")[1]
    block = "\n".join(line[4:] for line in advice.splitlines() if line.startswith("    "))
    done = commands.run(block, broker.bootstrap)
    assert done.returncode == 0, done.stderr
    assert '"category":' in done.stdout


def test_live_it_labels_until_ctrl_c_and_prints_where_to_look(tmp_path):
    running = subprocess.Popen([ROOT / "scripts/quickstart", "--live", "--no-install"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, env=environment(tmp_path), start_new_session=True)
    address = ""
    while not address:
        line = running.stdout.readline()
        assert line, "it ended"
        address = "".join(re.findall(r"http://127\.0\.0\.1:\d+/", line))
    with urllib.request.urlopen(address, timeout=30) as page:
        assert page.read().startswith(b"<!doctype html>")
    with urllib.request.urlopen(address + "events", timeout=60) as events:
        data = (json.loads(line.removeprefix(b"data: ")) for line in events if line.startswith(b"data: "))
        items = next(state["items"] for state in data if state.get("items"))
    assert items[0]["category"] in CATEGORIES and items[0]["text"] and items[0]["id"]
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(60) == 0
    client.wait_for("everything to end", lambda: not processes_of(tmp_path))
    assert os.listdir(tmp_path) == []


# The last one did not end once in some fifty runs. Bash losing the SIGINT may be why: what runs then is shown.
@pytest.mark.parametrize("step", [2, 3, 4, pytest.param(5, marks=pytest.mark.long)])
def test_ctrl_c_at_any_step_leaves_nothing(tmp_path, step):
    running = subprocess.Popen([ROOT / "scripts/quickstart", "--no-install"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, env=environment(tmp_path), start_new_session=True)
    said = ""
    while f"[{step}/5]" not in said:
        line = running.stderr.readline()
        assert line, said
        said += line
    time.sleep(0.2)
    os.killpg(running.pid, signal.SIGINT)
    try:
        stderr = running.communicate(timeout=60)[1]
    except subprocess.TimeoutExpired:
        pytest.fail("still there:\n" + subprocess.check_output(["ps", "-eo", "pid,ppid,pgid,stat,wchan:20,args"], text=True))
    assert running.returncode == 130, said + stderr
    client.wait_for("everything to end", lambda: not processes_of(tmp_path))
    assert os.listdir(tmp_path) == []
