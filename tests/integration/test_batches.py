"""Batches as other clients than librdkafka write them."""

import gzip
import io

import batches
import checks
import client
import pytest
from client import article

ONE_NODE = pytest.mark.usefixtures("own_node")


@pytest.fixture
def own_node(broker):
    broker.log()  # skips where KAFKA names a cluster: batches go to the one node of ours


def named(data):
    """gzip with the name of a file, as Go and Python write it."""
    written = io.BytesIO()
    with gzip.GzipFile("articles.json", "wb", fileobj=written) as file:
        file.write(data)
    return written.getvalue()


def in_members(data):
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


@ONE_NODE
def test_each_frame_and_form_is_read(lab):
    flow, model = lab.flow(), lab.model()
    headers = [(b"a", None), (b"a", b"1"), (b"a", b""), (b"", b"x"), ("имя".encode(), b"\xff"), (b"traceparent", None)]
    sent = []

    def send(word, *record, **form):
        sent.append((batches.send(flow.bootstrap, flow.input, batches.batch([(article(word), *record), (article(word),)], **form)), word))

    send("матч")
    send("мяч", None, headers)
    send("гол", b"")
    send("счёт", None, [(b"h", None)] * 3000)
    for timestamp in (-1, 0, -1000):
        send("тур", timestamp=timestamp)
    send("гонка", codec=batches.GZIP, compress=named)
    send("кубок", codec=batches.SNAPPY, compress=batches.snappy)
    send("финал", codec=batches.SNAPPY, compress=batches.xerial)
    lab.run(flow, model, output={"timestamp": "now"})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, [(0, offset) for offset in range(2 * len(sent))])
    assert dead_letters == []
    for offset, word in sent:
        for label in labels[offset:offset + 2]:
            checks.assert_labelled(label, word, model)
    assert labels[2].headers[:5] == [(name.decode(), text) for name, text in headers[:5]]
    assert [name for name, _ in labels[6].headers].count("h") == 3000


@ONE_NODE
def test_a_batch_of_several_gzip_members_is_named_and_read_by_none(lab):
    """Java reads them all; librdkafka the first, and asks for the rest of the batch for ever."""
    flow, model = lab.flow(2), lab.model()
    values = [article(f"новость {number}") for number in range(5)]
    batches.send(flow.bootstrap, flow.input, batches.batch([(value,) for value in values], batches.GZIP, in_members))
    flow.produce([client.Record(article("другая"), partition=1)])
    running = lab.run(flow, model)
    running.wait_log(r"\[0\]: offsets \d to 4 cannot be read: the broker sends their batch, but no such record is in it "
                     r"\(a wrong length, or gzip of several members")
    labels = flow.labels()
    assert [checks.source_of(label) for label in labels if label.partition == 1] == [(1, 0)]
    assert flow.dead_letters() == [] and running.stop() == 0
