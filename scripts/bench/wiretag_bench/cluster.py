"""A local Kafka with topics of articles, and workers on it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = Path(__file__).resolve().parents[3]
POSTS = ROOT.parent / "shared" / "data" / "posts-ru-2000.jsonl"
SAMPLES = ROOT / "data" / "samples.jsonl"
PARTITIONS = 6


def say(text):
    print(text, file=sys.stderr, flush=True)


class Cluster:
    """Topics on the local broker, and how far they are filled."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.brokers = {}  # processes, by what to call them
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.watcher = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-watcher"})

    def close(self):
        """Ends the clients while their broker is there: one that outlives it logs that it is gone."""
        self.watcher.close()
        self.watcher = self.admin = None

    def topic(self):
        name = f"bench-{uuid.uuid4().hex[:12]}"
        for future in self.admin.create_topics([NewTopic(name, PARTITIONS, 1)]).values():
            future.result(30)
        deadline = time.monotonic() + 30
        while not self.is_known(name):  # the controller has it first
            if time.monotonic() > deadline:
                raise SystemExit("a new topic does not appear")
            time.sleep(0.05)
        return name

    def is_known(self, name):
        topic = self.admin.list_topics(name, timeout=10).topics[name]
        return topic.error is None and len(topic.partitions) == PARTITIONS and all(
            partition.leader >= 0 for partition in topic.partitions.values())

    def fill(self, articles, count):
        name = self.topic()
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 50,
                             "queue.buffering.max.messages": 1_000_000})
        for number in range(count):
            # As `wiretag bench model` takes them: spread over the articles, or repeating them.
            at = number * len(articles) // count if count < len(articles) else number % len(articles)
            producer.produce(name, articles[at], partition=number % PARTITIONS)
            if number % 1000 == 0:
                producer.poll(0)
        producer.flush()
        return name

    def count(self, topic):
        total = 0
        for partition in range(PARTITIONS):
            try:
                total += self.watcher.get_watermark_offsets(
                    TopicPartition(topic, partition), timeout=10)[1]
            except KafkaException as error:
                # A topic made a moment ago has no leader yet.
                if error.args[0].code() not in (KafkaError.NOT_LEADER_FOR_PARTITION,
                                                KafkaError._UNKNOWN_PARTITION):
                    raise
        return total


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def labelled(port):
    """How many records the worker has labelled and acknowledged; 0 while it starts."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            text = page.read().decode()
    except OSError:
        return 0
    return int(re.search(r'^wiretag_records_total\{outcome="labelled"\} (\d+)', text, re.M).group(1))


@contextlib.contextmanager
def local_cluster():
    """A broker in a folder of its own, gone with the block."""
    with tempfile.TemporaryDirectory(prefix="wiretag-bench-") as folder:
        start = subprocess.run([ROOT / "scripts/kafka/start", "--dir", folder, "--while", str(os.getpid())],
                               check=True, stdout=subprocess.PIPE, text=True)
        try:
            cluster = Cluster(start.stdout.strip())
            cluster.brokers = {"broker": int((Path(folder) / "node-1" / "pid").read_text())}
            try:
                yield cluster
            finally:
                cluster.close()
        finally:
            subprocess.run([ROOT / "scripts/kafka/stop", "--dir", folder], check=False)


@contextlib.contextmanager
def running(cluster, guarantee, binary, model, batch, in_flight, source, output):
    """A worker with its metrics' port; ends with the block."""
    port = free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config, \
            tempfile.TemporaryFile() as log:
        json.dump({
            "kafka": {"common": {"bootstrap.servers": cluster.bootstrap},
                      "consumer": {"group.id": output}},
            "input": {"topics": [source]},
            "output": {"topic": output, "timestamp": "now"},
            "dead_letter": None, "on_error": "stop",
            "model": model, "batch": batch,
            "in_flight": {"records_max": in_flight},
            "delivery": {"guarantee": guarantee},
            "http": {"listen": f"127.0.0.1:{port}"},
        }, config)
        config.flush()
        worker = subprocess.Popen([binary, "run", "-c", config.name], stderr=log)
        try:
            yield worker, port
        except SystemExit:
            log.seek(0)
            say(log.read().decode()[-2000:])
            raise
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)
