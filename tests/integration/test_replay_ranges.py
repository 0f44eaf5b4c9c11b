"""Ranges that are wrong, empty or full of holes: each ends, and says what it was."""

import re
import subprocess
import time

import checks
import client
import pytest
import ranges
import worker
from client import Record, article
from confluent_kafka import Producer
from lab import Flow

NOBODY = Flow("127.0.0.1:1", "group", "input", "output", "dead-letter", "exactly-once")  # never asked


def refused(lab, flow, *arguments):
    """(exit status, stderr) of a replay that must not begin."""
    running = lab.start(flow.config(model={"path": str(lab.model())}), command=("replay",),
                        build=worker.fake_build(), arguments=arguments)
    status = running.wait_exit(60)
    assert running.stdout == ""
    return status, running.stderr


@pytest.mark.parametrize("begin, end, part", [
    ("yesterday", "latest", "--from yesterday"), ("earliest", "0:", "--to 0:"), ("", "latest", "--from"),
    ("2026-03-01T06:00:00", "latest", "with a zone"), ("2026-02-30T06:00:00Z", "latest", "2026-02-30"),
    ("-7", "latest", "-7d"), ("1:2,1:3", "latest", "no partition twice"), ("0:1;1:2", "latest", "0:1;1:2"),
    ("99999999999999999999", "latest", "an offset"), ("earliest", "-1y", "--to -1y")])
def test_a_malformed_range_is_bad_usage_and_shows_the_forms(lab, begin, end, part):
    status, stderr = refused(lab, NOBODY, "--from", begin, "--to", end, "--name", "n", "--same-topic")
    assert status == 2 and part in stderr and "2026-03-01T06:00:00+03:00" in stderr


@pytest.mark.parametrize("arguments, part", [
    (["--from", "earliest"], "--to"), (["--to", "latest"], "--from"),
    (["--from", "0", "--to", "1", "--same-topic"], "--name"),
    (["--from", "0", "--to", "1", "--name", "a b", "--same-topic"], "--name"),
    (["--from", "0", "--to", "1", "--name", "n"], "--same-topic"),
    (["--from", "0", "--to", "1", "--name", "n", "--same-topic", "--output", "t"], "one of"),
    (["--from", "0", "--to", "1", "--name", "n", "--output", "a/b"], "--output"),
    (["--from", "0", "--to", "1", "--name", "n", "--same-topic", "--rate", "0"], "--rate"),
    (["--from", "0", "--to", "1", "--name", "n", "--same-topic", "--partitions", "2-1"], "--partitions"),
    (["--from", "0", "--to", "1", "--name", "n", "--same-topic", "more"], "more")])
def test_bad_usage_is_named_and_exits_2(lab, arguments, part):
    status, stderr = refused(lab, NOBODY, *arguments)
    assert status == 2 and part in stderr and "--help" in stderr


def test_an_unknown_topic_or_partition_is_named_and_exits_2(lab):
    flow = lab.flow(2)
    bounds = ["--from", "earliest", "--to", "latest", "--name", "n", "--same-topic"]
    status, stderr = refused(lab, flow, *bounds, "--set", "input.topics=[no.such.topic]")
    assert status == 2 and "no.such.topic" in stderr
    status, stderr = refused(lab, flow, *bounds, "--partitions", "0-2")
    assert status == 2 and "no partition 2" in stderr
    status, stderr = refused(lab, flow, "--from", "0:1,7:3", *bounds[2:])
    assert status == 2 and "no partition 7" in stderr
    status, stderr = refused(lab, flow, "--from", "0:1", *bounds[2:])
    assert status == 2 and "[1]" in stderr and "--partitions" in stderr
    status, stderr = refused(lab, flow, *bounds, "--set", "output.topic=no.such.output")
    assert status == 2 and "no.such.output" in stderr


@pytest.mark.parametrize("begin, end, start, read, said", [
    ("50", "20", 50, 0, "reversed"), ("latest", "earliest", 100, 0, "reversed"), ("30", "30", 30, 0, "empty"),
    ("90", "5000", 90, 10, "cut at the end"), ("5000", "6000", 100, 0, "cut at the end"), ("latest", "latest", 100, 0, "empty"),
    ("-1s", "-2s", 100, 0, "empty")])
def test_an_odd_range_ends_at_once_and_says_why(lab, begin, end, start, read, said):
    flow = lab.flow(1)
    old = 1_772_366_400_000
    flow.produce([Record(article(f"новость {number}"), timestamp=old) for number in range(100)])
    running = ranges.replay(lab, flow, begin, end)
    one = ranges.finish(running)[0]
    assert (one.start, one.read, one.left) == (start, read, 0)
    assert said in running.stderr


def test_labels_that_the_output_topic_would_not_keep_are_warned_of(lab):
    flow = lab.flow(1, topic_config={"retention.ms": 3_600_000})
    hour = 3_600_000
    now = int(time.time() * 1000)
    flow.produce([Record(article("мяч"), timestamp=now - 50 * hour), Record(article("мяч"), timestamp=now)])
    running = ranges.replay(lab, flow, "earliest", "latest", "--dry-run")
    assert running.wait_exit(60) == 0 and "Set output.timestamp to now" in running.stderr
    for options in ({"output": {"timestamp": "now"}}, {"name": "recent"}):
        begin = "earliest" if "output" in options else "1"
        running = ranges.replay(lab, flow, begin, "latest", "--dry-run", **options)
        assert running.wait_exit(60) == 0 and "Set output.timestamp to now" not in running.stderr


def test_what_retention_has_deleted_is_left_out_and_said(lab):
    flow = lab.flow(1)
    places = flow.produce([article(f"новость {number}") for number in range(100)])
    client.delete_records(flow.bootstrap, flow.input, {0: 40})
    running = ranges.replay(lab, flow, "10", "60")
    one = ranges.finish(running)[0]
    assert (one.start, one.end, one.read) == (40, 60, 20)
    assert "its first records are deleted already" in running.stderr
    gone = ranges.replay(lab, flow, "10", "30", name="gone")
    assert ranges.finish(gone)[0].read == 0
    assert "deleted already" in gone.stderr and "empty" in gone.stderr
    checks.assert_each_once(flow.labels(), places[40:60])


def test_what_is_deleted_while_a_replay_rests_is_passed_over(lab):
    flow = lab.flow(1)
    places = flow.produce([article(f"новость {number}") for number in range(2000)])
    first = ranges.replay(lab, flow, "0", "1500", "--rate", 300)
    client.wait_for("progress", lambda: sum(client.end_offsets(flow.bootstrap, flow.output).values()) > 50, 60, 0.1)
    assert first.stop() == 1
    done = ranges.balances(first.stdout)[0].read
    assert 0 < done < 1400
    client.delete_records(flow.bootstrap, flow.input, {0: 1400})
    second = ranges.replay(lab, flow, "0", "1500")
    one = ranges.finish(second)[0]
    assert (one.read, one.left) == (done + 100, 0)
    assert f"[0]: offsets {done} to 1399 are lost" in second.stderr
    checks.assert_each_once(flow.labels(), places[:done] + places[1400:1500])


def test_where_the_topic_was_deleted_the_balance_is_that_of_the_last_commit(lab):
    """The group's offsets go with the topic."""
    flow = lab.flow(1)
    flow.produce([article(f"новость {number}") for number in range(2000)])
    running = ranges.replay(lab, flow, "100", "1500", "--rate", 60)
    running.wait_log(r"[1-9]\d* of 1400 articles")
    client.delete_topics(flow.bootstrap, [flow.input])
    running.wait_log(f"input-topic: stalled for .*{flow.input} does not exist")
    assert running.stop() == 1
    one = ranges.balances(running.stdout)[0]
    assert one.read > 0 and one.read + one.left == 1400


def transactional(flow, what):
    """One transaction a call: produce(records), then commit or abort as `what` says of its number."""
    producer = Producer({"bootstrap.servers": flow.bootstrap, "transactional.id": flow.group + "-test"})
    producer.init_transactions(30)
    number = 0
    for commit in what:
        producer.begin_transaction()
        for _ in range(5):
            producer.produce(flow.input, article(f"новость {number}"), partition=0)
            number += 1
        producer.flush(30)
        producer.commit_transaction(30) if commit else producer.abort_transaction(30)


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
@pytest.mark.parametrize("what, end, read", [
    ([True, True], "latest", 10),          # ends behind a marker
    ([True, False], "latest", 5),          # ends behind an aborted transaction
    ([False, False], "latest", 0),         # nothing but holes
    ([True, True, True], "6", 5),          # ends before the second transaction, behind a marker
    ([False, True, True], "6", 0),         # all holes, records behind
    ([True, True, True], "11", 10)])       # ends before a marker
def test_ranges_over_transaction_markers_and_aborted_records_come_to_their_end(lab, guarantee, what, end, read):
    flow = lab.flow(1)
    transactional(flow, what)
    one = ranges.finish(ranges.replay(lab, flow, "earliest", end, delivery={"guarantee": guarantee}))[0]
    assert (one.read, one.labelled, one.left) == (read, read, 0)
    assert len(flow.labels()) == read


def test_a_range_over_compacted_records_comes_to_its_end(lab, own_broker):
    broker = own_broker(settings={"log.cleaner.backoff.ms": 100})
    flow = lab.flow(1, topic_config={
        "cleanup.policy": "compact", "segment.ms": 100, "min.cleanable.dirty.ratio": 0.01,
        "min.compaction.lag.ms": 0, "delete.retention.ms": 100}, on=broker)
    flow.output, flow.dead_letter = lab.topic("plain", 1, on=broker), lab.topic("plain-dlq", 1, on=broker)
    flow.produce([Record(article(f"новость {number}"), key=str(number % 10).encode()) for number in range(500)])

    def compacted():
        # A segment is rolled, and so can be cleaned, when the next record comes.
        flow.produce([Record(article("последняя"), key=b"last")])
        return len(client.read_all(flow.bootstrap, flow.input)) < 100
    client.wait_for("compaction", compacted, 60, 0.5)
    left = [message.offset for message in client.read_all(flow.bootstrap, flow.input) if message.offset < 500]
    one = ranges.finish(ranges.replay(lab, flow, "earliest", "500"))[0]
    assert one.read >= len(left) - 1 and one.left == 0 and one.read < 100
    middle = ranges.finish(ranges.replay(lab, flow, "100", "300", name="hole"))[0]
    assert (middle.read, middle.left) == (0, 0)


def test_a_dry_run_shows_ranges_and_records_and_does_nothing(lab):
    flow = lab.flow(2)
    noon = 1_772_366_400_000
    flow.produce([Record(article(f"новость {number}"), partition=number % 2, timestamp=noon + number * 1000)
                  for number in range(200)])
    running = ranges.replay(lab, flow, "10", "90", "--rate", "50", "--dry-run")
    assert running.wait_exit(60) == 0
    assert re.search(r"\[1\] offsets 10 to 90; first 10 of 2026-03-01T12:00:21.000Z; "
                     r"last 89 of 2026-03-01T12:02:59.000Z", running.stdout)
    assert "at most 160 records to read, in 4 s or more at 50 a second\n" in running.stdout
    assert "the model alone takes less than a second for them" in running.stdout
    assert flow.labels() == [] and client.committed(flow.bootstrap, flow.group + ".replay.spring", flow.input) == {}
    ranges.finish(ranges.replay(lab, flow, "20", "30"))
    resumed = ranges.replay(lab, flow, "20", "30", "--dry-run")
    assert resumed.wait_exit(60) == 0 and "offsets 20 to 30, done up to 30" in resumed.stdout


def test_a_dry_run_times_the_model_on_records_of_the_range(lab):
    flow = lab.flow(2)
    # 50 ms a batch of one article: no more than 20 a second, and no record before the range counts.
    model = lab.model(sleep_us_per_call=50_000)
    flow.produce([Record(b"{}" if number < 100 or number % 4 < 2 else article(f"новость {number}"), partition=number % 2)
                  for number in range(700)])
    running = ranges.replay(lab, flow, "50", "350", "--dry-run", bundle=model, model={"replicas": 1}, batch={"articles_max": 1})
    assert running.wait_exit(60) == 0
    text = re.search(r"the model alone takes about (\d+) s for them in one worker like this: ([\d.]+) records a second, "
                     r"timed on 600 of them\n", running.stdout)
    seconds, rate = int(text[1]), float(text[2])
    assert 0 < rate <= 40, "half of the records are articles"
    assert abs(seconds - 600 / rate) <= 0.5 + 0.01 * seconds
    assert flow.labels() == [] and flow.dead_letters() == []
    empty = ranges.replay(lab, flow, "0", "50", "--dry-run", name="bad")
    assert empty.wait_exit(60) == 0 and "no time estimated: none of the 100 records read needs the model" in empty.stdout
    broken = ranges.replay(lab, flow, "0", "50", "--dry-run", bundle="models/nowhere.json")
    assert broken.wait_exit(60) == 1 and "at most 100 records" in broken.stdout and "nowhere.json" in broken.stderr


def test_a_time_that_finds_a_marker_too_early_is_warned_of(lab):
    """Brokers look times up over transaction markers, too, which have the time of their commit."""
    flow = lab.flow(1)
    hours = 3_600_000
    now = int(time.time() * 1000)
    producer = Producer({"bootstrap.servers": flow.bootstrap, "transactional.id": flow.group + "-test"})
    producer.init_transactions(30)
    for age in (3, 2):
        producer.begin_transaction()
        for _ in range(5):
            producer.produce(flow.input, article("новость"), timestamp=now - age * hours)
        producer.commit_transaction(30)
    running = ranges.replay(lab, flow, "earliest", "-1h", "--dry-run")
    assert running.wait_exit(60) == 0
    assert "last 4 of" in running.stdout
    assert "the record after the range, offset 6" in running.stderr


def test_the_rate_is_a_limit(lab):
    flow = lab.flow(2)
    flow.produce([Record(article("мяч"), partition=number % 2) for number in range(600)])
    began = time.monotonic()
    ranges.finish(ranges.replay(lab, flow, "earliest", "latest", "--rate", "150"))
    assert time.monotonic() - began >= 3.8


def test_progress_is_logged_every_few_seconds(lab):
    flow = lab.flow(1)
    flow.produce([article("мяч")] * 500)
    running = ranges.replay(lab, flow, "earliest", "latest", "--rate", "100")
    ranges.finish(running)
    assert re.search(r"replay +spring: \d+ %, \d+ of 500 articles, \d+/s, \d+ s left", running.stderr)


def test_on_a_terminal_a_bar_shows_share_rate_and_time_left(lab, tmp_path):
    flow = lab.flow(1)
    flow.produce([article("мяч")] * 400)
    config = tmp_path / "replay.yaml"
    config.write_text(worker.yaml(flow.config(model={"path": str(lab.model())})) + "\n")
    command = (f"{worker.binary(worker.fake_build())} replay -c {config} --from earliest --to latest --name bar "
               "--same-topic --rate 100")
    done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env={**worker.os.environ, "TERM": "xterm", "COLUMNS": "160"})
    assert done.returncode == 0, done.stdout
    assert re.search(r"bar \[#+\.*\] \d+ %  \d+ of 400 articles, \d+/s, \d+ s left", done.stdout)
    assert "400 read = 400 labelled" in done.stdout
