"""How a worker ends: asked once it finishes what runs, asked twice or killed it loses nothing."""

import re
import signal
import subprocess
import time

import checks
import client
import pytest
import worker
from client import Record, article
from lab import GROUP_PROTOCOL
from proxy import SYNC_GROUP, Fault

PARTITIONS = 3
HTTP = {"listen": "127.0.0.1:0"}


def fill(flow, count):
    """Articles on all partitions; returns their places."""
    return flow.produce([Record(article(f"новость {number} " + "мяч " * (number % 12)),
                                key=str(number).encode(), partition=number % PARTITIONS)
                         for number in range(count)])


def published(flow):
    return sum(client.end_offsets(flow.bootstrap, flow.output).values())


def wait_published(flow, count, timeout=60):
    client.wait_for(f"{count} labels", lambda: published(flow) >= count, timeout, 0.02)


def wait_first_call(running):
    """Of four articles the only replica has one, and three wait."""
    client.wait_for("the first call", lambda: running.metrics()['wiretag_queue_records{queue="batch"}'] == 3, 60, 0.02)


def stop_timed(running):
    """SIGTERM; (exit status, seconds it took)"""
    began = time.monotonic()
    return running.stop(), time.monotonic() - began


@pytest.mark.usefixtures("guarantee")
def test_sigterm_in_the_middle_ends_with_0_within_seconds_and_a_restart_finishes_without_doubling(lab):
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=40_000)
    places = fill(flow, 8000)
    first = lab.run(flow, model)
    wait_published(flow, 1000)
    status, seconds = stop_timed(first)
    assert status == 0 and seconds < 9  # the drain time is ten
    done = len(flow.labels())
    assert 1000 <= done < 8000, "it was to be stopped in the middle"
    assert sum(flow.committed().values()) == done  # what was published is committed, and no more

    second = lab.run(flow, model)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    assert second.stop() == 0


@pytest.mark.usefixtures("guarantee")
def test_a_dozen_clean_stops_at_any_moment_neither_lose_nor_double(lab):
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=40_000)
    places = fill(flow, 12_000)
    for round in range(12):
        before = published(flow)
        running = lab.run(flow, model).wait_log("loading the model")
        if round % 2:
            wait_published(flow, min(before + 1, len(places)))  # a fast machine may have published them all
            time.sleep(0.03 * round)
        else:
            time.sleep(0.1 * round)  # before, during and after joining the group
        running.signal(signal.SIGINT if round % 3 == 0 else signal.SIGTERM)
        assert running.wait_exit() == 0
    lab.run(flow)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)


@pytest.mark.skipif(GROUP_PROTOCOL == "consumer", reason="a coordinator that assigns is not asked by SyncGroup")
def test_a_worker_that_is_stopped_between_joining_and_its_assignment_ends_with_0(lab, cluster):
    """Its client is destroyed without ever having had an assignment."""
    flow = lab.flow(PARTITIONS, on=cluster)
    fault = cluster.proxy.arm(Fault(SYNC_GROUP, "hold", 60, only="chaos-joining"))
    running = lab.run(flow, kafka={"common": {"bootstrap.servers": cluster.proxied, "client.id": "chaos-joining"}})
    client.wait_for("the worker to join", lambda: fault.client, 60, 0.02)
    running.signal(signal.SIGTERM)
    running.wait_log("stopping: ")
    time.sleep(0.5)  # until it has begun to leave; its assignment may still reach it (test_leaving_mock.c)
    fault.released = True
    assert running.wait_exit() == 0


# What librdkafka (2.0.2 to 2.16) may do to a client that gives partitions back as its group lets it go.
SILENT = """
#include <unistd.h>
void *rd_kafka_incremental_unassign(void *client, const void *partitions);
void *rd_kafka_incremental_unassign(void *client, const void *partitions)
{
    (void)client, (void)partitions;
    for (;;) {
        (void)pause();
    }
}
"""


@pytest.mark.usefixtures("guarantee")
@pytest.mark.skipif(worker.fake_build() != "fake", reason="sanitizers come before what is preloaded")
def test_a_worker_whose_client_never_answers_again_ends_with_0_all_the_same(lab):
    """Its thread is left to the end of the process, and everything is drained and committed before."""
    source, library = lab.directory / "silent.c", lab.directory / "silent.so"
    source.write_text(SILENT)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=40_000)
    places = fill(flow, 3000)
    first = lab.start(flow.config(model={"path": str(model)}), build="fake",
                      environment={"LD_PRELOAD": str(library)})
    wait_published(flow, 300)
    assert first.stop() == 0
    assert "leaving the group: the Kafka client no longer answers" in first.stderr
    done = len(flow.labels())
    assert 300 <= done < 3000, "it was to be stopped in the middle"
    assert sum(flow.committed().values()) == done
    lab.run(flow, model)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []


def test_an_idle_worker_ends_at_once(lab):
    flow = lab.flow(PARTITIONS)
    running = lab.run(flow).wait_log("assigned", count=PARTITIONS)
    status, seconds = stop_timed(running)
    assert status == 0 and seconds < 9  # the drain time is ten


def test_a_second_signal_exits_at_once_and_a_restart_loses_nothing(lab):
    # An article takes ten seconds: 500 tokens of 20 ms; the bundle's self-test hardly any.
    flow, model = lab.flow(), lab.model(sleep_us_per_token=20_000)
    places = flow.produce([article("мяч " * 166)] * 4)
    first = lab.run(flow, model, batch={"articles_max": 1, "wait_ms_max": 0}, http=HTTP, model={"replicas": 1})
    wait_first_call(first)
    first.signal(signal.SIGTERM)
    first.wait_log("stopping: finishing running batches")
    assert first.process.poll() is None
    began = time.monotonic()
    first.signal(signal.SIGTERM)
    assert first.wait_exit() == 1
    assert time.monotonic() - began < 5

    lab.run(flow)
    labels, _ = checks.settled(flow)
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)


def test_a_worker_under_timeout_which_signals_it_twice_drains_and_ends_with_0(lab):
    flow = lab.flow()
    flow.produce([article("мяч")] * 4)
    path, log_path = lab.directory / "timed.yaml", lab.directory / "timed.log"
    path.write_text(worker.yaml(flow.config(model={"path": str(lab.model())})) + "\n", encoding="utf-8")
    line = ["timeout", "--preserve-status", "600", worker.binary(worker.fake_build()), "run", "-c", path]
    with open(log_path, "wb") as log, subprocess.Popen(
            line, cwd=worker.ROOT, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True) as running:
        flow.wait_done()
        running.terminate()  # timeout passes it on, as its own when the time is over
        assert running.wait(60) == 0
    assert " stopped: 4 consumed, 4 labelled" in log_path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("guarantee")
def test_kill_9_in_the_middle_loses_nothing(lab):
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=20_000)
    places = fill(flow, 8000)
    first = lab.run(flow, model)
    wait_published(flow, 2000)
    first.kill()
    assert published(flow) < 8000, "it was to be killed in the middle"
    lab.run(flow, model)
    labels, _ = checks.settled(flow)
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)
    checks.assert_same_partition(labels)
    # What came out again is what one commit interval and the acknowledgements under way held.
    assert len(labels) - len(places) < 6000


@pytest.mark.usefixtures("guarantee")
def test_a_worker_with_a_name_of_its_own_takes_over_at_once_after_being_killed_again_and_again(lab):
    """Static membership (group.instance.id): the group does not wait for the dead one's session."""
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=10_000)
    places = fill(flow, 10_000)
    name = {"consumer": {"group.instance.id": "worker-a", "session.timeout.ms": 120_000}}
    for _ in range(5):
        running = lab.run(flow, model, kafka=name)
        wait_published(flow, published(flow) + 700)
        running.kill()
    lab.run(flow, kafka=name)
    labels, _ = checks.settled(flow)
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)


def test_a_worker_whose_name_another_one_takes_ends_at_once_and_nothing_is_doubled(lab):
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=40_000)
    places = fill(flow, 4000)
    name = {"consumer": {"group.instance.id": "worker-a"}}
    once = {"guarantee": "exactly-once"}
    first = lab.run(flow, model, kafka=name, delivery=once)
    wait_published(flow, 500)
    lab.run(flow, model, kafka=name, delivery=once)
    assert first.wait_exit(60) == 1
    assert re.search("the consumer cannot go on: .*FENCED_INSTANCE_ID", first.stderr)
    assert "leaving the group timed out" not in first.stderr  # it does not wait for a group that it is no longer in
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)


def committed(flow):
    return sum(flow.committed().values())


def test_work_that_outlasts_the_drain_time_is_left_uncommitted_and_done_again(lab):
    flow, model = lab.flow(), lab.model(sleep_us_per_token=12_000)
    places = flow.produce([article("мяч")] + [article("мяч " * 166)] * 9)
    first = lab.run(flow, model, batch={"articles_max": 1, "wait_ms_max": 0}, delivery={"drain_ms_max": 500},
                    model={"replicas": 1})
    client.wait_for("the short article", lambda: committed(flow) == 1, 60, 0.1)
    status, seconds = stop_timed(first)
    # The call under way, six seconds, cannot be broken off; the next eight are not begun.
    assert status == 0 and seconds < 40
    assert committed(flow) == len(flow.labels()) == 1
    lab.run(flow)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)


@pytest.mark.usefixtures("guarantee")
def test_the_first_batch_of_an_assignment_is_finished_too_if_it_takes_longer_than_a_session(lab):
    flow, model = lab.flow(), lab.model(sleep_us_per_token=10_000)
    flow.produce([article("мяч " * 166)] * 4)  # five seconds each; a session has three
    first = lab.run(flow, model, batch={"articles_max": 1, "wait_ms_max": 0}, http=HTTP,
                    delivery={"drain_ms_max": 60_000}, model={"replicas": 1})
    wait_first_call(first)
    assert first.stop() == 0
    assert committed(flow) == len(flow.labels()) == 1


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.1])
def test_a_signal_during_the_start_ends_the_worker_too(lab, moment):
    flow = lab.flow()
    running = lab.run(flow, lab.model(sleep_us_per_call=100_000))
    time.sleep(moment)
    # Before the configuration is read the signal's default action holds.
    assert stop_timed(running)[0] in (0, -signal.SIGTERM)


def test_what_is_left_of_workers_ends_with_the_tests_and_nothing_else():
    """Of the tests themselves: the reaper outlives them."""
    reaper = worker.Reaper()
    left, ended, foreign = (subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(3))
    try:
        for one in (left, ended):
            reaper.add(one.pid)
        reaper.remove(ended.pid)
        reaper.close()
        assert left.wait(30) == -signal.SIGKILL
        assert ended.poll() is None and foreign.poll() is None
    finally:
        for one in (left, ended, foreign):
            one.kill()
            one.wait()
