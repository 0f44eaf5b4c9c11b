"""Makes avro_records.json: articles as confluent-kafka's own serializer writes them, and their schemas.

Run where `pip install "confluent-kafka[avro]==2.16.1"` was done: python tests/integration/make_avro_records.py
The tests need the file alone.
"""

import json
from pathlib import Path

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from registry import Registry

FIRST = {"type": "record", "name": "Article", "namespace": "news", "fields": [
    {"name": "id", "type": "long"}, {"name": "lang", "type": {"type": "enum", "name": "Lang", "symbols": ["ru", "en"]}},
    {"name": "title", "type": ["null", "string"]}, {"name": "score", "type": "double"},
    {"name": "content", "type": {"type": "record", "name": "Content", "fields": [
        {"name": "paragraphs", "type": {"type": "array", "items": "string"}},
        {"name": "tags", "type": {"type": "map", "values": ["null", "int"]}}]}},
    {"name": "related", "type": {"type": "array", "items": "Article"}}, {"name": "raw", "type": "bytes"}]}
# Later the producer takes a field out, puts one in, and changes a type.
SECOND = {"type": "record", "name": "Article", "namespace": "news", "fields": [
    {"name": "title", "type": "string"}, {"name": "urgent", "type": "boolean"}, {"name": "id", "type": "string"},
    {"name": "content", "type": ["null", {"type": "record", "name": "Content", "fields": [
        {"name": "paragraphs", "type": {"type": "array", "items": ["null", "string"]}}]}]},
    {"name": "lang", "type": "string"}]}


def article(number, **more):
    return {"id": number, "lang": "ru", "title": None, "score": 0.1, "related": [], "raw": b"\xff\x00",
            "content": {"paragraphs": [], "tags": {}}, **more}


ARTICLES = [
    (FIRST, article(9007199254740993, title="Матч", content={"paragraphs": ["мяч", "гол"], "tags": {"a": 1, "b": None}})),
    (FIRST, article(-2, lang="en", title="match", score=float("nan"))),
    (FIRST, article(3, content={"paragraphs": ["один"], "tags": {}}, related=[article(4, title="x")])),
    (SECOND, {"title": "", "urgent": True, "id": "n-5", "lang": "ru", "content": {"paragraphs": ["сборная", None]}}),
    (SECOND, {"title": "финал", "urgent": False, "id": "n-6", "lang": "ru", "content": None})]

if __name__ == "__main__":
    with Registry() as registry:
        client = SchemaRegistryClient({"url": registry.url})
        context = SerializationContext("news.articles", MessageField.VALUE)
        values = [AvroSerializer(client, json.dumps(schema))(body, context) for schema, body in ARTICLES]
        Path(__file__).with_name("avro_records.json").write_text(json.dumps(
            {"schemas": registry.schemas, "values": [value.hex() for value in values]}, ensure_ascii=False, indent=1) + "\n",
            encoding="utf-8")
