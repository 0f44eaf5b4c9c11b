#!/usr/bin/env python3
"""Measures what scraping the metrics page, or viewers of the live page, cost a worker at full load, in one
run on a local Kafka.

A worker labels a backlog; stretches with 200 scrapes a second, or with so many viewers (--viewers 100),
alternate with stretches without. Printed as one JSON object:

- throughput_ratio: labelled records a second with scrapes over without, the median of neighbouring
  pairs. The scraper itself takes processor time from the worker where both share the cores.
- work_ratio: the same, of labelled records for a second of the worker's own processor time: without
  what the scraper takes.
- cost_ratio: processor time of the thread that answers over that of the whole worker, from /proc,
  during the stretches with scrapes: what the worker pays, whoever else is on the machine.

Needs build/wiretag (scripts/build) and the environment of scripts/setup --test:

    .deps/test-venv/bin/python scripts/bench/scrape.py
"""

import argparse
import json
import re
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from wiretag_bench.cluster import POSTS, ROOT, SAMPLES, free_port, labelled, local_cluster, say
from wiretag_bench.output import to_its_reader


class Scraper(threading.Thread):
    """GETs the page `rate` times a second over one connection, as Prometheus does, until it is stopped."""

    def __init__(self, port, rate):
        super().__init__(daemon=True)
        self.port, self.interval = port, 1 / rate
        self.count = 0
        self.stopping = threading.Event()
        self.buffer = memoryview(bytearray(1 << 18))

    def run(self):
        due = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            while not self.stopping.is_set():
                self.ask(connection)
                self.count += 1
                due += self.interval
                time.sleep(max(0, due - time.monotonic()))

    def ask(self, connection):
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n")
        got = connection.recv_into(self.buffer)
        head = bytes(self.buffer[:512]).split(b"\r\n\r\n")[0]
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit("the page was not there")
        wanted = len(head) + 4 + int(re.search(rb"Content-Length: (\d+)", head).group(1))
        while got < wanted:
            got += connection.recv_into(self.buffer[got:])

    def stop(self):
        self.stopping.set()
        self.join(30)


class Viewers(threading.Thread):
    """Browsers with the live page open, as far as the worker can tell: they read its events as they come."""

    def __init__(self, port, viewers):
        super().__init__(daemon=True)
        self.count = 0  # bytes
        self.stopping = threading.Event()
        self.selector = selectors.DefaultSelector()
        for _ in range(viewers):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.selector.register(connection, selectors.EVENT_READ)

    def run(self):
        while not self.stopping.is_set():
            for key, _ in self.selector.select(0.1):
                got = len(key.fileobj.recv(1 << 18))
                if got == 0:
                    raise SystemExit("a viewer was dropped")
                self.count += got

    def stop(self):
        self.stopping.set()
        self.join(30)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def cpu_seconds(pid):
    """(of the thread that answers, of the whole process)."""
    spent = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            spent[name] = spent.get(name, 0) + int((task / "schedstat").read_text().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            pass  # a thread that has just ended
    return spent["http"], sum(spent.values())


def stand(worker, port):
    """(time, labelled records, processor time). The page may be a tenth of a second old: older than that
    it is written anew."""
    time.sleep(0.15)
    return time.monotonic(), labelled(port), cpu_seconds(worker.pid)


def stretch(worker, port, seconds, rate, client):
    """One stretch of labelling, with `rate` scrapes a second, or so many viewers (0: none)."""
    began, before, cpu_before = stand(worker, port)
    scraper = client(port, rate) if rate else None
    if scraper:
        scraper.start()
    time.sleep(seconds)
    if scraper:
        scraper.stop()
    ended, after, cpu_after = stand(worker, port)
    return {"rate": (after - before) / (ended - began), "http_cpu": cpu_after[0] - cpu_before[0],
            "cpu": cpu_after[1] - cpu_before[1], "scrapes": scraper.count if scraper else 0,
            "passed": ended - began}


def quartiles(ratios):
    """How far single pairs are apart: on a shared machine often further than what is measured."""
    first, _, third = statistics.quantiles(ratios, n=4)
    return [round(first, 4), round(third, 4)]


def measure(worker, port, options, wanted):
    deadline = time.monotonic() + 120
    while labelled(port) == 0:
        if worker.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the worker does not label; build/wiretag run says why")
        time.sleep(0.2)
    pairs = []
    for repeat in range(options.repeats):
        # Each goes first in turn: what drifts cancels out.
        client, rate = (Viewers, options.viewers) if options.viewers else (Scraper, options.rate)
        rates = (0, rate) if repeat % 2 else (rate, 0)
        first, second = (stretch(worker, port, options.seconds, rate, client) for rate in rates)
        if labelled(port) >= wanted:
            raise SystemExit("the backlog ran out before the stretches ended: raise --records")
        scraped, without = (second, first) if repeat % 2 else (first, second)
        pairs.append((scraped, without))
        say(f"  {repeat + 1}/{options.repeats}: {scraped['rate']:,.0f} / {without['rate']:,.0f} articles/s "
            f"= {scraped['rate'] / without['rate']:.3f}; the page took "
            f"{scraped['http_cpu'] / scraped['cpu']:.4f} of the worker's processor time")
    scrapes = sum(scraped["scrapes"] for scraped, _ in pairs)
    http_cpu = sum(scraped["http_cpu"] for scraped, _ in pairs)
    throughput = [a["rate"] / b["rate"] for a, b in pairs]
    work = [a["rate"] * a["passed"] / a["cpu"] / (b["rate"] * b["passed"] / b["cpu"]) for a, b in pairs]
    return {
        "throughput_ratio": round(statistics.median(throughput), 4), "throughput_quartiles": quartiles(throughput),
        "work_ratio": round(statistics.median(work), 4), "work_quartiles": quartiles(work),
        "cost_ratio": round(http_cpu / sum(scraped["cpu"] for scraped, _ in pairs), 5),
        **({"viewers": options.viewers} if options.viewers else {}),
        "bytes_per_s" if options.viewers else "scrapes_per_s":
            round(scrapes / sum(scraped["passed"] for scraped, _ in pairs), 1),
        **({} if options.viewers else {"cpu_us_per_scrape": round(http_cpu / scrapes * 1e6, 1)}),
        "articles_per_s": round(statistics.median(b["rate"] for _, b in pairs)),
        "repeats": options.repeats}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "build" / "wiretag")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "demo.pt")
    parser.add_argument("--records", type=int, default=250_000, help="the backlog (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=200, help="scrapes a second (default: %(default)s)")
    parser.add_argument("--viewers", type=int, default=0, help="of the live page, at most 128, instead of scrapes")
    parser.add_argument("--seconds", type=float, default=5, help="of a stretch (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=22, help="pairs, two at least (default: %(default)s)")
    options = parser.parse_args()
    if options.repeats < 2:
        parser.error("--repeats: two at least")
    articles = (POSTS if POSTS.exists() else SAMPLES).read_bytes().splitlines()
    with local_cluster() as cluster, tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        port = free_port()
        source, output = cluster.fill(articles, options.records), cluster.topic()
        json.dump({
            "kafka": {"common": {"bootstrap.servers": cluster.bootstrap},
                      "consumer": {"group.id": output}},
            "input": {"topics": [source]}, "output": {"topic": output, "timestamp": "now"},
            # Labels are counted as they are committed: often, so that a stretch has few too many or too few.
            "delivery": {"commit_interval_ms": 50}, "dead_letter": None, "on_error": "stop", "model": {"path": str(options.model)},
            "http": {"listen": f"127.0.0.1:{port}"}}, config)
        config.flush()
        worker = subprocess.Popen([options.binary, "run", "-c", config.name], cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            print(json.dumps(measure(worker, port, options, options.records)))
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
