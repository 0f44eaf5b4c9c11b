"""The books themselves: whatever is wrong with a log is found, and nothing else."""

import json

import ledger
import pytest
from client import Message
from ledger import DEAD_LETTER, LABEL, Entry


def entry(partition, offset, becomes=LABEL, category=None):
    id = f"{partition}-{offset}"
    return Entry(partition, offset, id, f"article {id}".encode(), becomes, category)


def output(entry, at, kind=LABEL, category="sports", **changes):
    """What a right worker makes of it, at this offset of the output."""
    value = entry.value if kind == DEAD_LETTER else json.dumps(
        {"id": entry.id, "category": category}).encode()
    headers = [("wiretag.source.topic", b"articles"), ("wiretag.source.partition", b"%d" % entry.partition),
               ("wiretag.source.offset", b"%d" % entry.offset)]
    fields = {"topic": kind, "partition": entry.partition, "offset": at, "key": None, "value": value,
              "headers": headers, "timestamp": 1000 + at, **changes}
    return Message(**fields)


@pytest.fixture
def books():
    """Two partitions of twenty, each third entry of the second one poison; and what must come of them."""
    entries = [entry(partition, offset, DEAD_LETTER if partition and offset % 3 == 0 else LABEL, None)
               for partition in (0, 1) for offset in range(20)]
    labels = [output(one, at) for at, one in enumerate(entries) if one.becomes == LABEL]
    dead_letters = [output(one, at, DEAD_LETTER) for at, one in enumerate(entries)
                    if one.becomes == DEAD_LETTER]
    return entries, labels, dead_letters


def findings(books, exactly_once=True):
    return [(finding.what, finding.text) for finding in ledger.balance(*books, exactly_once=exactly_once)]


@pytest.mark.parametrize("exactly_once", [True, False])
def test_right_books_balance(books, exactly_once):
    assert findings(books, exactly_once) == []
    assert ledger.summary([]) == "balanced"


@pytest.mark.parametrize("exactly_once", [True, False])
@pytest.mark.parametrize("which, id", [(1, "(0, 7)"), (2, "(1, 9)")])
def test_a_lost_record_is_found(books, exactly_once, which, id):
    gone = next(m for m in books[which] if str(m.source[1:]) == id)
    books[which].remove(gone)
    (what, text), = findings(books, exactly_once)
    assert what == "lost" and id in text


@pytest.mark.parametrize("which, id", [(1, "(0, 7)"), (2, "(1, 9)")])
def test_a_doubled_record_is_found_where_each_must_come_once(books, which, id):
    again = next(m for m in books[which] if str(m.source[1:]) == id)
    books[which].append(again)
    (what, text), = findings(books)
    assert what == "doubled" and id in text
    assert findings(books, exactly_once=False) == []


@pytest.mark.parametrize("exactly_once", [True, False])
def test_swapped_records_are_found(books, exactly_once):
    labels = books[1]
    labels[4], labels[5] = labels[5], labels[4]
    (what, text), = findings(books, exactly_once)
    assert what == "swapped" and "(0, 4)" in text


def test_a_label_and_a_dead_letter_of_one_article_are_found(books):
    books[2].append(output(books[0][3], 99, DEAD_LETTER))
    assert "both" in [what for what, _ in findings(books, exactly_once=False)]


def test_a_record_that_nobody_sent_is_found(books):
    books[1].append(output(entry(1, 77), 99))
    assert [what for what, _ in findings(books)] == ["foreign"]


@pytest.mark.parametrize("kind, change", [
    (LABEL, {"value": b'{"id": "0-8", "category": "sports"}'}),
    (LABEL, {"partition": 1}),
    (DEAD_LETTER, {"value": b"cut"}),
])
def test_a_record_with_the_content_or_in_the_place_of_another_is_found(books, kind, change):
    messages = books[1] if kind == LABEL else books[2]
    for name, value in change.items():
        setattr(messages[2], name, value)
    assert [what for what, _ in findings(books)] == ["wrong"]


def test_a_wrong_category_is_found_where_the_right_one_is_known():
    known = entry(0, 0, category="culture")
    assert findings(([known], [output(known, 0, category="culture")], [])) == []
    (what, text), = findings(([known], [output(known, 0, category="sports")], []))
    assert what == "wrong" and "sports" in text


def test_a_finding_tells_when_it_happened(books):
    del books[1][10]
    finding, = ledger.balance(*books)
    assert finding.near_ms == [1009, 1011]
