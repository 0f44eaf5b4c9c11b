"""Another model while the worker runs: every record is labelled once, whole, by the model that it names."""

import hashlib
import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import checks
import client
import fake
import proxy
import pytest
import worker
from client import Record, article
from fake import FakeModel
from test_metrics import HTTP
from test_windows import LONG, TOKENS_MAX, assert_read_whole, texts_of

PARTITIONS = 3
# Labels, token ids, limits: whatever a model brings with it differs.
OTHER_LABELS = {"task": "single-label", "labels": [{"name": name} for name in ("мир", "спорт", "culture")]}


def shuffled(seed):
    """The words of the fake model with other ids; the special ones stay first."""
    words = list(fake.VOCABULARY)
    tail = words[7:]
    random.Random(seed).shuffle(tail)
    return words[:7] + tail


class Bundles:
    """The models that lie one after the other at one path."""

    build = None  # of the programs that load them; None: one with the fake model

    def __init__(self, directory, tokens_max=(512, 9), **behaviour):
        self.directory, self.tokens_max, self.behaviour = directory, tokens_max, behaviour
        self.path = directory / "current.json"
        self.models = {}

    def make(self):
        """The next one, not in its place yet: every second has other labels, a vocabulary and a limit of its own."""
        number = len(self.models) + 1
        odd = number % 2
        model = FakeModel(self.directory / f"bundle-{number}.json", self.behaviour, self.tokens_max[1 - odd],
                          None if odd else shuffled(number), str(number), None if odd else OTHER_LABELS)
        self.models[str(number)] = model
        return model

    def place(self, rewrite=False):
        """Puts the next one in place: by rename, or by rewriting the file."""
        model = self.make()
        if rewrite:
            self.path.write_bytes(model.path.read_bytes())
        else:
            copy = self.directory / "copy.json"
            copy.write_bytes(model.path.read_bytes())
            os.replace(copy, self.path)
        return model

    def of(self, message):
        return self.models[message.json()["model"]["version"]]


class Feed(threading.Thread):
    """Articles without end, until it is told to stop."""

    def __init__(self, flow, pause=0.02):
        super().__init__(daemon=True)
        self.flow, self.pause, self.over = flow, pause, threading.Event()
        self.text_at = {}
        self.start()

    def run(self):
        number = 0
        while not self.over.is_set():
            texts = [f"новость {number + more} о матче" for more in range(60)]
            places = self.flow.produce([Record(article(text), partition=at % PARTITIONS)
                                        for at, text in enumerate(texts)])
            self.text_at.update(zip(places, texts))
            number += len(texts)
            time.sleep(self.pause)

    def flows(self, more=100):
        """Waits until so many more labels are out."""
        before = self.labelled()
        client.wait_for(f"{more} more labels", lambda: self.labelled() >= before + more, 120, 0.02)

    def labelled(self):
        return sum(client.end_offsets(self.flow.bootstrap, self.flow.output).values())

    def stop(self):
        self.over.set()
        self.join(60)
        return self.text_at


def replacements(running, count):
    client.wait_for(f"{count} reloads", lambda: running.metrics()['wiretag_reloads_total{result="ok"}'] == count, 60, 0.02)


def retirements(running):
    client.wait_for("the end of the earlier model", lambda: running.metrics()["wiretag_models"] == 1, 60, 0.02)


def assert_each_by_one_model(labels, text_at, bundles, flow):
    checks.assert_delivered(flow, labels, text_at)
    checks.assert_in_order(labels)
    last = {}
    for message in checks.first_occurrences(labels):
        model = bundles.of(message)
        checks.assert_labelled(message, text_at[checks.source_of(message)], model)
        assert message.json()["model"]["sha256"] == hashlib.sha256(model.path.read_bytes()).hexdigest()
        # In each partition a model takes over at one offset.
        assert last.get(message.partition, 0) <= int(model.version)
        last[message.partition] = int(model.version)
    return last


def test_under_load_each_record_is_labelled_whole_by_the_model_that_it_names(lab, guarantee):
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory, sleep_us_per_call=2000)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP, prepare={"threads": 2}, model={"replicas": 2}).wait_ready()
    feed = Feed(flow)
    for number in range(1, 9):
        feed.flows()
        bundles.place(rewrite=number % 2 == 0)
        running.signal(signal.SIGHUP)
        replacements(running, number)
    text_at = feed.stop()
    labels, dead_letters = checks.settled(flow)
    assert dead_letters == []
    last = assert_each_by_one_model(labels, text_at, bundles, flow)
    assert len({message.json()["model"]["version"] for message in labels}) >= 8
    assert set(last.values()) <= {8, 9}
    retirements(running)
    metrics = running.metrics()
    assert metrics['wiretag_reloads_total{result="ok"}'] == 8
    assert [name for name in metrics if name.startswith("wiretag_model_info")] == [
        f'wiretag_model_info{{name="fake",version="9",sha256="{hashlib.sha256(bundles.path.read_bytes()).hexdigest()}"'
        ',device="cpu",precision="fp32",kernels="fake"}']
    assert running.stop() == 0


def test_the_windows_of_an_article_are_all_of_one_model(lab):
    flow, bundles = lab.flow(), Bundles(lab.directory, (TOKENS_MAX, TOKENS_MAX), sleep_us_per_call=20000)
    bundles.make = lambda: bundles.models.setdefault(str(len(bundles.models) + 1), FakeModel(
        lab.directory / f"bundle-{len(bundles.models)}.json", bundles.behaviour, TOKENS_MAX,
        shuffled(len(bundles.models)), str(len(bundles.models) + 1)))
    bundles.place()
    texts = texts_of(300, 5)
    running = lab.run(flow, bundles.path, http=HTTP, input=LONG, batch={"articles_max": 3}).wait_ready()
    places = []
    for number in range(4):
        if number > 0:  # those before are still on their way
            bundles.place()
            running.signal(signal.SIGHUP)
            replacements(running, number)
        places += flow.produce([article(text) for text in texts[number * 75:number * 75 + 75]])
        flow.labels(number * 75 + 1)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    for message in labels:
        assert_read_whole(message.json(), texts[checks.source_of(message)[1]], bundles.of(message))
    assert len({message.json()["model"]["version"] for message in labels}) == 4


def of_broken_file(running, bundles):
    bundles.path.write_text("{", encoding="utf-8")
    return "is not a fake bundle"


def of_missing_file(running, bundles):
    bundles.path.unlink()
    return "cannot be read"


def of_failed_selftest(running, bundles):
    body = json.loads(bundles.make().path.read_text(encoding="utf-8"))
    body["selftest"][0]["logits"][0] += 1
    bundles.path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    return "self-test"


def of_wrong_pin(running, bundles):
    reconfigure(running, model={"sha256": "0" * 64})
    return "is not the pinned one"


def of_bad_configuration(running, bundles):
    running.config_path.write_text("model: {paht: x}\n", encoding="utf-8")
    return "unknown key"


def of_unknown_label(running, bundles):
    reconfigure(running, output={"threshold": {"никто": 0.5}})
    bundles.place()
    return "output.threshold"


def reconfigure(running, **changes):
    running.config_path.write_text(worker.yaml(worker.merge(running.config, changes)) + "\n", encoding="utf-8")


@pytest.mark.parametrize("damage", [of_broken_file, of_missing_file, of_failed_selftest, of_wrong_pin,
                                    of_bad_configuration, of_unknown_label])
def test_a_reload_that_fails_leaves_the_model_and_says_why(lab, damage):
    flow, bundles = lab.flow(), Bundles(lab.directory)
    first = bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP).wait_log("pipeline ready: ")
    cause = damage(running, bundles)
    running.signal(signal.SIGHUP)
    running.wait_log(f"reload +the reload failed, model fake 1 stays: .*{cause}")
    status, body = running.http("/readyz")
    assert status == 200 and body.startswith("ready; the last reload failed: ") and cause in body
    metrics = running.metrics()
    assert metrics['wiretag_reloads_total{result="failed"}'] == metrics["wiretag_reload_failed"] == 1
    text = "новость о матче"
    flow.produce([article(text)])
    message, = flow.labels(1)
    checks.assert_labelled(message, text, first)
    # Repaired, it is taken.
    reconfigure(running)
    good = bundles.place()
    running.signal(signal.SIGHUP)
    replacements(running, 1)
    client.wait_for("no remark", lambda: running.http("/readyz") == (200, "ready\n"))
    assert running.metrics()["wiretag_reload_failed"] == 0
    flow.produce([article(text)])
    checks.assert_labelled(flow.labels(2)[1], text, good)
    assert running.stop() == 0


def test_what_has_not_changed_is_not_loaded_again(lab):
    flow, bundles = lab.flow(), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP).wait_ready()
    bundles.path.write_bytes(bundles.path.read_bytes())
    running.signal(signal.SIGHUP)
    running.wait_log("nothing to reload: .* is the model that runs, fake 1")
    assert running.metrics()['wiretag_reloads_total{result="unchanged"}'] == 1
    # Of the other keys of the section `model` a reload takes nothing.
    reconfigure(running, model={"path": str(bundles.path), "cache_bytes_max": 1 << 20, "reload": "watch"})
    running.signal(signal.SIGHUP)
    running.wait_log("only a restart takes it: model.reload, model.cache_bytes_max")
    client.wait_for("the second one", lambda: running.metrics()['wiretag_reloads_total{result="unchanged"}'] == 2)
    assert "replaces" not in running.stderr
    assert running.stop() == 0


def test_thresholds_and_path_come_with_it_and_what_waits_for_a_restart_is_named(lab):
    flow, bundles = lab.flow(), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP).wait_ready()
    text = "новость о матче"
    flow.produce([article(text)])
    assert flow.labels(1)[0].json()["category"]
    other = bundles.make()
    digest = hashlib.sha256(other.path.read_bytes()).hexdigest()
    reconfigure(running, model={"path": str(other.path), "sha256": digest}, output={"threshold": 1, "top_k": 2},
                on_error="skip")
    running.signal(signal.SIGHUP)
    replacements(running, 1)
    flow.produce([article(text)])
    body = flow.labels(2)[1].json()
    assert (body["category"], body["model"]["sha256"], len(body["scores"])) == (None, digest, 3)
    assert f"changed in {running.config_path}, but only a restart takes it: output.top_k, on_error" in running.stderr
    # The same bundle with another threshold is another labeller.
    reconfigure(running, model={"path": str(other.path), "sha256": digest})
    running.signal(signal.SIGHUP)
    replacements(running, 2)
    flow.produce([article(text)])
    checks.assert_labelled(flow.labels(3)[2], text, other)
    assert running.stop() == 0


def test_off_leaves_the_model_as_it_is(lab):
    flow, bundles = lab.flow(), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP, model={"reload": "off"}).wait_ready()
    bundles.place()
    running.signal(signal.SIGHUP)
    running.wait_log("SIGHUP: received and ignored; model.reload is off")
    flow.produce([article("мяч")])
    assert flow.labels(1)[0].json()["model"]["version"] == "1"
    assert running.stop() == 0


def test_two_signals_at_once_end_with_the_newest_model(lab):
    flow, bundles = lab.flow(), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP).wait_ready()
    bundles.place()
    running.signal(signal.SIGHUP)
    bundles.place()
    for _ in range(3):
        running.signal(signal.SIGHUP)
    running.wait_log("reload +model fake 3 replaces")
    flow.produce([article("мяч")])
    assert flow.labels(1)[0].json()["model"]["version"] == "3"
    assert running.stop() == 0


def test_a_signal_during_the_start_is_kept(lab):
    flow, bundles = lab.flow(), Bundles(lab.directory, sleep_us_per_call=200_000)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP).wait_log("loading the model")
    time.sleep(0.2)  # the file is read, the self-test runs
    bundles.place()
    running.signal(signal.SIGHUP)
    replacements(running, 1)
    flow.produce([article("мяч")])
    assert flow.labels(1)[0].json()["model"]["version"] == "2"
    assert running.stop() == 0


def test_a_reload_does_not_outlive_a_drain(lab):
    """A load that is under way when the worker stops, and a signal while it drains, cost nothing."""
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory, sleep_us_per_call=50_000)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP).wait_ready()
    feed = Feed(flow, 0.1)
    feed.flows(20)
    bundles.place()
    running.signal(signal.SIGHUP)
    running.wait_log("loading the model .* beside")
    running.signal(signal.SIGTERM)
    running.wait_log("SIGTERM: stopping")
    running.signal(signal.SIGHUP)
    assert running.wait_exit() == 0
    text_at = feed.stop()
    lab.run(flow, bundles.path, http=HTTP)
    labels, _ = checks.settled(flow)
    assert_each_by_one_model(labels, text_at, bundles, flow)


def test_records_in_flight_keep_their_model_and_the_next_reload_waits_for_them(lab, fragile):
    flow, bundles = lab.flow(PARTITIONS, on=fragile), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP).wait_ready()
    feed = Feed(flow)
    feed.flows(200)
    text_at = feed.stop()
    fragile.pause()
    try:
        for number in range(2):
            bundles.place()
            running.signal(signal.SIGHUP)
            running.wait_log("SIGHUP: looking", count=number + 1)
            time.sleep(0.3)
    finally:
        fragile.resume()
    running.wait_log("reload +model fake 3 replaces")
    feed = Feed(flow)
    feed.flows()
    text_at.update(feed.stop())
    labels, _ = checks.settled(flow)
    last = assert_each_by_one_model(labels, text_at, bundles, flow)
    assert set(last.values()) == {3}
    assert running.stop() == 0


def test_a_worker_that_its_group_removed_goes_on_with_the_model_that_it_had_taken(lab, cluster):
    """Its pipeline is made anew, but no file is read."""
    lab.guarantee = "at-least-once"
    flow, bundles = lab.flow(PARTITIONS, on=cluster), Bundles(lab.directory, sleep_us_per_call=5000)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP, output={"threshold": 0}, kafka={
        "common": {"bootstrap.servers": cluster.proxied, "client.id": "chaos-1"},
        "consumer": {"group.instance.id": "worker-a", "session.timeout.ms": 3000, "heartbeat.interval.ms": 300}})
    running.wait_ready()
    for number in (1, 2):
        bundles.place()
        reconfigure(running, output={"threshold": 1 if number == 1 else 0})
        running.signal(signal.SIGHUP)
        replacements(running, number)
    feed = Feed(flow)
    feed.flows()
    running.config_path.write_text("no: longer good\n", encoding="utf-8")
    cluster.proxy.fence(6)
    running.wait_log("consume  assigned ", count=2 * PARTITIONS, timeout=60)
    cluster.proxy.refuse_member(proxy.OFFSET_COMMIT)
    running.wait_log("joining it again")
    running.wait_log("consume  assigned ", count=3 * PARTITIONS, timeout=60)
    feed.flows()
    reconfigure(running, output={"threshold": 0})
    bundles.place()
    running.signal(signal.SIGHUP)
    replacements(running, 3)
    retirements(running)
    text_at = feed.stop()
    labels, _ = checks.settled(flow, timeout=90)
    assert_each_by_one_model(labels, text_at, bundles, flow)
    assert {message.json()["model"]["version"] for message in labels} <= {"3", "4"}
    running.idle_metrics()  # what the first pipeline left in its producer is not counted any more
    assert running.stop() == 0


def assert_flat(seen):
    """Threads and descriptors stay as they are. To a worker that has just started a few connections are added, and a
    thread comes and goes with a transaction: one of each for each of twelve reloads would be more."""
    print(f"{len(seen)} reloads; resident MB {[round(row[0] / 1e6, 1) for row in seen]}")
    for what in (1, 2):
        assert min(row[what] for row in seen[-5:]) <= max(row[what] for row in seen[:3]) + 4, seen


def seen_after(running, bundles, rounds):
    """[(resident bytes, threads, descriptors)] after each of `rounds` reloads."""
    seen = []
    for number in range(1, rounds + 1):
        bundles.place()
        running.signal(signal.SIGHUP)
        replacements(running, number)
        retirements(running)
        seen.append((running.resident_bytes(), running.threads(), running.descriptors()))
    return seen


def niceness(running):
    """{(thread, nice)}; proc(5), stat."""
    fields = [path.read_text().rpartition(")")[::2] for path in Path(f"/proc/{running.process.pid}/task").glob("*/stat")]
    return {(name.partition("(")[2], int(rest.split()[16])) for name, rest in fields}


def test_loading_gives_way_to_the_live_path(lab):
    flow, bundles = lab.flow(1), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP).wait_ready()
    bundles.place()
    running.signal(signal.SIGHUP)
    replacements(running, 1)
    seen, usual = niceness(running), os.nice(0)
    assert ("reload", min(usual + 10, 19)) in seen
    # The thread's own client, which asks for promotions, inherits it.
    assert {name for name, nice in seen if nice != usual and not name.startswith("rdk:")} == {"reload"}
    assert running.stop() == 0


@pytest.mark.parametrize("rounds", [12, pytest.param(100, marks=pytest.mark.long)])
def test_threads_and_descriptors_stay_flat(lab, rounds):
    flow, bundles = lab.flow(PARTITIONS), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP, model={"replicas": 2}).wait_ready()
    feed = Feed(flow, 0.1)
    seen = seen_after(running, bundles, rounds)
    text_at = feed.stop()
    labels, _ = checks.settled(flow)
    assert_each_by_one_model(labels, text_at, bundles, flow)
    assert_flat(seen)
    assert running.stop() == 0
