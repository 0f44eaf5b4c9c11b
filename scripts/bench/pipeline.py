#!/usr/bin/env python3
"""Measures the pipeline against what it stands on, as ratios in one run on one local Kafka.

Two ratios, each the median of alternating repeats, and a latency:

- model: Kafka to Kafka with the real model, over `wiretag bench model`: the same bundle in a bare
  loop over the same texts in the same batches. 1.0 would be a pipeline that costs nothing.
- pass-through: Kafka to Kafka with the fake model, JSON and tokenizing included, over
  `kcat -C | kcat -P`, which only carries the bytes.

- latency: one record at a time, articles of about the median length, from the producer's call to a reader
  of committed records, less what the same two clients need without a worker between them (median); and
  what it may be, the model's time plus batch.wait_ms_max plus 5 ms.

Rates count from the first labelled record to the last, so that start-up and the group's first
rebalance are out of it. `cpu_last` says of the last repeat where the processors' time went, in
microseconds for each article, by process and kind of thread. A full-size model, which takes its time:

    ... pipeline.py --only model --model full-size.pt --precision int8 --model-records 600

Needs build/wiretag (scripts/build), build-fake/wiretag
(scripts/build --fake), kcat, and the environment of scripts/setup --test:

    .deps/test-venv/bin/python scripts/bench/pipeline.py
"""

import argparse
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from wiretag_bench import cpu
from wiretag_bench.cluster import PARTITIONS, POSTS, ROOT, SAMPLES, labelled, local_cluster, running, say
from wiretag_bench.output import to_its_reader

# Records before those whose latency counts: the broker compiles itself as it goes.
WARM_UP = 50


def rate(cluster, port, worker, wanted, timeout):
    """Labelled records a second, from the first seen to the `wanted`-th, and where the processors' time went. The
    worker's own count: the ends of a transactional topic count its markers too."""
    deadline = time.monotonic() + timeout
    first = None
    while time.monotonic() < deadline and worker.poll() is None:
        now, count = time.monotonic(), labelled(port)
        if count > 0 and first is None:
            first = (now, count, cpu.Usage({"worker": worker.pid, **cluster.brokers}))
        if count >= wanted:
            if first[1] >= wanted:
                raise SystemExit("too few records to measure a rate: raise --records")
            return (count - first[1]) / (now - first[0]), first[2].since(count - first[1])
        # Asking costs the worker processor time, so it is asked often only near both ends.
        time.sleep(0.02 if first is None or count > 0.9 * wanted else 0.2)
    raise SystemExit(f"{labelled(port)} of {wanted} records, then the worker ended or {timeout} s had passed")


def run_worker(cluster, guarantee, binary, model, batch, in_flight, source, wanted):
    with running(cluster, guarantee, binary, model, batch, in_flight, source, cluster.topic()) as (worker, port):
        return rate(cluster, port, worker, wanted, timeout=900)


class Echo:
    """A producer and a reader of committed records, which time one record at a time."""

    def __init__(self, cluster, source, output):
        self.source = source
        self.producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0})
        self.consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": f"{output}-reader",
                                  "isolation.level": "read_committed", "fetch.wait.max.ms": 100})
        self.consumer.assign([TopicPartition(output, partition, 0) for partition in range(PARTITIONS)])

    def once(self, article, number):
        """Milliseconds from the call to the record of the same key."""
        key = str(number).encode()
        start = time.monotonic()
        self.producer.produce(self.source, article, key, partition=number % PARTITIONS)
        self.producer.poll(0)
        while time.monotonic() - start < 120:
            message = self.consumer.poll(1)
            if message is not None and message.error() is None and message.key() == key:
                return (time.monotonic() - start) * 1000
        raise SystemExit("a record did not come back within two minutes")

    def times(self, articles, count, pause_s):
        """After some that do not count; at irregular times, or they would march in step with a timer."""
        found = []
        for number in range(WARM_UP + count):
            time.sleep(pause_s * random.uniform(0.5, 1.5))
            found.append(self.once(articles[number % len(articles)], number))
        self.consumer.close()
        return sorted(found[WARM_UP:])


def alike(articles):
    """The fifth of them whose length is nearest the median, so that the model takes about as long for each."""
    by_length = sorted(articles, key=len)
    return by_length[len(by_length) * 2 // 5:len(by_length) * 3 // 5] or articles


def infer_ms(port):
    """The model's time for a batch, on average so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    values = [float(re.search(rf"^wiretag_infer_seconds_{what}(?:\{{.*\}})? (\S+)", text, re.M).group(1))
              for what in ("sum", "count")]
    return 1000 * values[0] / values[1]


def percentile(times, share):
    """Nearest rank."""
    return times[max(0, math.ceil(share * len(times)) - 1)]


def measure_latency(cluster, guarantee, binary, model, batch, articles, options):
    source, output, direct = cluster.topic(), cluster.topic(), cluster.topic()
    articles = alike(articles)
    base = Echo(cluster, direct, direct).times(articles, options.latency_records, options.latency_pause)
    with running(cluster, guarantee, binary, model, batch, options.in_flight, source, output) as (_, port):
        times = Echo(cluster, source, output).times(articles, options.latency_records, options.latency_pause)
        model_ms = infer_ms(port)
    wait_ms = batch.get("wait_ms_max", 20)
    found = {"latency": model["path"], "guarantee": guarantee, "records": len(times),
             "p50_ms": round(percentile(times, 0.5) - percentile(base, 0.5), 1),
             "p99_ms": round(percentile(times, 0.99) - percentile(base, 0.5), 1),
             "clients_ms": round(percentile(base, 0.5), 1), "clients_p99_ms": round(percentile(base, 0.99), 1),
             "model_ms": round(model_ms, 1),
             "allowed_ms": round(model_ms + wait_ms + 5, 1)}
    say(f"  latency {found['p50_ms']} ms (p50), {found['p99_ms']} ms (p99); allowed {found['allowed_ms']} ms")
    return found


def run_kcat(cluster, source, wanted):
    output = cluster.topic()
    start = time.monotonic()
    read = subprocess.Popen(["kcat", "-C", "-q", "-e", "-b", cluster.bootstrap, "-t", source,
                             "-o", "beginning"], stdout=subprocess.PIPE)
    write = subprocess.Popen(["kcat", "-P", "-b", cluster.bootstrap, "-t", output, "-p", "-1"],
                             stdin=read.stdout)
    read.stdout.close()
    if write.wait(900) != 0 or read.wait(60) != 0 or cluster.count(output) != wanted:
        raise SystemExit("kcat did not carry the topic over")
    return wanted / (time.monotonic() - start)


def run_loop(binary, model, batch, articles_file, wanted):
    done = subprocess.run(
        [binary, "bench", "model", "--model", model["path"], "--device", model["device"],
         "--precision", model["precision"], "--replicas", str(model["replicas"]),
         "--batch-tokens", str(batch["tokens_max"]), "--batch-articles", str(batch["articles_max"]),
         "--input", articles_file, "--articles", str(wanted)],
        check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["articles_per_s"]


def compare(name, guarantee, repeats, numerator, denominator):
    pairs = []
    for repeat in range(repeats):
        worker, usage = numerator()
        pairs.append((worker, denominator()))
        say(f"  {name} {repeat + 1}/{repeats}: {pairs[-1][0]:,.0f} / {pairs[-1][1]:,.0f} articles/s "
            f"= {pairs[-1][0] / pairs[-1][1]:.3f}")
    return {"ratio": name, "guarantee": guarantee,
            "median": round(statistics.median(a / b for a, b in pairs), 3),
            "worker_articles_per_s": round(statistics.median(a for a, b in pairs)),
            "other_articles_per_s": round(statistics.median(b for a, b in pairs)),
            "repeats": repeats, "cpu_last": usage}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, default=POSTS if POSTS.exists() else SAMPLES,
                        help="articles, a JSON object a line (default: %(default)s)")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "demo.pt")
    parser.add_argument("--fake-model", type=Path,
                        default=ROOT / "tests" / "golden" / "fake-model.json")
    parser.add_argument("--records", type=int, default=200_000, help="for the pass-through")
    parser.add_argument("--model-records", type=int, default=12_000, help="for the model")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--guarantee", type=lambda names: names.split(","), default=["exactly-once"],
                        help="exactly-once, at-least-once or both with a comma (default: exactly-once)")
    parser.add_argument("--only", choices=["model", "pass-through", "latency"])
    parser.add_argument("--latency-records", type=int, default=200)
    parser.add_argument("--latency-pause", type=float, default=0.15, metavar="S",
                        help="between two records, about (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="of the model (default: %(default)s)")
    parser.add_argument("--precision", default="fp32", help="default: %(default)s")
    parser.add_argument("--replicas", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch-tokens", type=int, default=1024)
    parser.add_argument("--batch-articles", type=int, default=64)
    parser.add_argument("--in-flight", type=int, default=16384, help="in_flight.records_max")
    return parser.parse_args()


def main():
    options = read_arguments()
    articles = options.input.read_bytes().splitlines()
    model = {"path": str(options.model), "device": options.device, "precision": options.precision,
             "replicas": options.replicas}
    batch = {"tokens_max": options.batch_tokens, "articles_max": options.batch_articles}
    fake = {"path": str(options.fake_model), "precision": "fp32"}
    results = []
    with local_cluster() as cluster:
        if options.only in (None, "latency"):
            for guarantee in options.guarantee:
                say(f"latency, {guarantee}: {options.latency_records} records, one at a time")
                results.append(measure_latency(cluster, guarantee, ROOT / "build/wiretag", model, batch, articles,
                                               options))
        for guarantee in options.guarantee:
            if options.only in (None, "pass-through"):
                say(f"pass-through, {guarantee}: {options.records} records")
                source = cluster.fill(articles, options.records)
                results.append(compare(
                    "pass-through", guarantee, options.repeats,
                    lambda: run_worker(cluster, guarantee, ROOT / "build-fake/wiretag", fake, {},
                                       options.in_flight, source, options.records),
                    lambda: run_kcat(cluster, source, options.records)))
            if options.only in (None, "model"):
                say(f"model, {guarantee}: {options.model_records} records")
                source = cluster.fill(articles, options.model_records)
                results.append(compare(
                    "model", guarantee, options.repeats,
                    lambda: run_worker(cluster, guarantee, ROOT / "build/wiretag", model, batch,
                                       options.in_flight, source, options.model_records),
                    lambda: run_loop(ROOT / "build/wiretag", model, batch, options.input,
                                     options.model_records)))
    for result in results:
        print(json.dumps(result))


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
