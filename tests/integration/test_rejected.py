"""Records that the broker itself refuses: dead-lettered alone, their neighbours labelled and in order."""

import time

import checks
import client
import pytest
from client import Record, article

COUNT, CULPRITS = 600, {100, 101, 350}
TEN_HOURS_MS = "36000000"


@pytest.fixture(params=["a timestamp too far ahead", "no key in a compacted topic", "too large as a label"])
def refused(request, lab, guarantee):
    """A flow whose output topic refuses what the culprits become: (flow, records, settings, reason)"""
    flow = lab.flow(2, {"message.timestamp.after.max.ms": TEN_HOURS_MS})
    later = int(time.time() * 1000) + 7_200_000
    settings = {}
    records = [Record(article(f"новость {number}"), f"key-{number % 7}".encode(), partition=number % 2)
               for number in range(COUNT)]
    if request.param == "a timestamp too far ahead":
        flow.output = lab.topic("strict", 2, {"message.timestamp.after.max.ms": "3600000"})
        for number in CULPRITS:
            records[number].timestamp = later
        reason = "timestamp"
    elif request.param == "no key in a compacted topic":
        flow.output = lab.topic("compacted", 2, {"cleanup.policy": "compact"})
        for number in CULPRITS:
            records[number].key = None
        reason = "record"
    else:
        flow.output = lab.topic("small", 2, {"max.message.bytes": "30000"})
        settings = {"output": {"include_input": True}}
        for number in CULPRITS:
            records[number].value = article("мяч " * 10_000)
        reason = "large"
    return flow, records, settings, reason


def test_what_the_broker_refuses_is_dead_lettered_and_its_neighbours_are_labelled_in_order(lab, refused):
    flow, records, settings, reason = refused
    places = flow.produce(records)
    # A worker that loses its session on a busy machine may publish records twice under at-least-once.
    running = lab.run(flow, kafka={"consumer": {"session.timeout.ms": 60_000}}, **settings)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, [place for number, place in enumerate(places) if number not in CULPRITS])
    checks.assert_each_once(dead_letters, [places[number] for number in sorted(CULPRITS)])
    at = dict(zip(places, records))
    for letter in dead_letters:
        record = at[checks.source_of(letter)]
        assert (letter.value, letter.key) == (record.value, record.key)
        assert letter.header("wiretag.error.code") == "record-rejected"
        assert letter.header("wiretag.error.stage") == "publish"
        assert reason in letter.header("wiretag.error.message").lower()
    checks.assert_in_order(labels)
    checks.assert_in_order(dead_letters)
    assert running.stop() == 0


def test_a_feed_with_many_refused_records_flows_on_in_order(lab, guarantee):
    flow = lab.flow(2, {"message.timestamp.after.max.ms": TEN_HOURS_MS})
    flow.output = lab.topic("strict", 2, {"message.timestamp.after.max.ms": "3600000"})
    later = int(time.time() * 1000) + 7_200_000
    # librdkafka takes half a second to begin anew after some of its aborts.
    each = 400 if guarantee == "exactly-once" else 200
    refused = [number for number in range(3000) if number % each == 17]
    places = flow.produce([
        Record(article(f"новость {number}"), partition=number // 3 % 2,
               timestamp=later if number % each == 17 else None) for number in range(3000)])
    lab.run(flow)
    labels, dead_letters = checks.settled(flow, timeout=200)
    checks.assert_each_once(labels, set(places) - {places[number] for number in refused})
    checks.assert_each_once(dead_letters, [places[number] for number in refused])
    checks.assert_in_order(labels)
    checks.assert_in_order(dead_letters)


@pytest.mark.usefixtures("guarantee")
def test_skip_and_stop_hold_for_what_the_broker_refuses(lab):
    flow = lab.flow(1, {"message.timestamp.after.max.ms": TEN_HOURS_MS})
    flow.output = lab.topic("strict", config={"message.timestamp.after.max.ms": "3600000"})
    later = int(time.time() * 1000) + 7_200_000
    records = [Record(article(f"новость {number}"), timestamp=later if number == 30 else None) for number in range(60)]
    places = flow.produce(records)
    assert lab.run(flow, on_error="stop", dead_letter=None).wait_exit() == 1
    assert flow.committed() == {0: 30}
    lab.run(flow, on_error="skip", dead_letter=None)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places[:30] + places[31:])
    checks.assert_in_order(labels)


def test_with_the_time_of_publishing_no_timestamp_is_refused(lab):
    flow = lab.flow(1, {"message.timestamp.after.max.ms": TEN_HOURS_MS})
    flow.output = lab.topic("strict", config={"message.timestamp.after.max.ms": "3600000"})
    places = flow.produce([Record(article("мяч"), timestamp=int(time.time() * 1000) + 7_200_000)])
    lab.run(flow, output={"timestamp": "now"})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    assert dead_letters == []


def test_batches_are_no_larger_than_their_topic_takes(lab, guarantee):
    """max.message.bytes limits whole batches, and thousands of small labels wait for one."""
    flow = lab.flow()
    flow.output = lab.topic("small", config={"max.message.bytes": "60000"})
    places = flow.produce([article(f"новость {number}") for number in range(4000)])
    running = lab.run(flow, http={"listen": "127.0.0.1:0"})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    metrics = running.metrics()
    assert metrics["wiretag_producers_replaced_total"] == metrics['wiretag_transactions_total{outcome="aborted"}'] == 0
    assert running.stop() == 0


def test_a_topic_that_takes_less_than_at_the_start_is_found_out(lab, guarantee):
    flow = lab.flow()
    running = lab.run(flow, http={"listen": "127.0.0.1:0"})
    places = flow.produce([article("мяч")])
    flow.labels(1)
    client.alter_topic(flow.bootstrap, flow.output, {"max.message.bytes": "60000"})
    for first in range(0, 8000, 2000):
        places += flow.produce([article(f"новость {number}") for number in range(first, first + 2000)])
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    # Once, or twice: not with every batch.
    assert running.metrics()["wiretag_produce_errors_total"] < 8000
    assert running.stop() == 0
