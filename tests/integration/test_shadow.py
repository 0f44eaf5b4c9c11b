"""model.shadow: a second model labels a share of the same articles on idle time and decides nothing."""

import collections
import hashlib
import json
import os
import re
import signal

import checks
import client
import fake
import pytest
import worker
from checking import check
from client import Record, article
from fake import FakeModel
from test_metrics import HTTP
from test_reload import OTHER_LABELS, Bundles, Feed, reconfigure, replacements, shuffled
from test_windows import LONG, TOKENS_MAX, assert_read_whole, texts_of

PARTITIONS = 3
SEVERAL = {"task": "multi-label", "labels": [{"name": name} for name in ("мир", "sports", "culture", "наука")]}


def other(lab, described=OTHER_LABELS, tokens_max=512, **behaviour):
    """Another model: labels, token ids and limit of its own."""
    return FakeModel(lab.directory / "shadow.json", behaviour, tokens_max, shuffled(7), "B", described)


def shadow(model, **more):
    return {"shadow": {"path": str(model), **more}}


def counts(running):
    metrics = running.metrics()
    return {result: metrics[f'wiretag_shadow_articles_total{{result="{result}"}}']
            for result in ("compared", "failed", "dropped")}


def done(running, articles, timeout=60):
    """Waits until so many articles of the shadow's share have ended."""
    client.wait_for(f"{articles} articles of the shadow", lambda: sum(counts(running).values()) >= articles, timeout, 0.05)
    assert sum(counts(running).values()) == articles
    return counts(running)


def report(running):
    status, body = running.http("/shadow")
    assert status == 200, body
    return json.loads(body)


def category(model, text):
    return model.scores(text)[0][0]


def pairs_of(answer):
    return {(pair["live"], pair["shadow"]): pair["count"] for pair in answer["pairs"]}


def mixed(value):
    value = value * 0x9E3779B97F4A7C15 % 2**64
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


def is_chosen(share, topic, place):
    """As shadow_choice.h: by topic, partition and offset alone."""
    state = 14695981039346656037
    for byte in topic.encode():
        state = (state ^ byte) * 1099511628211 % 2**64
    return (mixed(mixed(state ^ place[0]) ^ place[1]) >> 11) * 2.0**-53 < share


def feed(flow, texts):
    """{place: text}"""
    return dict(zip(flow.produce([Record(article(text, id=str(number)), partition=number % PARTITIONS)
                                  for number, text in enumerate(texts)]), texts))


def test_the_matrix_is_that_of_the_labels_that_both_give(lab, guarantee):
    flow, live, model = lab.flow(PARTITIONS), lab.model(), other(lab)
    running = lab.run(flow, live, http=HTTP, model=shadow(model)).wait_log("pipeline ready: ")
    assert report(running)["agreement"] is None and report(running)["pairs"] == []
    texts = [f"новость {number} о матче" for number in range(400)]
    feed(flow, texts)
    flow.wait_done()
    assert done(running, 400) == {"compared": 400, "failed": 0, "dropped": 0}
    expected = collections.Counter((category(live, text), category(model, text)) for text in texts)
    same = sum(count for (a, b), count in expected.items() if a == b)
    answer = report(running)
    assert pairs_of(answer) == expected
    assert answer["model"] == "fake B" and answer["compared"] == 400 and answer["differ"] == 400 - same
    assert answer["agreement"] == pytest.approx(same / 400, rel=1e-5)
    assert answer["shadow"]["sha256"] == hashlib.sha256(model.path.read_bytes()).hexdigest()
    assert answer["live"]["sha256"] == hashlib.sha256(live.path.read_bytes()).hexdigest()
    low, high = answer["differ_rate"]
    assert low < 1 - answer["agreement"] < high and answer["enough"] is (answer["half_width"] <= 0.01)
    # Pairs that differ come first, the most frequent first.
    order = [(pair["live"] == pair["shadow"], -pair["count"]) for pair in answer["pairs"]]
    assert order == sorted(order)
    metrics = running.metrics()
    for (a, b), count in expected.items():
        if a != b:
            assert metrics[f'wiretag_shadow_disagreements_total{{live="{a}",shadow="{b}"}}'] == count
    assert running.stop() == 0
    a, b = max((pair for pair in expected if pair[0] != pair[1]), key=lambda pair: expected[pair])
    assert re.search(rf"shadow +shadow fake B differs from fake 1 on {100 * (400 - same) / 400:.1f} % ± \d+\.\d of 400 articles, "
                     r"most often \S+ → \S+; the evidence is not yet enough", running.stderr), running.report("said")
    assert expected[a, b] == max(count for (x, y), count in expected.items() if x != y)


def test_a_share_is_the_same_articles_each_time_and_its_labels_have_a_topic_of_their_own(lab, guarantee):
    flow, model = lab.flow(PARTITIONS), other(lab, tokens_max=9)
    topic = lab.topic("shadow", PARTITIONS)
    running = lab.run(flow, http=HTTP, model=shadow(model, share=0.3, topic=topic)).wait_log("pipeline ready: ")
    text_at = feed(flow, [f"новость {number} о матче" for number in range(600)])
    flow.wait_done()
    chosen = {place for place in text_at if is_chosen(0.3, flow.input, place)}
    assert 120 < len(chosen) < 240
    assert done(running, len(chosen))["compared"] == len(chosen)
    labels = client.read_all(flow.bootstrap, topic, len(chosen))
    client.wait_for("the reports", lambda: running.metrics()['wiretag_shadow_published_records_total{result="delivered"}']
                    == len(chosen))
    assert running.stop() == 0
    # What a worker with this model would have written, with nothing of the live one.
    checks.assert_each_once(labels, chosen)
    checks.assert_in_order(labels)
    checks.assert_same_partition(labels)
    for message in labels:
        checks.assert_labelled(message, text_at[checks.source_of(message)], model)
        assert message.json()["model"] == {"name": "fake", "version": "B",
                                           "sha256": hashlib.sha256(model.path.read_bytes()).hexdigest()}
        assert message.header("wiretag.model") == "fake:B"
    # A larger share has all of a smaller one.
    assert chosen < {place for place in text_at if is_chosen(0.6, flow.input, place)}


def bodies(flow):
    """What readers of labels see, without the name of the topic."""
    labels, dead_letters = checks.settled(flow)
    assert len({message.source for message in labels}) == len(labels)

    def seen(message):
        return {key: value for key, value in message.json().items() if key != "source"}, checks.source_of(message)
    return [seen(message) for message in labels], [checks.source_of(message) for message in dead_letters]


@pytest.mark.parametrize("behaviour", [{}, {"fail_on_token": fake.POISON}, {"fail_after_calls": 20},
                                       {"sleep_us_per_call": 20_000}, {"hang_on_token": fake.POISON}],
                         ids=["well", "poison", "sick", "slow", "hangs"])
def test_the_worker_writes_the_same_whatever_its_shadow_does(lab, behaviour):
    live = lab.model(fail_on_token=fake.NOT_A_NUMBER)
    texts = [f"новость {number}" + (f" {fake.POISON}" if number % 50 == 7 else "")
             + (f" {fake.NOT_A_NUMBER}" if number % 90 == 11 else "") for number in range(300)]
    alone, shadowed = lab.flow(PARTITIONS), lab.flow(PARTITIONS)
    topic = lab.topic("shadow", PARTITIONS)
    running = [lab.run(alone, live, http=HTTP),
               lab.run(shadowed, live, http=HTTP, model=shadow(other(lab, **behaviour), topic=topic))]
    for flow in (alone, shadowed):
        feed(flow, texts)
    written = [bodies(flow) for flow in (alone, shadowed)]
    assert written[0] == written[1] and len(written[0][0]) > 290 and written[0][1]
    client.wait_for("ready", lambda: running[1].http("/readyz") == (200, "ready\n"))
    assert [one.stop(20) for one in running] == [0, 0]


def test_what_the_shadow_cannot_label_is_counted_and_harms_nobody(lab):
    flow, model = lab.flow(), other(lab, fail_on_token=fake.POISON, nan_on_token=fake.NOT_A_NUMBER)
    running = lab.run(flow, http=HTTP, model=shadow(model)).wait_log("pipeline ready: ")
    texts = [f"новость {number}" for number in range(60)]
    texts[20] += f" {fake.POISON}"
    texts[40] += f" {fake.NOT_A_NUMBER}"
    flow.produce([article(text) for text in texts])
    assert done(running, 60) == {"compared": 58, "failed": 2, "dropped": 0}
    assert report(running)["failed"] == 2 and report(running)["compared"] == 58
    assert re.search(rf"shadow +{flow.input} \[0\] offset 20.*: the shadow cannot label it \(model-failed\)|"
                     r"the shadow cannot label it \(model-failed\)", running.stderr)
    assert "the shadow cannot label it (logits-not-finite)" in running.stderr
    assert len(flow.labels(60)) == 60 and flow.dead_letters() == []
    assert running.stop() == 0


def test_a_shadow_that_fails_on_everything_is_said_once(lab):
    flow = lab.flow()
    running = lab.run(flow, http=HTTP, model=shadow(other(lab, fail_after_calls=20))).wait_log("pipeline ready: ")
    flow.produce([article(f"новость {number}") for number in range(1200)])
    assert len(flow.labels(1200)) == 1200
    running.wait_log("the shadow fails on everything, even its own probe: .* the worker goes on without it")
    # Those that wait are bounded; what does not fit is dropped.
    flow.produce([article(f"новость {number}") for number in range(1200)])
    assert len(flow.labels(2400)) == 2400
    client.wait_for("drops", lambda: counts(running)["dropped"] > 0)
    metrics = running.metrics()
    assert metrics["wiretag_shadow_waiting_articles"] <= 1024 and counts(running)["failed"] == 1
    assert running.http("/readyz") == (200, "ready\n") and running.http("/healthz")[0] == 200
    assert running.stop(20) == 0
    assert running.stderr.count("even its own probe") == 1


def hang(flow, running):
    """The shadow has the article on which it hangs, and nothing waits."""
    flow.produce([article(fake.POISON)])
    flow.labels(1)
    client.wait_for("the shadow to take it", lambda: running.metrics()["wiretag_shadow_waiting_articles"] == 0)


def test_a_shadow_that_hangs_costs_its_own_articles_alone(lab):
    flow = lab.flow(PARTITIONS)
    running = lab.run(flow, http=HTTP, model=shadow(other(lab, hang_on_token=fake.POISON))).wait_log("pipeline ready: ")
    hang(flow, running)
    text_at = feed(flow, [f"новость {number}" for number in range(1500)])
    labels, _ = checks.settled(flow)
    assert len(labels) == len(text_at) + 1
    client.wait_for("drops", lambda: counts(running)["dropped"] == 1500 - 1024)
    assert running.metrics()["wiretag_shadow_waiting_articles"] == 1024
    assert running.http("/readyz") == (200, "ready\n") and running.http("/healthz")[0] == 200
    # The end does not wait for it, and everything is committed.
    assert running.stop(20) == 0 and flow.lag() == 0


def test_large_articles_wait_in_bounded_memory(lab):
    flow = lab.flow()
    running = lab.run(flow, http=HTTP, model=shadow(other(lab, hang_on_token=fake.POISON))).wait_log("pipeline ready: ")
    hang(flow, running)
    flow.produce([article("мяч")])
    flow.labels(2)
    before = running.resident_bytes()
    large = "слово " * 30_000  # 330 kB
    for _ in range(6):
        flow.produce([article(large)] * 50)
    assert len(flow.labels(302)) == 302
    client.wait_for("drops", lambda: counts(running)["dropped"] > 200)
    waiting = running.metrics()["wiretag_shadow_waiting_articles"]
    assert 40 <= waiting <= 52
    print(f"resident {before / 1e6:.1f} MB before, {running.resident_bytes() / 1e6:.1f} MB with {waiting:.0f} waiting")
    assert running.stop(20) == 0


@pytest.mark.parametrize("described", [OTHER_LABELS, SEVERAL], ids=["one", "several"])
def test_windows_and_several_labels_are_compared_as_they_are(lab, described):
    flow, live = lab.flow(), lab.model(tokens_max=TOKENS_MAX, described=SEVERAL)
    model = other(lab, described, TOKENS_MAX) if described is SEVERAL else FakeModel(
        lab.directory / "shadow.json", {}, TOKENS_MAX, None, "1")
    topic = lab.topic("shadow")
    running = lab.run(flow, live, http=HTTP, model=shadow(model, topic=topic), input=LONG).wait_log("pipeline ready: ")
    texts = texts_of(80, 9)
    flow.produce([article(text) for text in texts])
    flow.wait_done()
    assert done(running, 80)["compared"] == 80
    own, theirs = flow.labels(80), client.read_all(flow.bootstrap, topic, 80)
    given = [[message.json() for message in messages] for messages in (own, theirs)]
    if described is not SEVERAL:
        for body, text in zip(given[1], texts):
            assert_read_whole(body, text, model)
    pairs = collections.Counter((a["category"], b["category"]) for a, b in zip(*given))
    differ = sum((a["category"], {one["label"] for one in a["labels"]}) !=
                 (b["category"], {one["label"] for one in b["labels"]} if "labels" in b else {b["category"]})
                 for a, b in zip(*given))
    answer = report(running)
    assert pairs_of(answer) == pairs and answer["differ"] == differ
    assert max(body["windows"] for body in given[1]) > 3
    assert running.stop() == 0


def test_the_live_path_goes_first(lab):
    """While articles wait for the model, its shadow waits, too."""
    flow, live = lab.flow(), lab.model(sleep_us_per_call=40_000)
    flow.produce([article(f"новость {number}") for number in range(500)])
    running = lab.run(flow, live, http=HTTP, model={"replicas": 1, **shadow(other(lab))}, batch={"articles_max": 8})
    running.wait_log("pipeline ready: ")
    seen = []

    def sampled():
        metrics = running.metrics()
        if metrics['wiretag_queue_records{queue="batch"}'] > 0:
            seen.append(metrics['wiretag_shadow_articles_total{result="compared"}'])
        return metrics['wiretag_records_total{outcome="labelled"}'] >= 400
    client.wait_for("most of the backlog", sampled, 60, 0.02)
    assert len(seen) > 3 and seen[-1] <= 40, seen
    flow.wait_done()
    assert done(running, 500)["compared"] == 500
    assert running.stop() == 0


def test_with_another_live_model_the_comparison_begins_anew(lab):
    flow, bundles, model = lab.flow(PARTITIONS), Bundles(lab.directory), other(lab)
    first = bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP, model=shadow(model)).wait_log("pipeline ready: ")
    feed(flow, [f"новость {number}" for number in range(100)])
    flow.wait_done()
    assert done(running, 100)["compared"] == 100
    before = report(running)
    second = bundles.place()
    running.signal(signal.SIGHUP)
    replacements(running, 1)
    texts = [f"другая новость {number}" for number in range(50)]
    feed(flow, texts)
    flow.wait_done()
    assert done(running, 150)["compared"] == 150
    after = report(running)
    assert (before["compared"], after["compared"]) == (100, 50)
    assert before["live"]["version"] == first.version and after["live"]["version"] == second.version
    assert pairs_of(after) == collections.Counter((category(second, text), category(model, text)) for text in texts)
    assert "the comparison begins anew: the live model is fake 2 now, it was fake 1; SHA-256 " in running.stderr
    reconfigure(running, output={"threshold": 0.9})
    running.signal(signal.SIGHUP)
    replacements(running, 2)
    feed(flow, texts)
    flow.wait_done()
    assert done(running, 200)["compared"] == 200
    running.wait_log("the comparison begins anew: the live model fake 2 was loaded again")
    assert running.stop() == 0


def broken_bundle(lab):
    path = lab.directory / "broken.json"
    path.write_text("{", encoding="utf-8")
    return {"path": str(path)}, "model.shadow.path", "is not a fake bundle"


def missing_bundle(lab):
    return {"path": str(lab.directory / "none.json")}, "model.shadow.path", "cannot be read"


def wrong_pin(lab):
    return {"path": str(other(lab)), "sha256": "0" * 64}, "model.shadow.sha256", "is not the pinned one"


@pytest.mark.parametrize("damage", [broken_bundle, missing_bundle, wrong_pin])
def test_a_shadow_that_cannot_be_loaded_stops_the_start_and_check_says_why(lab, damage):
    flow = lab.flow()
    changes, place, cause = damage(lab)
    running = lab.run(flow, model={"shadow": changes})
    assert running.wait_exit() in (1, 2) and cause in running.stderr, running.report("ended")
    status, found = check(lab, flow, model={"shadow": changes})
    finding, = found["shadow"]
    assert status == 1 and finding["level"] == "error" and cause in finding["message"]
    assert re.search(r"checked\.yaml:\d+", finding["place"]) and place in json.dumps(finding)


def test_check_describes_it_and_looks_at_its_topic(lab):
    flow, model, topic = lab.flow(PARTITIONS), other(lab), lab.topic("shadow", PARTITIONS)
    status, found = check(lab, flow, model=shadow(model, share=0.25, topic=topic))
    assert status == 0
    finding, = found["shadow"]
    assert finding["level"] == "ok" and re.search(
        r"fake B, one of 3 labels, SHA-256 [0-9a-f]{64}, on cpu in fp32, self-test passed; labels 25 % of the articles", finding["message"])
    assert any("model.shadow.sha256" in one["remedy"] for one in found["model-unpinned"])
    assert any(f"topic {topic}: 3 partitions" in one["message"] for one in found["topic"])
    assert any(topic in one["message"] for one in found["right-write"])
    status, found = check(lab, flow, model=shadow(model, topic="nowhere"))
    assert status == 1 and any("topic nowhere does not exist" in one["message"] for one in found["topic-missing"])


def test_trouble_with_its_topic_is_no_stall(lab):
    """Records that the topic refuses are dropped and counted."""
    flow, model = lab.flow(), other(lab)
    topic = lab.topic("shadow", 1, {"max.message.bytes": "300"})
    running = lab.run(flow, http=HTTP, model=shadow(model, topic=topic)).wait_log("pipeline ready: ")
    flow.produce([article(f"новость {number}", id="x" * 400) for number in range(30)])
    assert len(flow.labels(30)) == 30
    client.wait_for("the drops", lambda: running.metrics()['wiretag_shadow_published_records_total{result="dropped"}'] == 30)
    running.wait_log(f"labels of the shadow do not reach topic {topic} and are dropped")
    assert running.http("/readyz") == (200, "ready\n") and counts(running)["compared"] == 30
    assert running.stop() == 0


def test_without_one_there_is_nothing_to_ask_for(lab):
    running = lab.run(lab.flow(), http=HTTP, model={"shadow": None}).wait_log("pipeline ready: ")
    assert running.http("/shadow") == (404, "there is no shadow model\n")
    assert running.stop() == 0


def test_a_replay_has_no_shadow(lab):
    flow = lab.flow()
    flow.produce([article("мяч")] * 3)
    client.wait_for("the records", lambda: sum(client.end_offsets(flow.bootstrap, flow.input).values()) == 3)
    config = flow.config(model={"path": str(lab.model()), "shadow": {"path": "/nowhere.pt", "topic": "nowhere"}})
    replay = lab.start(config, "replay", command=("replay",), build=worker.fake_build(),
                       arguments=["--from", "earliest", "--to", "latest", "--name", "again", "--output", flow.output])
    assert replay.wait_exit() == 0, replay.report("failed")
    assert len(flow.labels(3)) == 3
