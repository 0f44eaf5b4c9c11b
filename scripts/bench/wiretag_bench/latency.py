"""When labels arrive at a reader of committed records."""

import threading
import time

from confluent_kafka import Consumer, TopicPartition

from .cluster import PARTITIONS


class Reader(threading.Thread):
    """Notes when each label arrives, by the position of its article, and calls `seen` with each."""

    def __init__(self, bootstrap, topic, seen=None):
        super().__init__(daemon=True)
        self.arrived = {}
        self.seen = seen
        self.stopping = threading.Event()
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "fetch.wait.max.ms": 500,
                                  "isolation.level": "read_committed"})
        self.consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])

    def run(self):
        while not self.stopping.is_set():
            message = self.consumer.poll(0.2)
            if message is not None and message.error() is None:
                headers = dict(message.headers())
                place = int(headers["wiretag.source.partition"]), int(headers["wiretag.source.offset"])
                if self.seen:
                    self.seen(place, message)
                self.arrived[place] = time.monotonic()
        self.consumer.close()

    def stop(self):
        self.stopping.set()
        self.join(30)


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def summary(times):
    return {name: round(1000 * value, 1) for name, value in (
        ("p50_ms", percentile(times, 0.5)), ("p99_ms", percentile(times, 0.99)), ("largest_ms", max(times)))}
