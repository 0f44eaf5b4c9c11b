"""scripts/lib/ui.sh: what every script shows on a terminal, off one, and when something fails."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tree import ROOT

PRELUDE = f"set -euo pipefail; root={ROOT}; . scripts/lib/ui.sh; ui_step_count=2\n"


def plain(text, tmp_path, **environment):
    return subprocess.run(["bash", "-c", PRELUDE + text], cwd=ROOT, capture_output=True, text=True, timeout=90,
                          env={**os.environ, "LOG": str(tmp_path / "log"), **environment})


def on_terminal(text, tmp_path, ctrl_c_after=None, **environment):
    """(exit status, everything shown) of a script on a terminal of its own; Ctrl-C comes after `ctrl_c_after`."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        variables = {**os.environ, "TERM": "xterm", "LOG": str(tmp_path / "log"), **environment}
        variables.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
        os.execvpe("bash", ["bash", "-c", PRELUDE + text], variables)
    shown, began = b"", time.monotonic()
    while time.monotonic() - began < 60:
        if ctrl_c_after and ctrl_c_after.encode() in shown:
            # Not while bash starts a process: 5.2 may then send itself SIGINT for ever (wait_sigint_handler).
            time.sleep(0.1)
            os.write(terminal, b"\x03")
            ctrl_c_after = None
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:
                break
            shown += chunk
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def ended(pid, seconds=30):
    """Whether a process ends in time; one that only waits to be reaped has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_steps_are_numbered_on_stderr_and_stdout_stays_free(tmp_path):
    done = plain("ui_step First; ui_step Second; ui_note remark", tmp_path)
    assert done.stderr == "[1/2] First\n[2/2] Second\n      remark\n"
    assert done.stdout == ""


def test_colour_is_for_terminals_only_and_no_color_is_respected(tmp_path):
    assert "\x1b" not in plain("ui_step First", tmp_path).stderr
    assert "\x1b[1mFirst\x1b[0m" in on_terminal("ui_step First", tmp_path)[1]
    assert "\x1b" not in on_terminal("ui_step First", tmp_path, NO_COLOR="1")[1]
    assert "\x1b" not in on_terminal("ui_step First", tmp_path, TERM="dumb")[1]


def test_a_failing_command_shows_the_end_of_its_log_and_its_status(tmp_path):
    done = plain('ui_run label "$LOG" bash -c "echo the reason; exit 7" || echo "status $?"', tmp_path)
    assert done.stdout == "status 7\n"
    assert "label failed (status 7)" in done.stderr and "| the reason" in done.stderr


def test_progress_shows_the_last_line_cut_to_the_terminal(tmp_path):
    _, shown = on_terminal('ui_run label "$LOG" bash -c "echo $(printf %0200d 7); sleep 1"', tmp_path, COLUMNS="50")
    moving = [part for part in shown.split("\r") if "label" in part and "done" not in part]
    assert any("000" in part for part in moving)
    for part in moving:
        text = part.replace("\x1b[K", "").replace("\x1b[2m", "").replace("\x1b[0m", "").rstrip("\n")
        assert len(text) <= 50, text
    assert "label: " in shown and "done" in shown


def test_death_says_what_and_what_to_do(tmp_path):
    done = plain('ui_die "it is broken" "Mend it."', tmp_path)
    assert (done.returncode, done.stderr) == (1, "error: it is broken\n       Mend it.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_script_takes_its_command_and_all_below_along(tmp_path, number):
    script = subprocess.Popen(
        ["bash", "-c", PRELUDE + 'ui_run label "$LOG" bash -c "sleep 77 & echo \\$!; sleep 78"'], cwd=ROOT,
        stderr=subprocess.DEVNULL, env={**os.environ, "LOG": str(tmp_path / "log")})
    deadline = time.monotonic() + 60
    while not (tmp_path / "log").exists() or not (tmp_path / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    grandchild = int((tmp_path / "log").read_text())
    script.send_signal(number)
    assert script.wait(60) == 130
    assert ended(grandchild)
    assert os.listdir(tmp_path) == ["log"]


def test_ctrl_c_on_a_terminal_ends_the_script_at_once(tmp_path):
    began = time.monotonic()
    status, shown = on_terminal('ui_run label "$LOG" sleep 120', tmp_path, ctrl_c_after="label")
    assert status == 130 and "interrupted" in shown, (status, shown)
    assert os.listdir(tmp_path) == ["log"]
    assert time.monotonic() - began < 60, "it waited for its command"


def test_the_tests_run_in_a_background_job_under_nohup_and_with_signals_blocked(tmp_path):
    """What their parent ignores or blocks, tests/conftest.py keeps from the children that they interrupt."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)

    def background():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    for options in ((), ("-n", "1")):
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", *options, "-k", "interrupted or ctrl_c or sigpipe",
                               f"--basetemp={tmp_path}/{len(options)}", __file__], cwd=ROOT, capture_output=True, text=True,
                              timeout=200, preexec_fn=background, restore_signals=False)
        assert done.returncode == 0 and "5 passed" in done.stdout, done.stdout


def test_a_shell_on_a_terminal_has_its_sigpipe(tmp_path):
    _, shown = on_terminal('{ yes || echo "status $?" >&2; } | head -n 1', tmp_path)
    assert sorted(shown.split()) == ["141", "status", "y"]
