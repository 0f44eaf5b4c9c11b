"""wiretag check: every finding with its place and remedy, nothing touched, exit 0 only if all is well."""

import json
import os
import re
import subprocess
import time

import client
import pytest
import worker
from broker import ROOT
from checking import LEVELS, bad, check, findings, run
from client import Record, article
from confluent_kafka.admin import AdminClient

HOUR_MS = 3_600_000


def test_where_all_is_well_it_says_what_it_looked_at_and_exits_0(lab):
    flow = lab.flow(partitions=3)
    status, found = check(lab, flow, delivery={"guarantee": "exactly-once"})
    assert (status, bad(found)) == (0, set())
    assert {"config", "timeouts", "model", "device", "precision", "broker", "topic", "right-read", "right-write",
            "right-group", "right-transactional-id"} <= set(found)
    assert re.search(r"fake 1, one of 11 labels, SHA-256 [0-9a-f]{64}, self-test passed", found["model"][0]["message"])
    assert "no GPU" in found["device"][0]["message"]
    assert re.fullmatch(r"fp32 \(.+\)", found["precision"][0]["message"])
    assert [one["message"] for one in found["topic"]] == [
        f"topic {name}: 3 partitions, 1 replicas" for name in (flow.input, flow.output, flow.dead_letter)]


def test_a_finding_is_a_line_with_level_place_and_remedy(lab):
    flow = lab.flow()
    flow.output = "nowhere"
    status, stdout, stderr = run(flow.config(model={"path": str(lab.model())}), lab.directory)
    assert (status, stderr) == (1, "")
    lines = stdout.splitlines()
    assert all(line.split()[0] in LEVELS for line in lines)
    line, = [line for line in lines if line.startswith("error")]
    place = re.search(r"error +(\S+):(\d+): output\.topic: ", line)
    assert place and 'topic: "nowhere"' in (lab.directory / "checked.yaml").read_text().splitlines()[int(place[2]) - 1]
    assert "topic nowhere does not exist. kafka-topics.sh --create --topic nowhere" in line
    assert "\033" not in stdout, "no colours off a terminal"


def test_it_touches_nothing(lab):
    flow = lab.flow(partitions=2)
    flow.produce([article("мяч")])
    before = {topic: client.end_offsets(flow.bootstrap, topic) for topic in (flow.input, flow.output, flow.dead_letter)}
    status, _ = check(lab, flow, delivery={"guarantee": "exactly-once"})
    assert status == 0
    assert before == {topic: client.end_offsets(flow.bootstrap, topic) for topic in before}
    assert flow.committed() == {}
    flow.output = "never-made-by-asking"
    assert check(lab, flow)[0] == 1
    assert "never-made-by-asking" not in AdminClient({"bootstrap.servers": flow.bootstrap}).list_topics(timeout=30).topics


@pytest.mark.parametrize("transactional_id", ["auto", "fixed"])
def test_it_may_run_beside_a_worker(lab, transactional_id):
    flow = lab.flow()
    delivery = {"guarantee": "exactly-once",
                "transactional_id": transactional_id if transactional_id == "auto" else lab.unique("id")}
    running = lab.run(flow, delivery=delivery).wait_ready()
    flow.produce([article("мяч")])
    flow.labels(1)
    assert check(lab, flow, delivery=delivery)[0] == 0
    flow.produce([article("мяч")] * 3)
    assert len(flow.labels(4)) == 4
    assert running.stop() == 0
    assert "fenced" not in running.stderr.lower() and running.stderr.count("assigned") == 1


@pytest.mark.parametrize("changes, check_name, place, part", [
    ({"kafka": {"consumer": {"heartbeat.interval.ms": 2900}}}, "timeout-heartbeat", "heartbeat.interval.ms", "removes a healthy worker"),
    ({"delivery": {"drain_ms_max": 300000}}, "timeout-drain", "delivery.drain_ms_max", "max.poll.interval.ms"),
    ({"kafka": {"producer": {"transaction.timeout.ms": 5000}}, "delivery": {"guarantee": "exactly-once"}},
     "timeout-transaction", "transaction.timeout.ms", "does not exceed"),
    ({"kafka": {"producer": {"transaction.timeout.ms": 1000000}}, "delivery": {"guarantee": "exactly-once"}},
     "timeout-transaction", "transaction.timeout.ms", "900000 (transaction.max.timeout.ms)"),
    ({"kafka": {"consumer": {"isolation.level": "read_uncommitted"}}, "delivery": {"guarantee": "exactly-once"}},
     "isolation-level", "", "isolation.level must be read_committed"),
    ({"kafka": {"consumer": {"group.instance.id": "x", "partition.assignment.strategy": "cooperative-sticky"}},
      "delivery": {"guarantee": "exactly-once"}}, "static-membership", "", "must be range or roundrobin"),
    ({"kafka": {"consumer": {"group.idd": "x"}}}, "kafka-property", "", "does not know this property"),
    ({"model": {"path": "models/nowhere.pt"}}, "model", "model.path", "No such file"),
    ({"model": {"sha256": "0" * 64}}, "model", "model.sha256", "not the pinned one"),
    ({"model": {"precision": "bf16"}}, "model", "model.precision", "auto or fp32"),
    ({"model": {"kernels": "avx1024"}}, "model", "model.kernels", "one of those that it has: portable"),
    ({"model": {"device": "cuda:7"}}, "model", "model.device", "cuda:7"),
])
def test_what_would_not_work_is_found_at_its_key(lab, changes, check_name, place, part):
    status, found = check(lab, lab.flow(), **changes)
    assert status == 1 and check_name in bad(found)
    assert any(one["place"].endswith(place) and part in one["message"] for one in found[check_name]), found[check_name]


def test_auto_replicas_are_as_many_as_the_processors_that_may_be_used(lab):
    own = os.sched_getaffinity(0)
    one = {max(own)}
    try:
        os.sched_setaffinity(0, one)
        _, found = check(lab, lab.flow())
        _, chosen = check(lab, lab.flow(), model={"replicas": 3})
    finally:
        os.sched_setaffinity(0, own)
    of = "1 processor," if os.cpu_count() == 1 else f"1 of {os.cpu_count()} processors (affinity),"
    assert f"1 replicas, {of}" in found["device"][0]["message"]
    assert f"3 replicas, {of}" in chosen["device"][0]["message"]


def test_a_model_that_fails_its_self_test_is_found(lab):
    model = lab.model()
    model.path.write_text(model.path.read_text("utf-8").replace('"матч 2"', '"матч 3"'), encoding="utf-8")
    status, found = check(lab, lab.flow(), model={"path": str(model)})
    assert status == 1 and "fails its self-test" in found["model"][0]["message"]


@pytest.mark.parametrize("settings, role, check_name", [
    ({"cleanup.policy": "compact"}, "dead_letter", "topic-compacted"),
    ({"max.message.bytes": "5000"}, "output", "record-size"),
    ({"max.message.bytes": "5000"}, "dead_letter", "record-size"),
    ({"min.insync.replicas": "2"}, "output", "topic-insync"),
])
def test_settings_of_topics_that_will_cost_records_are_found(lab, settings, role, check_name):
    flow = lab.flow()
    setattr(flow, role, lab.topic(role, config=settings))
    status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {check_name})


def test_fewer_output_partitions_than_input_partitions_are_found(lab):
    flow = lab.flow(partitions=3)
    flow.output = lab.topic("output", 2)
    status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"topic-partitions"})
    assert f"--alter --topic {flow.output} --partitions 3" in found["topic-partitions"][0]["remedy"]


def test_articles_older_than_the_output_keeps_are_found_before_they_are_lost(lab):
    flow = lab.flow(partitions=2)
    flow.output = lab.topic("output", 2, {"retention.ms": str(2 * HOUR_MS)})
    status, found = check(lab, flow)
    assert status == 0 and found["timestamp-retention"][0]["level"] == "note"
    flow.produce([Record(article("мяч"), partition=1, timestamp=int(time.time() * 1000) - 3 * HOUR_MS)])
    status, found = check(lab, flow)
    assert status == 1 and "1 partitions" in found["timestamp-retention"][0]["message"]
    assert found["timestamp-retention"][0]["place"].endswith("output.timestamp")
    status, found = check(lab, flow, output={"timestamp": "now"})
    assert status == 0 and "timestamp-retention" not in found


def test_articles_dated_further_ahead_than_the_output_takes_are_found(lab):
    flow = lab.flow()
    flow.input = lab.topic("ahead", config={"message.timestamp.after.max.ms": str(100 * HOUR_MS)})
    assert check(lab, flow)[0] == 0
    flow.produce([Record(article("мяч"), timestamp=int(time.time() * 1000) + 2 * HOUR_MS)])
    status, found = check(lab, flow)
    assert (status, bad(found)) == (1, {"timestamp-ahead"})


def test_a_broker_that_is_not_there_is_found_with_the_reason(lab):
    status, found = check(lab, lab.flow(), kafka={"common": {"bootstrap.servers": "127.0.0.1:1"}})
    assert (status, bad(found)) == (1, {"broker-unreachable"})
    assert "Connection refused" in found["broker-unreachable"][0]["message"]
    assert found["model"][0]["level"] == "ok", "the rest is looked at all the same"


@pytest.mark.parametrize("text, part", [
    ("input: {topcs: [a]}\n", "nearest known key is input.topics"), ("", "empty"), ("a: [\n", "YAML"),
    ("kafka:\n  producer:\n    acks: 1\n", "acks")])
def test_a_bad_configuration_is_a_finding_too_and_exits_2(tmp_path, text, part):
    status, by_check = findings(*run(text, tmp_path, "--json"))
    assert status == 2
    (only,), = by_check.values()
    assert only["level"] == "error" and part in only["message"] and "checked.yaml" in only["message"]


@pytest.mark.parametrize("arguments, part", [([], "-c FILE"), (["-c", "x", "y"], "y"), (["-c", "x", "--verbose"], "--help")])
def test_bad_usage_is_named(arguments, part):
    done = subprocess.run([worker.binary(worker.fake_build()), "check", *arguments], capture_output=True, text=True, timeout=90)
    assert done.returncode == 2 and part in done.stderr and done.stdout == ""


def test_a_worker_says_at_its_start_what_will_cost_it_records_and_works_on(lab):
    flow = lab.flow(partitions=2)
    flow.dead_letter = lab.topic("few", 1)
    running = lab.run(flow, kafka={"consumer": {"heartbeat.interval.ms": 1500}})
    running.wait_log(rf"WARN  check +\S+:\d+: dead_letter\.topic: topic {flow.dead_letter} has 1 partitions")
    running.wait_log(r"WARN  check +\S+:\d+: heartbeat\.interval\.ms: ")
    flow.produce([article("мяч")])
    assert len(flow.labels(1)) == 1


def test_the_real_model_is_loaded_tested_and_described(lab):
    path = lab.directory / "real.yaml"
    path.write_text(worker.yaml(lab.flow().config()) + "\n")
    done = subprocess.run([worker.binary("release"), "check", "-c", path, "--json"], cwd=ROOT, timeout=120,
                          capture_output=True, text=True)
    _, found = findings(done.returncode, done.stdout, done.stderr)
    assert done.returncode == 0 and "self-test passed" in found["model"][0]["message"]
    assert "libtorch" in found["device"][0]["message"]
