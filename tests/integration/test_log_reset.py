"""Offsets that go backwards: a topic made anew under a running worker, a group that is ahead of its topic."""

from collections import Counter

import client
import pytest
from client import article
from lab import GROUP_PROTOCOL

SLOW_DRAIN = {"drain_ms_max": 120_000}  # a stop that waits for what never comes is not taken for a clean one


def offsets(flow):
    return [label.source[2] for label in flow.labels()]


def stop_and_find_nothing_left(lab, flow, running):
    """A stop that has nothing to wait for; then a worker that has nothing to read."""
    assert running.stop(timeout=60) == 0
    before = offsets(flow)
    again = lab.run(flow)
    again.wait_log("assigned")
    flow.produce([article("новость")])
    flow.wait_done()
    assert offsets(flow) == [*before, client.end_offsets(flow.bootstrap, flow.input)[0] - 1]


def test_a_topic_made_anew_under_a_worker_is_read_once_from_its_beginning(lab, guarantee):
    flow = lab.flow()
    flow.produce([article(f"новость {number}") for number in range(50)])
    running = lab.run(flow, delivery=SLOW_DRAIN)
    flow.wait_done()
    client.remake_topic(flow.bootstrap, flow.input)
    for count in (20, 60):  # fewer than it had read, then more
        flow.produce([article(f"другая {number}") for number in range(count)])
        flow.wait_done()
    assert offsets(flow) == [*range(50), *range(80)]
    stop_and_find_nothing_left(lab, flow, running)


def test_a_topic_made_anew_that_has_grown_past_the_position_is_read_from_its_beginning(lab, guarantee):
    """librdkafka notices nothing: the offset at which it goes on is there in the new topic, too. What it reads there
    until the worker notices is read again."""
    flow = lab.flow()
    flow.produce([article(f"новость {number}") for number in range(50)])
    running = lab.run(flow, delivery=SLOW_DRAIN, log={"level": "debug"})
    running.wait_log("the id of topic .* is known")
    flow.wait_done()
    client.remake_topic(flow.bootstrap, flow.input)
    flow.produce([article(f"другая {number}") for number in range(120)])
    running.wait_log("the group's offset is reset")
    flow.labels(170)
    flow.wait_done()
    seen = Counter(offsets(flow))
    assert [seen[offset] for offset in range(50)] == [2] * 50
    assert seen.keys() == set(range(120)) and max(seen.values()) == 2
    stop_and_find_nothing_left(lab, flow, running)


@pytest.mark.skipif(GROUP_PROTOCOL == "consumer", reason="a coordinator that assigns takes the partition when its topic goes")
def test_what_was_read_of_the_topic_before_is_finished_first(lab, guarantee):
    flow, model = lab.flow(), lab.model(sleep_us_per_call=50_000)
    flow.produce([article(f"новость {number}") for number in range(80)])
    running = lab.run(flow, model, model={"replicas": 1}, batch={"articles_max": 1}, in_flight={"records_max": 40})
    client.wait_for("labels", lambda: client.end_offsets(flow.bootstrap, flow.output)[0] >= 10, 60, 0.02)
    client.remake_topic(flow.bootstrap, flow.input)
    flow.produce([article(f"другая {number}") for number in range(5)])
    running.wait_log("offset went backwards: expected 80, got 0")
    flow.wait_done()
    found = offsets(flow)
    # What the client had not handed out of the topic before is gone.
    assert 10 <= len(found) - 5 <= 80 and found == [*range(len(found) - 5), *range(5)]
    assert running.stop() == 0
    running.wait_log(rf"stopped: {len(found)} consumed, {len(found)} labelled")


def test_a_group_ahead_of_its_topic_is_set_back(lab, guarantee):
    flow = lab.flow()
    flow.produce([article(f"новость {number}") for number in range(50)])
    client.commit(flow.bootstrap, flow.group, flow.input, {0: 1000})
    running = lab.run(flow, delivery=SLOW_DRAIN)
    running.wait_log(r"WARN +consume +\S+ \[0\]: offset went backwards: expected 1000, got 0")
    flow.wait_done()
    assert offsets(flow) == [*range(50)]
    stop_and_find_nothing_left(lab, flow, running)
