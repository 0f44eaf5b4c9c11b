"""auto.offset.reset: error, and a group without an offset that its log still has: not read, and not in silence."""

import client
from client import Record, article

HTTP = {"listen": "127.0.0.1:0"}
ERROR = {"consumer": {"auto.offset.reset": "error"}}


def assert_stalled(running, flow):
    """Until the offsets are set, /readyz and the log name the partitions."""
    running.wait_log(r"no-offset: stalled for \d+ s: \S+ \[\d\]( and others)?: the group has no offset that the log")
    status, text = running.http("/readyz")
    assert status == 503
    assert f"{flow.input} [" in text and "auto.offset.reset is error" in text
    assert running.metrics()['wiretag_stalled{reason="no-offset"}'] == 1


def test_a_group_without_offsets_is_not_ready(lab):
    flow = lab.flow(2)
    flow.produce([Record(article(f"новость {number}"), partition=number % 2) for number in range(4)])
    running = lab.run(flow, http=HTTP, kafka=ERROR)
    assert_stalled(running, flow)
    assert running.stop() == 0
    second = lab.run(flow, http=HTTP)
    flow.wait_done()
    assert second.metrics()['wiretag_stalled{reason="no-offset"}'] == 0


def test_an_offset_that_retention_overtook_is_named_while_other_partitions_go_on(lab, guarantee):
    flow = lab.flow(2)
    flow.produce([Record(article(f"новость {number}"), partition=number % 2) for number in range(4)])
    first = lab.run(flow, http=HTTP)
    flow.wait_done()
    assert first.stop() == 0
    flow.produce([Record(article(f"другая {number}"), partition=number % 2) for number in range(20)])
    client.delete_records(flow.bootstrap, flow.input, {0: 7})
    running = lab.run(flow, http=HTTP, kafka=ERROR)
    assert_stalled(running, flow)
    client.wait_for("labels of the other partition",
                    lambda: sum(label.source[1] == 1 for label in flow.labels()) == 12)
    assert sum(label.source[1] == 0 for label in flow.labels()) == 2
    assert running.stop() == 0
