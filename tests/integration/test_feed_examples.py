"""config/examples for CloudEvents, Debezium, Kafka Connect and ninjs, each on records of such a feed."""

import json
from pathlib import Path

import client
import schema
import worker
from client import Record

# Made by the SDK of CloudEvents and the JsonConverter of Kafka Connect: make_feed_records.py.
RECORDS = json.loads(Path(__file__).with_name("feed_records.json").read_text(encoding="utf-8"))
BIG = 9007199254740993  # no double has it


def records(feed):
    def encoded(text):
        return text.encode() if text is not None else None
    return [Record(encoded(one["value"]), key=encoded(one["key"]),
                   headers=[(name, value.encode()) for name, value in one["headers"]]) for one in RECORDS[feed]]


def run(lab, example, sent, at=None):
    """A worker with the example, but for broker, names, model and page; (model, labels, dead letters, metrics)."""
    flow, model = lab.flow(), lab.model()
    if at is not None:
        schema.enriched[flow.output] = at
    flow.produce(sent)
    sets = {"kafka.common.bootstrap.servers": flow.bootstrap, "kafka.consumer.group.id": flow.group,
            "input.topics": f"[{flow.input}]", "output.topic": flow.output, "dead_letter.topic": flow.dead_letter,
            "delivery.guarantee": flow.guarantee, "model.path": str(model), "http.listen": "127.0.0.1:0"}
    words = [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
    running = lab.start(None, build=worker.fake_build(), arguments=["-c", f"config/examples/{example}.yaml", *words])
    flow.wait_done()
    metrics = running.idle_metrics()
    return model, client.read_all(flow.bootstrap, flow.output), flow.dead_letters(), metrics


def filtered(metrics):
    return metrics.get('wiretag_records_total{outcome="filtered"}', 0)


def assert_label(body, text, model):
    scores = model.scores(text)
    assert (body["category"], body["tokens"]) == (scores[0][0], len(model.ids(text)[0])), text


def test_cloudevents_in_structured_mode_go_on_with_the_label_in_their_data(lab):
    sent = records("cloudevents")
    model, labels, dead_letters, metrics = run(lab, "cloudevents", sent, "/data/label")
    assert (len(labels), dead_letters, filtered(metrics)) == (2, [], 1)
    for message, record, text in zip(labels, [sent[0], sent[2]], ["Матч\nсборная выиграла финал", "цены на нефть"]):
        event, before = json.loads(message.value), json.loads(record.value)
        label = event["data"].pop("label")
        assert event == before, "everything else of the event stays"
        assert label["id"] == event["id"]
        assert_label(label, text, model)
        assert message.header("content-type") == "application/cloudevents+json"


def test_cloudevents_in_binary_mode_have_their_id_from_the_header(lab):
    model, labels, dead_letters, _ = run(lab, "cloudevents-binary", records("cloudevents-binary"))
    texts = {"A234-1": "Матч\nсборная выиграла финал", "Б \"3\"": "цены на нефть"}
    assert [message.json()["id"] for message in labels] == list(texts)
    for message in labels:
        body = message.json()
        assert_label(body, texts[body["id"]], model)
        names = [name for name, _ in message.headers]
        assert message.header("ce_id") == body["id"] and message.header("ce_source") == "https://cms.example.com/desk"
        assert not {"ce_type", "ce_specversion", "content-type"} & set(names)
    letter, = dead_letters  # an event without text
    assert (letter.header("wiretag.error.code"), letter.header("ce_type")) == ("text-missing", "com.example.article.viewed")


def test_debezium_labels_rows_passes_over_deletions_and_passes_on_tombstones(lab):
    sent = records("debezium")
    model, labels, dead_letters, metrics = run(lab, "debezium", sent)
    assert (dead_letters, filtered(metrics)) == ([], 1)
    *rows, tombstone = labels
    assert [message.json()["id"] for message in rows] == [1, BIG, 1]
    for message, text in zip(rows, ["Матч\nсборная выиграла финал", "цены на нефть", "Матч, уточнение\nсборная проиграла"]):
        assert_label(message.json(), text, model)
    assert [message.key for message in rows] == [record.key for record in sent[:3]]
    assert (tombstone.key, tombstone.value) == (sent[1].key, None)


def test_connect_records_in_the_envelope_of_the_json_converter(lab):
    model, labels, dead_letters, _ = run(lab, "connect", [*records("connect"), Record(b'{"schema":null,"payload":null}')])
    assert [message.json()["id"] for message in labels] == [7, BIG]
    for message, text in zip(labels, ["Матч\nсборная выиграла финал", "нефть"]):
        assert_label(message.json(), text, model)
    letter, = dead_letters
    assert letter.header("__connect.errors.exception.class.name") == letter.header("wiretag.error.code") == "text-missing"


# In the form of the examples in the IPTC's documents; (item, its text, None: passed over).
NINJS = [
    ({"uri": "http://news.example.com/1", "type": "text", "versioncreated": "2026-03-01T12:00:00Z", "headline": "Матч",
      "byline": "А. Б.", "body_text": "Сборная выиграла", "body_xhtml": "<p>Сборная <b>выиграла</b></p>"},
     "Матч\nСборная выиграла"),
    ({"uri": "http://news.example.com/2", "type": "text", "headline_main": "Нефть", "body_main": "Цены растут",
      "body_richtext": "<p>Цены растут</p>"}, "Нефть\nЦены растут"),
    ({"uri": "http://news.example.com/3", "type": "text", "headlines": [{"role": "main", "value": "Матч"}],
      "bodies": [{"role": "main", "contenttype": "text/plain", "value": "Сборная выиграла"},
                 {"role": "richtext", "contenttype": "application/xhtml+xml", "value": "<p>Сборная выиграла</p>"}]},
     "Матч\nСборная выиграла"),
    ({"uri": "http://news.example.com/4", "type": "text", "versionCreated": "2026-03-01T12:00:00Z",
      "headlines": [{"value": "Финал"}, {"role": "short", "value": "Ф"}],
      "bodies": [{"contentType": "text/html", "value": "<p>Первый.</p><p>Второй &amp; третий.</p>"}]},
     "Финал\nПервый.\nВторой & третий."),
    ({"uri": "http://news.example.com/5", "type": "picture", "headline": "Снимок",
      "renditions": {"main": {"href": "http://news.example.com/5.jpg"}}}, None),
]


def test_ninjs_of_every_version_goes_on_with_its_label_and_pictures_pass_by(lab):
    model, labels, dead_letters, metrics = run(lab, "ninjs", [Record(json.dumps(item).encode()) for item, _ in NINJS], "/wiretag")
    assert (dead_letters, filtered(metrics)) == ([], 1)
    articles = [(item, text) for item, text in NINJS if text is not None]
    assert len(labels) == len(articles)
    for message, (item, text) in zip(labels, articles):
        body = json.loads(message.value)
        label = body.pop("wiretag")
        assert body == item and label["id"] == item["uri"]
        assert_label(label, text, model)
