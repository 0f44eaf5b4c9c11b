"""A group without offsets: what a start reads is said before, by run and by check, and lost offsets
are told from a new group."""

import re
import subprocess

import client
from broker import SCRIPTS
from client import Record, article
from confluent_kafka.admin import AdminClient


def articles(count, partitions=1):
    return [Record(article(f"новость {number}"), partition=number % partitions) for number in range(count)]


def forget_group(flow):
    """What the coordinator does at the end of offsets.retention.minutes."""
    admin = AdminClient({"bootstrap.servers": flow.bootstrap})  # must outlive its future
    admin.delete_consumer_groups([flow.group])[flow.group].result(30)
    client.wait_for("a group without offsets", lambda: flow.committed() == {}, 60)


def forget_topic(flow, topic):
    subprocess.run([SCRIPTS / "tool", "consumer-groups", "--bootstrap-server", flow.bootstrap, "--delete-offsets",
                    "--group", flow.group, "--topic", topic], check=True, capture_output=True, timeout=120)


def label(lab, flow, **changes):
    running = lab.run(flow, **changes)
    running.wait_ready()
    flow.wait_done()
    assert running.stop() == 0
    return running


def said(running, level):
    """What was said about the group's offsets before a partition was assigned."""
    before = running.stderr.split("assigned", 1)[0]
    return [line for line in before.splitlines() if re.search(f" {level} +check .*consumer group .* has ", line)]


def test_a_start_without_offsets_that_were_there_is_warned_of(lab):
    flow = lab.flow(partitions=2)
    flow.produce(articles(20, 2))
    label(lab, flow)
    forget_group(flow)
    again = label(lab, flow)
    [line] = said(again, "WARN")
    assert f"{flow.group} has no committed offset any more for topic {flow.input}" in line
    assert f"topic {flow.output} has labels of it" in line
    assert "labels once more the 20 records from offset 0 on" in line
    assert len(flow.labels()) == 40


def test_check_warns_of_it_too(lab):
    flow = lab.flow()
    flow.produce(articles(7))
    label(lab, flow)
    forget_group(flow)
    checked = lab.start(flow.config(model={"path": str(lab.model())}), build="fake", command=("check",))
    checked.wait_exit(120)
    assert "labels once more the 7 records from offset 0 on" in re.sub(r"\s+", " ", checked.stdout + checked.stderr)


def test_a_new_group_is_no_lost_one_and_what_it_reads_is_said_all_the_same(lab):
    flow = lab.flow()
    flow.produce(articles(9))
    client.delete_records(flow.bootstrap, flow.input, {0: 2})
    first = label(lab, flow)
    assert said(first, "WARN") == []
    [line] = said(first, "INFO")
    assert f"no offset yet for topic {flow.input}: a worker that starts reads the 7 records from offset 2 on" in line
    assert said(label(lab, flow), "INFO") == []


def test_a_topic_without_records_is_not_worth_a_line(lab):
    assert said(label(lab, lab.flow(partitions=3)), "INFO") == []


def test_each_topic_is_named_by_itself(lab):
    """One whose offsets were deleted, one that is new, one that goes on."""
    flow = lab.flow()
    other, new = lab.topics(["other", "new"])
    flow.produce(articles(5))
    client.produce(flow.bootstrap, other, articles(6))
    before = lab.run(flow, input={"topics": [flow.input, other]})
    client.wait_for("labels", lambda: len(flow.labels()) == 11, 60)
    assert before.stop() == 0
    forget_topic(flow, other)
    client.produce(flow.bootstrap, new, articles(3))
    after = lab.run(flow, input={"topics": [flow.input, other, new]})
    client.wait_for("labels", lambda: len(flow.labels()) == 11 + 6 + 3, 60)
    [lost] = said(after, "WARN")
    [fresh] = said(after, "INFO")
    assert f"no committed offset any more for topic {other}," in lost and "the 6 records from offset 0 on" in lost
    assert f"no offset yet for topic {new}:" in fresh and "the 3 records from offset 0 on" in fresh


def test_partitions_that_a_topic_got_since_are_no_lost_ones(lab):
    flow = lab.flow()
    flow.produce(articles(5))
    label(lab, flow)
    client.grow_topic(flow.bootstrap, flow.input, 3)
    flow.produce([Record(article("новость"), partition=2)])
    after = label(lab, flow)
    assert said(after, "WARN") == []
    [line] = said(after, "INFO")
    assert f"for 1 of 3 partitions of topic {flow.input}: a worker that starts reads the 1 records" in line


def test_labels_are_found_behind_transactions_and_dead_letters_alone_too(lab):
    flow = lab.flow()
    flow.produce([Record(b"{}")] * 4)
    label(lab, flow)
    assert len(flow.dead_letters()) == 4
    forget_group(flow)
    [line] = said(label(lab, flow), "WARN")
    assert f"topic {flow.dead_letter} has dead letters of it" in line
