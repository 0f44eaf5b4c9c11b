"""Holds each label that the tests read to docs/output.schema.json."""

import json
from functools import cache
from pathlib import Path

try:
    import fastjsonschema
except ImportError:  # an environment from before the schema; test_output_schema.py fails and says so
    fastjsonschema = None

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "output.schema.json"

# {topic: output.at} of those that hold articles with labels in them.
enriched = {}


@cache
def validator(definition=None):
    """Of the whole schema, or of one of its definitions; raises fastjsonschema.JsonSchemaException."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    if definition is not None:
        schema = {key: schema[key] for key in ("$schema", "definitions")} | {"$ref": f"#/definitions/{definition}"}
    return fastjsonschema.compile(schema)


def load(value):
    """Numbers may have more digits than Python converts to integers."""
    return json.loads(value, parse_int=float)


def at(body, pointer):
    """What stands at a JSON pointer."""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        body = body[int(token) if isinstance(body, list) else token]
    return body


def hold(message):
    """Fails if a message that is a label of a worker's is not what the schema describes."""
    names = {name for name, _ in message.headers}
    if (message.value is not None and "wiretag.model" in names and "wiretag.error.code" not in names
            and fastjsonschema is not None):
        validator("label")(at(load(message.value), enriched.get(message.topic, "")))
