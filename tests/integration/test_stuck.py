"""A thread that does not move any more: /healthz says so, so that a supervisor restarts the worker."""

import ctypes
import os
from pathlib import Path

import checks
import client
import pytest
from client import article

HTTP = {"listen": "127.0.0.1:0"}
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # __WALL: threads, too

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def thread_of(running, name):
    for task in Path(f"/proc/{running.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name}")


def freeze(thread):
    """Stops one thread of another process, as a debugger does."""
    if libc.ptrace(PTRACE_SEIZE, thread, None, None) != 0:
        pytest.skip(f"NOT PROVEN HERE: ptrace is not allowed ({os.strerror(ctypes.get_errno())})")
    assert libc.ptrace(PTRACE_INTERRUPT, thread, None, None) == 0
    os.waitpid(thread, WALL)


def thaw(thread):
    assert libc.ptrace(PTRACE_DETACH, thread, None, None) == 0


@pytest.mark.long
@pytest.mark.parametrize("name", ["publish", "consume"])
def test_a_frozen_thread_makes_the_worker_sick_until_it_moves_again(lab, name):
    flow = lab.flow()
    running = lab.run(flow, http=HTTP, delivery={"drain_ms_max": 1})
    running.wait_log("consume  assigned ")
    assert running.http("/healthz") == (200, "ok\n")
    thread = thread_of(running, name)
    freeze(thread)
    client.wait_for("an age", lambda: running.metrics()[
        f'wiretag_thread_beat_age_seconds{{thread="{name}"}}'] > 5, 30)
    assert running.http("/healthz")[0] == 200, "not yet overdue"
    _, why = client.wait_for("/healthz 503", lambda: (answer := running.http("/healthz"))[0] == 503 and answer, 100, 1)
    assert why.startswith(f"the {name} thread is stuck: no beat for 6"), why
    running.wait_log(f"the {name} thread is stuck", 60)
    thaw(thread)
    client.wait_for("/healthz 200", lambda: running.http("/healthz")[0] == 200)
    places = flow.produce([article("мяч")])
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
