"""Records a run of two workers: steady news, a burst, some broken records. Prometheus scrapes them all the while."""

import contextlib
import gzip
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import prometheus_server

from wiretag_board import panels

ROOT = panels.ROOT
sys.path.insert(0, str(ROOT / "scripts" / "bench"))

from wiretag_bench import cluster as bench  # noqa: E402 (its folder is known only now)

RATE = 60  # articles a second
SLICE_S = 0.25


@contextlib.contextmanager
def worker(cluster, folder, name, source, output, refused):
    """A worker on the demonstration's model; its port."""
    port = bench.free_port()
    config = {"kafka": {"common": {"bootstrap.servers": cluster.bootstrap}, "consumer": {"group.id": output}},
              "input": {"topics": [source]}, "output": {"topic": output, "timestamp": "now"},
              "dead_letter": {"topic": refused},
              "model": {"path": str(ROOT / "models/demo.pt"), "replicas": 1},
              "http": {"listen": f"127.0.0.1:{port}"}}
    (folder / f"{name}.yaml").write_text(json.dumps(config), encoding="utf-8")
    with open(folder / f"{name}.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([ROOT / "build/wiretag", "run", "-c", folder / f"{name}.yaml"], stderr=log)
        try:
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def feed(cluster, source, seconds, burst):
    """News at a steady rate; after a third of the time a burst; in the fourth fifth one in ten is broken."""
    producer = bench.Producer({"bootstrap.servers": cluster.bootstrap, "queue.buffering.max.messages": 1_000_000})
    articles = bench.SAMPLES.read_bytes().splitlines()
    chance = random.Random(1)
    began, sent, burst_sent = time.monotonic(), 0, False

    def send(broken):
        producer.produce(source, b"no JSON" if broken else chance.choice(articles), key=str(chance.random()).encode())

    while (now := time.monotonic() - began) < seconds:
        if not burst_sent and now > seconds / 3:
            burst_sent = True
            for _ in range(burst):
                send(broken=False)
                producer.poll(0)
        while sent < RATE * now:
            send(broken=0.6 < now / seconds < 0.8 and chance.random() < 0.1)
            sent += 1
        producer.poll(0)
        time.sleep(SLICE_S)
    producer.flush()


def write(path, result, wanted):
    """The samples of the wanted families, as OpenMetrics with times."""
    lines = []
    for series in result:
        labels = {name: value for name, value in series["metric"].items() if name != "job"}
        name = labels.pop("__name__")
        if name in wanted:
            braces = ",".join(f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in sorted(labels.items()))
            lines += [f"{name}{{{braces}}} {number} {moment:.3f}" for moment, number in series["values"]]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n# EOF\n").encode(), mtime=0))


def record(path, seconds, burst):
    with tempfile.TemporaryDirectory(prefix="wiretag-board-") as folder, bench.local_cluster() as cluster, \
            contextlib.ExitStack() as stack:
        folder = Path(folder)
        source, output, refused = cluster.topic(), cluster.topic(), cluster.topic()
        ports = [stack.enter_context(worker(cluster, folder, name, source, output, refused)) for name in ("one", "two")]
        server = prometheus_server.Server(folder, {
            "global": {"scrape_interval": f"{panels.SCRAPE_S}s", "scrape_timeout": f"{panels.SCRAPE_S}s"},
            "scrape_configs": [{"job_name": "wiretag", "static_configs": [
                {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": f"worker-{number}"}}
                for number, port in enumerate(ports, 1)]}]})
        stack.callback(server.close)
        feed(cluster, source, seconds, burst)
        result = server.ask("query", query=f'{{job="wiretag"}}[{int(seconds) + 60}s]')["result"]
        wanted = panels.families(panels.read([*panels.NUMBERS, *panels.GRAPHS]))
        topics = {source: "news.articles", output: "news.labelled", refused: "news.labelled.dlq"}
        for series in result:
            series["metric"] = {name: topics.get(value, value) for name, value in series["metric"].items()}
        write(Path(path), result, wanted)
