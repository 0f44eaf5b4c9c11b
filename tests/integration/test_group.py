"""Workers of one group: joining, leaving, crashing and slow ones lose nothing and keep the order."""

import re
import threading
import time

import checks
import client
import pytest
from client import Record, article

PARTITIONS = 6
# The two kinds of strategies that clients have, and the protocol by which the coordinator assigns (KIP-848).
STRATEGIES = ["cooperative-sticky", "range", "coordinator"]


def by_strategy(strategy):
    return {"group.protocol": "consumer"} if strategy == "coordinator" else {"partition.assignment.strategy": strategy}


class Feed:
    """Produces articles at a steady rate in the background until told to stop."""

    def __init__(self, flow, rate):
        self.places = []
        self._flow, self._rate = flow, rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        number = 0
        while not self._stopping.wait(0.1):
            chunk = range(number, number + self._rate // 10)
            number = chunk.stop
            self.places += self._flow.produce([
                Record(article(f"новость {n} " + "мяч " * (n % 9)), partition=n % PARTITIONS) for n in chunk])

    def stop(self):
        self._stopping.set()
        self._thread.join(30)
        assert not self._thread.is_alive() and self.places
        return self.places


def wait_flowing(flow, more=300, timeout=60):
    """Waits until `more` labels come out than there are now."""
    def count():
        return sum(client.end_offsets(flow.bootstrap, flow.output).values())
    wanted = count() + more
    client.wait_for(f"{more} more labels", lambda: count() >= wanted, timeout, 0.1)


def assignments(running):
    return running.stderr.count("consume  assigned ")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.usefixtures("guarantee")
def test_workers_may_join_and_leave_while_records_flow(lab, strategy):
    """Clean joining and leaving does not even double anything."""
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=5_000)
    options = {"consumer": by_strategy(strategy)}
    feed = Feed(flow, rate=1000)
    running = lab.run(flow, model, kafka=options)
    wait_flowing(flow)
    for _ in range(2):
        other = lab.run(flow, model, kafka=options)
        client.wait_for("the newcomer's share", lambda: assignments(other) >= PARTITIONS // 2, 60)
        wait_flowing(flow)
        # The older one leaves, the newcomer takes all.
        assert running.stop() == 0
        running = other
        wait_flowing(flow)
    places = feed.stop()
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    checks.assert_same_partition(labels)
    assert dead_letters == []
    assert running.stop() == 0
    for one in lab.workers:
        # A commit that meets a JoinGroup under way would cost the whole assignment.
        assert "consume  lost" not in one.stderr and "not committed" not in one.stderr


@pytest.mark.usefixtures("guarantee")
def test_a_crash_among_two_workers_loses_nothing(lab):
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=5_000)
    feed = Feed(flow, rate=1000)
    first, second = lab.run(flow, model), lab.run(flow, model)
    client.wait_for("both to have a share", lambda: assignments(first) and assignments(second), 60)
    wait_flowing(flow)
    first.kill()
    second.wait_log("consume  assigned ", count=PARTITIONS, timeout=60)
    places = feed.stop()
    labels, dead_letters = checks.settled(flow)
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []


def test_partitions_that_stay_go_on_while_others_move(lab):
    """Cooperative: when a second worker comes, the first gives back what moves and nothing else."""
    flow = lab.flow(PARTITIONS)
    feed = Feed(flow, rate=500)
    first = lab.run(flow).wait_log("consume  assigned ", count=PARTITIONS)
    lab.run(flow).wait_log("consume  assigned ", count=PARTITIONS // 2)
    wait_flowing(flow, 500)
    feed.stop()
    assert first.stderr.count("consume  revoked ") == PARTITIONS // 2
    assert assignments(first) == PARTITIONS and "consume  lost" not in first.stderr


def given_back(running):
    return {int(number) for number in re.findall(r"consume  revoked .* \[(\d+)\]", running.stderr)}


@pytest.mark.usefixtures("guarantee")
def test_partitions_that_stay_are_labelled_while_others_drain(lab):
    """What is in flight of them goes on, and is committed, however long a batch of those that move lasts.

    Of six partitions three move. The calls that hold up the drain run in 0, 2 and 4, what goes on lies in
    1, 3 and 5: so, of whichever three move, one is to drain and one of the others stays."""
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_token=80_000)
    flow.produce([Record(article("новость " + "мяч " * 160), partition=n) for n in (0, 2, 4)])  # 40 s each
    first = lab.run(flow, model, model={"replicas": 4}, batch={"articles_max": 1, "wait_ms_max": 0},
                    delivery={"drain_ms_max": 60_000, "commit_interval_ms": 50},
                    kafka={"producer": {"transaction.timeout.ms": 120_000}}, http={"listen": "127.0.0.1:0"})
    first.wait_log("consume  assigned ", count=PARTITIONS)
    client.wait_for("three calls", lambda: first.metrics()["wiretag_consumed_records_total"] == 3, 60)
    flow.produce([Record(article("мяч " * 6), partition=n) for n in (1, 3, 5)] * 20)  # over a second each
    client.wait_for("all to be in flight", lambda: first.metrics()["wiretag_consumed_records_total"] == 63, 60)
    second = lab.run(flow, lab.model())
    first.wait_log("consume  revoked ", count=PARTITIONS // 2, timeout=60)
    stay = {1, 3, 5} - given_back(first)

    def labelled():
        ends = client.end_offsets(flow.bootstrap, flow.output)
        return sum(ends[partition] for partition in stay)

    before = labelled()
    client.wait_for("more labels of what stays", lambda: labelled() >= before + 3, 60, 0.1)
    assert assignments(second) == 0, "the drain was to outlast the labels"
    assert first.process.poll() is None and "consume  lost" not in first.stderr


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_topic_that_grows_in_the_middle_of_a_drain_doubles_nothing(lab, strategy):
    """librdkafka joins its group anew then, which gives away what is still being drained: the calls that
    the next owner has made meanwhile must not be committed once more when they come out here."""
    flow = lab.flow(4)
    flow.guarantee = "exactly-once"
    options = {"consumer": by_strategy(strategy),
               "common": {"topic.metadata.refresh.interval.ms": 500},
               "producer": {"transaction.timeout.ms": 120_000}}
    places = flow.produce([Record(article("новость " + "мяч " * 160), partition=n) for n in range(4)])
    first = lab.run(flow, lab.model(sleep_us_per_token=30_000), kafka=options, model={"replicas": 4},  # 15 s
                    batch={"articles_max": 1, "wait_ms_max": 0}, delivery={"drain_ms_max": 60_000},
                    http={"listen": "127.0.0.1:0"})
    first.wait_log("consume  assigned ", count=4)
    client.wait_for("four calls", lambda: first.metrics()["wiretag_consumed_records_total"] == 4, 60)
    second = lab.run(flow, lab.model(), kafka=options)
    first.wait_log("consume  revoked ", count=2, timeout=60)
    client.grow_topic(flow.bootstrap, flow.output, 5)
    client.grow_topic(flow.bootstrap, flow.input, 5)
    second.wait_log("consume  assigned ", timeout=60)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    assert dead_letters == []
    assert first.stop() == 0 and second.stop() == 0
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)

@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.usefixtures("guarantee")
def test_a_worker_whose_topic_grew_in_the_middle_of_a_drain_takes_part_in_the_next_rebalance(lab, strategy):
    """librdkafka takes the revoke for one under way for ever then, and never joins again: the group waits for
    it, and whoever comes gets nothing."""
    flow = lab.flow(4)
    options = {"consumer": by_strategy(strategy),
               "common": {"topic.metadata.refresh.interval.ms": 500}}
    places = flow.produce([Record(article("новость " + "мяч " * 160), partition=n) for n in range(4)])
    first = lab.run(flow, lab.model(sleep_us_per_token=20_000), kafka=options, model={"replicas": 4},  # 10 s
                    batch={"articles_max": 1, "wait_ms_max": 0}, delivery={"drain_ms_max": 60_000},
                    http={"listen": "127.0.0.1:0"})
    first.wait_log("consume  assigned ", count=4)
    client.wait_for("four calls", lambda: first.metrics()["wiretag_consumed_records_total"] == 4, 60)
    second = lab.run(flow, lab.model(), kafka=options)
    first.wait_log("consume  revoked ", count=2, timeout=60)
    client.grow_topic(flow.bootstrap, flow.output, 5)
    client.grow_topic(flow.bootstrap, flow.input, 5)
    second.wait_log("consume  assigned ", timeout=60)
    third = lab.run(flow, lab.model(), kafka=options)
    third.wait_log("consume  assigned ", timeout=60)
    labels, dead_letters = checks.settled(flow)
    checks.assert_delivered(flow, labels, places)
    assert dead_letters == []
    assert [one.stop() for one in (first, second, third)] == [0, 0, 0]


@pytest.mark.usefixtures("guarantee")
def test_a_worker_that_was_suspended_beyond_its_session_does_no_harm(lab):
    """SIGSTOP, the group moves on, SIGCONT: it finds its partitions lost and commits nothing of them."""
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=5_000)
    feed = Feed(flow, rate=500)
    first = lab.run(flow, model)
    wait_flowing(flow)
    first.pause()
    second = lab.run(flow, model).wait_log("consume  assigned ", count=PARTITIONS, timeout=60)
    wait_flowing(flow)
    first.resume()
    first.wait_log("consume  lost ", timeout=60)
    # It comes back as a member like any other.
    client.wait_for("its new share", lambda: assignments(first) > PARTITIONS, 60)
    places = feed.stop()
    labels, _ = checks.settled(flow)
    checks.assert_delivered(flow, labels, places)
    committed = flow.committed()
    for partition in range(PARTITIONS):
        ours = [offset for at, offset in places if at == partition]
        assert committed[partition] == max(ours) + 1
    assert first.stop() == 0 and second.stop() == 0


def test_a_call_of_the_model_longer_than_max_poll_interval_costs_no_membership(lab):
    # 500 tokens of 13 ms are 6.5 s; the group throws out who does not poll for 6 s.
    flow, model = lab.flow(), lab.model(sleep_us_per_token=13_000)
    places = flow.produce([article(f"новость {number} " + "мяч " * 160) for number in range(4)])
    running = lab.run(flow, model, kafka={"consumer": {"max.poll.interval.ms": 6000}},
                      batch={"articles_max": 1, "wait_ms_max": 0}, in_flight={"records_max": 2},
                      http={"listen": "127.0.0.1:0"})
    began = time.monotonic()
    labels, _ = checks.settled(flow)
    assert time.monotonic() - began > 12, "the calls were to outlast the interval"
    checks.assert_each_once(labels, places)
    assert running.metrics()["wiretag_rebalances_total"] == 1
    assert assignments(running) == 1 and "lost" not in running.stderr


def test_of_two_workers_with_one_transactional_id_one_stops_and_names_it(lab):
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=5_000)
    one_id = {"guarantee": "exactly-once", "transactional_id": flow.group, "commit_interval_ms": 50}
    feed = Feed(flow, rate=500)
    both = [lab.run(flow, model, delivery=one_id) for _ in range(2)]
    ended = client.wait_for("one to stop", lambda: [one for one in both if one.process.poll() is not None], 180)
    for one in ended:
        assert one.wait_exit() == 1
        assert "two workers must not share one" in one.stderr and flow.group in one.stderr
    if len(ended) == 2:  # each took it from the other
        lab.run(flow, model)
    places = feed.stop()
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
