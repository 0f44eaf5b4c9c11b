"""Articles whose timestamps cost their labels: named at the start, and when the first one is seen."""

import json
import time

import checks
import client
import pytest
import ranges
import worker
from client import Record, article

HTTP = {"listen": "127.0.0.1:0"}
ANY_TIME = {"message.timestamp.after.max.ms": str(2**62)}
# In each unit the same moment, and its name.
UNITS = {"seconds": 1_790_000_000, "microseconds": 1_790_000_000_000_000, "nanoseconds": 1_790_000_000_000_000_000}


def dated(timestamp, count=3):
    return [Record(article(f"новость {number}"), timestamp=timestamp) for number in range(count)]


def misdated(running, reason):
    return running.metrics()[f'wiretag_misdated_records_total{{reason="{reason}"}}']


def warnings(running, words):
    return [line for line in running.stderr.splitlines() if "WARN" in line and words in line]


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_that_is_not_milliseconds_is_named_at_the_start_and_when_first_seen(lab, unit):
    flow = lab.flow(2, ANY_TIME)
    flow.produce(dated(None) + dated(UNITS[unit]))
    running = lab.run(flow, http=HTTP)
    flow.wait_done()
    running.wait_log("Further ones of its topic are counted")
    client.wait_for("the count", lambda: misdated(running, "unit") == 3)
    said = f"timestamp {UNITS[unit]} is "
    why = f"{unit} since 1970 where Kafka has milliseconds"
    at_start, first = warnings(running, said)
    assert why in at_start and "the newest record of " in at_start and flow.input in at_start
    assert "output.timestamp" in at_start and "milliseconds since 1970" in at_start
    assert why in first and f"{flow.input} [" in first and "set output.timestamp: now" in first
    # Another topic of the same worker is another matter; the same one is not named again.
    flow.produce(dated(UNITS[unit]))
    client.wait_for("the count", lambda: misdated(running, "unit") == 6)
    assert len(warnings(running, said)) == 2


def test_seconds_that_begin_while_running_are_named_when_first_seen_once_for_each_topic(lab):
    flow = lab.flow()
    other = lab.topic("other")
    flow.produce(dated(None))
    running = lab.run(flow, http=HTTP, input={"topics": [flow.input, other]}).wait_log("assigned", count=2)
    flow.wait_done()
    assert warnings(running, "since 1970") == [] and misdated(running, "unit") == 0
    for topic in (flow.input, other):
        client.produce(flow.bootstrap, topic, dated(UNITS["seconds"], 5))
    client.wait_for("the count", lambda: misdated(running, "unit") == 10)
    named = warnings(running, "seconds since 1970 where Kafka has milliseconds")
    assert sorted(topic for topic in (flow.input, other) for line in named if f"{topic} [0]" in line) == sorted([flow.input, other])
    assert len(named) == 2


@pytest.mark.parametrize("settings", [{"output": {"timestamp": "now"}}, {}])
def test_nothing_is_said_where_no_label_is_lost(lab, settings):
    flow = lab.flow()
    if not settings:
        flow.output = lab.topic("stamped", config={"message.timestamp.type": "LogAppendTime"})
    places = flow.produce(dated(UNITS["seconds"]))
    running = lab.run(flow, http=HTTP, **settings)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    assert all(label.timestamp > 1_700_000_000_000 for label in labels)
    assert warnings(running, "timestamp") == [] and misdated(running, "unit") == 0
    assert running.stop() == 0


def test_articles_older_than_the_output_keeps_and_further_ahead_than_it_takes_are_named_and_counted(lab):
    now = int(time.time() * 1000)
    flow = lab.flow(1, ANY_TIME)
    flow.output = lab.topic("short", config={"retention.ms": "7200000", "message.timestamp.after.max.ms": "3600000"})
    flow.produce(dated(now - 4 * 3_600_000))
    running = lab.run(flow, http=HTTP)
    flow.wait_done()
    client.wait_for("the count", lambda: misdated(running, "old") == 3)
    at_start, first = warnings(running, f"deletes records older than the 2.0 h that topic {flow.output} keeps")
    assert "the newest record" in at_start and f"{flow.input} [0] offset 0" in first
    flow.produce(dated(now + 4 * 3_600_000, 1))
    client.wait_for("the count", lambda: misdated(running, "ahead") == 1)
    assert running.stop() == 0


def test_a_letter_of_an_article_in_seconds_is_named_by_a_redrive(lab):
    flow = lab.flow()
    second = UNITS["seconds"]
    letter, = ranges.letters(flow, 1)
    letter.headers.append(("wiretag.source.timestamp", str(second).encode()))
    client.produce(flow.bootstrap, flow.dead_letter, [letter])
    running = ranges.start(lab, flow, command="redrive")
    assert ranges.finish(running)[0].labelled == 1
    assert f"timestamp {second} is 1970-01-21T17:13:20.000Z: seconds since 1970" in running.stderr


def test_check_names_the_unit(lab):
    flow = lab.flow()
    flow.produce(dated(UNITS["seconds"]))
    done = lab.start(flow.config(model={"path": str(lab.model())}), command=("check",), build=worker.fake_build(),
                     arguments=("--json",))
    assert done.wait_exit() == 1
    found, = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "timestamp-newest"]
    assert found["level"] == "warning" and found["place"].endswith("output.timestamp")
    assert "seconds since 1970 where Kafka has milliseconds" in found["message"] and "output.timestamp: now" in found["remedy"]
