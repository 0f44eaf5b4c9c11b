"""The broker goes away and comes back: the worker waits, says so, goes on by itself and loses nothing."""

import re
import socket
import time

import checks
import client
import proxy
import pytest
from checking import check
from client import Record, article

PARTITIONS = 3


def fill(flow, count):
    return flow.produce([Record(article(f"новость {number} " + "мяч " * (number % 12)),
                                partition=number % PARTITIONS) for number in range(count)])


def wait_published(flow, count, timeout=60):
    client.wait_for(f"{count} labels",
                    lambda: sum(client.end_offsets(flow.bootstrap, flow.output).values()) >= count, timeout, 0.02)


@pytest.mark.parametrize("how", ["stopped", "killed"])
@pytest.mark.usefixtures("guarantee")
def test_a_broker_restarted_in_the_middle_costs_no_record(lab, fragile, how):
    flow, model = lab.flow(PARTITIONS, on=fragile), lab.model(sleep_us_per_call=40_000)
    places = fill(flow, 6000)
    running = lab.run(flow, model)
    wait_published(flow, 1000)
    if how == "killed":
        fragile.kill()
    else:
        fragile.stop()
    time.sleep(3)
    running.wait_log("brokers: stalled for", timeout=120)
    fragile.start()
    places += fill(flow, 300)  # what comes after the outage flows too
    labels, dead_letters = checks.settled(flow, timeout=90)
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)
    checks.assert_same_partition(labels)
    assert dead_letters == []
    assert running.stop() == 0


@pytest.mark.usefixtures("guarantee")
def test_a_broker_that_hangs_for_a_while_costs_no_record(lab, fragile):
    """SIGSTOP: connections stay open and nothing answers, longer than the session."""
    flow, model = lab.flow(PARTITIONS, on=fragile), lab.model(sleep_us_per_call=40_000)
    places = fill(flow, 6000)
    running = lab.run(flow, model)
    wait_published(flow, 1000)
    fragile.pause()
    time.sleep(5)
    fragile.resume()
    labels, dead_letters = checks.settled(flow, timeout=90)
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    assert running.stop() == 0


def test_an_idle_worker_outlives_a_restart_of_the_broker(lab, fragile):
    flow = lab.flow(PARTITIONS, on=fragile)
    running = lab.run(flow).wait_log("consume  assigned ", count=PARTITIONS)
    fragile.restart()
    places = fill(flow, 100)
    labels, _ = checks.settled(flow, timeout=60)
    checks.assert_each_once(labels, places)
    assert running.stop() == 0


@pytest.mark.usefixtures("guarantee")
def test_sigterm_while_the_broker_is_away_ends_within_the_drain_time_and_loses_nothing(lab, fragile):
    flow, model = lab.flow(PARTITIONS, on=fragile), lab.model(sleep_us_per_call=40_000)
    places = fill(flow, 4000)
    first = lab.run(flow, model, delivery={"drain_ms_max": 2000})
    wait_published(flow, 500)
    fragile.stop()
    time.sleep(1)
    began = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - began < 30
    fragile.start()
    lab.run(flow)
    labels, _ = checks.settled(flow, timeout=60)
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)


def test_a_worker_started_before_its_broker_waits_says_so_and_starts_when_it_comes(lab, fragile):
    flow = lab.flow(PARTITIONS, on=fragile)
    places = fill(flow, 200)
    fragile.stop()
    running = lab.run(flow, http={"listen": "127.0.0.1:0"})
    running.wait_log("waiting for a broker: ").wait_log("brokers: stalled for", timeout=120)
    status, why = running.http("/readyz")
    assert status == 503 and "broker" in why
    assert running.http("/healthz")[0] == 200
    fragile.start()
    labels, _ = checks.settled(flow, timeout=60)
    checks.assert_each_once(labels, places)
    client.wait_for("readiness", lambda: running.http("/readyz")[0] == 200)
    assert running.stop() == 0


def test_a_worker_starts_while_one_of_three_brokers_is_down(lab, own_broker):
    """Nothing stalls, nothing is called impossible, and the address that refuses is named once."""
    broker = own_broker(nodes=3)
    flow = lab.flow(PARTITIONS, on=broker)
    down = broker.bootstrap.split(",")[0]
    broker.stop(1)
    places = fill(flow, 60)
    running = lab.run(flow, http={"listen": "127.0.0.1:0"})
    client.wait_for("readiness", lambda: running.http("/readyz")[0] == 200)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    until = time.monotonic() + 15  # a stall is in the log after ten seconds
    while time.monotonic() < until:
        assert running.http("/readyz") == (200, "ready\n")
        time.sleep(0.2)
    status, findings = check(lab, flow)
    assert status == 1
    assert running.stop() == 0
    lines = [line for line in running.stderr.splitlines() if re.search(r" (WARN|ERROR) ", line)]
    named, = [line for line in lines if f" {down}" in line]
    assert "Connection refused" in named
    assert [line for line in lines if line != named and "the model is code" not in line] == []
    finding, = findings["bootstrap-server"]
    assert finding["message"].startswith(f"{down}: ") and "Connection refused" in finding["message"]


def test_a_worker_that_waits_for_a_broker_can_be_stopped(lab):
    flow = lab.flow()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        flow.bootstrap = f"127.0.0.1:{nobody.getsockname()[1]}"
        running = lab.run(flow).wait_log("waiting for a broker")
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < 30  # a look-up under way takes five seconds at most


def test_topics_recreated_with_more_partitions_are_picked_up(lab, fragile):
    """The number of partitions grows while the worker runs."""
    flow = lab.flow(1, on=fragile)
    running = lab.run(flow, kafka={"common": {"topic.metadata.refresh.interval.ms": 500}})
    running.wait_log("consume  assigned ", count=1)
    for topic in (flow.output, flow.input):
        client.grow_topic(flow.bootstrap, topic, PARTITIONS)
    places = fill(flow, 90)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert running.stop() == 0


@pytest.mark.usefixtures("guarantee")
def test_a_worker_that_is_told_of_no_broker_asks_bootstrap_servers_again(lab, cluster):
    """A broker that its controller has fenced answers with metadata that name no broker, itself included:
    librdkafka gives up the only one that it has."""
    flow, model = lab.flow(PARTITIONS, on=cluster), lab.model(sleep_us_per_call=10_000)
    places = fill(flow, 6000)
    running = lab.run(flow, model, kafka={"common": {
        "bootstrap.servers": cluster.proxied, "client.id": "chaos-1", "topic.metadata.refresh.interval.ms": 300,
        "metadata.max.age.ms": 180_000}})
    wait_published(flow, 500)
    cluster.proxy.fence(2)
    labels, dead_letters = checks.settled(flow, timeout=90)
    told = [what for _, what in cluster.proxy.notes if "without a broker" in what]
    assert len(told) >= 2, told
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    assert running.stop() == 0


# With exactly-once the producer commits, so the consumer's requests are heartbeats.
@pytest.mark.parametrize("promise, key", [
    ("at-least-once", proxy.OFFSET_COMMIT), ("at-least-once", proxy.HEARTBEAT), ("exactly-once", proxy.HEARTBEAT)])
def test_a_named_worker_that_its_group_removed_goes_on_though_a_late_request_is_refused(lab, cluster, promise, key):
    """What it had sent before it was removed may arrive after it has joined again: the broker takes that for a
    request of another worker whose group.instance.id was taken over."""
    lab.guarantee = promise
    flow, model = lab.flow(PARTITIONS, on=cluster), lab.model(sleep_us_per_call=10_000)
    places = fill(flow, 500)
    running = lab.run(flow, model, http={"listen": "127.0.0.1:0"}, kafka={
        "common": {"bootstrap.servers": cluster.proxied, "client.id": "chaos-1"},
        "consumer": {"group.instance.id": "worker-a", "session.timeout.ms": 3000, "heartbeat.interval.ms": 300}})
    wait_published(flow, 500)
    cluster.proxy.fence(6)
    running.wait_log("consume  assigned ", count=2 * PARTITIONS, timeout=60)
    cluster.proxy.refuse_member(key)
    places += fill(flow, 3000)
    running.wait_log(r"WARN +run +the group removed this worker.*\(FENCED_INSTANCE_ID\); joining it again")
    labels, dead_letters = checks.settled(flow, timeout=90)
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    running.wait_ready()
    assert running.stop() == 0


def test_a_named_worker_that_was_not_removed_takes_a_refused_request_for_the_end(lab, cluster):
    flow = lab.flow(PARTITIONS, on=cluster)
    running = lab.run(flow, kafka={
        "common": {"bootstrap.servers": cluster.proxied, "client.id": "chaos-1"},
        "consumer": {"group.instance.id": "worker-a"}})
    running.wait_log("consume  assigned ", count=PARTITIONS)
    cluster.proxy.refuse_member(proxy.HEARTBEAT)
    assert running.wait_exit(60) == 1
    assert re.search("the consumer cannot go on: .*FENCED_INSTANCE_ID", running.stderr)
