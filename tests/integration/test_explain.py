"""wiretag explain: one record's way, the same labels as the worker's, and whether what came out agrees."""

import json
import math
import subprocess
import time

import client
import fake
import pytest
import worker
from broker import ROOT
from client import Record, article
from confluent_kafka import Producer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode()), ("desk", b"\xff\x00"), ("none", None)]


def run(flow, model, *arguments, **changes):
    config = flow.config(**worker.merge({"model": {"path": str(model)}}, changes))
    path = model.path.with_suffix(".yaml")
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    return subprocess.run([worker.binary(worker.fake_build()), "explain", "-c", path, *map(str, arguments)], cwd=ROOT,
                          timeout=60, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def explain(flow, model, place, **changes):
    done = run(flow, model, "--json", place, **changes)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def labelled(lab, records, model=None, partitions=1, **changes):
    """A flow whose worker has labelled these records and stopped, and the model it used."""
    model = model or lab.model()
    flow = lab.flow(partitions)
    flow.produce(records)
    running = lab.run(flow, model, **changes)
    flow.wait_done()
    assert running.stop() == 0
    return flow, model


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
def test_a_record_is_shown_from_its_fields_to_what_was_published(lab, guarantee):
    text = "сборная выиграла матч"
    flow, model = labelled(lab, [Record(article(text, id="a-17"), key=b"k", headers=HEADERS, partition=1)],
                           partitions=2, delivery={"guarantee": guarantee})
    body = explain(flow, model, f"{flow.input}:1:0")
    record = body["record"]
    assert (record["topic"], record["partition"], record["offset"], record["key"]) == (flow.input, 1, 0, "k")
    assert (record["trace_id"], record["committed"]) == (TRACE, True)
    assert ["desk", {"hex": "ff00"}] in record["headers"] and ["none", None] in record["headers"]
    assert (body["article"]["id"], body["article"]["text"]) == ("a-17", text)
    ids, _ = model.ids(text)
    assert [token["id"] for token in body["article"]["tokens"]] == ids
    assert body["article"]["tokens"][0]["text"] == "[CLS]" and body["article"]["truncated"] is False
    assert list(body["logits"]) == fake.LABELS
    assert all(math.isclose(body["logits"][name], value, rel_tol=1e-6) for name, value in zip(fake.LABELS, fake.logits(ids)))
    assert all(math.isclose(body["probabilities"][name], score, rel_tol=1e-6) for name, score in model.scores(text))
    (published,) = body["published"]
    (label,) = flow.labels(1)
    assert (published["topic"], published["partition"], published["offset"]) == (flow.output, 1, label.offset)
    assert published["agrees"] and published["why"] == "" and not published["dead_letter"]
    assert published["value"] == label.json() == body["label"]


@pytest.mark.parametrize("words", [9, 200])
def test_where_an_article_was_cut_is_shown(lab, words):
    model = lab.model(tokens_max=20)
    text = " ".join(f"слово{number}" for number in range(words))
    flow, _ = labelled(lab, [article(text)], model)
    seen = explain(flow, model, f"{flow.input}:0:0")["article"]
    assert seen["truncated"] and len(seen["tokens"]) == 20
    assert seen["tokens_whole"] == len(model._tokenizer.encode(text).ids)
    read = text.encode()[:seen["bytes_read"]].decode()
    # Up to the end of the last word of which the model sees the beginning, and not a word further.
    assert len(model._tokenizer.encode(read).ids) >= 20 > len(model._tokenizer.encode(read.rsplit(" ", 1)[0]).ids)
    shown = run(flow, model, f"{flow.input}:0:0").stdout
    assert f"after character {len(read)} of {len(text)}" in shown and f"{read[-20:]} ✂" in shown


def test_people_get_lines_and_no_control_characters(lab):
    flow, model = labelled(lab, [Record(article("матч \x1b[2J\nвторая строка"), headers=HEADERS)])
    done = run(flow, model, f"{flow.input}:0:0")
    assert done.returncode == 0 and "\x1b" not in done.stdout
    names = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert names == ["record", "trace", "headers", "id", "text", "script", "tokens", "model", "outcome",
                     "published"]
    assert "[CLS](2) м(" in done.stdout and "a label, agrees" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 2000


def test_a_bad_record_and_its_dead_letter_explain_the_same(lab):
    flow, model = labelled(lab, [article("мяч"), Record(b'{"text": }', headers=HEADERS)])
    body = explain(flow, model, f"{flow.input}:0:1")
    assert (body["outcome"], body["error"]["code"], body["error"]["stage"]) == ("failed", "json-invalid", "decode")
    (published,) = body["published"]
    assert published["dead_letter"] and published["agrees"] and published["topic"] == flow.dead_letter
    assert published["value"] == '{"text": }'
    assert explain(flow, model, f"{flow.dead_letter}:0:0") == body


def test_a_label_is_explained_by_its_article(lab):
    flow, model = labelled(lab, [article("мяч")])
    assert explain(flow, model, f"{flow.output}:0:0") == explain(flow, model, f"{flow.input}:0:0")


def test_a_dead_letter_whose_record_is_gone_is_explained_by_its_own_bytes(lab):
    flow, model = labelled(lab, [b"bad"])
    source = [("wiretag.source.topic", b"deleted-topic"), ("wiretag.source.partition", b"3"), ("wiretag.source.offset", b"1207")]
    ((_, offset),) = client.produce(flow.bootstrap, flow.dead_letter, [
        Record(article("мяч"), headers=[*source, ("wiretag.error.code", b"model-failed"), ("wiretag.source.timestamp", b"5000")])])
    # Of before the failure, as dated by the article: found although the dead letter is dated later.
    client.produce(flow.bootstrap, flow.output, [Record(b"{}", headers=source, timestamp=5000)])
    body = explain(flow, model, f"{flow.dead_letter}:0:{offset}")
    assert body["record"]["from_dead_letter"] and body["record"]["topic"] == "deleted-topic"
    assert (body["outcome"], body["article"]["id"]) == ("labelled", "deleted-topic-3-1207")
    label, published = body["published"]
    assert label["topic"] == flow.output and not label["dead_letter"]
    assert not published["agrees"] and "a label now, model-failed then" in published["why"]


def test_a_tombstone_is_passed_on(lab):
    flow, model = labelled(lab, [Record(None, key=b"k")])
    body = explain(flow, model, f"{flow.input}:0:0")
    assert body["outcome"] == "tombstone" and body["published"][0]["agrees"]


def test_another_models_label_differs_and_says_so(lab):
    texts = [f"новость {number}" for number in range(5)]
    flow, model = labelled(lab, [article(text) for text in texts])
    other = lab.model(vocabulary=list(reversed(fake.VOCABULARY[5:])) + fake.VOCABULARY[:5])
    differing = [explain(flow, other, f"{flow.input}:0:{offset}")["published"][0] for offset in range(5)]
    for offset, published in enumerate(differing):
        then, now = model.scores(texts[offset])[0][0], other.scores(texts[offset])[0][0]
        assert published["agrees"] is (then == now) and "(another model)" in published["why"]
        assert then == now or f"{now} " in published["why"] and f"{then} " in published["why"]
    assert not all(published["agrees"] for published in differing)


def test_what_came_out_twice_is_shown_twice(lab):
    flow, model = labelled(lab, [article("мяч")])
    (label,) = flow.labels(1)
    client.produce(flow.bootstrap, flow.output, [Record(label.value, headers=label.headers, timestamp=label.timestamp),
                                                 Record(b"not ours", headers=label.headers, timestamp=label.timestamp)])
    published = explain(flow, model, f"{flow.input}:0:0")["published"]
    assert [one["agrees"] for one in published] == [True, True, False]
    assert published[2]["value"] == "not ours"


def test_a_record_that_nobody_has_labelled_yet_has_nothing_published(lab):
    flow, model = lab.flow(), lab.model()
    flow.produce([article("мяч")])
    assert explain(flow, model, f"{flow.input}:0:0")["published"] == []
    assert "nothing found: not published yet" in run(flow, model, f"{flow.input}:0:0").stdout
    assert flow.committed() == {}, "the group was left alone"


def test_labels_are_found_among_many_and_in_any_partition(lab):
    model = lab.model()
    flow = lab.flow(partitions=3)
    flow.produce([Record(article(f"новость {number}"), key=b"%d" % number, partition=number % 3) for number in range(600)])
    running = lab.run(flow, model, output={"partition": "key"})
    flow.wait_done()
    assert running.stop() == 0
    body = explain(flow, model, f"{flow.input}:2:150", output={"partition": "key"})
    (published,) = body["published"]
    assert published["agrees"] and body["article"]["text"] == "новость 452"


def test_an_article_dated_ahead_is_found_all_the_same(lab):
    ahead = int(time.time() * 1000) + 1_800_000
    flow, model = labelled(lab, [Record(article("мяч"), timestamp=ahead)], output={"timestamp": "now"})
    assert len(explain(flow, model, f"{flow.input}:0:0", output={"timestamp": "now"})["published"]) == 1


def test_what_a_transaction_did_not_commit_is_shown_as_that(lab):
    flow, model = lab.flow(), lab.model()
    producer = Producer({"bootstrap.servers": flow.bootstrap, "transactional.id": lab.unique("aborts")})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(flow.input, article("мяч"))
    producer.flush()
    producer.abort_transaction()
    body = explain(flow, model, f"{flow.input}:0:0")
    assert body["record"]["committed"] is False and body["outcome"] == "labelled"
    marker = run(flow, model, f"{flow.input}:0:1")
    assert marker.returncode == 1 and "holds no record: it is the end of a transaction" in marker.stderr


def test_a_model_that_fails_on_the_record_is_shown_with_its_error(lab):
    model = lab.model(fail_on_token=fake.POISON)
    flow = lab.flow()
    flow.produce([article(f"{fake.POISON} мяч")])
    body = explain(flow, model, f"{flow.input}:0:0")
    assert body["error"]["code"] == "model-failed" and body["error"]["stage"] == "infer"
    assert body["article"]["tokens"]


@pytest.mark.parametrize("place, part", [
    ("{input}:0:5", "does not exist yet; the next offset to be written is 1"), ("{input}:7:0", "has the partitions 0 to 0"),
    ("nowhere:0:0", "there is no topic nowhere")])
def test_a_record_that_is_not_there_is_named_and_exits_1(lab, place, part):
    flow, model = lab.flow(), lab.model()
    flow.produce([article("мяч")])
    done = run(flow, model, place.format(input=flow.input))
    assert (done.returncode, done.stdout) == (1, "") and part in done.stderr and done.stderr.count("\n") == 1


def test_a_record_that_retention_deleted_is_named(lab):
    flow, model = lab.flow(), lab.model()
    flow.produce([article("мяч")] * 3)
    client.delete_records(flow.bootstrap, flow.input, {0: 2})
    done = run(flow, model, f"{flow.input}:0:1")
    assert done.returncode == 1 and "deleted by retention; the first remaining offset is 2" in done.stderr


@pytest.mark.parametrize("place", ["", "topic", "topic:0", "topic:0:x", "topic:-1:0", "topic:0:-1", ":0:0", "a:b:0:0",
                                   "topic:0:99999999999999999999", "topic:2147483648:0", "topic:0:1 "])
def test_a_place_that_is_none_is_bad_usage(place):
    done = subprocess.run([worker.binary(worker.fake_build()), "explain", "-c", "config/wiretag.yaml", place], cwd=ROOT,
                          capture_output=True, text=True, timeout=90)
    assert (done.returncode, done.stdout) == (2, "") and "TOPIC:PARTITION:OFFSET" in done.stderr


@pytest.mark.parametrize("arguments, part", [(["-c", "config/wiretag.yaml"], "TOPIC:PARTITION:OFFSET is required"), (["a:0:0"], "-c FILE"),
                                             (["-c", "config/wiretag.yaml", "a:0:0", "b"], "b"), (["--verbose"], "--help")])
def test_bad_usage_is_named(arguments, part):
    done = subprocess.run([worker.binary(worker.fake_build()), "explain", *arguments], cwd=ROOT, capture_output=True,
                          text=True, timeout=90)
    assert done.returncode == 2 and part in done.stderr


def test_no_broker_is_named_with_what_to_do(lab):
    model = lab.model()
    done = run(lab.flow(), model, "a:0:0", kafka={"common": {"bootstrap.servers": "127.0.0.1:1"}})
    assert done.returncode == 1 and "wiretag check shows more" in done.stderr


def test_the_real_models_label_agrees_in_whatever_precision_it_runs(lab):
    flow = lab.flow()
    text = "В Париже завершилась церемония завершения Олимпийский игр"
    flow.produce([article(text)])
    running = lab.run_real(flow)
    flow.wait_done(120)
    assert running.stop() == 0
    done = subprocess.run([worker.binary("release"), "explain", "-c", running.config_path, "--json", f"{flow.input}:0:0"],
                          cwd=ROOT, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["label"]["category"] == "sports" and body["published"][0]["agrees"], body["published"]
    assert body["article"]["tokens"][1]["text"] != "[UNK]" and sum(body["probabilities"].values()) == pytest.approx(1)


def test_a_label_made_in_another_precision_agrees_within_the_bounds_of_the_bundle(lab):
    """Its score is 0.0034 from that of fp32: more than fp32 itself may differ by."""
    flow = lab.flow()
    samples = (ROOT / "data/samples.jsonl").read_text(encoding="utf-8").splitlines()
    flow.produce([article(next(json.loads(line)["text"] for line in samples if '"sample-20"' in line))])
    running = lab.run_real(flow, model={"precision": "int8"})
    flow.wait_done(120)
    assert running.stop() == 0
    done = subprocess.run(
        [worker.binary("release"), "explain", "-c", running.config_path, "--set", "model.precision=fp32", "--json",
         f"{flow.input}:0:0"], cwd=ROOT, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["model"]["precision"] == "fp32" and body["model"]["precision_why"].startswith("as configured")
    assert body["published"][0]["agrees"], body["published"]
