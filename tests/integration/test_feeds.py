"""Feeds as newsrooms have them: what is read of a record, what is passed over, what was done to it."""

import json
import struct
import unicodedata
from pathlib import Path

import checking
import checks
import client
import ranges
from client import Record, article
from registry import Registry
from test_explain import explain


def test_html_is_read_as_its_text_however_broken(lab):
    flow, model = lab.flow(), lab.model()
    bodies = [
        ({"title": "матч &amp; мяч", "body": "<p>сбор<b>ная</b><p>гол<script>if (a<b) {}</script>"}, "матч & мяч\nсборная\nгол"),
        ({"title": "<h1>матч", "body": ["</b>мяч<!-- x", "гол</body></html> и <"]}, "матч\nмяч\nгол\nи <")]
    flow.produce([json.dumps(body, ensure_ascii=False).encode() for body, _ in bodies] + [b'{"body": "<p>&#8203;<img src=a>"}'])
    feed = {"text": ["/title", "/body"], "markup": "html"}
    lab.run(flow, model, input=feed)
    labels, dead_letters = checks.settled(flow)
    for label, (_, text) in zip(labels, bodies, strict=True):
        checks.assert_labelled(label, text, model)
    assert [letter.header("wiretag.error.code") for letter in dead_letters] == ["text-blank"]
    article = explain(flow, model, f"{flow.input}:0:0", input=feed)["article"]
    assert article["text"] == bodies[0][1] and article["read"] == {"markup_bytes": sum(len(text.encode()) for text in bodies[0][0].values())}


def test_normal_forms_and_scripts_of_a_feed_in_several_languages(lab):
    flow, model = lab.flow(), lab.model()
    texts = ["й ё", unicodedata.normalize("NFD", "й ё"), "The match", "2:1 😀", "新闻"]
    flow.produce([article(text) for text in texts])
    running = lab.run(flow, model, input={"normalize": "nfc"}, http={"listen": "127.0.0.1:0"})
    labels = flow.labels(len(texts))
    for label, text in zip(labels, texts):
        checks.assert_labelled(label, unicodedata.normalize("NFC", text), model)
    assert labels[0].json()["scores"] == labels[1].json()["scores"]
    counted = running.idle_metrics()
    assert {name: counted[f'wiretag_articles_by_script_total{{script="{name}"}}'] for name in ("cyrillic", "latin", "none", "han", "kana")} == {
        "cyrillic": 2, "latin": 1, "none": 1, "han": 1, "kana": 0}
    told = explain(flow, model, f"{flow.input}:0:1", input={"normalize": "nfc"})["article"]
    assert (told["text"], told["script"], told["read"]) == ("й ё", "cyrillic", {"normalized": True})


def test_the_frame_of_a_schema_registry_is_taken_off_and_avro_says_what_it_is(lab):
    flow, model = lab.flow(), lab.model()
    frame = struct.pack(">bI", 0, 7)
    long_frame = struct.pack(">bQ", 0, 7)  # as Apicurio's serializers wrote until version 3
    places = flow.produce([frame + article("матч", id=1), long_frame + article("мяч"), frame + b"\x06n-1\x08\xd0\xbc\xd0\xb0",
                           b"Obj\x01\x04"])
    lab.run(flow, model, output={"include_input": True})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places[:2])
    for label, text in zip(labels, ["матч", "мяч"]):
        checks.assert_labelled(label, text, model)
        assert label.json()["input"]["text"] == text
    assert [letter.header("wiretag.error.code") for letter in dead_letters] == ["format-avro"] * 2
    assert "schema 7" in dead_letters[0].header("wiretag.error.message") and dead_letters[0].value.startswith(frame)
    for offset in range(2):
        assert explain(flow, model, f"{flow.input}:0:{offset}")["article"]["read"] == {"schema_id": 7}


AVRO = json.loads(Path(__file__).with_name("avro_records.json").read_text(encoding="utf-8"))


def test_avro_is_read_by_the_schemas_of_a_registry_that_may_be_away(lab):
    flow, model = lab.flow(), lab.model()
    values = [bytes.fromhex(value) for value in AVRO["values"]]
    schemas = {int(number): answer for number, answer in AVRO["schemas"].items()}
    schemas[7] = {"schema": "{}", "schemaType": "JSON"}
    with Registry(schemas, "news", "secret") as registry:
        feed = {"format": "avro", "id": "/id", "text": ["/title", "/content/paragraphs"], "where": {"/lang": ["ru"]},
                "schema_registry": {"url": registry.url, "username": "news", "password": "secret"}}
        registry.status = 500
        assert checking.bad(checking.check(lab, flow, input=feed)[1]) >= {"schema-registry"}
        bad = [struct.pack(">bI", 0, 99) + b"x", struct.pack(">bI", 0, 7) + b"x", values[0][:-3], b"{}", struct.pack(">bQ", 0, 9) + b"x"]
        places = flow.produce(values + bad)
        running = lab.run(flow, model, input=feed, http={"listen": "127.0.0.1:0"}, output={"include_input": True})
        client.wait_for("the stall", lambda: "answers with HTTP status 500" in running.http("/readyz")[1])
        assert flow.labels() == [] and flow.dead_letters() == [] and "secret" not in running.http("/readyz")[1]
        registry.status = None
        labels, dead_letters = checks.settled(flow)
        checks.assert_each_once(labels, [places[0], places[2], places[3], places[4]])
        for label, text in zip(labels, ["Матч\nмяч\nгол", "один", "\nсборная", "финал"]):
            checks.assert_labelled(label, text, model)
        assert [label.json()["id"] for label in labels] == [9007199254740993, 3, "n-5", "n-6"]
        assert labels[1].json()["input"]["related"][0]["title"] == "x" and labels[0].json()["input"]["raw"] == "\xff\0"
        assert [letter.header("wiretag.error.code") for letter in dead_letters] == [
            "schema-unknown", "schema-unusable", "avro-invalid", "avro-unframed", "avro-unframed"]
        assert "a schema id of eight bytes, as Apicurio's" in dead_letters[-1].header("wiretag.error.message")
        assert [letter.value for letter in dead_letters] == bad
        assert len([path for path in registry.asked if path.endswith("/100001")]) <= 8  # asked once when it is there
        read = explain(flow, model, f"{flow.input}:0:0", input=feed)["article"]["read"]
        assert read["schema_id"] in schemas
        assert checking.bad(checking.check(lab, flow, input=feed)[1]) == set()
        assert running.stop() == 0
    # A worker that waits for its registry stops when it is told to.
    flow.produce([values[0]])
    waiting = lab.run(flow, model, input=feed, http={"listen": "127.0.0.1:0"})
    client.wait_for("the stall", lambda: "does not answer" in waiting.http("/readyz")[1])
    assert waiting.stop() == 0 and flow.lag() == 1


def change(op, before=None, after=None):
    """A change event as Debezium writes it, with its schema."""
    return json.dumps({"schema": {"type": "struct", "optional": False}, "payload": {
        "before": before, "after": after, "op": op, "ts_ms": 1_790_000_000_000}}, ensure_ascii=False).encode()


def test_a_change_feed_is_filtered_and_its_deletions_pass_over_the_filter(lab):
    flow, model = lab.flow(), lab.model()
    one, two = ({"guid": "n-1", "headline": "матч", "body": body} for body in ("мяч", "гол"))
    values = [change("c", after=one), change("u", one, two), change("d", two), None, b"not JSON", change("t")]
    places = flow.produce([Record(value, key=b"n-1") for value in values])
    feed = {"id": "/payload/after/guid", "text": ["/payload/after/headline", "/payload/after/body"],
            "where": {"/payload/op": ["c", "u", "r"]}}
    running = lab.run(flow, model, input=feed)
    labels, dead_letters = checks.settled(flow)
    assert running.stop() == 0
    assert [checks.source_of(label) for label in labels] == [places[0], places[1], places[3]]
    checks.assert_labelled(labels[1], "матч\nгол", model)
    assert labels[0].json()["id"] == "n-1" and labels[2].value is None
    assert [letter.header("wiretag.error.code") for letter in dead_letters] == ["json-invalid"]
    assert "6 consumed, 2 labelled, 1 dead-lettered, 1 tombstones, 0 skipped, 2 filtered, 0 left uncommitted" in running.stderr
    assert flow.lag() == 0

    (found,) = ranges.finish(ranges.replay(lab, flow, "earliest", "latest", "--output", lab.topic("again"), input=feed)).values()
    assert (found.read, found.labelled, found.dead, found.tombstones, found.filtered) == (6, 2, 1, 1, 2)
    body = explain(flow, model, f"{flow.input}:0:2", input=feed)
    assert (body["outcome"], body["filtered"]) == ("filtered", {"pointer": "/payload/op", "value": '"d"'})
    assert body["article"] is None and body["published"] == []
