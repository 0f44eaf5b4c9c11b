"""The happy path: what goes in comes out labelled, once, in order, with everything it carried."""

import hashlib
import json
import subprocess
import time

import checks
import client
import pytest
import worker
from broker import ROOT
from client import Record, article

COUNT, PARTITIONS = 10_000, 6
OUTPUT_KEYS = ["id", "category", "score", "scores", "model", "tokens", "truncated", "source"]


def headers_of(number):
    """Headers as clients really send them: repeated names, null and empty values, bytes."""
    return [("trace", str(number).encode()), ("trace", b"again"), ("nothing", None), ("empty", b""),
            ("Ключ", bytes([0, 255, 128]))]


class Sent:
    """Ten thousand articles on six partitions, and where each of them lies."""

    def __init__(self, flow):
        now = int(time.time() * 1000)
        self.texts = [f"новость {number} о матче {number * 7919 % 1000}" + " мяч" * (number % 23)
                      for number in range(COUNT)]
        self.records = [
            Record(article(text, id=f"news-{number}"), key=f"ключ-{number % 97}".encode(),
                   headers=headers_of(number), partition=number * 31 % PARTITIONS,
                   timestamp=now - 3_600_000 + number)
            for number, text in enumerate(self.texts)]
        places = flow.produce(self.records)
        self.number_at = {place: number for number, place in enumerate(places)}


@pytest.fixture(scope="module")
def happy(module_lab):
    """(what was sent, the model, labelled records, dead letters, flow, the worker's log)"""
    flow = module_lab.flow(PARTITIONS)
    sent = Sent(flow)
    model = module_lab.model()
    running = module_lab.run(flow, model)
    labels, dead_letters = checks.settled(flow, timeout=90)
    assert running.stop() == 0
    return sent, model, labels, dead_letters, flow, running.stderr


def test_every_record_is_labelled_exactly_once(happy):
    sent, _, labels, dead_letters, _, _ = happy
    checks.assert_each_once(labels, sent.number_at)
    assert dead_letters == []


def test_every_record_gets_the_label_of_its_own_text(happy):
    sent, model, labels, _, _, _ = happy
    for message in labels:
        checks.assert_labelled(message, sent.texts[sent.number_at[checks.source_of(message)]], model)


def test_order_and_partition_number_are_kept(happy):
    checks.assert_in_order(happy[2])
    checks.assert_same_partition(happy[2])


def test_key_timestamp_and_headers_are_carried_over(happy):
    sent, model, labels, _, flow, _ = happy
    for message in labels:
        number = sent.number_at[checks.source_of(message)]
        record = sent.records[number]
        assert (message.key, message.timestamp) == (record.key, record.timestamp)
        assert message.headers == headers_of(number) + [
            ("wiretag.model", b"fake:1"),
            ("wiretag.source.topic", flow.input.encode()),
            ("wiretag.source.partition", str(record.partition).encode()),
            ("wiretag.source.offset", str(checks.source_of(message)[1]).encode())]


def test_the_value_is_compact_json_of_the_promised_keys_in_the_promised_order(happy):
    sent, model, labels, _, flow, _ = happy
    sha256 = hashlib.sha256(model.path.read_bytes()).hexdigest()
    for message in labels:
        number = sent.number_at[checks.source_of(message)]
        body = json.loads(message.value)
        assert list(body) == OUTPUT_KEYS
        assert body["id"] == f"news-{number}"
        assert list(body["model"].items()) == [("name", "fake"), ("version", "1"), ("sha256", sha256)]
        assert list(body["source"].items()) == [
            ("topic", flow.input), ("partition", message.partition),
            ("offset", checks.source_of(message)[1]), ("timestamp", sent.records[number].timestamp)]
        assert b" " not in message.value and b"\n" not in message.value


def test_committed_offsets_are_the_end_of_each_partition(happy):
    sent, _, _, _, flow, _ = happy
    ends = {}
    for partition, offset in sent.number_at:
        ends[partition] = max(ends.get(partition, 0), offset + 1)
    assert flow.committed() == ends
    assert flow.lag() == 0


def test_the_last_line_of_the_log_balances_the_books(happy):
    assert (f"stopped: {COUNT} consumed, {COUNT} labelled, 0 dead-lettered, 0 tombstones, 0 skipped, "
            "0 left uncommitted") in happy[5]


def test_a_started_worker_labels_what_arrives_later(lab):
    flow, model = lab.flow(2), lab.model()
    lab.run(flow, model).wait_log("assigned", count=2)
    for number in range(3):
        flow.produce([article(f"новость {number}")])
        labels = flow.labels(number + 1, timeout=60)
        assert len(labels) == number + 1
    flow.wait_done()


def test_articles_that_arrive_one_by_one_are_labelled_within_a_second(lab):
    flow = lab.flow()
    lab.run(flow).wait_log("assigned")
    waits = []
    while len(waits) < 40 and (not waits or min(waits) >= 1):
        number = len(waits)
        began = time.monotonic()
        flow.produce([article(f"новость {number}")])
        flow.labels(number + 1, timeout=60)
        waits.append(time.monotonic() - began)
    # The reader's own start is in it, and what else runs here; the best is the worker's.
    assert min(waits) < 1, waits


def test_a_lone_article_does_not_wait_for_the_commit_interval(lab):
    flow = lab.flow()
    lab.run(flow, delivery={"commit_interval_ms": 60_000}).wait_log("assigned")
    for number in range(4):
        flow.produce([article(f"новость {number}")])
        assert len(flow.labels(number + 1)) == number + 1


def test_several_input_topics_flow_into_one_output(lab):
    flow, second = lab.flow(2), lab.topic("second", 2)
    first_places = flow.produce([article(f"первая {number}") for number in range(100)])
    second_places = client.produce(flow.bootstrap, second, [article(f"вторая {number}") for number in range(100)])
    lab.run(flow, input={"topics": [flow.input, second]})
    labels = flow.labels(200)
    assert {message.source for message in labels} == {
        *((flow.input, *place) for place in first_places), *((second, *place) for place in second_places)}
    assert all(message.json()["source"]["topic"] == message.source[0] for message in labels)
    checks.assert_in_order(labels)


def test_the_real_model_gives_each_record_the_label_that_classify_gives_its_text(lab):
    bundle = ROOT / "models" / "demo.pt"
    samples = [json.loads(line) for line in (ROOT / "data/samples.jsonl").read_text("utf-8").splitlines()]
    lines = "".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples)
    done = subprocess.run([worker.binary("release"), "classify", "--model", bundle], input=lines,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    alone = {body["id"]: body for body in map(json.loads, done.stdout.splitlines())}

    flow = lab.flow(3)
    # Each sample among others of other lengths, again and again.
    places = flow.produce([article(samples[number % len(samples)]["text"], samples[number % len(samples)]["id"])
                           for number in range(660)])
    running = lab.run_real(flow)
    labels, dead_letters = checks.settled(flow, timeout=120)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    for message in labels:
        body = message.json()
        assert body["category"] == alone[body["id"]]["category"]
        assert body["score"] == pytest.approx(alone[body["id"]]["score"], abs=0.02)
    assert running.stop() == 0
