"""Records that cannot be labelled: their bytes are kept, their neighbours are unharmed."""

import hashlib
import json
import time

import checks
import pytest
from client import Record, article

MEGABYTES_2 = 2_000_000

# Name of the case: (the value, the code it must get). Each would break some naive reader.
BAD = {
    "empty": (b"", "value-empty"),
    "not JSON": ("Это не JSON".encode(), "json-invalid"),
    "cut short": (article("обрыв")[:-2], "json-invalid"),
    "two values": (article("один") + article("два"), "json-invalid"),
    "an array": (b'["text"]', "json-not-object"),
    "a string": ('"текст"'.encode(), "json-not-object"),
    "a number": (b"17", "json-not-object"),
    "null": (b"null", "json-not-object"),
    "text is a number": (b'{"text": 17}', "text-type"),
    "text is a list of other things": (b'{"text": ["a", 1]}', "text-type"),
    "no text": (b'{"id": "1"}', "text-missing"),
    "text is null": (b'{"text": null}', "text-missing"),
    "text in another case": (b'{"Text": "a"}', "text-missing"),
    "blank text": (b'{"text": ""}', "text-blank"),
    "Unicode's white space": ('{"text": " \\t\\n\\u00a0\\u2003\\u3000"}'.encode(), "text-blank"),
    "nothing visible": ('{"text": "\\u200b\\u00ad\\ufeff\\u2060\\ufffd\\u0000"}'.encode(), "text-blank"),
    "id is NaN": (b'{"id": NaN, "text": "a"}', "json-invalid"),
    "text is NaN": (b'{"text": NaN}', "json-invalid"),
    "invalid UTF-8": (b'{"text": "\xd0\x9f\xd1"}', "json-invalid"),
    "UTF-16": ('{"text": "привет"}'.encode("utf-16"), "json-invalid"),
    "a byte-order mark alone": (b"\xef\xbb\xbf", "json-invalid"),
    "overlong UTF-8": (b'{"text": "\xc0\xaf"}', "json-invalid"),
    "a surrogate in UTF-8": (b'{"text": "\xed\xa0\x80"}', "json-invalid"),
    "a raw NUL": (b'{"text": "a\x00b"}', "json-invalid"),
    "NULs alone": (b"\x00\x00\x00", "json-invalid"),
    "a raw line break": (b'{"text": "a\nb"}', "json-invalid"),
    "nesting 5,000": (b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}", "json-invalid"),
    "a key twice": (b'{"text": "a", "text": "b"}', "json-invalid"),
}

# What looks odd and is fine: (value, the text the model must see).
ODD = {
    "an escaped NUL": (b'{"text": "\\u0000\xd1\x8f\xd0\xb4\\u0000"}', "яд"),
    "an escaped NUL in the middle": ('{"text": "мя\\u0000ч"}'.encode(), "мяч"),
    "NUL in the id": ('{"id": "a\\u0000b", "text": "мяч"}'.encode(), "мяч"),
    "a surrogate pair": ('{"text": "матч \\ud83d\\ude00"}'.encode(), "матч 😀"),
    "white space around": (b'  \r\n\t{ "text" : "m" }\n ', "m"),
    "other fields": ('{"a": [1, {"b": null}], "text": "мяч", "c": 1.5}'.encode(), "мяч"),
    "nesting 2,000": (b'{"text": "m", "deep": ' + b"[" * 2000 + b"]" * 2000 + b"}", "m"),
    "a byte-order mark": (b"\xef\xbb\xbf" + article("матч"), "матч"),
    "half an emoji": (b'{"text": "m \\ud83d", "teaser": "\\ude00"}', "m �"),
    "a list of paragraphs": ('{"text": ["матч", null, "мяч"]}'.encode(), "матч\nмяч"),
    "id is an object": (b'{"id": {"$oid": "5f"}, "text": "m"}', "m"),
    "id is true": (b'{"id": true, "text": "m"}', "m"),
    "a key twice elsewhere": (b'{"id": "twice", "text": "m", "raw": {"n": 1, "n": 2}}', "m"),
    "large numbers elsewhere": (b'{"text": "m", "a": 18446744073709551616, "b": [1e999, -1e-999]}', "m"),
    "NaN elsewhere": (b'{"text": "m", "a": NaN, "b": [-Infinity]}', "m"),
    "words the vocabulary does not know": ('{"text": "日本 ☃ ☃☃"}'.encode(), "日本 ☃ ☃☃"),
}


def between(values):
    """Each value between two good articles; [(value, is it a good one)]"""
    mixed = []
    for number, value in enumerate(values):
        mixed += [(article(f"сосед {number}"), True), (value, False)]
    return mixed + [(article("последний"), True)]


@pytest.fixture(scope="module")
def bad(module_lab):
    """(records, places, labels, dead letters, flow) of every bad value on one partition."""
    flow = module_lab.flow(3)
    now = int(time.time() * 1000)
    records = [
        Record(value, key=f"key-{number}".encode(), partition=1, timestamp=now - 60_000 + number,
               headers=[("trace", b"1"), ("trace", b"2"), ("nothing", None), ("empty", b"")])
        for number, (value, _) in enumerate(between(value for value, _ in BAD.values()))]
    places = flow.produce(records)
    running = module_lab.run(flow)
    labels, dead_letters = checks.settled(flow)
    assert running.stop() == 0
    return records, places, labels, dead_letters, flow


def case(bad, name):
    """(the record that was sent, its dead letter)"""
    number = 2 * list(BAD).index(name) + 1
    found = [letter for letter in bad[3] if checks.source_of(letter) == bad[1][number]]
    assert len(found) == 1, f"{len(found)} dead letters for {name}"
    return bad[0][number], found[0]


@pytest.mark.parametrize("name", BAD)
def test_the_dead_letter_carries_the_raw_bytes_and_says_why(bad, name):
    record, letter = case(bad, name)
    assert letter.value == record.value
    assert letter.header("wiretag.error.code") == BAD[name][1]
    assert letter.header("wiretag.error.stage") == "decode"
    assert len(letter.header("wiretag.error.message")) > 10


def test_dead_letters_keep_key_headers_and_partition_and_name_their_source(bad):
    for name in BAD:
        record, letter = case(bad, name)
        assert (letter.key, letter.partition) == (record.key, 1)
        assert letter.headers[:4] == record.headers
        assert [name for name, _ in letter.headers[4:]] == [
            "wiretag.error.code", "wiretag.error.message", "wiretag.error.stage", "wiretag.tries",
            "wiretag.source.topic", "wiretag.source.partition", "wiretag.source.offset",
            "wiretag.source.timestamp"]
        assert letter.header("wiretag.tries") == "1"
        assert letter.header("wiretag.source.topic") == bad[4].input
        assert letter.header("wiretag.source.timestamp") == str(record.timestamp)
        # The letter's own time is when it was written: retention counts from there.
        assert letter.timestamp > record.timestamp + 30_000


def test_neighbours_of_bad_records_are_labelled_and_all_stay_in_order(bad):
    records, places, labels, dead_letters, flow = bad
    checks.assert_each_once(labels, places[0::2])
    checks.assert_each_once(dead_letters, places[1::2])
    checks.assert_in_order(labels)
    checks.assert_in_order(dead_letters)
    assert flow.lag() == 0


def test_what_only_looks_odd_is_labelled(lab):
    flow, model = lab.flow(), lab.model()
    places = flow.produce([value for value, _ in ODD.values()])
    lab.run(flow, model)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    assert dead_letters == []
    for message, (_, text) in zip(labels, ODD.values()):
        checks.assert_labelled(message, text, model)
    assert labels[list(ODD).index("NUL in the id")].json()["id"] == "a\0b"


def test_tombstones_pass_through_as_tombstones_in_their_place(lab):
    flow = lab.flow(2)
    now = int(time.time() * 1000)
    records = [
        Record(None if number % 3 == 0 else article(f"новость {number}"), key=f"key-{number}".encode(),
               partition=number % 2, timestamp=now - 1000 + number, headers=[("trace", str(number).encode())])
        for number in range(300)]
    places = flow.produce(records)
    lab.run(flow)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    checks.assert_same_partition(labels)
    assert dead_letters == []
    at = dict(zip(places, records))
    for message in labels:
        record = at[checks.source_of(message)]
        assert (message.value is None) == (record.value is None)
        assert (message.key, message.timestamp, message.headers[0]) == (
            record.key, record.timestamp, record.headers[0])


def test_keys_may_be_null_empty_or_binary(lab):
    flow = lab.flow()
    keys = [None, b"", b"\x00\xff\xfe", "ключ".encode(), b'q"\\']
    values = [b'{"text": "m"}', None, b"bad"]
    places = flow.produce([Record(value, key) for value in values for key in keys])
    lab.run(flow)
    labels, dead_letters = checks.settled(flow)
    found = {checks.source_of(message): message for message in labels + dead_letters}
    assert [found[place].key for place in places] == keys * 3
    assert [found[place].value for place in places[5:]] == [None] * 5 + [b"bad"] * 5
    # Without an id of its own the article goes by its key, where that is text and not empty.
    ids = [found[place].json()["id"] for place in places[:5]]
    assert ids == [f"{flow.input}-0-0", f"{flow.input}-0-1", f"{flow.input}-0-2", "ключ", 'q"\\']


@pytest.fixture(scope="module")
def large(module_lab):
    """Records of 2 MB, one that can be labelled and one that cannot, on topics that take them as input;
    output and dead letters keep the usual limit of 1 MB."""
    flow = module_lab.flow()
    flow.input = module_lab.topic("large", config={"max.message.bytes": "3000000"})
    good = article("мяч " * (MEGABYTES_2 // 7))
    values = [article("до"), good, b"x" * MEGABYTES_2, article("после")]
    places = flow.produce([Record(value, b"key", [("trace", b"1")]) for value in values])
    model = module_lab.model()
    module_lab.run(flow, model)
    labels, dead_letters = checks.settled(flow)
    return values, places, labels, dead_letters, model


def test_an_article_of_2_mb_is_labelled_and_marked_truncated(large):
    values, places, labels, _, model = large
    checks.assert_each_once(labels, [places[0], places[1], places[3]])
    assert len(values[1]) > 1_900_000
    checks.assert_labelled(labels[1], "мяч " * 600, model)
    assert labels[1].json()["truncated"] is True and labels[1].json()["tokens"] == model.tokens_max


def test_a_dead_letter_of_2_mb_is_cut_and_says_size_and_hash_of_the_whole(large):
    values, places, _, dead_letters, _ = large
    checks.assert_each_once(dead_letters, [places[2]])
    letter, = dead_letters
    assert 500_000 < len(letter.value) < 1_000_000 and values[2].startswith(letter.value)
    assert letter.header("wiretag.error.value_truncated") == "true"
    assert letter.header("wiretag.error.value_bytes") == str(MEGABYTES_2)
    assert letter.header("wiretag.error.value_sha256") == hashlib.sha256(values[2]).hexdigest()
    assert (letter.key, letter.headers[0]) == (b"key", ("trace", b"1"))


def test_a_dead_letter_is_cut_to_what_a_smaller_topic_takes(lab):
    flow = lab.flow()
    flow.dead_letter = lab.topic("small", config={"max.message.bytes": "20000"})
    value = b"y" * 300_000
    places = flow.produce([article("до"), value, article("после")])
    lab.run(flow)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, [places[0], places[2]])
    checks.assert_each_once(dead_letters, [places[1]])
    assert 256 <= len(dead_letters[0].value) < 20_000
    assert dead_letters[0].header("wiretag.error.value_bytes") == "300000"


def test_skip_leaves_bad_records_out_counts_them_and_goes_on(lab):
    flow = lab.flow()
    places = flow.produce([value for value, _ in between([b"bad", b"", b"{}"])])
    running = lab.run(flow, on_error="skip", dead_letter=None)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places[0::2])
    assert dead_letters == []
    running.wait_log(r"offset 1: skipped: json-invalid")
    assert running.stop() == 0
    assert "4 labelled, 0 dead-lettered, 0 tombstones, 3 skipped" in running.stderr


def test_stop_commits_what_is_before_the_bad_record_and_starts_there_again(lab):
    flow = lab.flow()
    good = [article(f"новость {number}") for number in range(50)]
    places = flow.produce([*good, b"bad", *good])

    first = lab.run(flow, on_error="stop", dead_letter=None)
    assert first.wait_exit() == 1
    assert f"stopping before {flow.input} [0] offset 50, because on_error is stop" in first.stderr
    assert "dead-letter or skip" in first.stderr  # the remedy
    assert flow.committed() == {0: 50}
    checks.assert_each_once(flow.labels(), places[:50])

    # The same again changes nothing; another policy goes on from there.
    assert lab.run(flow, on_error="stop", dead_letter=None).wait_exit() == 1
    checks.assert_each_once(flow.labels(), places[:50])
    second = lab.run(flow, on_error="skip", dead_letter=None)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places[:50] + places[51:])
    checks.assert_in_order(labels)
    assert second.stop() == 0


def test_a_letter_that_comes_back_counts_its_tries(lab):
    flow = lab.flow()
    flow.produce([Record(b"bad", headers=[
        ("wiretag.error.code", b"old"), ("wiretag.tries", b"2"), ("wiretag.source.offset", b"777"),
        ("wiretag.error.value_truncated", b"true"), ("mine", b"1")])])
    lab.run(flow)
    letter, = flow.dead_letters(1)
    assert letter.header("wiretag.tries") == "3"
    assert letter.header("wiretag.error.code") == "json-invalid"
    assert letter.header("mine") == "1"
    assert letter.source == (flow.input, 0, 0)
    assert "wiretag.error.value_truncated" not in [name for name, _ in letter.headers]


def test_a_flood_of_bad_records_costs_no_good_one(lab):
    flow = lab.flow(2)
    records = [article(f"новость {number}") if number % 10 == 0 else json.dumps({"n": number}).encode()
               for number in range(3000)]
    places = flow.produce([Record(value, partition=number % 2) for number, value in enumerate(records)])
    lab.run(flow)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places[0::10])
    checks.assert_each_once(dead_letters, [place for number, place in enumerate(places) if number % 10])
    checks.assert_in_order(labels)
    checks.assert_in_order(dead_letters)
