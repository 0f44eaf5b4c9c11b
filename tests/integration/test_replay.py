"""replay: exactly the range that was asked for, once, shared, resumed, and with books that balance."""

import signal

import checks
import client
import pytest
import ranges
from client import Record, article

PARTITIONS = 3


def fill(flow, count, **record):
    """Articles on all partitions in turn; their places."""
    return flow.produce([Record(article(f"новость {number}"), partition=number % PARTITIONS, **record)
                         for number in range(count)])


def inside(places, start, end):
    return [(partition, offset) for partition, offset in places if start <= offset < end]


def published(flow):
    return sum(client.end_offsets(flow.bootstrap, flow.output).values())


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_replay_reads_its_range_of_every_partition_and_ends_with_a_balance(lab, guarantee):
    flow = lab.flow(PARTITIONS)
    places = fill(flow, 900)
    balance = ranges.finish(ranges.replay(lab, flow, "100", "250", delivery={"guarantee": guarantee}))
    assert {number: (one.start, one.end, one.read, one.labelled, one.left) for number, one in balance.items()} == {
        number: (100, 250, 150, 150, 0) for number in range(PARTITIONS)}
    checks.assert_each_once(flow.labels(), inside(places, 100, 250))
    checks.assert_in_order(flow.labels())


def test_offsets_may_differ_by_partition_and_partitions_be_left_out(lab):
    flow = lab.flow(PARTITIONS)
    places = fill(flow, 300)
    balance = ranges.finish(ranges.replay(lab, flow, "0:10,2:20", "0:30,2:21", "--partitions", "0,2"))
    assert {number: (one.start, one.end, one.read) for number, one in balance.items()} == {0: (10, 30, 20), 2: (20, 21, 1)}
    wanted = [place for place in places if place[0] == 0 and 10 <= place[1] < 30] + [(2, 20)]
    checks.assert_each_once(flow.labels(), wanted)


def test_every_outcome_is_in_the_books(lab):
    flow = lab.flow(1)
    flow.produce([article("матч"), b"not JSON", Record(None, key=b"k"), article("мяч"), b"{}"])
    one = ranges.finish(ranges.replay(lab, flow))[0]
    assert (one.read, one.labelled, one.dead, one.tombstones, one.skipped) == (5, 2, 2, 1, 0)
    assert len(flow.labels()) == 3 and len(flow.dead_letters()) == 2
    skipping = ranges.finish(ranges.replay(lab, flow, name="other", on_error="skip"))[0]
    assert (skipping.read, skipping.labelled, skipping.dead, skipping.skipped) == (5, 2, 0, 2)


def test_times_bound_a_range_with_the_zone_that_is_written(lab):
    flow = lab.flow(1)
    noon = 1_772_366_400_000  # 2026-03-01T12:00:00Z
    flow.produce([Record(article(f"новость {minute}"), timestamp=noon + minute * 60_000) for minute in range(60)])
    one = ranges.finish(ranges.replay(
        lab, flow, "2026-03-01T15:10:00+03:00", "2026-03-01T12:20Z", output={"timestamp": "now"}))[0]
    assert (one.start, one.end, one.read) == (10, 20, 10)
    recent = ranges.finish(ranges.replay(lab, flow, "-36000d", "-1s", name="recent", output={"timestamp": "now"}))[0]
    assert (recent.start, recent.end, recent.read) == (0, 60, 60)
    none = ranges.finish(ranges.replay(lab, flow, "-1h", "latest", name="none"))[0]
    assert (none.start, none.end, none.read) == (60, 60, 0)


def test_the_labels_go_where_output_says_and_the_live_group_is_untouched(lab):
    flow = lab.flow(PARTITIONS)
    places = fill(flow, 300)
    live = lab.run(flow)
    flow.wait_done()
    assert live.stop() == 0
    before = flow.committed(), published(flow)
    other = lab.topic("other", PARTITIONS)
    ranges.finish(ranges.replay(lab, flow, "earliest", "latest", "--output", other))
    assert (flow.committed(), published(flow)) == before
    checks.assert_each_once(client.read_all(flow.bootstrap, other), places)


def test_a_finished_replay_does_nothing_again_and_keeps_its_range(lab):
    flow = lab.flow(PARTITIONS)
    places = fill(flow, 150)
    first = ranges.finish(ranges.replay(lab, flow))
    fill(flow, 150)
    again = ranges.replay(lab, flow)
    assert ranges.finish(again) == first
    assert "the ranges are those of its first start" in again.stderr
    checks.assert_each_once(flow.labels(), places)


def test_workers_of_one_name_share_the_ranges(lab):
    flow = lab.flow(PARTITIONS)
    places = fill(flow, 3000)
    workers = [ranges.replay(lab, flow, "earliest", "latest", "--rate", 250) for _ in range(3)]
    results = [ranges.finish(one) for one in workers]
    assert results[0] == results[1] == results[2]
    assert sum(one.read for one in results[0].values()) == 3000
    assert all("assigned" in one.stderr for one in workers), "each was to have its share"
    checks.assert_each_once(flow.labels(), places)
    checks.assert_in_order(flow.labels())


def test_killed_five_times_and_interrupted_once_the_books_balance_and_nothing_is_doubled(lab):
    flow = lab.flow(PARTITIONS)
    places = fill(flow, 15_000)  # far more than the rate allows in the time
    poison = flow.produce([Record(b"not JSON", partition=number) for number in range(PARTITIONS)])
    last = 0
    for round in range(6):
        running = ranges.replay(lab, flow, "earliest", "latest", "--rate", 200)
        client.wait_for("progress", lambda seen=last: published(flow) >= seen + 100, 90, 0.02)
        if round == 3:
            running.signal(signal.SIGINT)
            assert running.wait_exit() == 1
            balance = ranges.balances(running.stdout)
            assert 0 < sum(one.read for one in balance.values()) < len(places + poison)
            assert "is not finished; run the same command again to resume it" in running.stderr
        else:
            running.kill()
        last = published(flow)
        assert last < 15_000, "it was to be stopped in the middle"
    balance = ranges.finish(ranges.replay(lab, flow))
    assert {number: (one.read, one.labelled, one.dead) for number, one in balance.items()} == {
        number: (5001, 5000, 1) for number in range(PARTITIONS)}
    checks.assert_each_once(flow.labels(), places)
    checks.assert_in_order(flow.labels())
    checks.assert_each_once(flow.dead_letters(), poison)


def test_a_worker_that_is_killed_leaves_its_share_to_the_others(lab):
    flow = lab.flow(PARTITIONS)
    places = fill(flow, 2400)
    options = {"delivery": {"guarantee": "exactly-once", "drain_ms_max": 2000},
               "kafka": {"producer": {"transaction.timeout.ms": 4000}}}
    dying, staying = (ranges.replay(lab, flow, "earliest", "latest", "--rate", 250, **options)
                      for _ in range(2))
    dying.wait_ready(), staying.wait_ready()
    client.wait_for("progress", lambda: published(flow) > 500, 60, 0.05)
    dying.kill()
    balance = ranges.finish(staying)
    assert sum(one.read for one in balance.values()) == 2400
    checks.assert_each_once(flow.labels(), places)


def test_lag_counts_to_the_end_of_the_range_and_no_further(lab):
    flow = lab.flow(PARTITIONS)
    fill(flow, 6000)
    running = ranges.replay(lab, flow, "100", "400", "--rate", 120, "--partitions", "0,1", http={"listen": "127.0.0.1:0"})
    seen = []
    while running.process.poll() is None:
        try:
            metrics = running.metrics()
        except OSError:
            continue  # it is over, or about to be
        seen.append([number for name, number in metrics.items() if name.startswith("wiretag_consumer_lag_records")])
    ranges.finish(running)
    known = [lags for lags in seen if len(lags) == PARTITIONS]
    assert known and max(max(lags) for lags in known) <= 300
    assert any(map(sum, known)), "something was left"
    assert all(0 in lags for lags in known), "of the third nothing was to be read"


@pytest.mark.parametrize("finished", [True, False])
def test_a_name_that_was_begun_otherwise_is_refused_and_says_what_differs(lab, finished):
    flow = lab.flow(PARTITIONS)
    places = fill(flow, 300)
    first = ranges.replay(lab, flow, "0", "80", *([] if finished else ["--rate", 20]))
    if finished:
        ranges.finish(first)
    else:
        client.wait_for("progress", lambda: published(flow) > 0, 60)
        first.process.terminate()
        assert first.wait_exit() == 1
    before = flow.labels()
    other = lab.topic("other", PARTITIONS)
    another = lab.topic("another", PARTITIONS)
    for arguments, options, words in (
            (["0", "80", "--output", other], {}, f"output was {flow.output} and is {other}"),
            (["10", "80"], {}, "from was 0 and is 10"),
            (["0", "latest", "--partitions", "1"], {}, "to was 80 and is latest, partitions was all and is 1"),
            (["0", "80"], {"input": {"topics": [another]}}, f"it reads topic {flow.input}"),
            (["0", "80"], {"input": {"topics": [flow.input, another]}}, f"input was {flow.input} and is {flow.input},{another}")):
        again = ranges.replay(lab, flow, *arguments, **options)
        assert again.wait_exit() == 2, again.stderr
        assert words in again.stderr and "use another --name" in again.stderr
    assert flow.labels() == before and sum(client.end_offsets(flow.bootstrap, other).values()) == 0
    # As it was begun it goes on, or is done.
    ranges.finish(ranges.replay(lab, flow, "0", "80"))
    checks.assert_each_once(flow.labels(), inside(places, 0, 80))
