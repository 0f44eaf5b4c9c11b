"""Memory and in-flight bounds under load, and the numbers that a running worker shows."""

import json
import os
import threading
import time

import checks
import client
import pytest
import worker
from broker import ROOT
from client import Record, article

HTTP = {"listen": "127.0.0.1:0"}
SHARED = ROOT.parent / "shared" / "data"


def labelled(running):
    return running.metrics()['wiretag_records_total{outcome="labelled"}']


class Sampler:
    """Calls `sample` every few milliseconds in the background and keeps what it gives."""

    def __init__(self, sample, interval):
        self.samples = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(sample, interval), daemon=True)
        self._thread.start()

    def _run(self, sample, interval):
        while not self._stopping.wait(interval):
            self.samples.append(sample())

    def stop(self):
        self._stopping.set()
        self._thread.join(30)
        assert len(self.samples) > 10
        return self.samples


@pytest.mark.skipif(worker.fake_build() != "fake", reason="sanitizers keep freed memory for a while")
def test_resident_memory_stays_flat_over_200_000_records(lab):
    flow = lab.flow(4)
    values = [article(f"новость {number} о матче " + "мяч " * (number % 30), id=f"id-{number}")
              for number in range(20_000)]
    records = [Record(value, partition=number % 4) for number, value in enumerate(values)]
    # What the client fetches ahead is bounded by the same figure; a small one is reached at once.
    running = lab.run(flow, http=HTTP, in_flight={"bytes_max": 4 << 20})
    running.wait_log("consume  assigned ", count=4)
    resident = []
    for done in range(20_000, 220_000, 20_000):
        flow.produce(records)
        client.wait_for(f"{done} labels", lambda: labelled(running) == done, 60)
        resident.append(running.resident_bytes() / 1e6)
    print("resident after each 20,000 records, MB:", *[f"{size:.1f}" for size in resident])
    warm, end = resident[3], resident[-1]
    assert end < warm * 1.02, f"{warm:.1f} MB after 80,000 records grew to {end:.1f} MB"
    assert end < 100


@pytest.mark.parametrize("bound, limit, text", [
    ({"records_max": 100}, 100, "мяч"),
    ({"bytes_max": 1 << 20}, 1 << 20, "мяч " * 3000),
])
def test_a_burst_stays_within_the_in_flight_bound(lab, bound, limit, text):
    flow, model = lab.flow(4), lab.model(sleep_us_per_call=20_000)
    places = flow.produce([Record(article(text, id=str(number)), partition=number % 4) for number in range(600)])
    gauge = "wiretag_in_flight_records" if "records_max" in bound else "wiretag_in_flight_bytes"
    record_bytes = 1 if "records_max" in bound else len(article(text)) + 1000
    running = lab.run(flow, model, http=HTTP, in_flight=bound, batch={"articles_max": 16})
    running.wait_log("metrics and health")
    sampler = Sampler(lambda: running.metrics()[gauge], 0.01)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    highest = max(sampler.stop())
    # The record that reaches the bound is the last one taken.
    assert limit * 0.9 <= highest < limit + record_bytes
    metrics = running.metrics()
    assert metrics["wiretag_pauses_total"] > 0
    assert metrics[gauge] == 0


def test_in_flight_follows_the_models_rate_so_that_a_drain_is_short(lab):
    # 4 articles in 50 ms in each of the replicas; seconds of that are far less than records_max.
    flow, model = lab.flow(), lab.model(sleep_us_per_call=50_000)
    flow.produce([article(f"новость {number}") for number in range(3000)])
    running = lab.run(flow, model, http=HTTP, batch={"articles_max": 4})
    client.wait_for("some labels", lambda: labelled(running) > 200)
    replicas = os.cpu_count()
    metrics = running.metrics()
    assert metrics["wiretag_in_flight_records_limit"] <= 5 * replicas * 4 / 0.05
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began < 5


def test_the_counters_add_up(lab):
    flow = lab.flow(3)
    values = [article(f"новость {number}") for number in range(500)] + [b"bad", b"", b"{}"] * 20 + [None] * 30
    places = flow.produce([Record(value, b"key", partition=number % 3) for number, value in enumerate(values)])
    running = lab.run(flow, http=HTTP)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels + dead_letters, places)
    metrics = running.metrics()
    outcomes = {name: metrics[f'wiretag_records_total{{outcome="{name}"}}']
                for name in ("labelled", "dead_lettered", "tombstone", "skipped")}
    assert outcomes == {"labelled": 500, "dead_lettered": 60, "tombstone": 30, "skipped": 0}
    assert metrics["wiretag_consumed_records_total"] == sum(outcomes.values())
    assert metrics["wiretag_dropped_records_total"] == 0
    assert metrics["wiretag_in_flight_records"] == metrics["wiretag_in_flight_bytes"] == 0
    assert metrics["wiretag_consumed_bytes_total"] == sum(len(value or b"") + 3 for value in values)
    assert metrics["wiretag_batch_articles_sum"] == 500
    assert metrics["wiretag_batch_articles_count"] == metrics["wiretag_batches_total"]
    assert metrics["wiretag_record_seconds_count"] == len(values)
    assert metrics["wiretag_tokens_total"] == sum(
        message.json()["tokens"] for message in labels if message.value is not None)
    assert metrics["wiretag_assigned_partitions"] == 3
    assert metrics['wiretag_commits_total{result="ok"}'] > 0
    assert metrics['wiretag_commits_total{result="failed"}'] == 0


def test_probes_tell_alive_from_ready(lab):
    flow = lab.flow()
    running = lab.run(flow, http=HTTP).wait_log("consume  assigned ")
    client.wait_for("readiness", lambda: running.http("/readyz")[0] == 200, 5)
    assert running.http("/healthz") == (200, "ok\n")
    assert running.http("/metrics")[1].startswith("# HELP ")
    assert running.http("/nowhere")[0] == 404


def test_padding_stays_under_5_percent_on_real_posts_at_full_load(lab):
    posts = SHARED / "posts-ru-2000.jsonl"
    vocabulary = SHARED / "mbert-cased-vocab.txt"
    if not posts.exists() or not vocabulary.exists():
        pytest.skip(f"NOT PROVEN HERE: {posts} and {vocabulary.name} are not there")
    flow = lab.flow(4)
    model = lab.model(vocabulary=vocabulary.read_text("utf-8").splitlines(), sleep_us_per_token=10)
    texts = [json.loads(line)["text"] for line in posts.read_text("utf-8").splitlines()]
    places = flow.produce([Record(article(text), partition=number % 4) for number, text in enumerate(texts * 2)])
    text_at = dict(zip(places, texts * 2))
    running = lab.run(flow, model, http=HTTP)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    assert dead_letters == []
    for message in labels:
        checks.assert_labelled(message, text_at[checks.source_of(message)], model)
    metrics = running.metrics()
    assert metrics["wiretag_padding_ratio"] < 0.05
    assert metrics["wiretag_tokens_total"] == sum(message.json()["tokens"] for message in labels)
    assert metrics["wiretag_computed_tokens_total"] * (1 - metrics["wiretag_padding_ratio"]) == pytest.approx(
        metrics["wiretag_tokens_total"])
