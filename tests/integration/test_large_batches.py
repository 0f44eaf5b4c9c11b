"""Batches that are sound, and larger than the consumer's limit when they are decompressed."""

import client
import pytest
from client import Record, article

COUNT = 40
LIMIT = {"consumer": {"fetch.max.bytes": 1_000_000, "receive.message.max.bytes": 2_000_000}}


@pytest.mark.parametrize("on_error", ["dead-letter", "skip"])
def test_a_batch_that_is_too_large_for_the_consumer_is_named_and_read_once_the_limit_is_raised(lab, on_error):
    """4 MB of zeros are some hundred bytes in zstd."""
    flow = lab.flow(2)
    flow.produce([Record(article(f"новость {number} " + "0" * 100_000), partition=0) for number in range(COUNT)],
                 **{"compression.type": "zstd", "batch.size": 10_000_000, "linger.ms": 2000})
    flow.produce([Record(article("другая"), partition=1)])
    running = lab.run(flow, on_error=on_error, kafka=LIMIT)
    running.wait_log(r"\[0\]: offsets 0 to \d+ cannot be read: their batch is sound, but has more bytes than "
                     r"receive\.message\.max\.bytes, 2000000, when it is decompressed: raise that")
    client.wait_for("the other partition's label", lambda: [label.source[1:] for label in flow.labels()] == [(1, 0)])
    assert running.stop() == 0
    assert lab.run(flow, on_error=on_error).wait_ready()
    flow.wait_done()
    assert len(flow.labels()) == COUNT + 1
