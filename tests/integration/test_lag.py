"""Offsets as others see them: once all is done, `kafka-consumer-groups` shows no lag, whatever a partition ends in."""

import re
import subprocess
import time

import client
import pytest
from broker import SCRIPTS
from client import Record, article
from confluent_kafka import Producer

HTTP = {"listen": "127.0.0.1:0"}

pytestmark = pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])


@pytest.fixture
def flow(lab, guarantee):
    made = lab.flow(partitions=3)
    made.guarantee = guarantee
    return made


class Writer:
    """Transactions into the input of a flow, each committed or aborted."""

    def __init__(self, lab, flow):
        self.flow = flow
        self._producer = Producer({"bootstrap.servers": flow.bootstrap, "transactional.id": lab.unique("writer")})
        self._producer.init_transactions(30)
        self.written = 0

    def write(self, records, commit=True):
        self._producer.begin_transaction()
        for record in records:
            self._producer.produce(self.flow.input, record.value, key=record.key, partition=record.partition)
        self._producer.flush(30)
        if commit:
            self._producer.commit_transaction(30)
            self.written += len(records)
        else:
            self._producer.abort_transaction(30)


def articles(partition, count=1):
    return [Record(article(f"новость {number}"), partition=partition) for number in range(count)]


def assert_done(flow, labels):
    """No lag at all, in every partition, by the number of records that were to be labelled."""
    flow.wait_done()
    assert flow.committed() == client.end_offsets(flow.bootstrap, flow.input)
    assert len(flow.labels()) == labels


def test_the_end_of_a_transaction_is_no_lag(lab, flow):
    writer = Writer(lab, flow)
    for number in range(5):
        writer.write(articles(number % 3))
    running = lab.run(flow)
    assert_done(flow, 5)
    for number in range(4):  # while it runs as well
        writer.write(articles(number % 3))
    assert_done(flow, 9)
    assert running.stop() == 0
    assert "9 consumed, 9 labelled, 0 dead-lettered, 0 tombstones, 0 skipped, 0 left uncommitted" in running.stderr


def test_the_tool_of_kafka_shows_no_lag(lab, flow):
    writer = Writer(lab, flow)
    for number in range(5):
        writer.write(articles(number % 2))  # the third partition stays empty
    running = lab.run(flow)
    flow.wait_done()
    assert running.stop() == 0
    shown = subprocess.run([SCRIPTS / "tool", "consumer-groups", "--bootstrap-server", flow.bootstrap, "--describe",
                            "--group", flow.group], capture_output=True, text=True, timeout=120, check=True).stdout
    rows = [line.split() for line in shown.splitlines() if flow.input in line]
    assert sorted((row[2], row[3], row[4], row[5]) for row in rows) == [
        ("0", "6", "6", "0"), ("1", "4", "4", "0"), ("2", "0", "0", "0")], shown


def test_aborted_records_at_the_end_are_no_lag(lab, flow):
    writer = Writer(lab, flow)
    for partition in range(3):
        writer.write(articles(partition, 3))
        writer.write(articles(partition, 4), commit=False)
    lab.run(flow)
    assert_done(flow, 9)
    writer.write(articles(1, 2), commit=False)
    assert_done(flow, 9)


def test_a_partition_of_markers_alone_is_no_lag(lab, flow):
    writer = Writer(lab, flow)
    writer.write(articles(0, 3), commit=False)
    writer.write(articles(1, 1))
    running = lab.run(flow)
    assert_done(flow, 1)
    assert running.stop() == 0
    writer.write(articles(0, 1), commit=False)
    lab.run(flow)
    assert_done(flow, 1)


@pytest.mark.parametrize("last", ["tombstone", "dead letter", "skipped"])
def test_whatever_comes_before_the_marker_is_no_lag(lab, flow, last):
    writer = Writer(lab, flow)
    value = None if last == "tombstone" else b"{}"
    writer.write([*articles(0, 2), Record(value, key=b"k", partition=0)])
    lab.run(flow, on_error="skip" if last == "skipped" else "dead-letter")
    assert_done(flow, 3 if last == "tombstone" else 2)


def test_what_retention_has_deleted_up_to_the_end_is_no_lag_and_counted(lab, flow):
    flow.produce(articles(0, 10))
    first = lab.run(flow)
    flow.wait_done()
    assert first.stop() == 0
    flow.produce(articles(0, 10))
    client.delete_records(flow.bootstrap, flow.input, {0: 20})
    second = lab.run(flow, http=HTTP)
    second.wait_log(r"\[0\]: offsets 10 to 19 are lost")
    assert second.metrics()['wiretag_lost_offsets_total{reason="retention"}'] == 10
    assert_done(flow, 10)


def test_records_that_compaction_took_from_the_end_are_no_lag(lab, guarantee, own_broker):
    """A marker that stays alone: all before it has a newer record in front."""
    broker = own_broker(settings={"log.cleaner.backoff.ms": 100})
    flow = lab.flow(1, topic_config={
        "cleanup.policy": "compact", "segment.ms": 100, "min.cleanable.dirty.ratio": 0.01,
        "min.compaction.lag.ms": 0, "delete.retention.ms": 100}, on=broker)
    flow.guarantee = guarantee
    flow.output, flow.dead_letter = lab.topic("plain", 1, on=broker), lab.topic("plain-dlq", 1, on=broker)
    writer = Writer(lab, flow)
    writer.write([Record(article(f"новость {number}"), key=str(number % 10).encode(), partition=0)
                  for number in range(500)])

    def compacted():
        # A segment is rolled, and so can be cleaned, when the next batch comes: here, of records that are aborted.
        writer.write([Record(article("последняя"), key=b"last", partition=0)], commit=False)
        return len(client.read_all(flow.bootstrap, flow.input)) < 100
    client.wait_for("compaction", compacted, 60, 0.5)
    left = len(client.read_all(flow.bootstrap, flow.input))
    lab.run(flow)
    flow.wait_done()
    assert flow.committed() == client.end_offsets(flow.bootstrap, flow.input)
    assert len(flow.labels()) <= left


def test_a_group_that_lags_behind_a_marker_from_before_catches_up(lab, flow):
    """As other consumers, and earlier versions, leave it: behind the last record."""
    writer = Writer(lab, flow)
    for partition in range(3):
        writer.write(articles(partition, 2))
    client.commit(flow.bootstrap, flow.group, flow.input, {0: 2, 1: 2, 2: 2})
    assert flow.lag() == 3
    lab.run(flow)
    assert_done(flow, 0)


def test_an_idle_partition_is_committed_once(lab, flow):
    writer = Writer(lab, flow)
    for number in range(6):
        writer.write(articles(number % 3))
    running = lab.run(flow, http=HTTP)
    flow.wait_done()

    def unchanged_for_a_while():
        before = running.metrics()
        time.sleep(4)  # eight fetches, four commit intervals
        after = running.metrics()
        return all(before[name] == after[name] for name in before if re.match("wiretag_(commits|transactions)_", name))
    client.wait_for("a worker that commits no more", unchanged_for_a_while, 60)
    assert running.metrics()['wiretag_commits_total{result="ok"}'] > 0


def test_no_lag_is_left_by_workers_that_come_and_go(lab, flow):
    writer = Writer(lab, flow)
    first = lab.run(flow)
    first.wait_ready()
    for number in range(30):
        writer.write(articles(number % 3), commit=number % 4 != 3)
    second = lab.run(flow)
    second.wait_ready()
    for number in range(30):
        writer.write(articles(number % 3), commit=number % 4 != 3)
    assert first.stop() == 0
    for number in range(10):
        writer.write(articles(number % 3), commit=number % 4 != 3)
    assert_done(flow, writer.written)
    second.kill()
    writer.write(articles(2, 3))
    writer.write(articles(1, 3), commit=False)
    lab.run(flow)
    assert_done(flow, writer.written)


def test_a_group_without_offsets_that_begins_at_the_end_misses_nothing_after_its_first_start(lab, flow):
    """The end that it found is its offset from then on, be there a record or not."""
    Writer(lab, flow).write(articles(0, 2))
    latest = {"consumer": {"auto.offset.reset": "latest"}}
    first = lab.run(flow, kafka=latest)
    client.wait_for("offsets", lambda: len(flow.committed()) == 3, 60)
    assert first.stop() == 0
    flow.produce([*articles(0, 2), *articles(1, 2)])
    lab.run(flow, kafka=latest)
    assert_done(flow, 4)


def test_a_topic_made_anew_without_a_record_is_no_lag_and_nothing_of_it_is_passed_over(lab, flow):
    """The worker that sees its end is gone before its first record comes."""
    flow.produce(articles(0, 12))
    first = lab.run(flow)
    flow.wait_done()
    client.remake_topic(flow.bootstrap, flow.input)
    client.wait_for("an offset of the new log", lambda: flow.committed().get(0) == 0, 90)
    assert first.stop() == 0
    flow.produce(articles(0, 20))
    second = lab.run(flow)
    client.wait_for("labels", lambda: len(flow.labels()) == 32, 60)
    client.wait_for("the end", lambda: flow.committed().get(0) == 20, 60)
    assert second.stop() == 0


def make_anew_behind_a_worker(lab, flow):
    """A worker labels twelve articles and stops; then the topic is made anew."""
    flow.produce(articles(0, 12))
    first = lab.run(flow)
    flow.wait_done()
    assert first.stop() == 0
    client.remake_topic(flow.bootstrap, flow.input)


def test_a_group_ahead_of_a_new_topic_is_set_back_by_its_end(lab, flow):
    make_anew_behind_a_worker(lab, flow)
    client.commit(flow.bootstrap, flow.group, flow.input, {0: 12})  # where the coordinator still has it
    second = lab.run(flow)
    client.wait_for("an offset of the new log", lambda: flow.committed().get(0) == 0, 60)
    assert second.stop() == 0


def test_a_topic_made_anew_ends_without_lag_too(lab, flow):
    make_anew_behind_a_worker(lab, flow)
    writer = Writer(lab, flow)
    writer.write(articles(0, 3))
    writer.write(articles(0, 3), commit=False)
    lab.run(flow)
    client.wait_for("labels", lambda: len(flow.labels()) == 15, 60)
    client.wait_for("the end", lambda: flow.committed().get(0) == client.end_offsets(flow.bootstrap, flow.input)[0], 60)
