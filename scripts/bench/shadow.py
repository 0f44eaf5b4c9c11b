#!/usr/bin/env python3
"""Measures how far a shadow model moves the latency of the live path, in one run on a local Kafka.

Two workers run at once, each with a topic of its own: one with model.shadow, one without. Articles come at a steady
rate, in stretches that go to the one and to the other by turns, so that whatever else the machine does meets both.
While one has articles the other has nothing to do; a stretch begins when the shadow has done all that it had.
Latency is from the producer's call to a reader of committed records. Printed as one JSON object: p50, p99 and the
largest of both, the ratio of the p99 (of all articles, and the median over pairs of stretches with its quartiles), and
what the shadow has compared.

Needs build/wiretag (scripts/build) and the environment of scripts/setup --test:

    .deps/test-venv/bin/python scripts/bench/shadow.py
"""

import argparse
import contextlib
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from confluent_kafka import Producer
from wiretag_bench.cluster import PARTITIONS, POSTS, ROOT, SAMPLES, free_port, labelled, local_cluster, say
from wiretag_bench.latency import Reader, percentile, summary
from wiretag_bench.output import to_its_reader


class Side:
    """A worker, its topics, and the latencies of its articles."""

    def __init__(self, cluster, options, shadow, stack):
        self.input, self.output, self.port = cluster.topic(), cluster.topic(), free_port()
        self.shadow = shadow
        config = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".yaml"))
        model = {"path": str(options.model)} | ({"shadow": {"path": str(shadow)}} if shadow else {})
        json.dump({
            "kafka": {"common": {"bootstrap.servers": cluster.bootstrap}, "consumer": {"group.id": self.output}},
            "input": {"topics": [self.input]}, "output": {"topic": self.output, "timestamp": "now"},
            "dead_letter": None, "on_error": "stop", "model": model,
            "http": {"listen": f"127.0.0.1:{self.port}"}}, config)
        config.flush()
        self.log = stack.enter_context(tempfile.TemporaryFile())
        self.worker = subprocess.Popen([options.binary, "run", "-c", config.name], cwd=ROOT, stderr=self.log)
        stack.callback(self.end)
        self.producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0})
        self.reader = Reader(cluster.bootstrap, self.output)
        self.reader.start()
        self.sent = {}

    def end(self):
        self.worker.send_signal(signal.SIGTERM)
        self.worker.wait(60)
        self.reader.stop()
        self.producer = None  # one that outlives its broker logs that it is gone

    def fail(self):
        self.log.seek(0)
        say(self.log.read().decode()[-2000:])
        raise SystemExit("a worker does not label")

    def compared(self):
        """(compared, dropped, waiting) of the shadow."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as page:
            text = page.read().decode()
        return tuple(int(re.search(pattern, text, re.M).group(1)) for pattern in (
            r'^wiretag_shadow_articles_total\{result="compared"\} (\d+)',
            r'^wiretag_shadow_articles_total\{result="dropped"\} (\d+)', r"^wiretag_shadow_waiting_articles (\d+)"))

    def stretch(self, articles, rate, seconds):
        """Latencies of `seconds` of articles, in seconds, once all labels are there."""
        sent, due = {}, time.monotonic()
        end = due + seconds
        number = 0
        while due < end:
            time.sleep(max(0, due - time.monotonic()))
            now = time.monotonic()

            def delivered(error, message, now=now):
                if error is not None:
                    raise SystemExit(f"an article was not delivered: {error}")
                sent[message.partition(), message.offset()] = now
            self.producer.produce(self.input, articles[number % len(articles)], partition=number % PARTITIONS,
                                  on_delivery=delivered)
            self.producer.poll(0)
            number += 1
            due += 1 / rate
        self.producer.flush(60)
        deadline = time.monotonic() + 60
        while len(sent) < number or not sent.keys() <= self.reader.arrived.keys():
            if time.monotonic() > deadline:
                raise SystemExit("labels are missing")
            time.sleep(0.05)
        if self.shadow:
            while self.compared()[2] > 0:
                time.sleep(0.05)
        return [self.reader.arrived[place] - at for place, at in sent.items()]


def measure(sides, articles, options):
    for side in sides:
        deadline = time.monotonic() + 120
        while labelled(side.port) < 1:
            if side.worker.poll() is not None or time.monotonic() > deadline:
                side.fail()
            side.stretch(articles, options.rate, 1)
        side.stretch(articles, options.rate, options.seconds)  # the broker compiles itself as it goes
    without, shadowed, pairs = [], [], []
    for repeat in range(options.repeats):
        # Each goes first in turn: what drifts cancels out.
        order = sides if repeat % 2 else sides[::-1]
        found = {side: side.stretch(articles, options.rate, options.seconds) for side in order}
        pair = [found[side] for side in sides]
        without += pair[0]
        shadowed += pair[1]
        pairs.append(percentile(pair[1], 0.99) / percentile(pair[0], 0.99))
        say(f"  {repeat + 1}/{options.repeats}: p99 {1000 * percentile(pair[1], 0.99):.1f} / "
            f"{1000 * percentile(pair[0], 0.99):.1f} ms = {pairs[-1]:.3f}")
    compared, dropped, _ = sides[1].compared()
    first, _, third = statistics.quantiles(pairs, n=4)
    return {"without": summary(without), "shadow": summary(shadowed),
            "p99_ratio": round(percentile(shadowed, 0.99) / percentile(without, 0.99), 3),
            "p99_pairs": round(statistics.median(pairs), 3), "p99_quartiles": [round(first, 3), round(third, 3)],
            "articles": len(shadowed), "rate": options.rate, "compared": compared, "dropped": dropped}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "build" / "wiretag")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "demo.pt")
    parser.add_argument("--shadow", type=Path, default=ROOT / "models" / "demo.pt")
    parser.add_argument("--rate", type=float, default=20, help="articles a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="of a stretch (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=10, help="pairs, two at least (default: %(default)s)")
    options = parser.parse_args()
    if options.repeats < 2:
        parser.error("--repeats: two at least")
    articles = (POSTS if POSTS.exists() else SAMPLES).read_bytes().splitlines()
    with local_cluster() as cluster, contextlib.ExitStack() as stack:
        sides = [Side(cluster, options, shadow, stack) for shadow in (None, options.shadow)]
        print(json.dumps(measure(sides, articles, options)))


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
