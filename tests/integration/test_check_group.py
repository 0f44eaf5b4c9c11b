"""wiretag check and a worker's start name who else is in the consumer group, and offsets that are gone."""

import contextlib
import socket
import struct
import threading

import client
import pytest
from checking import bad, check
from client import article
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient


@contextlib.contextmanager
def member(flow, topics, **config):
    """A consumer of somebody else in the flow's group, with partitions of its topics."""
    consumer = Consumer({"bootstrap.servers": flow.bootstrap, "group.id": flow.group, "client.id": "console-consumer",
                         "auto.offset.reset": "latest", "enable.auto.commit": False, **config})
    ended = threading.Event()
    assigned = threading.Event()

    def poll():
        while not ended.is_set():
            consumer.poll(0.1)

    consumer.subscribe(topics, on_assign=lambda _consumer, _partitions: assigned.set())
    thread = threading.Thread(target=poll)
    thread.start()
    try:
        assert assigned.wait(60)
        yield
    finally:
        ended.set()
        thread.join()
        consumer.close()


def test_another_strategy_in_the_group_is_named_with_its_members(lab):
    flow = lab.flow()
    with member(flow, [flow.input], **{"partition.assignment.strategy": "range"}):
        status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"group-strategy", "group-strangers"})
    message = found["group-strategy"][0]["message"]
    assert flow.group in message and "by range" in message and "console-consumer (/127.0.0.1)" in message
    assert "cooperative-sticky" in message and "group.id" in found["group-strategy"][0]["remedy"]


@pytest.mark.parametrize("config", [{"partition.assignment.strategy": "cooperative-sticky"},
                                    {"group.protocol": "consumer"}], ids=["classic", "consumer"])
def test_strangers_with_the_same_topics_are_named(lab, config):
    flow = lab.flow()
    with member(flow, [flow.input], **config):
        status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"group-strangers"})
    finding, = found["group-strangers"]
    assert flow.group in finding["message"] and "console-consumer (/127.0.0.1)" in finding["message"]


def test_a_worker_names_at_its_start_who_takes_partitions_from_it(lab):
    flow = lab.flow(2)
    with member(flow, [flow.input], **{"partition.assignment.strategy": "cooperative-sticky"}):
        running = lab.run(flow).wait_ready()
        assert running.stop() == 0
    named = [line for line in running.stderr.splitlines() if " WARN  check " in line and "console-consumer (/127.0.0.1)" in line]
    assert len(named) == 1 and flow.group in named[0] and "group.id" in named[0], running.stderr
    alone = lab.run(flow).wait_ready()
    assert alone.stop() == 0 and "client.id" not in alone.stderr


@pytest.mark.parametrize("config", [{"partition.assignment.strategy": "cooperative-sticky"},
                                    {"group.protocol": "consumer"}], ids=["classic", "consumer"])
def test_strangers_with_other_topics_are_named_whatever_they_call_themselves(lab, config):
    flow, other = lab.flow(), lab.topic("payments")
    with member(flow, [other], **{"client.id": "wiretag", **config}):
        status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"group-strangers"})
    assert other in found["group-strangers"][0]["message"]


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


@contextlib.contextmanager
def connect_worker(flow):
    """A member of another kind in the group: what Kafka Connect and schema registries make of one (JoinGroup 2)."""
    host, port = flow.bootstrap.split(":")
    body = (text(flow.group) + struct.pack(">ii", 60000, 60000) + text("") + text("connect")
            + struct.pack(">i", 1) + text("default") + struct.pack(">i", 0))
    request = struct.pack(">hhi", 11, 2, 1) + text("connect-1") + body

    def join(connection):
        connection.sendall(struct.pack(">i", len(request)) + request)
        size, = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
        answer = connection.recv(size, socket.MSG_WAITALL)
        return struct.unpack(">h", answer[8:10])[0] == 0  # behind correlation and throttle time

    with socket.create_connection((host, int(port)), timeout=60) as connection:
        client.wait_for("the coordinator of the group", lambda: join(connection))
        yield


def test_a_group_of_another_kind_is_named(lab):
    flow = lab.flow()
    client.commit(flow.bootstrap, lab.unique("other"), flow.input, {0: 0})  # groups have coordinators by now
    with connect_worker(flow):
        status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"group-strangers"})
    assert flow.group in found["group-strangers"][0]["message"] and "(connect)" in found["group-strangers"][0]["message"]


def test_a_group_without_strangers_is_well_beside_its_workers(lab):
    flow = lab.flow(partitions=2)
    lab.run(flow).wait_ready()
    lab.run(flow, kafka={"consumer": {"client.id": "wiretag-2"}}).wait_ready()
    status, found = check(lab, flow)
    assert (status, bad(found)) == (0, set())


# --- offsets ---


def forget_group(flow):
    admin = AdminClient({"bootstrap.servers": flow.bootstrap})
    for future in admin.delete_consumer_groups([flow.group]).values():
        future.result(30)


def label(lab, flow, count):
    running = lab.run(flow)
    flow.produce([article("мяч")] * count)
    assert len(flow.labels(count)) == count
    flow.wait_done()
    assert running.stop() == 0


def test_offsets_that_are_gone_are_named_before_all_is_labelled_again(lab):
    """As the brokers do after offsets.retention.minutes without members."""
    flow = lab.flow()
    label(lab, flow, 3)
    assert check(lab, flow)[0] == 0
    client.wait_for("a group without members", lambda: client.committed(flow.bootstrap, flow.group, flow.input))
    forget_group(flow)
    status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"group-offsets"})
    finding, = found["group-offsets"]
    assert flow.group in finding["message"] and flow.input in finding["message"] and "once more the" in finding["message"]
    assert "offsets.retention.minutes" in finding["message"] and "--reset-offsets" in finding["remedy"]
    running = lab.run(flow)
    running.wait_log(rf"WARN  check .+consumer group {flow.group} has no committed offset any more for .+, though topic {flow.output} has labels")
    assert len(flow.labels(6)) == 6, "named, and not refused"


def test_dead_letters_show_as_well_that_the_group_has_been_there(lab):
    flow = lab.flow()
    running = lab.run(flow)
    flow.produce([b"no article"])
    assert len(flow.dead_letters(1)) == 1
    flow.wait_done()
    assert running.stop() == 0
    forget_group(flow)
    status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"group-offsets"})
    assert f"though topic {flow.dead_letter} has dead letters of it" in found["group-offsets"][0]["message"]


def test_a_new_group_is_no_warning(lab):
    flow = lab.flow()
    flow.produce([article("мяч")] * 2)
    status, found = check(lab, flow)
    assert (status, bad(found)) == (0, set())
    assert found["group-offsets"][0]["level"] == "note"
    running = lab.run(flow)
    assert len(flow.labels(2)) == 2
    assert "committed offsets" not in running.stderr


def test_records_that_were_deleted_before_they_were_labelled_are_counted(lab):
    flow = lab.flow()
    flow.produce([article("мяч")] * 5)
    client.commit(flow.bootstrap, flow.group, flow.input, {0: 1})
    client.delete_records(flow.bootstrap, flow.input, {0: 4})
    status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"group-offsets"})
    assert found["group-offsets"][0]["message"].startswith("3 records ")


def test_committed_offsets_beyond_the_end_are_named(lab):
    flow = lab.flow()
    flow.produce([article("мяч")])
    client.commit(flow.bootstrap, flow.group, flow.input, {0: 7})
    status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"group-offsets"})
    assert "beyond the end" in found["group-offsets"][0]["message"]
