"""Whatever keeps records from moving is not ready, is named in the log, once, and is said to be over."""

import re
import subprocess
import time

import client
import pytest
from broker import SCRIPTS
from client import Record, article
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import (
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType)

HTTP = {"listen": "127.0.0.1:0"}


def wait_ready(running, timeout=60):
    client.wait_for("readiness", lambda: running.http("/readyz")[0] == 200, timeout)


def wait_stalled(running, reason, part, timeout=60):
    """Not ready with these words, in the metric, and in the log by name."""
    client.wait_for(f"/readyz with {part}", lambda: (answer := running.http("/readyz"))[0] == 503 and part in answer[1],
                    timeout)
    assert running.metrics()[f'wiretag_stalled{{reason="{reason}"}}'] == 1
    running.wait_log(rf"WARN +stall +{reason}: stalled for \d+ s: .*{re.escape(part)}", timeout)


def assert_told_once(running, reason):
    """One failure is one line: no other stall, and this one once a minute."""
    stalls = re.findall(r"stall +([\w-]+): (stalled|still stalled|over)", running.stderr)
    assert {name for name, _ in stalls} == {reason}, stalls
    assert [kind for _, kind in stalls].count("stalled") == 1, stalls


def assert_over(running, reason):
    wait_ready(running)
    running.wait_log(rf"INFO +stall +{reason}: over after \d+ s; it was: ")
    assert running.metrics()[f'wiretag_stalled{{reason="{reason}"}}'] == 0
    assert_told_once(running, reason)


def warnings(running):
    return [line for line in running.stderr.splitlines() if re.search(r" (WARN|ERROR) ", line)
            and "the model is code" not in line]


@pytest.mark.parametrize("setting, reason, guarantee", [
    ("transaction.state.log.replication.factor", "transactions", "exactly-once"),
    ("offsets.topic.replication.factor", "group", "at-least-once")])
def test_a_coordinator_that_the_brokers_cannot_have_is_named_with_their_setting(lab, own_broker, setting, reason, guarantee):
    lab.guarantee = guarantee
    flow = lab.flow(2, on=own_broker(settings={setting: 3}))
    flow.produce([article("мяч")] * 10)
    began = time.monotonic()
    running = lab.run(flow, http=HTTP, delivery={"drain_ms_max": 240_000})
    wait_stalled(running, reason, f"{setting} is 3, and 1 broker is there")
    assert time.monotonic() - began < 40
    assert_told_once(running, reason)
    assert "pipeline ready: " not in running.stderr, running.report("ready before that")
    if reason == "transactions":
        client.wait_for("records in flight", lambda: running.metrics()["wiretag_consumed_records_total"] == 10)
    # Nothing in flight can be committed: the stop does not wait for that.
    assert running.stop(timeout=60) == 0
    if reason == "transactions":
        assert "records left to the next owner" in running.stderr and "stopped: 10 consumed, 0 labelled" in running.stderr


@pytest.mark.parametrize("kind, reason", [
    ("input", "input-topic"), ("output", "output-topic"), ("dead_letter", "dead-letter-topic")])
@pytest.mark.usefixtures("guarantee")
def test_a_topic_that_is_deleted_under_load_is_named_until_it_is_there_again(lab, kind, reason):
    flow = lab.flow(2)
    running = lab.run(flow, http=HTTP)
    running.wait_log("consume  assigned ", count=2)
    wait_ready(running)
    topic = getattr(flow, kind)
    client.delete_topics(flow.bootstrap, [topic])
    if kind != "input":
        flow.produce([article("мяч"), b"no article"] * 20)
    wait_stalled(running, reason, f"{topic} does not exist")
    client.create_topic(flow.bootstrap, topic, 2)
    assert_over(running, reason)
    if kind == "input":
        flow.produce([article("мяч"), b"no article"] * 20)
    assert len(flow.labels(20)) == 20 and len(flow.dead_letters(20)) == 20
    assert running.stop() == 0


def test_records_behind_an_open_transaction_of_their_producer_are_named_until_it_ends(lab):
    flow = lab.flow(2)
    producer = Producer({"bootstrap.servers": flow.bootstrap, "transactional.id": flow.input})
    producer.init_transactions(60)
    producer.begin_transaction()
    for _ in range(3):
        producer.produce(flow.input, article("мяч"), partition=0)
    producer.flush(60)
    flow.produce([Record(article("мяч"), partition=0)] * 2)
    running = lab.run(flow, http=HTTP)
    wait_stalled(running, "input-transaction",
                 f"{flow.input} [0]: 5 records from offset 0 on wait for an open transaction of their producer; ")
    flow.produce([Record(article("мяч"), partition=1)])  # the other partition goes on, and it stays a stall
    assert len(flow.labels(1)) == 1
    assert running.http("/readyz")[0] == 503
    assert running.metrics()[f'wiretag_consumer_lag_records{{topic="{flow.input}",partition="0"}}'] == 0
    producer.commit_transaction(60)
    assert len(flow.labels(6)) == 6
    assert_over(running, "input-transaction")
    assert running.stop() == 0


def test_strangers_with_another_strategy_are_named_with_both_strategies_and_the_group(lab):
    flow = lab.flow(2)
    stranger = Consumer({"bootstrap.servers": flow.bootstrap, "group.id": flow.group, "client.id": "console-consumer",
                         "partition.assignment.strategy": "range"})
    stranger.subscribe([flow.input])
    client.wait_for("the stranger's partitions", lambda: stranger.poll(0.1) or stranger.assignment())
    running = lab.run(flow, http=HTTP)
    deadline = time.monotonic() + 60
    while "strategy: stalled for" not in running.stderr:
        stranger.poll(0.2)
        assert time.monotonic() < deadline, running.report("names no strategy")
    wait_stalled(running, "strategy", f"the group {flow.group} refuses this worker's assignment strategy, "
                                      "cooperative-sticky: it uses range, with console-consumer at ")
    stranger.close()
    assert_over(running, "strategy")
    assert running.stop() == 0


def coordinator_of(flow):
    """The number of the broker that coordinates the group."""
    admin = AdminClient({"bootstrap.servers": flow.bootstrap})
    return admin.describe_consumer_groups([flow.group])[flow.group].result(30).coordinator.id


@pytest.mark.parametrize("guarantee, coordinator_stays", [("exactly-once", False), ("at-least-once", True)])
def test_a_worker_without_two_of_three_brokers_is_not_ready_and_no_spare(lab, own_broker, guarantee, coordinator_stays):
    lab.guarantee = guarantee
    broker = own_broker(nodes=3)
    flow = lab.flow(6, on=broker)
    running = lab.run(flow, http=HTTP)
    running.wait_log("consume  assigned ", count=6)
    wait_ready(running)
    coordinator = coordinator_of(flow)
    others = [node for node in (1, 2, 3) if node != coordinator]
    for node in others if coordinator_stays else [coordinator, others[0]]:
        broker.kill(node)
    client.wait_for("503", lambda: running.http("/readyz")[0] == 503)
    until = time.monotonic() + 15
    while time.monotonic() < until:
        assert running.http("/readyz")[0] == 503
        time.sleep(0.2)
    running.wait_log(r"WARN +stall +[\w-]+: stalled for \d+ s: .*(no answer from|not available|not answer|no leader)")
    broker.start()
    wait_ready(running, 120)
    running.wait_log(r"INFO +stall +[\w-]+: over after ")
    flow.produce([article("мяч")] * 20)
    assert len(flow.labels(20)) == 20
    assert running.stop() == 0


def test_a_transactional_id_that_expires_in_a_pause_is_no_warning(lab, own_broker):
    broker = own_broker(settings={
        "transactional.id.expiration.ms": 2000, "transaction.remove.expired.transaction.cleanup.interval.ms": 500})
    flow = lab.flow(2, on=broker)
    running = lab.run(flow, http=HTTP)
    running.wait_log("consume  assigned ", count=2)
    wait_ready(running)
    flow.produce([article("мяч")] * 5)
    flow.labels(5)
    quiet_before = warnings(running)
    for count in range(10, 40, 5):
        time.sleep(4)
        flow.produce([article("мяч")] * 5)
        assert len(flow.labels(count)) == count
        if "has expired at the brokers" in running.stderr:
            break
    running.wait_log("INFO +transaction .*the transactional id has expired at the brokers while it was idle")
    assert warnings(running) == quiet_before
    assert running.stop() == 0


RIGHTS = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
          "allow.everyone.if.no.acl.found": "true"}


@pytest.mark.parametrize("kind, operation, guarantee, reason, part", [
    (ResourceType.GROUP, AclOperation.READ, "exactly-once", "rights", "this user needs Read on the group"),
    (ResourceType.TOPIC, AclOperation.READ, "exactly-once", "rights", "this user needs Read on the topic"),
    (ResourceType.TOPIC, AclOperation.WRITE, "exactly-once", "transactions", "this user needs Write on"),
    (ResourceType.TOPIC, AclOperation.WRITE, "at-least-once", "output-topic", "this user needs Write on the topic")])
def test_rights_that_are_taken_away_from_a_running_worker_are_named(lab, own_broker, kind, operation, guarantee, reason, part):
    lab.guarantee = guarantee
    broker = own_broker(settings=RIGHTS)
    flow = lab.flow(1, on=broker)
    running = lab.run(flow, http=HTTP)
    running.wait_log("consume  assigned ")
    wait_ready(running)
    name = flow.group if kind == ResourceType.GROUP else flow.input if operation == AclOperation.READ else flow.output
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})

    def rule(what, permission):
        return AclBinding(kind, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", what, permission)

    rules = [rule(AclOperation.ALL, AclPermissionType.ALLOW), rule(operation, AclPermissionType.DENY)]
    for future in admin.create_acls(rules).values():
        future.result(30)
    flow.produce([article("мяч")] * 5)
    wait_stalled(running, reason, part)
    everything = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY,
                                  AclPermissionType.ANY)
    for future in admin.delete_acls([everything]).values():
        future.result(30)
    assert_over(running, reason)
    assert len(flow.labels(5)) == 5
    assert running.stop() == 0


def test_a_broker_that_is_away_is_one_line_for_both_clients(lab, own_broker):
    broker = own_broker()
    flow = lab.flow(1, on=broker)
    running = lab.run(flow, http=HTTP)
    running.wait_log("consume  assigned ")
    flow.produce([article("мяч")])
    flow.labels(1)
    wait_ready(running)
    broker.kill()
    wait_stalled(running, "brokers", "no broker of bootstrap.servers has answered")
    assert running.stderr.count("Connection refused") == 1, running.report("one failure, two lines")
    assert running.stderr.count("Disconnected") <= 2  # as the broker closes it, and as a request finds it closed
    assert_told_once(running, "brokers")
    running.wait_log("INFO +pipeline not ready: ")
    broker.start()
    wait_ready(running)
    running.wait_log(r"INFO +pipeline ready: ", count=2)
    assert running.stop() == 0
    # Lines of the worker's threads and of librdkafka's stand in order of time; midnight may pass.
    times = re.findall(r"^\d\d:\d\d:\d\d(?= )", running.stderr, re.MULTILINE)
    first = times.index(min(times)) if times[0] > times[-1] else 0
    assert len(times) > 15 and times[first:] + times[:first] == sorted(times), running.report("is not in order of time")


def test_a_quota_that_slows_a_worker_down_is_named(lab):
    flow, name = lab.flow(), lab.unique("slowed")

    def alter(*change):
        subprocess.run([SCRIPTS / "tool", "configs", "--bootstrap-server", flow.bootstrap, "--alter", "--entity-type",
                        "clients", "--entity-name", name, *change], check=True, capture_output=True, timeout=120)

    alter("--add-config", "producer_byte_rate=500")
    flow.produce([article(f"мяч {number}") for number in range(10)])
    running = lab.run(flow, kafka={"common": {"client.id": name}})
    running.wait_log(rf"WARN +kafka +broker {flow.bootstrap} throttles the producer: requests wait up to \d+\.\d s, by a quota")
    alter("--delete-config", "producer_byte_rate")
    assert len(flow.labels(10)) == 10
    assert running.stop() == 0
