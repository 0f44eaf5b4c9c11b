"""Records of which the dead-letter topic takes no whole letter: cut in value, headers and key, and named."""

import hashlib
import json
import re
import time

import checks
import client
import pytest
import ranges
import worker
from client import Record, article

DAMAGED = b"{" + b"x" * 400  # a value that no topic of these tests is too small for
BIG = {"max.message.bytes": "3000000"}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def headers_sha256(headers):
    return sha256(b"".join(name.encode() + (value or b"") for name, value in headers))


def with_neighbours(culprits):
    """Each culprit between two good articles."""
    records = [Record(article("до"))]
    for number, culprit in enumerate(culprits):
        records += [culprit, Record(article(f"сосед {number}"))]
    return records


def assert_neighbours(labels, places):
    checks.assert_each_once(labels, places[0::2])
    checks.assert_in_order(labels)


def cut_parts(letter):
    """Those of value, headers and key that the letter says were cut."""
    return {part for part in ("value", "headers", "key")
            if ("wiretag.error." + part + "_truncated", b"true") in letter.headers}


def assert_names(letter, part, size, hash_):
    assert letter.header(f"wiretag.error.{part}_truncated") == "true"
    assert letter.header(f"wiretag.error.{part}_bytes") == str(size)
    assert letter.header(f"wiretag.error.{part}_sha256") == hash_


# Name of the case: (key, value, headers, the parts that are cut). All but the last are good articles.
TOO_LARGE = {
    "one header of a megabyte": (b"k", article("мяч"), [("small", b"1"), ("trace.dump", b"x" * 1_048_000), ("last", None)],
                                 {"headers"}),
    "thousands of tiny headers": (b"k", article("мяч"), [(f"header-{number:06}", b"v") for number in range(80_000)], {"headers"}),
    "headers that no client reads": (b"k", article("мяч"), [(f"h{number}", b"v") for number in range(100_001)], {"headers"}),
    "headers that nobody could read beside the label's own": (b"k", article("мяч"), [("h", b"v")] * 99_950, {"headers"}),
    "one header name of a megabyte": (b"k", article("мяч"), [("n" * 1_000_000, b"1"), ("small", b"2")], {"headers"}),
    "a key of a megabyte": (b"k" * 1_048_000, article("мяч"), [("small", b"1")], {"key"}),
    "a key that the label has twice": (b"k" * 600_000, article("мяч"), [("small", b"1")], set()),
    "a tombstone with a key of a megabyte": (b"t" * 1_048_000, None, [("small", b"1")], {"key"}),
    "all three": (b"k" * 1_200_000, b"{" + b"v" * 500_000, [("big", b"h" * 1_100_000), ("small", b"1")], {"key", "headers"}),
}


@pytest.fixture
def too_large(lab, guarantee):
    """All cases at once, each between two good articles: ({name: letter}, {name: record}, labels, places, flow)"""
    flow = lab.flow()
    flow.input = lab.topic("large", config=BIG)
    records = {name: Record(value, key, headers) for name, (key, value, headers, _) in TOO_LARGE.items()}
    places = flow.produce(with_neighbours(records.values()))
    lab.run(flow)
    labels, letters = checks.settled(flow, timeout=120)
    checks.assert_each_once(letters, places[1::2])
    by_place = {checks.source_of(letter): letter for letter in letters}
    return ({name: by_place[place] for name, place in zip(records, places[1::2])}, records, labels, places, flow)


def test_what_no_topic_takes_whole_is_a_dead_letter_that_names_what_was_cut(too_large):
    letters, records, labels, places, flow = too_large
    assert_neighbours(labels, places)
    assert flow.lag() == 0
    for name, letter in letters.items():
        record = records[name]
        assert cut_parts(letter) == TOO_LARGE[name][3], name
        assert letter.value == record.value or (name == "all three" and record.value.startswith(letter.value)), name
        if "key" in cut_parts(letter):
            assert_names(letter, "key", len(record.key), sha256(record.key))
            assert record.key.startswith(letter.key) and 256 <= len(letter.key) < 1_000_000
        else:
            assert letter.key == record.key
        if len(record.headers) > 99_900:
            assert letter.header("wiretag.error.code") == "headers-unreadable"
        elif "headers" in cut_parts(letter):
            size = sum(len(header) + len(value or b"") for header, value in record.headers)
            assert_names(letter, "headers", size, headers_sha256(record.headers))
            kept = [header for header in letter.headers if not header[0].startswith("wiretag.")]
            some = set(kept)
            assert kept == [header for header in record.headers if header in some]  # in their order
        else:
            assert letter.headers[:len(record.headers)] == record.headers
    dump = letters["one header of a megabyte"]
    assert dump.headers[:2] == [("small", b"1"), ("last", None)]
    assert dump.header("wiretag.error.headers_cut") == f"trace.dump (1048000 bytes, sha256 {sha256(b'x' * 1_048_000)})"
    many = letters["thousands of tiny headers"]
    assert len(many.headers) > 30_000 and re.search(r"and \d+ more$", many.header("wiretag.error.headers_cut"))


@pytest.mark.parametrize("limit", [2000, 700, 500, 420])
def test_a_small_dead_letter_topic_gets_letters_as_small_as_it_takes(lab, guarantee, limit):
    flow = lab.flow()
    flow.dead_letter = client.create_topic(flow.bootstrap, f"d{limit}{guarantee[0]}", config={"max.message.bytes": str(limit)})
    flow.input = client.create_topic(flow.bootstrap, f"i{limit}{guarantee[0]}")
    culprits = [Record(DAMAGED, b"k" * 300, [("one", b"1" * 90), ("two", b"2" * 3000)]), Record(b"", b"key"),
                Record(b"{}" * 2000, None), Record(b"{}", b"key"), Record(b"{}", b"key")]
    places = flow.produce(with_neighbours(culprits))
    lab.run(flow)
    labels, letters = checks.settled(flow, timeout=120)
    assert_neighbours(labels, places)
    checks.assert_each_once(letters, places[1::2])
    checks.assert_in_order(letters)
    for record, letter in zip(culprits, letters):
        assert letter.header("wiretag.error.code") == ("value-empty" if record.value == b"" else "json-invalid" if len(
            record.value) > 2 else "text-missing")
        assert letter.header("wiretag.tries") == "1"
        assert record.value.startswith(letter.value) and (letter.value == record.value) == (
            "value" not in cut_parts(letter))
    assert cut_parts(letters[2]) == {"value"}
    assert "headers" in cut_parts(letters[0])


def test_many_letters_go_to_a_small_topic_without_a_refusal_each(lab, guarantee):
    flow = lab.flow(2)
    flow.dead_letter = lab.topic("small", 2, {"max.message.bytes": "2000"})
    places = flow.produce([Record(b"bad" * 900 if number % 3 else article("мяч"), partition=number % 2) for number in range(300)])
    running = lab.run(flow)
    began = time.monotonic()
    labels, letters = checks.settled(flow, timeout=120)
    checks.assert_each_once(labels, places[0::3])
    checks.assert_each_once(letters, [place for number, place in enumerate(places) if number % 3])
    checks.assert_in_order(letters)
    assert running.stop() == 0
    print(f"{time.monotonic() - began:.1f} s")
    assert "Message size too large" not in running.stderr


def test_the_producers_own_limit_counts_as_the_topics(lab, guarantee):
    flow = lab.flow()
    culprit = Record(b"{" + b"x" * 5000, b"k" * 900, [("big", b"h" * 1000), ("small", b"1")])
    places = flow.produce(with_neighbours([culprit]))
    lab.run(flow, kafka={"producer": {"message.max.bytes": 1500}})
    labels, letters = checks.settled(flow)
    assert_neighbours(labels, places)
    checks.assert_each_once(letters, places[1::2])
    assert {"value", "headers"} <= cut_parts(letters[0])


def test_a_limit_that_was_lowered_meanwhile_is_found_by_trying(lab, guarantee):
    flow = lab.flow()
    running = lab.run(flow).wait_log("consume  assigned ")
    places = flow.produce(with_neighbours([Record(b"first")]))
    flow.wait_done()
    client.alter_topic(flow.bootstrap, flow.dead_letter, {"max.message.bytes": "3000"})
    places += flow.produce(with_neighbours([Record(b"y" * 200_000), Record(b"z" * 200_000)]))
    labels, letters = checks.settled(flow, timeout=120)
    checks.assert_each_once(letters, [places[1], places[4], places[6]])
    checks.assert_each_once(labels, [place for place in places if place not in (places[1], places[4], places[6])])
    assert letters[1].header("wiretag.error.value_bytes") == "200000"
    running.wait_log("larger ones are cut to that from now on")
    running.wait_log("dead letter, cut in value: json-invalid in decode", count=2)


@pytest.mark.usefixtures("guarantee")
def test_a_topic_that_takes_not_even_the_least_letter_stops_the_worker_and_is_named_once(lab):
    flow = lab.flow()
    flow.dead_letter = lab.topic("tiny", config={"max.message.bytes": "100"})
    places = flow.produce([article("мяч"), b"bad", article("мяч")])
    running = lab.run(flow)
    assert running.wait_exit() == 1
    said = [line for line in running.stderr.splitlines() if "ERROR" in line]
    assert len(said) == 1 and "refuses even the smallest dead letter" in said[0]
    assert f"topic {flow.dead_letter} (max.message.bytes 100)" in said[0]
    assert f"{flow.input} [0] offset 1" in said[0]
    assert flow.committed() == {0: 1}
    # on_error: skip passes over it, counted.
    second = lab.run(flow, on_error="skip")
    labels, letters = checks.settled(flow)
    checks.assert_nothing_lost(labels, [places[0], places[2]])
    assert letters == [] and second.stop() == 0
    assert "1 skipped" in second.stderr


def test_a_compacted_dead_letter_topic_takes_letters_of_records_without_a_key(lab, guarantee):
    flow = lab.flow()
    flow.dead_letter = lab.topic("compacted", config={"cleanup.policy": "compact"})
    culprits = [Record(b"bad"), Record(b"bad", b"key"), Record(b"worse"), Record(b"bad", b"")]
    places = flow.produce(with_neighbours(culprits))
    lab.run(flow)
    labels, letters = checks.settled(flow, timeout=120)
    assert_neighbours(labels, places)
    checks.assert_each_once(letters, places[1::2])
    assert [letter.key for letter in letters] == [
        f"{flow.input}-0-1".encode(), b"key", f"{flow.input}-0-5".encode(), b""]
    assert [("wiretag.error.key_null", b"true") in letter.headers for letter in letters] == [True, False, True, False]
    # Redriven, an article is without a key again.
    flow.output = lab.topic("mended")
    client.produce(flow.bootstrap, flow.dead_letter, [Record(article("мяч"), letters[0].key, letters[0].headers)])
    redriven = lab.start(flow.config(model={"path": str(lab.model())}), command=("redrive",), build=worker.fake_build())
    assert redriven.wait_exit() == 0
    assert [(label.key, label.source[2]) for label in flow.labels()] == [(None, 1)]


def test_a_letter_that_was_cut_is_not_redriven_and_is_named(lab):
    flow, model = lab.flow(), lab.model()
    flow.input = lab.topic("large", config=BIG)
    flow.produce([Record(article("мяч"), b"k" * 1_048_000), Record(article("мяч"), b"k", [("big", b"h" * 1_048_000)]),
                  Record(article("мяч " * 200_000), b"k" * 1_000_000)])
    lab.run(flow, model)
    flow.wait_done()
    assert len(flow.dead_letters()) == 3
    redriven = ranges.start(lab, flow, command="redrive")
    one, = ranges.finish(redriven).values()
    assert (one.read, one.skipped) == (3, 3) and flow.labels() == [] and len(flow.dead_letters()) == 3
    for offset, part in enumerate(["key", "headers", "value and key"]):
        assert (f"dead letter not redriven: its {part} was cut, so it cannot be labelled; replay {flow.input} [0] "
                f"offset {offset}") in redriven.stderr


def test_explain_shows_what_was_cut(lab):
    flow, model = lab.flow(), lab.model()
    flow.produce([Record(article("мяч"), b"k", [("trace.dump", b"x" * 1_048_000)])])
    lab.run(flow, model)
    flow.wait_done()

    def explain(*arguments):
        done = lab.start(flow.config(model={"path": str(model)}), command=("explain",), build=worker.fake_build(),
                         arguments=(*arguments, f"{flow.input}:0:0"))
        assert done.wait_exit() == 0
        return done.stdout
    shown = explain()
    assert "a dead letter, cut in headers, differs" in shown
    assert re.search(r"headers_bytes 1048010$", shown, re.MULTILINE) and "headers_cut trace.dump (1048000 bytes" in shown
    assert json.loads(explain("--json"))["published"][0]["cut"] == "headers"


@pytest.mark.parametrize("limit, level, words", [
    ("1000000", "warning", "larger dead letters are cut"), ("200", "error", "not even the least dead letter")])
def test_check_names_a_dead_letter_topic_that_takes_less_than_the_input(lab, limit, level, words):
    flow = lab.flow()
    flow.dead_letter = lab.topic("smaller", config={"max.message.bytes": limit})
    done = lab.start(flow.config(model={"path": str(lab.model())}), command=("check",), build=worker.fake_build(),
                     arguments=("--json",))
    assert done.wait_exit() == 1
    found = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "record-size"]
    assert [one["level"] for one in found] == [level] and words in found[0]["message"]
