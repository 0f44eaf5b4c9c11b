"""A partition that waits at the offset of a promotion, or whose topic is gone by then, holds up no other."""

import subprocess

import checks
import client
import worker
from broker import ROOT
from client import Record, article
from test_metrics import HTTP
from test_promote import TEXT, promoted
from test_reload import PARTITIONS, Bundles

AHEAD = 10


def test_a_partition_that_waits_for_the_commit_of_its_offset_holds_up_no_other(lab):
    """At-least-once, and no commit comes for a minute."""
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory)
    bundles.place()
    second = bundles.make()
    running = lab.run(flow, bundles.path, http=HTTP,
                      delivery={"guarantee": "at-least-once", "commit_interval_ms": 60000})
    running.wait_log("pipeline ready: ")
    promoted(flow, bundles, "--model", second.path, "--ahead", AHEAD)
    running.wait_log("takes over at offset", count=PARTITIONS)
    text_at = dict.fromkeys(flow.produce([Record(article(TEXT), partition=0) for _ in range(AHEAD + 10)]), TEXT)
    client.wait_for("those before the offset", lambda: len(flow.labels()) == AHEAD, 60)
    text_at |= dict.fromkeys(
        flow.produce([Record(article(TEXT), partition=1 + at % (PARTITIONS - 1)) for at in range(12)]), TEXT)
    client.wait_for("those of the other partitions", lambda: len(flow.labels()) >= AHEAD + 12, 60)
    # More of the partition that waits come behind what waits already.
    text_at |= dict.fromkeys(flow.produce([Record(article(TEXT), partition=0) for _ in range(10)]), TEXT)
    labels = flow.labels()
    assert len(labels) == AHEAD + 12 and {message.json()["model"]["version"] for message in labels} == {"1"}
    assert running.stop() == 0
    running = lab.run(flow, bundles.path, delivery={"guarantee": "at-least-once"})
    labels, dead_letters = checks.settled(flow, 120)
    assert dead_letters == []
    checks.assert_each_once(labels, text_at)
    checks.assert_in_order(labels)
    for message in labels:
        partition, offset = checks.source_of(message)
        assert message.json()["model"]["version"] == ("2" if offset >= AHEAD else "1"), (partition, offset)
    assert running.stop() == 0


def test_a_topic_that_is_deleted_before_its_offset_is_committed_holds_up_no_other(lab):
    """Exactly-once."""
    lab.guarantee = "exactly-once"
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory, sleep_us_per_token=10000)
    gone = lab.topic("gone", PARTITIONS)
    topics = {"topics": [flow.input, gone]}
    bundles.place()
    second = bundles.make()
    running = lab.run(flow, bundles.path, http=HTTP, input=topics,
                      delivery={"commit_interval_ms": 10000})
    running.wait_log("pipeline ready: ")
    for topic in topics["topics"]:
        client.produce(flow.bootstrap, topic, [Record(article(TEXT), partition=0)])
    flow.wait_done(120)
    # While this is in the model the transaction that has the offsets stays open.
    text_at = dict.fromkeys(flow.produce([Record(article(TEXT * 60), partition=0)]), TEXT * 60)
    client.wait_for("it to be consumed", lambda: running.metrics()["wiretag_in_flight_records"] == 1, 60, 0.02)
    path = bundles.directory / "promote.yaml"
    path.write_text(worker.yaml(flow.config(model={"path": str(bundles.path)}, input=topics)) + "\n", encoding="utf-8")
    subprocess.run([worker.binary(worker.fake_build()), "promote", "-c", path, "--model", second.path], cwd=ROOT,
                   check=True)
    running.wait_log("takes over at offset", count=2 * PARTITIONS)
    client.produce(flow.bootstrap, gone, [Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    client.delete_topics(flow.bootstrap, [gone])
    text_at |= dict.fromkeys(flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)]), TEXT)
    flow.wait_done(120)
    assert running.metrics()["wiretag_assigned_partitions"] == 2 * PARTITIONS, "nothing was taken away"
    labels = [message for message in flow.labels()
              if message.source[0] == flow.input and message.source != (flow.input, 0, 0)]
    checks.assert_each_once(labels, text_at)
    assert "2" in {message.json()["model"]["version"] for message in labels}
    running.wait_log(f"does not know the topic {gone} .any more.: its records wait")
    running.kill()


def test_at_least_once_a_deleted_topic_holds_up_neither_the_others_nor_the_end(lab):
    """The coordinator refuses the offsets of that topic alone; librdkafka says that it refused the whole commit."""
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory)
    gone = lab.topic("gone", PARTITIONS)
    topics = {"topics": [flow.input, gone]}
    bundles.place()
    second = bundles.make()
    # The deleted topic stays assigned for as long as the test runs.
    running = lab.run(flow, bundles.path, http=HTTP, input=topics,
                      kafka={"common": {"topic.metadata.propagation.max.ms": 600000}},
                      delivery={"guarantee": "at-least-once", "commit_interval_ms": 5000, "drain_ms_max": 300000})
    running.wait_log("pipeline ready: ")
    path = bundles.directory / "promote.yaml"
    path.write_text(worker.yaml(flow.config(model={"path": str(bundles.path)}, input=topics)) + "\n", encoding="utf-8")
    subprocess.run([worker.binary(worker.fake_build()), "promote", "-c", path, "--model", second.path], cwd=ROOT, check=True)
    running.wait_log("takes over at offset", count=2 * PARTITIONS)
    client.produce(flow.bootstrap, gone, [Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    places = flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    client.delete_topics(flow.bootstrap, [gone])
    flow.wait_done(120)
    assert running.metrics()["wiretag_assigned_partitions"] == 2 * PARTITIONS, "nothing was taken away"
    labels = [message for message in flow.labels() if message.source[0] == flow.input]
    checks.assert_each_once(labels, places)
    assert {message.json()["model"]["version"] for message in labels} == {"1", "2"}
    assert running.stop() == 0
    assert f"does not know the topic {gone} (any more): its offsets are not waited for" in running.stderr
