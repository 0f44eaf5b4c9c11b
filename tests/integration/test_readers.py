"""examples/readers reads what a worker publishes: the columns are those of docs/output.schema.json, Kafka Connect's own
converter and transforms make rows of labels, and these fit the table."""

import json
import re
import shutil
import sqlite3
import subprocess

import checks
import pytest
import schema
from broker import ROOT
from client import Record, article
from test_labels import described

READERS = ROOT / "examples" / "readers"
LIBRARIES = ROOT / ".deps" / "kafka" / "libs"


def label_fields(path=()):
    """{field: its description in the schema} of a label, or of a record in it."""
    found = json.loads(schema.SCHEMA.read_text(encoding="utf-8"))["definitions"]["label"]
    for name in path:
        found = found["properties"][name]
        found = found.get("items", found)
    return found["properties"]


# --- ksqlDB ---

# What of JSON a column of a type takes, as ksqlDB's documents say.
TAKES = {"VARCHAR": {"string", "number"}, "DOUBLE": {"number"}, "INTEGER": {"integer"}, "BIGINT": {"integer"},
         "BOOLEAN": {"boolean"}, "ARRAY": {"array"}, "MAP": {"object"}, "STRUCT": {"object"}}


def split(columns):
    """The parts between the commas that stand in no < >."""
    parts, depth = [""], 0
    for character in columns:
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def json_types(field):
    if "$ref" in field:
        return {"number"}  # a score
    if "anyOf" in field:
        return set().union(*map(json_types, field["anyOf"])) - {"null"}
    return set([field["type"]] if isinstance(field["type"], str) else field["type"]) - {"null"}


def assert_columns(columns, path=()):
    """Each column is a field of the label and takes what JSON has there; returns the names."""
    fields, names = label_fields(path), []
    for column in split(columns):
        name, type = column.split(None, 1)
        quoted = name.startswith("`")
        name = name.strip("`")
        names.append(name)
        assert name in fields, f"{path}: a label has no {name}"
        kind = re.match(r"\w+", type)[0]
        assert json_types(fields[name]) <= TAKES[kind], f"{path}: {column}"
        assert quoted or name not in ("topic", "partition", "offset", "timestamp", "end", "from"), "words of the language"
        inner = re.fullmatch(r"(?:ARRAY<)?STRUCT<(.*?)>>?", type)
        if inner:
            assert_columns(inner[1], (*path, name))
        if kind == "MAP":
            assert fields[name]["additionalProperties"] == {"$ref": "#/definitions/score"} and type == "MAP<VARCHAR, DOUBLE>"
    return names


def test_the_stream_of_ksqldb_has_the_columns_of_a_label():
    text = (READERS / "ksqldb.sql").read_text(encoding="utf-8")
    columns = re.search(r"CREATE STREAM labels \((.*?)\n\) WITH", text, re.DOTALL)[1]
    names = assert_columns(re.sub(r"\s+", " ", columns))
    assert names == [name for name in label_fields() if name != "input"]
    selected = re.search(r"SELECT (.*?)\n", text)[1]
    assert {name for name in re.findall(r"\b[a-z]+\b", re.sub(r" AS \w+", "", selected))} <= set(names)


# --- Kafka Connect and a database ---

# As the JDBC sink maps Connect's types for PostgreSQL.
POSTGRES = {"STRING": "TEXT", "FLOAT64": "DOUBLE PRECISION", "INT32": "INTEGER", "INT64": "BIGINT", "BOOLEAN": "BOOLEAN"}


def needs_jdk():
    if shutil.which("javac") is None:
        pytest.skip("runs a program of Java from its source, which takes a JDK")


def rows(values):
    """What the sink gets of these values: a list of {column: (type, may be null, value)} or None each."""
    done = subprocess.run(["java", "-cp", f"{LIBRARIES}/*", ROOT / "tests/integration/Connect.java", "sink",
                           READERS / "jdbc-sink.properties"], capture_output=True, check=True, timeout=120,
                          input="".join(value + "\n" for value in values).encode())
    found = []
    for line in done.stdout.decode().splitlines():
        columns = [column.split(" ", 2) for column in line.split("\t")] if line else None
        found.append(columns and {name: (type.rstrip("?"), "?" in type, value) for name, type, value in columns})
    return found


def test_connect_makes_rows_of_labels_that_the_table_takes(lab):
    needs_jdk()
    flow, model = lab.flow(), lab.model(described=described())  # several labels, so that one may have none
    flow.produce([article(f"новость {number}", id=f"n-{number}") for number in range(40)] + [Record(None, key=b"k")])
    lab.run(flow, model, input={"long": "windows"}, output={"threshold": 0.95, "include_input": True})
    published, _ = checks.settled(flow)
    values = [message.value.decode() if message.value is not None else "null" for message in published]
    found = rows(values)
    assert len(found) == 41 and found[-1] is None, "a tombstone has no row"
    table = sqlite3.connect(":memory:")
    ddl = (READERS / "postgres.sql").read_text(encoding="utf-8")
    table.executescript(ddl)
    declared = dict(re.findall(r"^    (\w+) ([A-Z ]+?)(?: PRIMARY KEY| NOT NULL)?,?$", ddl, re.MULTILINE))
    columns = table.execute("PRAGMA table_info(news_labelled)").fetchall()
    for row, message in zip(found[:-1], published):
        assert list(row) == [name for _, name, *_ in columns]
        for _, name, _, required, _, key in columns:
            type, nullable, _ = row[name]
            assert declared[name] == ("TIMESTAMP" if name == "source_timestamp" else POSTGRES[type]), name
            assert nullable != bool(required or key), name
        body = message.json()
        flat = {**{name: body.get(name) for name in ("id", "category", "uri", "score", "tokens", "truncated", "windows")},
                **{f"model_{name}": value for name, value in body["model"].items()},
                **{f"source_{name}": value for name, value in body["source"].items() if name != "timestamp"}}
        for name, value in flat.items():
            shown = row[name][2]
            text = value if isinstance(value, str) else json.dumps(value)
            assert shown == text or isinstance(value, float) and float(shown) == value, (name, shown, value)
        table.execute(f"INSERT INTO news_labelled ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                      [None if nullable and value == "null" else value for _, nullable, value in row.values()])
    assert {row["category"][2] == "null" for row in found[:-1]} == {True, False}


def test_every_field_of_a_label_has_its_column_or_is_a_list_or_a_map():
    ddl = (READERS / "postgres.sql").read_text(encoding="utf-8")
    declared = re.findall(r"^    (\w+) [A-Z]", ddl, re.MULTILINE)
    flat = []
    for name in label_fields():
        if name in ("model", "source"):
            flat += [f"{name}_{inner}" for inner in label_fields((name,))]
        elif name not in ("labels", "scores", "input"):
            flat.append(name)
    assert sorted(declared) == sorted(flat)
