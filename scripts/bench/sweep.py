#!/usr/bin/env python3
"""Shows how good the defaults of `model` and `batch` are here: what other values would give.

    .deps/test-venv/bin/python scripts/bench/sweep.py [--model BUNDLE] [--only loop|wait]

- loop: articles/s of the bare model loop (`wiretag bench model`) for token budgets, and for replicas and
  threads; in turns, medians over the rounds, beside the default's.
- wait: Kafka to Kafka with articles that come at irregular times, a share of what the loop can do: the time
  from the producer's call to a reader of committed records, articles a batch, and processor time for each
  article, by batch.wait_ms_max.

Needs build/wiretag (scripts/build) and the environment of scripts/setup --test. Prints JSON lines.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from wiretag_bench import cpu
from wiretag_bench.cluster import PARTITIONS, POSTS, ROOT, SAMPLES, local_cluster, running, say
from wiretag_bench.output import to_its_reader

DEFAULT = {"batch-tokens": 1024, "replicas": len(os.sched_getaffinity(0)), "threads": 1}


def loop(options, **setting):
    arguments = [word for name, value in {**DEFAULT, **setting}.items() for word in (f"--{name}", str(value))]
    done = subprocess.run([ROOT / "build/wiretag", "bench", "model", "--model", options.model, "--precision",
                           options.precision, "--input", options.input, "--articles", str(options.articles),
                           *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["articles_per_s"]


def sweep_loop(options):
    """Every setting once a round; the default's rate."""
    cores = len(os.sched_getaffinity(0))
    settings = [{}] + [{"batch-tokens": tokens} for tokens in options.budgets]
    settings += [{"replicas": replicas, "threads": threads} for replicas, threads in
                 sorted({(1, 1), (1, cores), (cores * 2, 1)} - {(cores, 1)})]
    rates = [[] for _ in settings]
    for number in range(options.rounds):
        for at, setting in enumerate(settings):
            rates[at].append(loop(options, **setting))
        say(f"loop: round {number + 1} of {options.rounds}")
    for setting, found in zip(settings, rates, strict=True):
        ratio = statistics.median(rate / default for rate, default in zip(found, rates[0], strict=True))
        print(json.dumps({"sweep": "loop", **DEFAULT, **setting, "articles_per_s": round(statistics.median(found), 1),
                          "over_default": round(ratio, 3)}), flush=True)
    return statistics.median(rates[0])


class Reader(threading.Thread):
    """Notes when each record of a topic can be read, by its key."""

    def __init__(self, cluster, topic):
        super().__init__(daemon=True)
        self.consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": f"{topic}-reader",
                                  "isolation.level": "read_committed", "fetch.wait.max.ms": 100})
        self.consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        self.seen = {}
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            message = self.consumer.poll(0.1)
            if message is not None and message.error() is None:
                self.seen[int(message.key())] = time.monotonic()
        self.consumer.close()


def metric(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        return float(re.search(rf"^{name} (\S+)", page.read().decode(), re.M)[1])


def offer(cluster, source, articles, rate, seconds, first):
    """Produces at irregular times, `rate` a second on average; when each was sent, by key."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0})
    sent, due, end = {}, time.monotonic(), time.monotonic() + seconds
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        number = first + len(sent)
        sent[number] = time.monotonic()
        producer.produce(source, articles[number % len(articles)], str(number).encode(), partition=number % PARTITIONS)
        producer.poll(0)
        due += random.expovariate(rate)
    producer.flush()
    return sent


def measure_wait(cluster, options, articles, wait_ms, rate):
    model = {"path": str(options.model), "precision": options.precision}
    source, output = cluster.topic(), cluster.topic()
    reader = Reader(cluster, output)
    reader.start()
    with running(cluster, "exactly-once", ROOT / "build/wiretag", model, {"wait_ms_max": wait_ms}, 4096, source,
                 output) as (worker, port):
        warm = offer(cluster, source, articles, rate, 2, 0)
        deadline = time.monotonic() + 60
        while len(reader.seen) < len(warm) and time.monotonic() < deadline:
            time.sleep(0.1)
        batches, usage = metric(port, "wiretag_batches_total"), cpu.Usage({"worker": worker.pid, **cluster.brokers})
        sent = offer(cluster, source, articles, rate, options.seconds, len(warm))
        spent = usage.since(len(sent))["us_per_article"]
        while len(reader.seen) < len(warm) + len(sent) and time.monotonic() < deadline:
            time.sleep(0.1)
        batches = metric(port, "wiretag_batches_total") - batches
    reader.stopping.set()
    reader.join()
    times = sorted(1000 * (reader.seen[number] - sent[number]) for number in sent)
    print(json.dumps({"sweep": "wait", "wait_ms_max": wait_ms, "articles_per_s": round(rate, 1),
                      "p50_ms": round(times[len(times) // 2], 1), "p99_ms": round(times[int(0.99 * len(times))], 1),
                      "articles_per_batch": round(len(sent) / batches, 2),
                      "worker_us_per_article": round(sum(value for name, value in spent.items()
                                                         if name.startswith("worker"))),
                      "broker_us_per_article": round(sum(value for name, value in spent.items()
                                                         if name.startswith("broker")))}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "demo.pt")
    parser.add_argument("--precision", default="fp32", help="default: %(default)s")
    parser.add_argument("--input", type=Path, default=POSTS if POSTS.exists() else SAMPLES)
    parser.add_argument("--articles", type=int, default=2000, help="of one measurement of the loop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budgets", type=lambda words: [int(word) for word in words.split(",")],
                        default=[128, 256, 512, 2048, 4096], help="of tokens, comma separated")
    parser.add_argument("--waits", type=lambda words: [int(word) for word in words.split(",")],
                        default=[0, 5, 20, 50], help="in ms, comma separated")
    parser.add_argument("--shares", type=lambda words: [float(word) for word in words.split(",")],
                        default=[0.1, 0.5], help="of the loop's rate, comma separated")
    parser.add_argument("--seconds", type=float, default=8, help="of one wait at one rate")
    parser.add_argument("--only", choices=["loop", "wait"])
    options = parser.parse_args()

    best = sweep_loop(options) if options.only != "wait" else loop(options)
    if options.only == "loop":
        return
    articles = options.input.read_bytes().splitlines()
    with local_cluster() as cluster:
        for share in options.shares:
            for wait_ms in options.waits:
                measure_wait(cluster, options, articles, wait_ms, share * best)


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
