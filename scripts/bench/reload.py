#!/usr/bin/env python3
"""Measures what reloads of the model cost under load, and whether they keep what they promise, on a local Kafka.

Articles come at a steady rate, first for --seconds without reloads, then through --reloads of them, by turns between
two bundles: --model, and --other or a copy of --model with other labels. Printed as one JSON object: articles that were
lost, doubled or out of order, or labelled by no model that was in place (all 0, or the exit status is 1); p50, p99 and
the largest latency of both stretches, from the producer's call to a reader of committed records, and the ratio of the
p99; resident memory, in all and what is no file's, threads and descriptors after the third and the last reload (under
load the memory goes up and down, so it is the median of ten: from the third on, and of the last); the peak; and how
long a reload took.

Needs build/wiretag (scripts/build) and the environment of scripts/setup --test:

    .deps/test-venv/bin/python scripts/bench/reload.py --guarantee exactly-once
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from pathlib import Path

from confluent_kafka import Producer
from wiretag_bench.cluster import PARTITIONS, POSTS, ROOT, SAMPLES, free_port, labelled, local_cluster, say
from wiretag_bench.latency import Reader, percentile, summary
from wiretag_bench.output import to_its_reader

WINDOW = 10  # reloads of which the median resident memory counts


def relabelled(model, path):
    """A copy of the bundle under another version, with its labels one place on, so that it gives other ones."""
    with zipfile.ZipFile(model) as source, zipfile.ZipFile(path, "w") as copy:
        for info in source.infolist():
            data = source.read(info)
            if info.filename.endswith("/extra/wiretag.json"):
                manifest = json.loads(data)
                labels = manifest["labels"]
                data = json.dumps(manifest | {"version": "other", "labels": labels[1:] + labels[:1]}).encode()
            copy.writestr(zipfile.ZipInfo(info.filename), data)
    return path


class Feed(threading.Thread):
    """Articles at a steady rate until it is stopped; when each was sent, by its position."""

    def __init__(self, bootstrap, topic, articles, rate):
        super().__init__(daemon=True)
        self.topic, self.articles, self.rate = topic, articles, rate
        self.sent, self.failed, self.over = {}, None, threading.Event()
        self.producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})

    def run(self):
        due, number = time.monotonic(), 0
        while not self.over.is_set():
            time.sleep(max(0, due - time.monotonic()))
            now = time.monotonic()

            def delivered(error, message, now=now):
                self.failed = self.failed or error
                self.sent[message.partition(), message.offset()] = now
            self.producer.produce(self.topic, self.articles[number % len(self.articles)],
                                  partition=number % PARTITIONS, on_delivery=delivered)
            self.producer.poll(0)
            number, due = number + 1, due + 1 / self.rate
        self.producer.flush(60)

    def stop(self):
        self.over.set()
        self.join(120)
        self.producer = None  # one that outlives its broker logs that it is gone
        if self.failed is not None:
            raise SystemExit(f"an article was not delivered: {self.failed}")


class Labels:
    """What the reader saw: how often each article came, in which order, and by which models."""

    def __init__(self):
        self.last, self.count, self.disordered, self.models = {}, {}, 0, {}

    def seen(self, place, message):
        partition, offset = place
        self.count[place] = self.count.get(place, 0) + 1
        self.disordered += offset < self.last.get(partition, -1)
        self.last[partition] = max(offset, self.last.get(partition, -1))
        sha256 = json.loads(message.value())["model"]["sha256"]
        self.models[sha256] = self.models.get(sha256, 0) + 1


class Worker:
    """At whose model.path two bundles lie by turns."""

    def __init__(self, cluster, options, bundles, folder, stack):
        self.input, self.output, self.port = cluster.topic(), cluster.topic(), free_port()
        self.bundles, self.link, self.reloads = bundles, folder / "current", 0
        self.link.symlink_to(bundles[0])
        config = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".yaml"))
        json.dump({
            "kafka": {"common": {"bootstrap.servers": cluster.bootstrap}, "consumer": {"group.id": self.output}},
            "input": {"topics": [self.input]}, "output": {"topic": self.output, "timestamp": "now"},
            "delivery": {"guarantee": options.guarantee}, "dead_letter": None, "on_error": "stop",
            "model": {"path": str(self.link), "precision": options.precision},
            "http": {"listen": f"127.0.0.1:{self.port}"}}, config)
        config.flush()
        self.log = stack.enter_context(tempfile.TemporaryFile())
        self.process = subprocess.Popen([options.binary, "run", "-c", config.name], cwd=ROOT, stderr=self.log)
        stack.callback(self.end)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)

    def fail(self, why):
        self.log.seek(0)
        say(self.log.read().decode()[-2000:])
        raise SystemExit(why)

    def await_labels(self):
        deadline = time.monotonic() + 180
        while labelled(self.port) < 1:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.fail("the worker does not label")
            time.sleep(0.1)

    def is_reloaded(self):
        """That many reloads are over, and no record of an earlier model is left."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as page:
            text = page.read().decode()
        counts = {result: int(re.search(rf'^wiretag_reloads_total\{{result="{result}"\}} (\d+)', text, re.M).group(1))
                  for result in ("ok", "failed")}
        if counts["failed"]:
            self.fail("a reload failed")
        return counts["ok"] == self.reloads and re.search(r"^wiretag_models 1$", text, re.M) is not None

    def reload(self):
        """Its seconds."""
        self.reloads += 1
        new = self.link.with_name("next")
        new.symlink_to(self.bundles[self.reloads % 2])
        os.replace(new, self.link)
        began = time.monotonic()
        self.process.send_signal(signal.SIGHUP)
        while not self.is_reloaded():
            if self.process.poll() is not None or time.monotonic() - began > 300:
                self.fail("a reload does not end")
            time.sleep(0.02)
        return time.monotonic() - began

    def state(self):
        """(resident bytes, those of them that are no file's, threads, descriptors)"""
        proc = Path(f"/proc/{self.process.pid}")
        sizes = dict(re.findall(r"^(VmRSS|RssAnon):\s+(\d+)", (proc / "status").read_text(), re.M))
        return (1024 * int(sizes["VmRSS"]), 1024 * int(sizes["RssAnon"]), len(os.listdir(proc / "task")),
                len(os.listdir(proc / "fd")))

    def peak_bytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status).group(1))


def between(feed, reader, begin, end):
    return [reader.arrived[place] - at for place, at in feed.sent.items() if begin <= at < end and place in reader.arrived]


def measure(worker, feed, reader, labels, options):
    worker.await_labels()
    time.sleep(options.seconds / 2)  # the broker compiles itself as it goes
    begin = time.monotonic()
    before, started_peak = worker.state(), worker.peak_bytes()
    time.sleep(options.seconds)
    middle, took, states = time.monotonic(), [], []
    for number in range(options.reloads):
        took.append(worker.reload())
        time.sleep(options.pause)
        states.append(worker.state())
        if (number + 1) % 10 == 0:
            resident, anonymous, threads, descriptors = states[-1]
            say(f"  {number + 1}/{options.reloads}: {resident / 1e6:.1f} MB, {anonymous / 1e6:.1f} MB of them no file's, "
                f"{threads} threads, {descriptors} descriptors")
    end = time.monotonic()
    feed.stop()
    deadline = time.monotonic() + 120
    while not feed.sent.keys() <= reader.arrived.keys() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)  # what comes twice may come late
    without, reloading = between(feed, reader, begin, middle), between(feed, reader, middle, end)
    known = {hashlib.sha256(path.read_bytes()).hexdigest() for path in worker.bundles}
    grown = {}
    for index, what in enumerate(("resident_mb", "resident_anonymous_mb")):
        early = statistics.median(state[index] for state in states[2:2 + WINDOW])
        late = statistics.median(state[index] for state in states[-WINDOW:])
        grown[what] = {"running": round(before[index] / 1e6, 1), "after_third": round(early / 1e6, 1),
                       "last": round(late / 1e6, 1), "growth": round(late / early - 1, 4)}
    return {
        "guarantee": options.guarantee, "precision": options.precision, "rate": options.rate, "reloads": options.reloads,
        "articles": len(feed.sent), "lost": len(feed.sent.keys() - reader.arrived.keys()),
        "doubled": sum(count - 1 for count in labels.count.values()), "disordered": labels.disordered,
        "unknown_model": sum(count for sha256, count in labels.models.items() if sha256 not in known),
        "by_model": sorted(labels.models.values()),
        "without": summary(without), "reloading": summary(reloading),
        "p99_ratio": round(percentile(reloading, 0.99) / percentile(without, 0.99), 2),
        "reload_s": {"median": round(statistics.median(took), 2), "largest": round(max(took), 2)},
        **grown,
        "peak_mb": {"start": round(started_peak / 1e6), "reloads": round(worker.peak_bytes() / 1e6)},
        "threads": [states[2][2], states[-1][2]], "descriptors": [states[2][3], states[-1][3]]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "build" / "wiretag")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "demo.pt")
    parser.add_argument("--other", type=Path, help="(default: a copy of --model with other labels)")
    parser.add_argument("--guarantee", default="exactly-once", choices=("exactly-once", "at-least-once"))
    parser.add_argument("--precision", default="fp32", help="(default: %(default)s)")
    parser.add_argument("--rate", type=float, default=50, help="articles a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="without reloads (default: %(default)s)")
    parser.add_argument("--reloads", type=int, default=100, help="three at least (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two (default: %(default)s)")
    options = parser.parse_args()
    if options.reloads < 3:
        parser.error("--reloads: three at least")
    articles = (POSTS if POSTS.exists() else SAMPLES).read_bytes().splitlines()
    with tempfile.TemporaryDirectory(prefix="wiretag-reload-") as folder, local_cluster() as cluster, \
            contextlib.ExitStack() as stack:
        other = options.other or relabelled(options.model, Path(folder) / "other.pt")
        worker = Worker(cluster, options, [options.model.resolve(), other.resolve()], Path(folder), stack)
        labels = Labels()
        reader = Reader(cluster.bootstrap, worker.output, labels.seen)
        reader.start()
        stack.callback(reader.stop)
        feed = Feed(cluster.bootstrap, worker.input, articles, options.rate)
        feed.start()
        stack.callback(feed.stop)
        found = measure(worker, feed, reader, labels, options)
        print(json.dumps(found))
    return 1 if any(found[what] for what in ("lost", "doubled", "disordered", "unknown_model")) else 0


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
