"""Batches that are damaged on the broker's disk: nothing twice, nothing in a circle, and all of it by name."""

import random
import re
import struct
from pathlib import Path

import client
import pytest
from broker import ExternalBroker
from client import Record, article

BATCHES, RECORDS = 4, 3  # of each partition
TOTAL = BATCHES * RECORDS
HEADER = 61  # bytes of a batch before its records (Kafka protocol, record batch)


def batches(data):
    """Where each batch of a segment begins."""
    at = 0
    while at < len(data):
        yield at
        at += 12 + struct.unpack(">i", data[at + 8:at + 12])[0]


def flip(broker, topic, partition, batch, byte, bit=0):
    """Flips one bit of a batch on the broker's disk, which a fetch sees at once; `byte` counts from the batch's
    begin, or from its end where it is negative."""
    path = Path(broker.directory) / "node-1" / "data" / f"{topic}-{partition}" / f"{0:020}.log"
    data = path.read_bytes()
    begins = [*batches(data), len(data)]
    place = begins[batch] + byte if byte >= 0 else begins[batch + 1] + byte
    with open(path, "r+b") as segment:
        segment.seek(place)
        segment.write(bytes([data[place] ^ 1 << bit]))


@pytest.fixture
def damaged(lab, broker):
    """damaged(flips, partitions): a flow over a topic with these damages (partition, batch, byte)."""
    if isinstance(broker, ExternalBroker):
        pytest.skip("the disk of the cluster that KAFKA names is not ours to damage")

    def make(flips, partitions=1, **producer):
        flow = lab.flow(partitions)
        for batch in range(BATCHES):
            flow.produce([Record(article(f"Сборная выиграла матч {batch} {number} " * 3), partition=partition)
                          for partition in range(partitions) for number in range(RECORDS)], **{"linger.ms": 200, **producer})
        for one in flips:
            flip(broker, flow.input, *one)
        return flow

    return make


def offsets(flow, partition=0):
    return [label.source[2] for label in flow.labels() if label.source[1] == partition]


def metric(running, name):
    return running.metrics().get(name, 0)


LOST = 'wiretag_lost_offsets_total{reason="damaged"}'


def test_a_partition_with_a_damaged_batch_stands_still_by_name_and_the_others_go_on(lab, damaged, broker, guarantee):
    flow = damaged([(0, 1, -2)], partitions=2)
    running = lab.run(flow, http={"listen": "127.0.0.1:0"})
    running.wait_log(r"ERROR consume +\S+ \[0\]: offsets 3 to 5 cannot be read: .*CRC32C.*this partition is suspended, others continue")
    client.wait_for("the other partition", lambda: offsets(flow, 1) == [*range(TOTAL)], 60, 0.2)
    status, words = running.http("/readyz")
    assert status == 503 and re.search(r"\[0\]: offsets 3 to 5 cannot be read.*input.damaged: skip", words)
    assert metric(running, 'wiretag_stalled{reason="damaged"}') == 1
    assert metric(running, "wiretag_damaged_partitions") == 1
    # Nothing comes twice while it is looked at again and again.
    assert offsets(flow) == [0, 1, 2]
    assert metric(running, "wiretag_consumed_records_total") == TOTAL + RECORDS

    flip(broker, flow.input, 0, 1, -2)  # mended, as by another replica that leads
    running.wait_log(r"\[0\]: offset 3 can be read again", timeout=120)
    flow.wait_done()
    assert offsets(flow) == [*range(TOTAL)]
    client.wait_for("ready", lambda: running.http("/readyz")[0] == 200, 60, 0.2)
    assert metric(running, LOST) == 0
    assert running.stop() == 0


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_a_damaged_batch_is_passed_over_where_the_configuration_says_so(lab, damaged, guarantee, batch):
    flow = damaged([(0, batch, -2)])
    running = lab.run(flow, input={"damaged": "skip"}, http={"listen": "127.0.0.1:0"})
    first = batch * RECORDS
    running.wait_log(rf"ERROR consume +\S+ \[0\]: offsets {first} to {first + 2} are lost: they cannot be read")
    left = [offset for offset in range(TOTAL) if not first <= offset < first + RECORDS]
    client.wait_for("labels", lambda: offsets(flow) == left, 60, 0.2)
    assert metric(running, LOST) == RECORDS
    client.wait_for("ready", lambda: running.http("/readyz")[0] == 200, 60, 0.2)
    flow.wait_done()  # what is passed over is committed, even at the end
    assert running.stop() == 0
    flow.produce([article("новость")])
    again = lab.run(flow, input={"damaged": "skip"})
    flow.wait_done()
    assert offsets(flow) == [*left, TOTAL]
    assert again.stop() == 0 and "are lost" not in again.stderr


def test_a_group_that_was_in_the_middle_of_a_damaged_batch_loses_what_it_had_not_read(lab, damaged):
    flow = damaged([(0, 1, -2)])
    client.commit(flow.bootstrap, flow.group, flow.input, {0: 4})
    running = lab.run(flow, input={"damaged": "skip"}, http={"listen": "127.0.0.1:0"})
    running.wait_log(r"\[0\]: offsets 4 to 5 are lost")
    client.wait_for("labels", lambda: offsets(flow) == [*range(6, TOTAL)], 60, 0.2)
    assert metric(running, LOST) == 2
    assert running.stop() == 0


def test_a_damaged_batch_that_is_compressed_stands_still_too(lab, damaged):
    flow = damaged([(0, 1, -12)], **{"compression.type": "zstd"})
    running = lab.run(flow)
    running.wait_log(r"ERROR consume +\S+ \[0\]: offsets 3 to 5 cannot be read")
    assert offsets(flow) == [0, 1, 2]
    assert running.stop() == 0


def test_without_checksums_what_cannot_be_decompressed_stands_still_too(lab, damaged):
    flow = damaged([(0, 1, HEADER + 2)], **{"compression.type": "zstd"})
    running = lab.run(flow, kafka={"consumer": {"check.crcs": "false"}})
    running.wait_log(r"ERROR consume +\S+ \[0\]: offsets? 3 .*cannot be read")
    assert offsets(flow) == [0, 1, 2]
    assert running.stop() == 0


def test_neighbours_of_several_damaged_batches_are_labelled(lab, damaged):
    flow = damaged([(0, 0, -2), (0, 1, -2), (0, 3, 16)])  # the last: a format that nobody knows
    running = lab.run(flow, on_error="skip", http={"listen": "127.0.0.1:0"})
    client.wait_for("lost", lambda: metric(running, LOST) == 9, 90, 0.2)
    assert offsets(flow) == [6, 7, 8]
    assert running.stop() == 0


def test_on_error_stop_ends_the_worker_and_names_the_batch(lab, damaged):
    flow = damaged([(0, 2, -2)])
    running = lab.run(flow, on_error="stop")
    assert running.wait_exit() == 1
    assert re.search(r"ERROR run .*\[0\]: offsets 6 to 8 cannot be read", running.stderr)
    assert offsets(flow) == [*range(6)]


def test_a_length_that_is_damaged_is_noticed_though_nothing_comes(lab, damaged):
    flow = damaged([(0, 2, 10)])
    running = lab.run(flow)
    running.wait_log(r"ERROR consume +\S+ \[0\]: offsets? 6 .*cannot be read", timeout=120)
    client.wait_for("the labels before it", lambda: offsets(flow) == [*range(6)])
    assert running.stop() == 0


def test_a_replay_says_so_and_goes_on_where_it_is_told_to(lab, damaged):
    flow = damaged([(0, 1, -2)])
    range_of_all = ("--name", "again", "--from", "earliest", "--to", "latest", "--same-topic")
    config = flow.config(model={"path": str(lab.model())})
    replay = lab.start(config, "replay", build="fake", command=("replay",), arguments=range_of_all)
    replay.wait_log(r"\[0\]: offsets 3 to 5 cannot be read")
    client.wait_for("what is before it", lambda: offsets(flow) == [0, 1, 2], 60, 0.2)
    assert replay.stop() == 1
    replay = lab.start(config, "replay-again", build="fake", command=("replay",),
                       arguments=(*range_of_all, "--set", "input.damaged=skip"))
    assert replay.wait_exit() == 0
    assert "offsets 3 to 5 are lost" in replay.stderr
    assert offsets(flow) == [0, 1, 2, *range(6, TOTAL)]


@pytest.mark.parametrize("seed", [1, 2])
def test_whichever_bit_is_flipped_nothing_is_labelled_twice(lab, damaged, seed):
    """Every place of a batch: its offset, length, epoch, format, checksum, counts, records."""
    dice = random.Random(seed)
    places = [*range(0, HEADER, 4), HEADER + 5, HEADER + 40, -1]
    flips = [(partition, dice.randrange(BATCHES), byte) for partition, byte in enumerate(places)]
    flow = damaged(flips, partitions=len(places))
    running = lab.run(flow, http={"listen": "127.0.0.1:0"})
    running.wait_log(r"cannot be read", count=5, timeout=120)
    def settled():
        before = metric(running, "wiretag_consumed_records_total")
        client.wait_for("in flight", lambda: metric(running, "wiretag_in_flight_records") == 0, 60, 0.2)
        return before == metric(running, "wiretag_consumed_records_total")

    client.wait_for("an end", settled, 120, 5)
    assert metric(running, "wiretag_consumed_records_total") <= TOTAL * len(places)
    for partition in range(len(places)):
        found = offsets(flow, partition)
        assert len(found) == len(set(found)) and found == sorted(found), (flips[partition], found)
    assert running.stop() == 0
