"""What the configuration changes about input and output."""

import json
import struct
import time
from dataclasses import replace

import checks
import pytest
from client import Record, article
from registry import Registry
from test_explain import explain
from test_feeds import AVRO


def murmur2(data):
    """The hash of Kafka's Java client, from its definition (Austin Appleby's MurmurHash2, seed 0x9747b28c)."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    state = 0x9747B28C ^ len(data)
    for start in range(0, len(data) - len(data) % 4, 4):
        word = int.from_bytes(data[start:start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        state = state * multiplier & mask ^ word
    tail = data[len(data) - len(data) % 4:]
    if tail:
        state = (state ^ int.from_bytes(tail, "little")) * multiplier & mask
    state = (state ^ state >> 13) * multiplier & mask
    return state ^ state >> 15


def java_partition(key, count):
    return (murmur2(key) & 0x7FFFFFFF) % count


def keyed(count, partitions):
    return [Record(article(f"новость {number}"), key=f"ключ-{number % 41}".encode(), partition=number % partitions)
            for number in range(count)]


# --- partitions ---


def test_same_falls_back_to_the_key_where_the_output_has_fewer_partitions(lab):
    flow = lab.flow(5)
    flow.output, flow.dead_letter = lab.topic("narrow", 2), lab.topic("narrow-dead", 2)
    records = keyed(500, 5)
    places = flow.produce(records)
    running = lab.run(flow)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    for message in labels:
        partition = message.source[1]
        assert message.partition == (partition if partition < 2 else java_partition(message.key, 2))
    # What kept its number kept its order; the rest keeps it for each key.
    checks.assert_in_order([message for message in labels if message.source[1] < 2])
    last = {}
    for message in labels:
        source = message.partition, message.key, message.source[1]
        assert message.source[2] > last.get(source, -1)
        last[source] = message.source[2]
    assert running.stop() == 0


def test_by_key_records_go_where_java_clients_would_put_them_and_each_key_keeps_its_order(lab):
    flow = lab.flow(4)
    records = keyed(800, 4)
    places = flow.produce(records)
    lab.run(flow, output={"partition": "key"})
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    assert all(message.partition == java_partition(message.key, 4) for message in labels)
    last = {}
    for message in labels:
        source = message.key, message.source[1]
        assert message.source[2] > last.get(source, -1)
        last[source] = message.source[2]


def test_by_key_records_without_one_are_spread(lab):
    flow = lab.flow(4)
    places = flow.produce([Record(article(f"новость {number}"), partition=0) for number in range(400)])
    lab.run(flow, output={"partition": "key"})
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    counts = [sum(message.partition == number for message in labels) for number in range(4)]
    assert min(counts) > 40, counts


def test_records_without_a_key_keep_their_partition_number(lab):
    flow = lab.flow(4)
    places = flow.produce([Record(article(f"новость {number}") if number % 5 else b"bad", partition=number % 4)
                           for number in range(400)])
    lab.run(flow)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels + dead_letters, places)
    checks.assert_same_partition(labels + dead_letters)


# --- timestamps ---


@pytest.mark.parametrize("policy", ["input", "now"])
def test_the_timestamp_is_the_articles_or_the_time_of_publishing(lab, policy):
    flow = lab.flow()
    then = int(time.time() * 1000) - 86_400_000
    flow.produce([Record(article("мяч"), timestamp=then), Record(None, b"key", timestamp=then + 1)])
    before = int(time.time() * 1000)
    lab.run(flow, output={"timestamp": policy})
    labels = flow.labels(2)
    for number, message in enumerate(labels):
        if policy == "input":
            assert message.timestamp == then + number
        else:
            assert before <= message.timestamp <= time.time() * 1000
    assert labels[0].json()["source"]["timestamp"] == then


# --- what the value holds ---


@pytest.mark.parametrize("top_k, shown", [(1, 1), (5, 5), (11, 11), (100, 11)])
def test_scores_hold_the_best_top_k_labels_best_first(lab, top_k, shown):
    flow, model = lab.flow(), lab.model()
    flow.produce([article("новость 1"), article("новость 2")])
    lab.run(flow, model, output={"top_k": top_k})
    for message, text in zip(flow.labels(2), ["новость 1", "новость 2"]):
        checks.assert_labelled(message, text, model, top_k=shown)
        if shown == 11:
            assert sum(message.json()["scores"].values()) == pytest.approx(1, abs=1e-4)


def test_below_the_threshold_the_category_is_null_and_the_scores_stay(lab):
    flow, model = lab.flow(), lab.model()
    texts = [f"новость {number}" for number in range(60)]
    flow.produce([article(text) for text in texts])
    lab.run(flow, model, output={"threshold": 0.4})
    outcomes = set()
    for message, text in zip(flow.labels(60), texts):
        label, score = model.scores(text)[0]
        body = message.json()
        assert body["category"] == (label if score >= 0.4 else None)
        assert body["score"] == pytest.approx(score, rel=1e-5) and list(body["scores"])[0] == label
        outcomes.add(body["category"] is None)
    assert outcomes == {True, False}, "the threshold was to cut some and leave some"


def test_the_input_may_travel_along_as_it_was_less_white_space(lab):
    flow = lab.flow()
    value = '{ "id": 12345678901234567,\n "n": 1.10, "s": "a  \\" b\\n\\u0000", "text":\t"мяч", "l": [1, {} , null] }'
    flow.produce([value.encode()])
    lab.run(flow, output={"include_input": True})
    message, = flow.labels(1)
    compact = '{"id":12345678901234567,"n":1.10,"s":"a  \\" b\\n\\u0000","text":"мяч","l":[1,{},null]}'
    assert message.value.decode().endswith(f',"input":{compact}}}')
    assert list(message.json())[-2:] == ["source", "input"]
    assert message.json()["input"] == json.loads(value)
    assert message.json()["id"] == 12345678901234567


def test_the_label_may_be_put_into_the_article_of_which_every_byte_stays(lab):
    flow, model = lab.flow(), lab.model()
    start = '{ "id": 12345678901234567890,\n "n": 1.10, "meta" : {"s": "a  \\" }\\n\\ud83d"'
    end = '\r\n}, "text":\t"мяч", "l": [1, {} , NaN] }\n'
    flow.produce([(start + end).encode(), b'{"text": "a", "meta": "b"}', Record(None, b"key"),
                  '\ufeff{"text":"гол","meta":{"label":{"category":"old"},"b":2}}'.encode()])
    output = {"form": "enriched", "at": "/meta/label"}
    running = lab.run(flow, model, output=output)
    (label, tombstone, second), (letter,) = checks.settled(flow)
    value = label.value.decode()
    assert value.startswith(start + ',"label":{"id":12345678901234567890,"category":') and value.endswith("}" + end)
    inside = value.removeprefix(start + ',"label":').removesuffix(end).encode()
    checks.assert_labelled(replace(label, value=inside), "мяч", model)
    assert json.loads(inside)["source"]["offset"] == 0
    assert second.json()["meta"].keys() == {"label", "b"} and second.json()["text"] == "гол"
    checks.assert_labelled(replace(second, value=json.dumps(second.json()["meta"]["label"])), "гол", model)
    assert (tombstone.value, letter.header("wiretag.error.code")) == (None, "at-not-object")
    assert running.stop() == 0
    explained = explain(flow, model, f"{flow.input}:0:3", output=output)["published"]
    assert [published["agrees"] for published in explained] == [True]


def test_articles_that_came_framed_or_as_avro_are_enriched_as_json(lab):
    flow, model = lab.flow(), lab.model()
    flow.produce([struct.pack(">bI", 0, 7) + '{"payload": {"after": {"text": "мяч"}, "op": "c"}} '.encode()])
    lab.run(flow, model, input={"text": ["/payload/after/text"]}, output={"form": "enriched", "at": "/payload/after/label"})
    message, = flow.labels(1)
    start = '{"payload": {"after": {"text": "мяч","label":{"id":"'.encode()
    assert message.value.startswith(start) and message.value.endswith(b'}}, "op": "c"}} ')
    flow = lab.flow()
    flow.produce([bytes.fromhex(AVRO["values"][0])])
    with Registry({int(number): answer for number, answer in AVRO["schemas"].items()}) as registry:
        feed = {"format": "avro", "text": ["/title"], "schema_registry": {"url": registry.url}}
        lab.run(flow, model, input=feed, output={"form": "enriched"})
        message, = flow.labels(1)
        explained = explain(flow, model, f"{flow.input}:0:0", input=feed, output={"form": "enriched"})["published"]
    body = message.json()
    checks.assert_labelled(replace(message, value=json.dumps(body["wiretag"])), body["title"], model)
    assert (body["raw"], body["wiretag"]["id"]) == ("\xff\0", body["id"])
    assert [published["agrees"] for published in explained] == [True]


# --- headers ---


def test_headers_of_the_input_may_be_dropped_and_those_of_the_label_and_for_kafka_connect_added(lab):
    flow, model = lab.flow(), lab.model()
    headers = [("trace", b"1"), ("debug", b"2"), ("internal.a", None), ("wiretag.category", b"old")]
    flow.produce([Record(article("мяч"), headers=headers), Record(b"not JSON", headers=headers),
                  Record(None, b"key", headers=headers[:3])])
    lab.run(flow, model, output={"headers": {"drop": ["debug", "internal.*"], "label": True}},
            dead_letter={"topic": flow.dead_letter, "connect_headers": True})
    (label, tombstone), (letter,) = checks.settled(flow)
    assert [name for name, _ in label.headers] == [
        "trace", "wiretag.model", "wiretag.category", "wiretag.score", "wiretag.source.topic",
        "wiretag.source.partition", "wiretag.source.offset"]
    body = label.json()
    assert label.header("wiretag.category") == body["category"] and body["category"]
    assert f'"score":{label.header("wiretag.score")},' in label.value.decode()
    assert [name for name, _ in tombstone.headers][:2] == ["trace", "wiretag.model"]
    # The names and words are those of Kafka's DeadLetterQueueReporter and Stage.
    assert letter.headers[:4] == headers
    connect = {name.removeprefix("__connect.errors."): value.decode()
               for name, value in letter.headers if name.startswith("__connect.errors.")}
    assert connect == {
        "topic": flow.input, "partition": "0", "offset": "1", "connector.name": flow.group, "task.id": "0",
        "stage": "VALUE_CONVERTER", "class.name": "wiretag.decode", "exception.class.name": "json-invalid",
        "exception.message": letter.header("wiretag.error.message")}


# --- what is read ---


def test_text_format_takes_the_value_as_the_article(lab):
    flow, model = lab.flow(), lab.model()
    values = ["просто текст".encode(), b'{"text": "json"}', "яд\0мяч".encode(), b"\xff\xfe", b"", b" \n ", None]
    places = flow.produce([Record(value, key) for value, key in zip(values, [b"k", None] + [b"k"] * 5)])
    lab.run(flow, model, input={"format": "text"}, output={"include_input": True})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, [places[0], places[1], places[2], places[6]])
    for message, text in zip(labels, ["просто текст", '{"text": "json"}', "ядмяч"]):
        checks.assert_labelled(message, text, model)
    assert [message.json()["id"] for message in labels[:3]] == ["k", f"{flow.input}-0-1", "k"]
    assert labels[2].json()["input"] == "яд\0мяч"
    assert labels[3].value is None
    assert [(letter.source[2], letter.header("wiretag.error.code")) for letter in dead_letters] == [
        (3, "text-not-utf8"), (4, "value-empty"), (5, "text-blank")]


def test_several_text_fields_are_joined_by_a_line_break_and_absent_ones_are_skipped(lab):
    flow, model = lab.flow(), lab.model()
    bodies = [({"title": "матч", "body": "мяч гол"}, "матч\nмяч гол"), ({"body": "мяч"}, "мяч"),
              ({"title": "матч", "body": None}, "матч"), ({"title": "", "body": "мяч"}, "\nмяч")]
    bad = [({"title": "матч", "body": 1}, "text-type"), ({"other": "a"}, "text-missing"),
           ({"title": " ", "body": "\n"}, "text-blank")]
    flow.produce([json.dumps(body).encode() for body, _ in bodies + bad])
    lab.run(flow, model, input={"text": ["/title", "/body"]})
    labels, dead_letters = checks.settled(flow)
    assert len(labels) == len(bodies) and len(dead_letters) == len(bad)
    for message, (_, text) in zip(labels, bodies):
        checks.assert_labelled(message, text, model)
    assert [letter.header("wiretag.error.code") for letter in dead_letters] == [code for _, code in bad]


def test_json_pointers_reach_into_objects_arrays_and_odd_names(lab):
    flow, model = lab.flow(), lab.model()
    body = {"meta": {"id~/x": [7, {"": "номер 5"}]}, "doc": [{"a/b": "мяч"}, {"m~n": "гол"}]}
    flow.produce([json.dumps(body).encode()])
    lab.run(flow, model, input={"id": "/meta/id~0~1x/1/", "text": ["/doc/0/a~1b", "/doc/1/m~0n", "/doc/01/x"]})
    message, = flow.labels(1)
    checks.assert_labelled(message, "мяч\nгол", model)
    assert message.json()["id"] == "номер 5"


def test_ids_keep_their_json_type(lab):
    flow = lab.flow()
    ids = ['"текст"', "17", "-0", "1.5", "1e2", '"\\u0001\\"\\\\"', "9223372036854775807", "null"]
    flow.produce([f'{{"id": {id}, "text": "мяч"}}'.encode() for id in ids])
    lab.run(flow)
    found = [message.json()["id"] for message in flow.labels(len(ids))]
    assert found == [json.loads(id) for id in ids[:-1]] + [f"{flow.input}-0-{len(ids) - 1}"]
    assert [type(id) for id in found] == [str, int, int, float, float, str, int, str]


def test_an_article_of_loose_json_keeps_its_digits_and_is_published_as_strict_json(lab):
    flow = lab.flow()
    flow.produce([b'\xef\xbb\xbf{"id": 18446744073709551615, "text": "m", "a": NaN, "b": 1e400, "c": "\\ud83d", "d": 0.10}',
                  b'{"id": 1.10, "text": "m"}'])
    lab.run(flow, output={"include_input": True})
    first, second = flow.labels(2)
    assert first.value.startswith(b'{"id":18446744073709551615,') and second.value.startswith(b'{"id":1.10,')
    assert first.value.endswith(b',"input":{"id":18446744073709551615,"text":"m","a":null,"b":1e400,"c":"\\ufffd","d":0.10}}')


# --- settings ---


def test_a_key_can_be_overridden_on_the_command_line(lab):
    flow = lab.flow()
    flow.produce([article("мяч")])
    lab.run(flow, output={"top_k": 1}, arguments=["--set", "output.top_k=2", "--set", "output.threshold=1.0"])
    body = flow.labels(1)[0].json()
    assert len(body["scores"]) == 2 and body["category"] is None
