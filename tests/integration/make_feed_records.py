"""Makes feed_records.json: articles as CloudEvents' own SDK and Kafka Connect's own JsonConverter write them.

Run where `pip install cloudevents==2.2.0` was done, with a JDK and the tests' broker (scripts/setup --test):
python tests/integration/make_feed_records.py
The tests need the file alone.
"""

import json
import subprocess
from datetime import datetime, timezone
from pathlib import Path

from cloudevents.core.bindings.kafka import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TIME = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


def event(id, type, data, **more):
    return CloudEvent({"id": id, "source": "https://cms.example.com/desk", "type": type, "specversion": "1.0",
                       "datacontenttype": "application/json", "time": TIME, **more}, data)


PUBLISHED = "com.example.article.published"
EVENTS = [event("A234-1", PUBLISHED, {"title": "Матч", "text": "сборная выиграла финал"}, partitionkey="sport"),
          event("A234-2", "com.example.article.viewed", {"reader": 17}),
          event("Б \"3\"", PUBLISHED, {"title": None, "text": "цены на нефть"}, subject="нефть")]


def struct(name, fields, **more):
    return {"type": "struct", "name": name, "optional": False, "fields": fields, **more}


def field(name, type, optional=False):
    return {"field": name, "type": type, "optional": optional}


ROW = [field("id", "int64"), field("title", "string", True), field("body", "string", True),
       {"field": "updated", "type": "int64", "optional": True, "name": "io.debezium.time.MicroTimestamp", "version": 1}]
SOURCE = [field(name, "string") for name in ("version", "connector", "name")] + [
    field("ts_ms", "int64"), field("snapshot", "string", True), field("db", "string"), field("schema", "string"),
    field("table", "string"), field("txId", "int64", True), field("lsn", "int64", True)]
ENVELOPE = struct("newsdb.public.articles.Envelope", [
    struct("newsdb.public.articles.Value", ROW, field="before", optional=True),
    struct("newsdb.public.articles.Value", ROW, field="after", optional=True),
    struct("io.debezium.connector.postgresql.Source", SOURCE, field="source"),
    field("op", "string"), field("ts_ms", "int64", True)])
KEY = struct("newsdb.public.articles.Key", [field("id", "int64")])


def row(id, title, body):
    return {"id": id, "title": title, "body": body, "updated": 1_772_366_400_000_000}


def change(op, before, after):
    source = {"version": "3.0.0.Final", "connector": "postgresql", "name": "newsdb", "ts_ms": 1_772_366_400_000,
              "snapshot": "true" if op == "r" else "false", "db": "news", "schema": "public", "table": "articles",
              "txId": 571, "lsn": 24023128}
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": 1_772_366_400_123}


BIG = 9007199254740993  # no double has it
CHANGES = [change("r", None, row(1, "Матч", "сборная выиграла финал")),
           change("c", None, row(BIG, None, "цены на нефть")),
           change("u", row(1, "Матч", "сборная выиграла финал"), row(1, "Матч, уточнение", "сборная проиграла")),
           change("d", row(BIG, None, "цены на нефть"), None)]


def envelopes(schema, payloads):
    """What the JsonConverter with schemas writes for these records."""
    lines = "".join(json.dumps({"schema": schema, "payload": payload}) + "\n" for payload in payloads)
    done = subprocess.run(["java", "-cp", f"{ROOT}/.deps/kafka/libs/*", HERE / "Connect.java", "envelope"], input=lines,
                          capture_output=True, text=True, encoding="utf-8", check=True)
    return done.stdout.splitlines()


def kafka(message):
    return {"key": message.key, "value": message.value.decode(),
            "headers": [[name, value.decode()] for name, value in message.headers.items()]}


if __name__ == "__main__":
    keys = envelopes(KEY, [{"id": (one["after"] or one["before"])["id"]} for one in CHANGES])
    debezium = [{"key": key, "value": value, "headers": []} for key, value in zip(keys, envelopes(ENVELOPE, CHANGES))]
    rows = [row(7, "Матч", "сборная выиграла финал"), row(BIG, "нефть", None)]
    (HERE / "feed_records.json").write_text(json.dumps({
        "cloudevents": [kafka(to_structured_event(one)) for one in EVENTS],
        "cloudevents-binary": [kafka(to_binary_event(one)) for one in EVENTS],
        "debezium": [*debezium, {"key": debezium[-1]["key"], "value": None, "headers": []}],
        "connect": [{"key": None, "value": value, "headers": []} for value in envelopes(struct("cms.Article", ROW), rows)],
    }, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
