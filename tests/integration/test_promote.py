"""A group goes over to another model: in each partition the records before one offset are labelled by the model
before, those from it on by the new one, whichever worker owns the partition and however often workers die."""

import hashlib
import json
import random
import re
import signal
import subprocess
import time

import checking
import checks
import client
import pytest
import worker
from broker import ROOT
from client import Record, article
from test_metrics import HTTP
from test_reload import PARTITIONS, Bundles, Feed, reconfigure

TEXT = "новость о матче"


def promote(flow, bundles, *arguments, timeout=60):
    """(exit status, stdout, stderr) of `wiretag promote` with the configuration that names the first bundle."""
    config = flow.config(model={"path": str(bundles.path)})
    path = bundles.directory / "promote.yaml"
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    done = subprocess.run([worker.binary(bundles.build or worker.fake_build()), "promote", "-c", path,
                           *map(str, arguments)], cwd=ROOT, timeout=timeout, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def promoted(flow, bundles, *arguments):
    status, stdout, stderr = promote(flow, bundles, *arguments)
    assert status == 0, stdout + stderr
    return stdout


def state(flow, bundles):
    return json.loads(promoted(flow, bundles, "--status", "--json"))


def planned(flow, bundles, over=True):
    """{partition: the offset of the new model}, once all have one."""
    def fixed():
        seen = state(flow, bundles)
        assert seen["promotion"] in ("under-way", "over"), seen
        return (not over or seen["promotion"] == "over") and all(part["fixed"] for part in seen["partitions"]) and seen
    client.wait_for("an offset for every partition", fixed, 180, 0.5)
    return {part["partition"]: part["planned"] for part in fixed()["partitions"]}


def started(lab, count=1, kafka=None, **behaviour):
    """(flow, bundles, workers), ready, with the first bundle in place and the second beside it."""
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory, **behaviour)
    bundles.place()
    second = bundles.make()
    workers = [lab.run(flow, bundles.path, http=HTTP, kafka=kafka or {}) for _ in range(count)]
    for one in workers:
        one.wait_log("pipeline ready: ")
    return flow, bundles, second, workers


def assert_gone_over(flow, bundles, text_at, offsets):
    """Everything is labelled, each record by the model that its offset has, and is labelled rightly."""
    labels, dead_letters = checks.settled(flow, 120)
    assert dead_letters == []
    checks.assert_delivered(flow, labels, text_at)
    checks.assert_in_order(labels)
    for message in labels:  # at-least-once those that came out twice, too
        partition, offset = checks.source_of(message)
        version = message.json()["model"]["version"]
        assert version == ("2" if offset >= offsets[partition] else "1"), (partition, offset, version, offsets)
        checks.assert_labelled(message, text_at[partition, offset], bundles.models[version])
    return labels


def test_all_workers_of_a_group_go_over_at_one_offset_of_each_partition(lab, guarantee):
    flow, bundles, second, workers = started(lab, 2, sleep_us_per_call=1000)
    feed = Feed(flow)
    feed.flows()
    out = promoted(flow, bundles, "--model", second.path)
    assert "model fake 2: SHA-256 " in out and " is under way\n" in out
    offsets = planned(flow, bundles)
    feed.flows(300)
    text_at = feed.stop()
    labels = assert_gone_over(flow, bundles, text_at, offsets)
    assert {message.json()["model"]["version"] for message in labels} == {"1", "2"}
    for one in workers:
        one.wait_log("goes on alone: no partition needs fake 1 any more")
        client.wait_for("one model", lambda: one.metrics()["wiretag_models"] == 1, 60)
        assert one.metrics()["wiretag_promotion_partitions_ahead"] == 0
        assert [name for name in one.metrics() if name.startswith("wiretag_model_info")] == [
            name for name in one.metrics() if 'version="2"' in name and name.startswith("wiretag_model_info")]
    assert " is over: all partitions have gone over\n" in promoted(flow, bundles, "--status")
    for one in workers:
        assert one.stop() == 0


def test_kills_at_any_moment_change_nothing(lab, guarantee):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    flow, bundles, second, workers = started(lab, 2, sleep_us_per_call=1000)
    feed = Feed(flow, 0.05)
    feed.flows()
    promoted(flow, bundles, "--model", second.path, "--ahead", 200)
    for _ in range(5):
        time.sleep(dice.uniform(0.1, 3))
        victim = dice.randrange(len(workers))
        workers[victim].kill()
        workers[victim] = lab.run(flow, bundles.path, http=HTTP)
    for one in workers:
        one.wait_ready()
    offsets = planned(flow, bundles)
    text_at = feed.stop()
    assert_gone_over(flow, bundles, text_at, offsets)


def test_restarts_with_either_model_as_configuration_change_nothing(lab, guarantee):
    """The group's rule wins: a worker whose configuration names the model before reads the promotion, and says so; one
    whose configuration names the new one labels by the model before up to the offset."""
    flow, bundles, second, (running,) = started(lab)
    text_at = {}

    def produce():
        places = flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
        text_at.update(dict.fromkeys(places, TEXT))
        flow.wait_done()

    produce()
    promoted(flow, bundles, "--model", second.path, "--ahead", 15)
    running.wait_log("takes over at offset", count=PARTITIONS)
    produce()
    assert running.stop() == 0
    early = lab.run(flow, second.path, http=HTTP)
    early.wait_log("model fake 1 is loaded beside fake 2")
    produce()
    offsets = planned(flow, bundles)
    assert set(offsets.values()) == {25}
    early.wait_log("fake 2 goes on alone")
    assert early.stop() == 0
    again = lab.run(flow, bundles.path, http=HTTP).wait_ready()
    again.wait_log(rf"the group labels by the promoted model, SHA-256 {sha256_of(second.path)} \(.*set model.path to")
    produce()
    # A reload that finds what the promotion has replaced changes nothing; one that finds the new model takes it over.
    client.wait_for("the model alone", lambda: again.metrics()["wiretag_models"] == 1, 60)
    again.signal(signal.SIGHUP)
    again.wait_log("nothing to reload: the configuration names the model that a promotion has replaced")
    reconfigure(again, model={"path": str(second.path)})
    again.signal(signal.SIGHUP)
    again.wait_log("nothing to reload: .* is the model that runs, fake 2")
    produce()
    assert_gone_over(flow, bundles, text_at, offsets)
    assert again.stop() == 0
    # A third model is newer than the promotion.
    third = bundles.make()
    lab.run(flow, third.path, http=HTTP).wait_ready()
    produce()
    assert [message.json()["model"]["version"] for message in flow.labels()].count("3") == 30


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_there_and_back_and_no_twin(lab):
    flow, bundles, second, (running,) = started(lab)
    status, _, stderr = promote(flow, bundles, "--model", bundles.path)
    assert status == 1 and "this model labels the group's records already" in stderr
    assert "no promotion is announced" in promoted(flow, bundles, "--status")
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    flow.wait_done()
    promoted(flow, bundles, "--model", second.path, "--ahead", 5)
    third = bundles.make()
    status, stdout, stderr = promote(flow, bundles, "--model", third.path)
    assert status == 1 and "is under way" in stderr, stdout + stderr
    running.wait_log("takes over at offset", count=PARTITIONS)
    # Each partition has five records before its offset, and then one behind it.
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(PARTITIONS * 6)])
    offsets = planned(flow, bundles)
    assert offsets == dict.fromkeys(range(PARTITIONS), 15 if flow.guarantee == "exactly-once" else offsets[0])
    status, _, stderr = promote(flow, bundles, "--abort")
    assert status == 1 and "cannot be called off" in stderr and "to go back, promote the model before" in stderr
    status, _, stderr = promote(flow, bundles, "--model", second.path)
    assert status == 1 and "labels the group's records already" in stderr
    running.wait_log("goes on alone: no partition needs fake 1")
    # Back: the model of the configuration is loaded again.
    promoted(flow, bundles, "--model", bundles.models["1"].path)
    running.wait_log("goes over|takes over at offset", count=2 * PARTITIONS)
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(PARTITIONS * 3)])
    back = planned(flow, bundles)
    running.wait_log("fake 1 goes on alone: no partition needs fake 2")
    labels, _ = checks.settled(flow)
    for message in labels:
        partition, offset = checks.source_of(message)
        version = "2" if offsets[partition] <= offset < back[partition] else "1"
        assert message.json()["model"]["version"] == version, (partition, offset, offsets, back)
    assert len(labels) == 30 + 9 * PARTITIONS
    assert running.stop() == 0


def test_called_off_before_it_is_reached(lab, guarantee):
    flow, bundles, second, (running,) = started(lab)
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    status, _, stderr = promote(flow, bundles, "--abort")
    assert status == 1 and "no promotion is under way" in stderr
    flow.wait_done()
    promoted(flow, bundles, "--model", second.path, "--ahead", 100)
    running.wait_log("takes over at offset", count=PARTITIONS)
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    flow.wait_done()
    assert set(planned(flow, bundles, over=False).values()) == {110}
    assert running.metrics()["wiretag_promotion_partitions_ahead"] == PARTITIONS
    assert "its model has labelled no record" in promoted(flow, bundles, "--abort")
    running.wait_log("was called off before its offset was reached", count=PARTITIONS)
    running.wait_log("fake 1 goes on alone")
    assert state(flow, bundles)["promotion"] == "called-off"
    assert running.stop() == 0
    lab.run(flow, bundles.path).wait_ready()  # what the metadata of the offsets still has is not taken up again
    places = flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(120 * PARTITIONS)])
    flow.wait_done()
    assert {message.json()["model"]["version"] for message in flow.labels()} == {"1"}
    assert max(offset for _, offset in places) > 110


def test_an_owner_that_was_away_takes_up_no_promotion_that_was_called_off(lab):
    """It has the offset in its metadata, and finds another promotion announced."""
    flow, bundles, second, (running,) = started(lab)
    text_at = {}

    def produce(count):
        places = flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(count)])
        text_at.update(dict.fromkeys(places, TEXT))

    produce(30)
    flow.wait_done()
    promoted(flow, bundles, "--model", second.path, "--ahead", 30)
    running.wait_log("takes over at offset", count=PARTITIONS)
    produce(30)
    flow.wait_done()
    assert set(planned(flow, bundles, over=False).values()) == {40}
    assert running.stop() == 0
    assert "its model has labelled no record" in promoted(flow, bundles, "--abort")
    produce(90)  # beyond the offset that does not count any more
    third = bundles.make()
    promoted(flow, bundles, "--model", third.path)
    again = lab.run(flow, bundles.path).wait_log("was called off before its offset was reached", count=PARTITIONS)
    flow.wait_done()
    produce(30)
    offsets = planned(flow, bundles)
    labels, _ = checks.settled(flow)
    checks.assert_delivered(flow, labels, text_at)
    for message in labels:
        partition, offset = checks.source_of(message)
        assert message.json()["model"]["version"] == ("3" if offset >= offsets[partition] else "1"), (offset, offsets)
    assert min(offsets.values()) >= 50 and again.stop() == 0


def test_a_worker_without_partitions_has_the_model_ready(lab):
    flow, bundles, second, (running,) = started(lab)
    standby = [lab.run(flow, bundles.path, http=HTTP) for _ in range(PARTITIONS)]
    workers = [running, *standby]

    def without():
        return [one for one in workers if one.metrics()["wiretag_assigned_partitions"] == 0]
    client.wait_for("one without partitions", lambda: len(without()) == 1, 90, 0.2)
    idle, = without()
    promoted(flow, bundles, "--model", second.path, "--ahead", 5)
    idle.wait_log("model fake 2 is loaded beside fake 1")
    assert idle.metrics()["wiretag_models"] == 2
    for one in workers:
        if one is not idle:
            one.wait_log("takes over at offset")
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    offsets = planned(flow, bundles)
    idle.wait_log("fake 2 goes on alone: no partition needs fake 1")
    for one in workers:
        if one is not idle:
            assert one.stop() == 0
    client.wait_for("its partitions", lambda: idle.metrics()["wiretag_assigned_partitions"] == PARTITIONS, 90, 0.2)
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    labels, _ = checks.settled(flow)
    for message in labels:
        partition, offset = checks.source_of(message)
        assert message.json()["model"]["version"] == ("2" if offset >= offsets[partition] else "1"), (offset, offsets)
    assert len(labels) == 60 and idle.stop() == 0


# Only the first model has this label, so a worker with this threshold cannot load the second.
LACKING = {"threshold": {"climate": 0.0}}


def lacks(running):
    running.wait_log("which a promotion needs, cannot be loaded: .*: output.threshold: the model fake has no label")


def test_a_worker_without_the_model_gives_its_partitions_up_at_the_offset(lab, guarantee):
    flow, bundles, second, (with_it,) = started(lab)
    without = lab.run(flow, bundles.path, http=HTTP, output=LACKING)
    feed = Feed(flow, 0.05)
    for one in (with_it, without):
        client.wait_for("partitions of both", lambda one=one: one.metrics()["wiretag_assigned_partitions"] in (1, 2), 60)
    feed.flows()
    promoted(flow, bundles, "--model", second.path)
    lacks(without)
    without.wait_log("this worker cannot load: it gives its partitions up; it joins the group again when it has the model",
                     timeout=120)
    client.wait_for("the other one to have all", lambda: with_it.metrics()["wiretag_assigned_partitions"] == PARTITIONS, 60)
    status, body = without.http("/readyz")
    assert status == 503 and re.search("out of the group, a promoted model is missing: .*output.threshold", body)
    offsets = planned(flow, bundles)
    feed.flows()
    before = without.stderr.count(" assigned ")
    reconfigure(without, output={"threshold": 0.0})
    without.wait_log(" assigned ", count=before + 1)
    client.wait_for("it to be ready", lambda: without.http("/readyz") == (200, "ready\n"), 60)
    assert without.metrics()["wiretag_promotion_failed"] == 0
    feed.flows()
    text_at = feed.stop()
    assert_gone_over(flow, bundles, text_at, offsets)
    assert without.stop() == 0 and with_it.stop() == 0


def test_a_worker_that_gave_up_comes_back_when_the_group_has_gone_back(lab):
    """And, out of the group as it is, at SIGHUP to a third model."""
    flow, bundles, second, (with_it,) = started(lab)
    without = lab.run(flow, bundles.path, http=HTTP, output=LACKING)
    for one in (with_it, without):
        client.wait_for("partitions of both", lambda one=one: one.metrics()["wiretag_assigned_partitions"] in (1, 2), 60)
    feed = Feed(flow, 0.2)

    def gives_up(count):
        promoted(flow, bundles, "--model", second.path)
        without.wait_log("it joins the group again when it has the model", count=count, timeout=120)
        client.wait_for("all partitions", lambda: with_it.metrics()["wiretag_assigned_partitions"] == PARTITIONS, 90)
        planned(flow, bundles)
        return without.stderr.count(" assigned ")

    def is_back(before):
        without.wait_log(" assigned ", count=before + 1)
        client.wait_for("it to be ready", lambda: without.http("/readyz")[0] == 200, 60)

    before = gives_up(1)
    promoted(flow, bundles, "--model", bundles.models["1"].path)
    planned(flow, bundles)
    without.wait_log("the group has gone over to another model; joining it again")
    is_back(before)
    before = gives_up(2)
    reconfigure(without, model={"path": str(bundles.make().path)})
    without.signal(signal.SIGHUP)
    without.wait_log("SIGHUP: joining the group again, to look for another model")
    without.wait_log("model fake 3 replaces fake 1")
    is_back(before)
    client.wait_for("a partition", lambda: without.metrics()["wiretag_assigned_partitions"] > 0, 60)
    feed.flows(300)
    text_at = feed.stop()
    labels, dead_letters = checks.settled(flow, 120)
    assert dead_letters == []
    checks.assert_each_once(labels, text_at)
    for message in labels:
        checks.assert_labelled(message, text_at[checks.source_of(message)], bundles.of(message))
    assert {message.json()["model"]["version"] for message in labels} == {"1", "2", "3"}
    assert without.stop() == 0 and with_it.stop() == 0


def test_a_changed_file_waits_for_the_end_of_a_promotion(lab):
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory)
    bundles.place()
    second = bundles.make()
    running = lab.run(flow, bundles.path, http=HTTP, model={"reload": "watch"}).wait_log("pipeline ready: ")
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    flow.wait_done()
    promoted(flow, bundles, "--model", second.path, "--ahead", 1000)
    running.wait_log("loaded beside")
    bundles.place()
    assert "its model has labelled no record" in promoted(flow, bundles, "--abort")  # takes several seconds
    running.wait_log("model fake 3 replaces fake 1")
    assert running.metrics()['wiretag_reloads_total{result="failed"}'] == 0
    assert running.stop() == 0


def test_a_model_that_nobody_can_load_stops_nobody(lab):
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory)
    bundles.place()
    second = bundles.make()
    running = lab.run(flow, bundles.path, http=HTTP, output=LACKING).wait_log("pipeline ready: ")
    feed = Feed(flow)
    promoted(flow, bundles, "--model", second.path)
    lacks(running)
    status, body = running.http("/readyz")
    assert status == 200 and body.startswith("ready; a promoted model cannot be loaded: ")
    assert running.metrics()["wiretag_promotion_failed"] == 1
    feed.flows(300)
    assert {part["fixed"] for part in state(flow, bundles)["partitions"]} == {False}
    promoted(flow, bundles, "--abort")
    client.wait_for("an end of it", lambda: running.metrics()["wiretag_promotion_failed"] == 0, 60)
    text_at = feed.stop()
    assert_gone_over(flow, bundles, text_at, dict.fromkeys(range(PARTITIONS), 1 << 40))


def test_partitions_without_traffic_and_new_ones(lab, guarantee):
    flow, bundles, second, (running,) = started(
        lab, kafka={"common": {"topic.metadata.refresh.interval.ms": 500}})
    text_at = {}

    def produce(partition, count):
        places = flow.produce([Record(article(TEXT), partition=partition) for _ in range(count)])
        text_at.update(dict.fromkeys(places, TEXT))

    produce(0, 10)
    produce(1, 10)
    flow.wait_done()
    promoted(flow, bundles, "--model", second.path)
    running.wait_log("takes over at offset", count=PARTITIONS)
    produce(0, 5)
    flow.wait_done()
    exactly_once = flow.guarantee == "exactly-once"
    later = 0 if exactly_once else 1  # what at-least-once labels by the model before, to commit
    seen = {part["partition"]: part for part in state(flow, bundles)["partitions"]}
    assert (seen[0]["fixed"], seen[0]["planned"]) == (True, 10 + later)
    assert (seen[1]["fixed"], seen[1]["planned"]) == (exactly_once, 10)  # only a transaction commits what does not move
    assert (seen[2]["fixed"], seen[2]["planned"]) == (exactly_once, 0) and state(flow, bundles)["promotion"] == "over"
    for topic in (flow.output, flow.dead_letter, flow.input):
        client.grow_topic(flow.bootstrap, topic, PARTITIONS + 1)
    running.wait_log(rf"assigned {re.escape(flow.input)} \[{PARTITIONS}\]", timeout=90)
    for partition in range(1, PARTITIONS + 1):
        produce(partition, 5)
    offsets = planned(flow, bundles)
    assert offsets[1] == 10 + later and offsets[2] == later and (offsets[PARTITIONS] == 0 or not exactly_once)
    assert_gone_over(flow, bundles, text_at, offsets)
    assert running.stop() == 0


def test_check_tells_of_a_pending_change(lab):
    flow, bundles, second, (running,) = started(lab)
    running.http("/readyz")

    def found(bundle):
        status, by_check = checking.findings(*checking.run(flow.config(
            model={"path": str(bundle)}, http={"listen": f"127.0.0.1:{running.port}"}), lab.directory, "--json"))
        return status, {name: finding["message"] for name in ("model-running", "model-pending", "promotion", "model-promoted")
                        for finding in by_check.get(name, [])}

    status, told = found(bundles.path)
    assert status == 0 and list(told) == ["model-running"]
    status, told = found(second.path)
    assert status == 0 and list(told) == ["model-pending"]
    assert f"runs fake 1, SHA-256 {sha256_of(bundles.path)}; the bundle at model.path has SHA-256 {sha256_of(second.path)}" in \
        told["model-pending"]
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    flow.wait_done()
    promoted(flow, bundles, "--model", second.path, "--ahead", 5)
    running.wait_log("takes over at offset", count=PARTITIONS)
    status, told = found(bundles.path)
    assert status == 0 and f"0 of its {PARTITIONS} partitions have gone over" in told["promotion"]
    flow.produce([Record(article(TEXT), partition=at % PARTITIONS) for at in range(30)])
    planned(flow, bundles)
    running.wait_log("goes on alone: no partition needs fake 1")
    status, told = found(bundles.path)
    assert status == 1 and list(told) == ["model-promoted"]
    assert f"the group was promoted to another model, SHA-256 {sha256_of(second.path)}" in told["model-promoted"]
    status, told = found(second.path)
    assert status == 0 and list(told) == ["model-running"]
    assert running.stop() == 0
