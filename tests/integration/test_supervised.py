"""What a worker tells systemd (sd_notify): when it is ready, that it lives, that it stops."""

import os
import signal
import socket

import pytest
import worker
from client import article


@pytest.fixture
def manager(tmp_path):
    """A socket as systemd has it: notify(environment) and a reader of its messages."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(60)
        listening.bind(f"\0{tmp_path}")
        yield listening, {"NOTIFY_SOCKET": f"@{tmp_path}", "WATCHDOG_USEC": "200000"}


def messages_until(listening, last):
    """Every message up to that one, without those of the watchdog; and how many these are."""
    found, fed = [], 0
    while last not in found:
        message = listening.recv(4096).decode()
        fed += message == "WATCHDOG=1"
        found += [] if message == "WATCHDOG=1" else [message]
    return found, fed


def test_it_is_ready_when_it_labels_and_stops_in_good_order(lab, manager):
    listening, environment = manager
    flow = lab.flow()
    config = flow.config(model={"path": str(lab.model())})
    running = lab.start(config, build=worker.fake_build(), environment=environment)
    before, _ = messages_until(listening, "READY=1")
    assert before[:-1] and all(message.startswith("STATUS=") for message in before[:-1])
    assert "assigned " in running.stderr
    assert messages_until(listening, "STATUS=ready")[0] == ["STATUS=ready"]
    flow.produce([article("мяч")])
    assert len(flow.labels(1)) == 1
    os.kill(running.pid, signal.SIGTERM)
    after, _ = messages_until(listening, "STOPPING=1")
    assert "READY=1" not in after
    assert running.wait_exit() == 0


def test_a_worker_without_its_broker_lives_and_says_what_it_waits_for(lab, manager):
    listening, environment = manager
    config = lab.flow().config(kafka={"common": {"bootstrap.servers": "127.0.0.1:1"}}, model={"path": str(lab.model())})
    running = lab.start(config, build=worker.fake_build(), environment=environment)
    running.wait_log("waiting for a broker")
    found, fed = [], 0
    while fed < 3:
        message = listening.recv(4096).decode()
        fed += message == "WATCHDOG=1"
        found.append(message)
    assert "READY=1" not in found and any(message.startswith("STATUS=") for message in found)
