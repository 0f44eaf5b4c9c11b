"""Two workers with one transactional id: one stops, and says what to set, which is not what is set already."""

import contextlib
import socket

import pytest
from client import article
from confluent_kafka import KafkaException, Producer

CASES = {
    "host": ({}, "{group}-{host}-0", "auto makes it of group.id and the host name"),
    "instance": ({"kafka": {"consumer": {"group.instance.id": "one"}}}, "{group}-one-0",
                 "auto makes it of group.id and group.instance.id"),
    "set": ({"delivery": {"transactional_id": "mine"}}, "mine", "delivery.transactional_id sets it"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_worker_that_gives_way_says_what_to_set(lab, case):
    changes, form, words = CASES[case]
    flow = lab.flow()
    flow.guarantee = "exactly-once"
    running = lab.run(flow, **changes).wait_ready()
    identity = form.format(group=flow.group, host=socket.gethostname())
    for number in range(40):
        # What a worker does in another network namespace, where the lock of this one is not seen.
        with contextlib.suppress(KafkaException):
            Producer({"bootstrap.servers": flow.bootstrap, "transactional.id": identity}).init_transactions(30)
        flow.produce([article(f"мяч {number}")])
        if running.process.poll() is not None:
            break
        with contextlib.suppress(AssertionError):
            flow.labels(number + 1, timeout=3)
    assert running.wait_exit() == 1
    assert f"transactional id {identity} and took it again and again" in running.stderr
    assert words in running.stderr and ("or leave it at auto" in running.stderr) is (case == "set")
