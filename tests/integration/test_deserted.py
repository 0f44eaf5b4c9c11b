"""Topics that are missing at the moment when the group is joined, and come back."""

import client
from client import Record, article
from confluent_kafka.admin import AdminClient

COUNT = 30


def members(flow):
    admin = AdminClient({"bootstrap.servers": flow.bootstrap})
    return admin.describe_consumer_groups([flow.group])[flow.group].result(30).members


def fill(flow, count):
    flow.produce([Record(article(f"новость {number}"), partition=number % 2) for number in range(count)])


def without_topics(lab, flow, running):
    """The group has removed its only member; the topics go; it joins again."""
    topics = {flow.input, flow.output, flow.dead_letter}
    running.pause()
    client.wait_for("a group without members", lambda: not members(flow), 60)
    client.delete_topics(flow.bootstrap, topics)
    client.wait_for("topics that are gone", lambda: not topics & set(client.topics(flow.bootstrap)), 60)
    running.resume()
    running.wait_log("rebalance: 0 added")
    client.create_topics(flow.bootstrap, list(topics), 2)


def test_topics_that_were_missing_when_the_group_was_joined_are_read_once_they_are_there(lab, guarantee):
    flow = lab.flow(2)
    fill(flow, 10)
    running = lab.run(flow)
    flow.wait_done()
    without_topics(lab, flow, running)
    fill(flow, COUNT)
    flow.wait_done(120)
    assert len(flow.labels()) == COUNT
    assert running.stop() == 0


def test_a_spare_worker_stays_one(lab):
    flow = lab.flow(1)
    first = lab.run(flow).wait_ready()
    spare = lab.run(flow, log={"level": "debug"})
    spare.wait_log("this worker has no partition: a spare")
    flow.produce([article(f"новость {number}") for number in range(COUNT)])
    flow.wait_done()
    assert "joining it again" not in first.stderr + spare.stderr
    assert first.stop() == 0 and spare.stop() == 0
