"""Partitions that a topic gets while a worker runs: clients learn of them later than producers may."""

import client
import pytest
from client import Record, article

COUNT = 10  # of records in the new partitions before the worker knows of them


def looking_often(reset):
    return {"common": {"topic.metadata.refresh.interval.ms": 5000}, "consumer": {"auto.offset.reset": reset}}


def begin(lab, flow, reset):
    """A worker that knows two partitions, of a group that has offsets of both."""
    flow.produce([Record(article(f"новость {number}"), partition=number % 2) for number in range(4)])
    first = lab.run(flow)
    flow.wait_done()
    assert first.stop() == 0
    return lab.run(flow, kafka=looking_often(reset)).wait_log("ready: 2 partitions")


@pytest.mark.parametrize("reset", ["latest", "error"])
def test_what_was_written_before_the_worker_knew_of_a_partition_is_labelled(lab, reset):
    flow = lab.flow(2)
    running = begin(lab, flow, reset)
    client.grow_topic(flow.bootstrap, flow.input, 4)
    flow.produce([Record(article(f"другая {number}"), partition=2 + number % 2) for number in range(COUNT)])
    running.wait_log("assigned .* \\[3\\]")
    flow.wait_done()
    assert len(flow.labels()) == 4 + COUNT
    assert running.stop() == 0
    assert running.stderr.count("is newer than this worker: it is read from its first record") >= 2


def test_a_new_partition_of_which_the_group_has_an_offset_is_read_from_there(lab, guarantee):
    """It comes to a worker that has seen the topic grow from one that has labelled it since."""
    flow = lab.flow(2)
    staying = begin(lab, flow, "latest")
    leaving = lab.run(flow, kafka=looking_often("latest"))
    leaving.wait_log("assigned ")
    client.grow_topic(flow.bootstrap, flow.input, 4)
    staying.wait_log("assigned .* \\[[23]\\]")
    leaving.wait_log("assigned .* \\[[23]\\]")
    flow.produce([Record(article(f"другая {number}"), partition=2 + number % 2) for number in range(COUNT)])
    flow.wait_done()
    assert leaving.stop() == 0
    flow.produce([Record(article(f"третья {number}"), partition=2 + number % 2) for number in range(COUNT)])
    flow.wait_done()
    assert len(flow.labels()) == 4 + 2 * COUNT
    assert staying.stop() == 0
