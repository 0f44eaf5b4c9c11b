"""Plays a plan: three workers, six partitions, a broker or three behind the proxy, articles with ids,
and in the end the books."""

import json
import random
import re
import threading
import time
from pathlib import Path

import client
import lab
import ledger
import plan
import worker
from broker import Broker
from confluent_kafka import Producer
from fake import POISON, FakeModel
from proxy import Fault, Proxy

PARTITIONS = 6
TOPICS = INPUT, OUTPUT, DEAD_LETTERS = "chaos.articles", "chaos.labelled", "chaos.labelled.dlq"
GROUP = "chaos"
SESSION_MS, TRANSACTION_MS = 3000, 6000
SETTLE_S = 90
# How a worker ends whose group.instance.id another one took.
FENCED = re.compile("the consumer cannot go on: .*FENCED_INSTANCE_ID")
# What a killed worker's name may hold of the log around a finding.
AROUND_S = 2.0


class Cluster:
    """Brokers whose workers reach them through the proxy alone, the test itself directly."""

    def __init__(self, directory, nodes, seed):
        self.proxy = Proxy(nodes, victims="chaos-", seed=seed)
        try:
            self.broker = Broker(directory, nodes)
            self.broker.stop()
            ports = [self._add_listener(node) for node in range(1, nodes + 1)]
            self.proxy.connect(ports)
            self.broker.start()
        except BaseException:
            self.close()
            raise

    def _add_listener(self, node):
        """Gives the node a second listener, advertised at the proxy's port; returns its own port."""
        path = self.broker.directory / f"node-{node}" / "server.properties"
        text = path.read_text()
        port = worker_port()
        address = f"127.0.0.1:{self.proxy.ports[node - 1]}"
        text = re.sub(r"^(listeners=.*)$", rf"\1,PROXIED://127.0.0.1:{port}", text, flags=re.M)
        text = re.sub(r"^(advertised\.listeners=.*)$", rf"\1,PROXIED://{address}", text, flags=re.M)
        text = re.sub(r"^(listener\.security\.protocol\.map=.*)$", r"\1,PROXIED:PLAINTEXT", text, flags=re.M)
        path.write_text(text)
        return port

    @property
    def bootstrap(self):
        return self.broker.bootstrap

    @property
    def proxied(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.proxy.ports)

    def close(self):
        if hasattr(self, "broker"):
            self.broker.close()
        self.proxy.close()


def worker_port():
    """A free port below those that the kernel hands out for outgoing connections."""
    import socket
    while True:
        port = random.randrange(12000, 20000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Feed:
    """Sends `count` articles in bursts spread over `seconds`; ids are 0 to count - 1, 1 % is poison."""

    def __init__(self, bootstrap, topic, count, seconds, seed):
        self._arguments = bootstrap, topic, count, seconds
        self._dice = random.Random(f"feed {seed}")
        self.failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._send(*self._arguments)
        except Exception as failure:  # reported by join
            self.failure = failure

    def _send(self, bootstrap, topic, count, seconds):
        producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True,
                             "linger.ms": 5, "message.timeout.ms": 120_000})
        began = time.monotonic()
        sent = 0
        while sent < count:
            # Now a trickle, now a heap, and something until the end: idle workers withstand everything.
            burst = min(count - sent, self._dice.choice([1, 20, 200, count // 40]))
            due = began + (sent + burst) / count * seconds
            time.sleep(max(0.0, due - time.monotonic()))
            for number in range(sent, sent + burst):
                producer.produce(topic, key=f"{number}", value=self._article(number),
                                 partition=number % PARTITIONS)
                producer.poll(0)
            sent += burst
        left = producer.flush(120)
        assert left == 0, f"{left} articles could not be sent"

    def _article(self, number):
        chance = self._dice.random()
        text = f"новость {number} " + "мяч " * self._dice.randrange(12)
        if chance < 0.003:
            return b'{"id": "%d", "text": broken' % number
        if chance < 0.006:
            return client.article(f"{POISON} {text}", id=f"{number}")
        if chance < 0.010:
            return client.article("  ", id=f"{number}")
        return client.article(text, id=f"{number}")

    def join(self, timeout):
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the feed does not end"
        if self.failure:
            raise self.failure


class Chaos:
    """One run. `changes` go on top of the workers' configuration."""

    def __init__(self, directory, form, seed, cluster, guarantee="exactly-once", round=0, changes=None,
                 say=print, reaper=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.form, self.seed, self.cluster, self.guarantee = form, seed, cluster, guarantee
        self.suffix = f".{round}" if round else ""
        self.changes = changes or {}
        self.say = say
        self.happened = []  # (time, what)
        self.trouble = []  # what else must not be: workers that end by themselves
        self.workers = [None] * plan.WORKERS
        self.leaving = []  # (worker, since, slot)
        self.twins = []  # (worker, slot) of those whose name another worker was given
        self.faults = []
        self.all = []
        self.incarnations = [0] * plan.WORKERS
        self._reaper = reaper
        self._threads = []
        self.model = FakeModel(self.directory / "model.json",
                               {"sleep_us_per_call": 40_000, "fail_on_token": POISON})

    def run(self):
        """Returns the findings; raises if it could not be played to its end."""
        events = plan.make(self.form, self.seed)
        for topic in TOPICS:
            client.create_topic(self.cluster.bootstrap, topic + self.suffix, PARTITIONS)
        try:
            for slot in range(plan.WORKERS):
                self._start(slot)
            self.began = time.monotonic()
            feed = Feed(self.cluster.bootstrap, INPUT + self.suffix, self.form.ids, self.form.seconds,
                        self.seed)
            for event in events:
                self._wait_until(event.at)
                self._play(event)
            self._heal()
            self._await_twins(60)
            feed.join(180)
            self._settle()
            findings = self._balance()
            for slot in range(plan.WORKERS):
                self._leave(slot)
            self._reap(30)
            self._look_for_sanitizers()
            return findings
        finally:
            for one in self.all:
                if one.process.poll() is None:
                    one.kill()

    # The events.

    def _wait_until(self, at):
        while (left := self.began + at - time.monotonic()) > 0:
            self._look_after_workers()
            time.sleep(min(left, 0.2))

    def _play(self, event):
        self.note(f"{event.what} {event.arguments}")
        getattr(self, "_do_" + event.what.replace(" ", "_").replace("-", "_"))(**event.arguments)

    def note(self, what):
        self.happened.append((time.time(), what))

    def _do_kill(self, worker):
        if self.workers[worker] is not None:
            self.workers[worker].kill()
            self.workers[worker] = None

    def _do_start(self, worker):
        if self.workers[worker] is None:
            self._start(worker)

    def _do_leave(self, worker):
        self._leave(worker)

    def _do_pause(self, worker):
        if self.workers[worker] is not None:
            self.workers[worker].pause()

    def _do_resume(self, worker):
        if self.workers[worker] is not None:
            self.workers[worker].resume()

    def _do_twin(self, worker):
        if self.workers[worker] is not None:
            self.twins.append((self.workers[worker], worker))
            self._start(worker)

    def _do_kill_broker(self, node):
        self._in_background(self.cluster.broker.kill, node)

    def _do_start_broker(self, node):
        self._in_background(self.cluster.broker.start, node)

    def _do_fault(self, key, action, seconds, client=""):
        self.faults.append(self.cluster.proxy.arm(Fault(key, action, seconds, client)))

    def _do_cut(self, count):
        self.note(f"{self.cluster.proxy.cut(count)} connections cut")

    def _do_half_open(self, count, seconds):
        self.note(f"{self.cluster.proxy.freeze(count, seconds)} connections half-open")

    def _do_slow(self, seconds, high_s):
        self.cluster.proxy.slow(seconds, 0.0, high_s)

    def _do_fence(self, seconds):
        self.cluster.proxy.fence(seconds)

    def _in_background(self, do, *arguments):
        """Brokers take seconds; the plan goes on. One after the other."""
        before = self._threads[-1] if self._threads else None

        def run():
            if before is not None:
                before.join()
            try:
                do(*arguments)
            except Exception as failure:
                self.trouble.append(f"{do.__name__}{arguments}: {failure}")
        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    # Workers.

    def _start(self, slot):
        if self.form.static_membership:
            # Whoever gives out names starts none before the one that had it has ended.
            while any(one[2] == slot for one in self.leaving):
                self._reap(0.1)
        self.incarnations[slot] += 1
        name = f"worker-{slot}-{self.incarnations[slot]}"
        started = worker.Worker(self.directory, name, self._config(slot), build=worker.fake_build(),
                                reaper=self._reaper)
        self.workers[slot] = started
        self.all.append(started)

    def _config(self, slot):
        return lab.by_protocol(worker.merge({
            "kafka": {
                "common": {"bootstrap.servers": self.cluster.proxied, "client.id": f"chaos-{slot}",
                           "reconnect.backoff.max.ms": 1000, "socket.timeout.ms": 5000},
                "consumer": {"group.id": GROUP + self.suffix, "session.timeout.ms": SESSION_MS,
                             "heartbeat.interval.ms": 300,
                             **({"group.instance.id": f"desk-{slot}"}
                                if self.form.static_membership else {})},
                "producer": {"linger.ms": 2, **(
                    {"transaction.timeout.ms": TRANSACTION_MS} if self.guarantee == "exactly-once" else {})},
            },
            "input": {"topics": [INPUT + self.suffix]},
            "output": {"topic": OUTPUT + self.suffix, "timestamp": "now"},
            "dead_letter": {"topic": DEAD_LETTERS + self.suffix},
            "delivery": {"guarantee": self.guarantee, "commit_interval_ms": 100, "drain_ms_max": 2000},
            "model": {"path": str(self.model), "replicas": 2},
            # 400 articles a second, so that there is always something under way.
            "batch": {"articles_max": 8, "wait_ms_max": 5},
            "http": {"listen": None},
            "log": {"format": "json"},
        }, self.changes), lab.GROUP_PROTOCOL)

    def _leave(self, slot):
        if self.workers[slot] is not None:
            self.workers[slot].signal(worker.signal.SIGTERM)
            self.leaving.append((self.workers[slot], time.monotonic(), slot))
            self.workers[slot] = None

    def _look_after_workers(self):
        for slot, one in enumerate(self.workers):
            if one is not None and one.process.poll() is not None and not self._yield_to_twin(slot):
                self.trouble.append(one.report(f"ended by itself with {one.wait_exit()}"))
                self._start(slot)
        self._reap(0)
        self._reap_twins()

    def _yield_to_twin(self, slot):
        """The worker of `slot` has ended: True if it was fenced by the one whose name it was given, which
        takes its name again where its session had run out meanwhile."""
        for entry in self.twins:
            one, its_slot = entry
            if its_slot == slot and one.process.poll() is None and was_fenced(self.workers[slot]):
                self.twins.remove(entry)
                self.workers[slot] = one
                return True
        return False

    def _reap_twins(self):
        """Looks for workers whose name another one was given: each must be told so, and end."""
        for entry in list(self.twins):
            one, _ = entry
            if one.process.poll() is not None:
                self.twins.remove(entry)
                if not was_fenced(one):
                    self.trouble.append(one.report(f"had a twin and ended with {one.wait_exit()}"))

    def _await_twins(self, timeout):
        deadline = time.monotonic() + timeout
        while self.twins and time.monotonic() < deadline:
            self._look_after_workers()
            time.sleep(0.2)
        self.trouble += [one.report("still runs beside its twin") for one, _ in self.twins]

    def _reap(self, timeout):
        """Looks for workers that were asked to leave."""
        for entry in list(self.leaving):
            one, since, _ = entry
            try:
                status = one.process.wait(timeout) if timeout else one.process.poll()
            except worker.subprocess.TimeoutExpired:
                status = None
            if status is None and time.monotonic() - since > 30:
                self.trouble.append(one.report("does not leave within 30 s"))
                one.kill()
                status = 0
            if status is not None:
                self.leaving.remove(entry)
                # Before the configuration is read the signal's default action holds.
                unborn = status == -worker.signal.SIGTERM and not one.stderr
                if status != 0 and not unborn:
                    self.trouble.append(one.report(f"was asked to leave and ended with {status}"))

    def _look_for_sanitizers(self):
        for one in self.all:
            if found := re.search(worker.SANITIZER, one.stderr):
                self.trouble.append(one.report(f"sanitizer: {found.group(0)}"))

    # The end.

    def _heal(self):
        self.note("heal")
        self.cluster.proxy.heal()
        for thread in self._threads:
            thread.join(60)
        for slot in range(plan.WORKERS):
            self._do_resume(slot)
            self._do_start(slot)

    def _open_ends(self):
        """What is not settled yet, in words."""
        bootstrap = self.cluster.bootstrap
        found = []
        try:
            lag = client.lag(bootstrap, GROUP + self.suffix, INPUT + self.suffix)
            if lag != 0:
                found.append(f"lag {lag}")
            for topic in (OUTPUT + self.suffix, DEAD_LETTERS + self.suffix, "__consumer_offsets"):
                for partition, (stable, end) in client.open_transactions(bootstrap, topic).items():
                    found.append(f"a transaction is open in {topic} [{partition}]: last stable offset "
                                 f"{stable}, end {end}")
        except Exception as failure:
            found.append(f"the broker does not answer: {failure}")
        return found

    def _settle(self):
        began = time.monotonic()
        while self._open_ends():
            self._look_after_workers()
            if time.monotonic() - began > SETTLE_S:
                self.trouble.append(f"not settled after {SETTLE_S} s: {'; '.join(self._open_ends())}")
                break
            time.sleep(0.5)
        self.settled_s = time.monotonic() - began

    def _entries(self):
        """The input as it lies there."""
        entries = []
        for message in client.read_all(self.cluster.bootstrap, INPUT + self.suffix, timeout=120):
            id, becomes, category = message.key.decode(), ledger.DEAD_LETTER, None
            try:
                text = json.loads(message.value)["text"]
            except ValueError:
                text = ""
            if text.strip() and POISON not in text:
                becomes = ledger.LABEL
                if int(id) % 10 == 0:
                    category = self.model.scores(text)[0][0]
            entries.append(ledger.Entry(message.partition, message.offset, id, message.value, becomes,
                                        category))
        ids = sorted(int(entry.id) for entry in entries)
        assert ids == list(range(self.form.ids)), "the feed itself is not complete"
        return entries

    def _balance(self):
        labels, dead_letters = (client.read_all(self.cluster.bootstrap, topic + self.suffix, timeout=120)
                                for topic in (OUTPUT, DEAD_LETTERS))
        self.counts = len(labels), len(dead_letters)
        return ledger.balance(self._entries(), labels, dead_letters,
                              exactly_once=self.guarantee == "exactly-once")

    # What a failure shows.

    def report(self, findings, findings_max=12):
        lines = [f"seed {self.seed}: {ledger.summary(findings)}; logs in {self.directory}"]
        lines += self.trouble
        for finding in findings[:findings_max]:
            lines.append(f"{finding.what}: {finding.text}")
            for near_ms in finding.near_ms[:3]:
                lines.append(f"  around {clock(near_ms / 1000)}:")
                lines += [f"    {line}" for line in self._around(near_ms / 1000)]
        if len(findings) > findings_max:
            lines.append(f"... and {len(findings) - findings_max} more")
        return "\n".join(lines)

    def _around(self, moment):
        """What happened, by the conductor, the proxy and the workers' logs, around a moment."""
        told = [(when, what) for when, what in self.happened + self.cluster.proxy.notes]
        for one in self.all:
            for line in one.stderr.splitlines():
                if (when := log_time(line)) is not None:
                    told.append((when, f"{one.name}: {line}"))
        near = sorted((when, what) for when, what in told if abs(when - moment) < AROUND_S)
        near = near if len(near) <= 40 else near[:20] + [(0, "...")] + near[-20:]
        return [f"{clock(when)} {what}" for when, what in near]


def was_fenced(one):
    return one.process.poll() == 1 and FENCED.search(one.stderr) is not None


def clock(seconds):
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}"


def log_time(line):
    """The moment a line of a worker's log tells, or None."""
    found = re.match(r"(?:{\"time\":\")?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)\.(\d{3})", line)
    if not found:
        return None
    import calendar
    day, second, ms = found.groups()
    return calendar.timegm(time.strptime(f"{day} {second}", "%Y-%m-%d %H:%M:%S")) + int(ms) / 1000
