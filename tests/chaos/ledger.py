"""The books: what went into the input topic against what came out as labels and dead letters.

Pure: it compares records that were read (client.Message) and knows neither broker nor worker.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

LABEL, DEAD_LETTER = "label", "dead letter"


@dataclass(frozen=True)
class Entry:
    """An input record: where it lies, and what must come of it."""
    partition: int
    offset: int
    id: str
    value: bytes
    becomes: str
    category: str | None = None  # of a label, where it was computed

    @property
    def place(self):
        return self.partition, self.offset


@dataclass
class Finding:
    what: str  # lost, doubled, swapped, both, foreign, wrong
    text: str
    partition: int
    near_ms: list = field(default_factory=list)  # when it, or its neighbours, came out


def _place(message):
    return message.source[1:]


def balance(entries, labels, dead_letters, exactly_once=True):
    """Findings, empty when the books balance: each entry came out once, as what it must become, with
    its own content, in its own partition and in order. At-least-once: more than once will do, and the
    order is that of first occurrences. `labels` and `dead_letters`: ordered by partition and offset."""
    expected = {entry.place: entry for entry in entries}
    findings = []
    came_out = {LABEL: Counter(), DEAD_LETTER: Counter()}
    when = {}
    for kind, messages in ((LABEL, labels), (DEAD_LETTER, dead_letters)):
        findings += _check_order(kind, messages)
        for message in messages:
            place = _place(message)
            entry = expected.get(place)
            if entry is None:
                findings.append(Finding("foreign", f"{kind} of {place}, which nobody sent",
                                        place[0], [message.timestamp]))
                continue
            came_out[kind][place] += 1
            when.setdefault(place, []).append(message.timestamp)
            wrong = _what_is_wrong(entry, kind, message)
            if wrong:
                findings.append(Finding("wrong", f"{entry.id} at {place}: {wrong}",
                                        place[0], [message.timestamp]))
    for entry in entries:
        findings += _check_count(entry, came_out, when, exactly_once)
    return findings


def _check_count(entry, came_out, when, exactly_once):
    kinds = [f"{count} {kind}{'s' if count > 1 else ''}"
             for kind in (LABEL, DEAD_LETTER) if (count := came_out[kind][entry.place])]
    total = sum(came_out[kind][entry.place] for kind in (LABEL, DEAD_LETTER))
    times = when.get(entry.place, [])
    if total == 0:
        # Its neighbours tell when it should have come.
        near = [ms for step in (-1, 1) for ms in when.get((entry.partition, entry.offset + step), [])]
        return [Finding("lost", f"{entry.id} at {entry.place}", entry.partition, near)]
    if len(kinds) > 1:
        return [Finding("both", f"{entry.id} at {entry.place}: {', '.join(kinds)}", entry.partition, times)]
    if total > 1 and exactly_once:
        return [Finding("doubled", f"{entry.id} at {entry.place}: {kinds[0]}", entry.partition, times)]
    return []


def _check_order(kind, messages):
    findings, last, seen = [], {}, set()
    for message in messages:
        partition, offset = _place(message)
        if (partition, offset) in seen:
            continue
        seen.add((partition, offset))
        source = message.partition, partition
        if offset < last.get(source, (-1, 0))[0]:
            before = last[source]
            findings.append(Finding(
                "swapped", f"{kind} of {(partition, offset)} lies behind that of {(partition, before[0])}",
                partition, [before[1], message.timestamp]))
        else:
            last[source] = offset, message.timestamp
    return findings


def _what_is_wrong(entry, kind, message):
    if kind != entry.becomes:
        return f"came out as a {kind}, must be a {entry.becomes}"
    if message.partition != entry.partition:
        return f"came out in partition {message.partition}"
    if kind == DEAD_LETTER:
        return "" if message.value == entry.value else "the dead letter's value is not the input's"
    body = json.loads(message.value)
    if body["id"] != entry.id:
        return f"the label says it is {body['id']}"
    if entry.category is not None and body["category"] != entry.category:
        return f"labelled {body['category']}, must be {entry.category}"
    return ""


def summary(findings):
    """'2 lost, 1 doubled', or 'balanced'."""
    counts = Counter(finding.what for finding in findings)
    return ", ".join(f"{count} {what}" for what, count in counts.items()) or "balanced"
