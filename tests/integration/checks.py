"""What the tests expect of a topic that a worker has written: nothing lost, in order, rightly labelled."""

import math


def source_of(message):
    """(partition, offset) in the input topic."""
    return message.source[1:]


def first_occurrences(messages):
    """Without those that came out again after a failure; ordered as read: by partition, then offset."""
    seen = set()
    kept = []
    for message in messages:
        if message.source not in seen:
            seen.add(message.source)
            kept.append(message)
    return kept


def assert_each_once(messages, places):
    """One output record for each (partition, offset) of the input, and no other."""
    found = [source_of(message) for message in messages]
    assert len(found) == len(set(found)), f"{len(found) - len(set(found))} of {len(found)} came out twice"
    assert_nothing_lost(messages, places)


def assert_nothing_lost(messages, places):
    """At least one output record for each (partition, offset) of the input, and no other."""
    found = {source_of(message) for message in messages}
    lost = sorted(set(places) - found)
    assert not lost, f"{len(lost)} of {len(places)} lost, the first: {lost[:5]}"
    foreign = sorted(found - set(places))
    assert not foreign, f"{len(foreign)} that nobody sent: {foreign[:5]}"


def assert_delivered(flow, messages, places):
    """What the flow's guarantee promises of records whose worker, broker or group has failed."""
    check = assert_each_once if flow.guarantee == "exactly-once" else assert_nothing_lost
    check(messages, places)


def assert_in_order(messages):
    """Each output partition holds the records of each source partition in the order they had there,
    looking at the first occurrence of each."""
    last = {}
    for message in first_occurrences(messages):
        source = message.partition, message.source[0], message.source[1]
        offset = message.source[2]
        assert offset > last.get(source, -1), (
            f"[{message.partition}] offset {message.offset}: {message.source} came after {last[source]}")
        last[source] = offset


def assert_same_partition(messages):
    for message in messages:
        assert message.partition == message.source[1], message.source


def assert_labelled(message, text, model, top_k=3):
    """The label, probabilities and counts that `model` (fake.FakeModel) gives this text."""
    body = message.json()
    ids, truncated = model.ids(text)
    scores = model.scores(text)[:top_k]
    where = f"{message.source}: {text[:40]!r}"
    assert body["category"] == scores[0][0], where
    assert math.isclose(body["score"], scores[0][1], rel_tol=1e-5), where
    assert list(body["scores"]) == [label for label, _ in scores], where
    assert all(math.isclose(body["scores"][label], score, rel_tol=1e-5) for label, score in scores), where
    assert (body["tokens"], body["truncated"]) == (len(ids), truncated), where


def settled(flow, timeout=60):
    """Everything in the input is committed; returns (labels and tombstones, dead letters)."""
    flow.wait_done(timeout)
    return flow.labels(), flow.dead_letters()
