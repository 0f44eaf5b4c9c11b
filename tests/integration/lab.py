"""What a test works with: topics of its own, fake models, workers; all gone when it ends."""

import itertools
import os
import re
from dataclasses import dataclass

import client
import schema
import worker
from broker import ROOT, ExternalBroker
from fake import FakeModel

_numbers = itertools.count(1)

# What workers promise unless a test says more: the product's own default. scripts/test --long gives
# the other one to everything.
GUARANTEE = os.environ.get("WIRETAG_GUARANTEE", "exactly-once")

# How long a group waits for a dead member: short on brokers of ours, the usual minimum elsewhere.
SESSION_MS = 6000 if os.environ.get("KAFKA") else 3000


# The group protocol of workers for which a test names neither a strategy nor a group.instance.id. scripts/test --long
# gives "consumer" to the tests of groups, replays and stops.
GROUP_PROTOCOL = os.environ.get("WIRETAG_GROUP_PROTOCOL", "classic")


def by_protocol(config, protocol="classic"):
    """With group.protocol: consumer (KIP-848) the brokers decide what the consumer's time-outs say otherwise."""
    consumer = config["kafka"]["consumer"]
    if protocol == "consumer" and not {"partition.assignment.strategy", "group.instance.id"} & set(consumer):
        consumer.setdefault("group.protocol", protocol)
    if consumer.get("group.protocol") == "consumer":
        for name in ("session.timeout.ms", "heartbeat.interval.ms"):
            consumer.pop(name, None)
    return config


@dataclass
class Flow:
    """Where a worker reads and writes."""
    bootstrap: str
    group: str
    input: str
    output: str
    dead_letter: str
    guarantee: str

    def config(self, **changes):
        """A config for this flow, the defaults but for names; nested changes on top."""
        output = changes.get("output", {})
        if output.get("form") == "enriched":
            for topic in [self.output, *(route["topic"] for route in output.get("routes", []))]:
                schema.enriched[topic] = output.get("at", "/wiretag")
        config = worker.merge({
            "kafka": {
                "common": {"bootstrap.servers": self.bootstrap},
                "consumer": {"group.id": self.group, "session.timeout.ms": SESSION_MS,
                             "heartbeat.interval.ms": 500},
                "producer": {"linger.ms": 5},
            },
            "input": {"topics": [self.input]},
            "output": {"topic": self.output},
            "dead_letter": {"topic": self.dead_letter},
            "delivery": {"guarantee": self.guarantee},
            "model": {"path": str(ROOT / "models" / "demo.pt")},
            "http": {"listen": None},
            "log": {"format": "text"},
        }, changes)
        return by_protocol(config, GROUP_PROTOCOL)

    def produce(self, records, **options):
        return client.produce(self.bootstrap, self.input, records, **options)

    def labels(self, count=None, **options):
        return client.read_all(self.bootstrap, self.output, count, **options)

    def dead_letters(self, count=None, **options):
        return client.read_all(self.bootstrap, self.dead_letter, count, **options)

    def committed(self):
        return client.committed(self.bootstrap, self.group, self.input)

    def lag(self):
        return client.lag(self.bootstrap, self.group, self.input)

    def wait_done(self, timeout=60):
        """Waits until the group has committed everything that lies in the input topic, and no
        transaction, say of a worker that was killed, hides what lies in the others."""
        client.wait_for(f"lag 0 of {self.group}", lambda: self.lag() == 0, timeout, 0.05)
        for topic in (self.output, self.dead_letter):
            client.wait_for(f"the end of every transaction in {topic}", lambda: not client.open_transactions(
                self.bootstrap, topic), timeout, 0.05)


class Lab:
    """Made by the fixtures `lab` (for one test) and `module_lab` (for the tests of one file)."""

    def __init__(self, name, directory, broker, reaper):
        self.directory = directory
        self.broker = broker
        self.workers = []
        self.guarantee = GUARANTEE
        self._name = re.sub(r"[^A-Za-z0-9]+", "-", name)[:60].strip("-")
        self._reaper = reaper
        self._foreign_topics = []
        self._models = itertools.count(1)

    def unique(self, what):
        """A name that no other test, nor an earlier run on the same cluster, has."""
        return f"{self._name}.{what}.{os.getpid()}-{next(_numbers)}"

    def topic(self, what="topic", partitions=1, config=None, on=None):
        return self.topics([what], partitions, config, on)[0]

    def topics(self, whats, partitions=1, config=None, on=None):
        on = on or self.broker
        names = client.create_topics(on.bootstrap, [self.unique(what) for what in whats], partitions, config)
        if isinstance(on, ExternalBroker):
            self._foreign_topics += names
        return names

    def flow(self, partitions=1, topic_config=None, on=None):
        """Three fresh topics and a group; `on`: another broker than the one that tests share."""
        on = on or self.broker
        names = self.topics(["input", "output", "dead-letter"], partitions, topic_config, on)
        return Flow(on.bootstrap, self.unique("group"), *names, self.guarantee)

    def model(self, tokens_max=512, vocabulary=None, described=None, **behaviour):
        """A bundle for builds with the fake model that behaves as src/model/fake_backend.c says
        (sleep_us_per_call=500, fail_on_token=fake.POISON), and that knows what each text must get."""
        path = self.directory / f"fake-model-{next(self._models)}.json"
        return FakeModel(path, behaviour, tokens_max, vocabulary, described=described)

    def run(self, flow, bundle=None, name=None, arguments=(), **changes):
        """A worker with the fake model (None: one without quirks), of the build that WIRETAG_BUILD
        names if that has the fake model; `changes` of the config: on_error="skip"."""
        changes = worker.merge({"model": {"path": str(bundle or self.model())}}, changes)
        return self.start(flow.config(**changes), name, build=worker.fake_build(), arguments=arguments)

    def run_real(self, flow, name=None, **changes):
        """A worker with models/demo.pt."""
        return self.start(flow.config(**changes), name, build="release")

    def start(self, config, name=None, **options):
        """`wiretag run` (or another command=) with this config as its file."""
        name = name or f"worker-{len(self.workers) + 1}"
        self.workers.append(worker.Worker(self.directory, name, config, reaper=self._reaper, **options))
        return self.workers[-1]

    def close(self, failed):
        """Ends what still runs; a failed test shows the end of each worker's log."""
        for one in self.workers:
            if one.process.poll() is None:
                one.kill()
            if failed:
                print(one.report("when the test failed"))
        # What a test leaves on a cluster of somebody else is removed.
        client.delete_topics(self.broker.bootstrap, self._foreign_topics)
        for one in self.workers:
            one.assert_clean()
