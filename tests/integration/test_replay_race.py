"""Two first starts of one replay at the same moment: one range, one balance, whoever was faster."""

import checks
import client
import pytest
import ranges
from client import Record, article
from proxy import ADD_OFFSETS, INIT_PRODUCER_ID, OFFSET_FETCH, Fault

PARTITIONS = 2
SLOW = "chaos-slow"  # the client id that the proxy takes for a victim


@pytest.mark.parametrize("guarantee, fault", [
    # Its transaction has begun: the other one's start fences it.
    ("exactly-once", Fault(ADD_OFFSETS, "hold", 60, only=SLOW)),
    # It has seen twice that there is no plan: the other one's members make the broker refuse its own.
    ("at-least-once", Fault(OFFSET_FETCH, "hold", 60, only=SLOW, passes=2))])
def test_of_two_starts_in_one_moment_one_fixes_the_range_and_the_other_takes_it(lab, cluster, guarantee, fault):
    flow = lab.flow(PARTITIONS, on=cluster)
    flow.guarantee = guarantee
    places = flow.produce([Record(article(f"новость {number}"), partition=number % PARTITIONS) for number in range(1200)])
    cluster.proxy.arm(fault)
    changes = {"delivery": {"guarantee": guarantee}}
    slow = ranges.replay(lab, flow, "100", "latest", **changes, kafka={
        "common": {"bootstrap.servers": cluster.proxied, "client.id": SLOW}})
    client.wait_for("the moment before its plan", lambda: fault.client, 60, 0.02)
    # What is there for the second is more than what the first has planned.
    places += flow.produce([Record(article(f"новость {number}"), partition=number % PARTITIONS) for number in range(400)])
    fast = ranges.replay(lab, flow, "100", "latest", "--rate", 300, **changes)
    fast.wait_log("assigned", count=PARTITIONS)
    assert "assigned" not in slow.stderr
    fault.released = True
    slow.wait_log("another worker is committing a plan at the same time; retrying")
    balances = [ranges.finish(one) for one in (fast, slow)]
    assert balances[0] == balances[1]
    assert {number: (one.start, one.end, one.read, one.left) for number, one in balances[0].items()} == {
        number: (100, 800, 700, 0) for number in range(PARTITIONS)}
    checks.assert_delivered(flow, flow.labels(), [place for place in places if 100 <= place[1]])


def test_a_redrive_that_stalls_before_its_plan_goes_on_where_another_one_has_ended_since(lab, cluster):
    flow = lab.flow(1, on=cluster)
    client.produce(flow.bootstrap, flow.dead_letter, ranges.letters(flow, 60)[:20])
    assert ranges.finish(ranges.start(lab, flow, command="redrive"))[0].labelled == 20
    client.produce(flow.bootstrap, flow.dead_letter, ranges.letters(flow, 60)[20:])
    fault = Fault(INIT_PRODUCER_ID, "hold", 60, only=SLOW)  # after it has looked and planned
    cluster.proxy.arm(fault)
    slow = ranges.start(lab, flow, command="redrive", kafka={
        "common": {"bootstrap.servers": cluster.proxied, "client.id": SLOW}})
    client.wait_for("the moment before its plan", lambda: fault.client, 60, 0.02)
    assert ranges.finish(ranges.start(lab, flow, command="redrive"))[0].labelled == 40
    fault.released = True
    slow.wait_log("planning again from its end")
    assert ranges.finish(slow)[0].read == 0
    checks.assert_delivered(flow, flow.labels(), [(0, number) for number in range(60)])
