"""Fixtures of the integration tests: a broker, topics of one's own, workers that end with the test."""

import itertools
import json
import os
import re
import signal
from dataclasses import dataclass

import client
import pytest
import worker
from broker import ROOT, Broker, ExternalBroker


def pytest_configure(config):
    # End in good order: fixtures are torn down, brokers and workers stopped.
    def interrupt(_number, _frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed_in_call = outcome.get_result().failed


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """The broker that tests share: one node, or the cluster that KAFKA names."""
    if os.environ.get("KAFKA"):
        started = ExternalBroker(os.environ["KAFKA"])
    else:
        started = Broker(tmp_path_factory.mktemp("broker"))
    yield started
    started.close()


@pytest.fixture
def own_broker(tmp_path):
    """Makes brokers for one test alone: own_broker(nodes=3, settings={"message.max.bytes": 2000000})."""
    if os.environ.get("KAFKA"):
        pytest.skip("the test needs a broker of its own, and KAFKA names another one")
    made = []

    def make(nodes=1, settings=None):
        made.append(Broker(tmp_path / f"broker-{len(made)}", nodes, settings))
        return made[-1]

    yield make
    for started in made:
        started.close()


_numbers = itertools.count(1)


def unique(request, what):
    """A name that no other test, nor an earlier run on the same cluster, has."""
    test = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:60].strip("-")
    return f"{test}.{what}.{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def make_topic(request, broker):
    """make_topic(what="input", partitions=6, config={...}, on=other_broker) creates one; returns its name."""
    made = []

    def make(what="topic", partitions=1, config=None, on=None):
        on = on or broker
        made.append((on, client.create_topic(on.bootstrap, unique(request, what), partitions, config)))
        return made[-1][1]

    yield make
    # What a test leaves on a cluster of somebody else is removed.
    client.delete_topics(broker.bootstrap, [
        name for on, name in made if isinstance(on, ExternalBroker)])


@dataclass
class Flow:
    """Where a worker reads and writes."""
    bootstrap: str
    group: str
    input: str
    output: str
    dead_letter: str

    def config(self, **changes):
        """A config for this flow, the defaults but for names; nested changes on top."""
        return worker.merge({
            "kafka": {
                "common": {"bootstrap.servers": self.bootstrap},
                "consumer": {"group.id": self.group, "session.timeout.ms": 6000,
                             "heartbeat.interval.ms": 500},
                "producer": {"linger.ms": 5},
            },
            "input": {"topics": [self.input]},
            "output": {"topic": self.output},
            "dead_letter": {"topic": self.dead_letter},
            "delivery": {"guarantee": "at-least-once"},
            "model": {"path": os.environ.get("WIRETAG_MODEL_PATH", str(ROOT / "models" / "demo.pt"))},
            "http": {"listen": None},
            "log": {"format": "text"},
        }, changes)

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
        """Waits until the group has committed everything that lies in the input topic."""
        client.wait_for(f"lag 0 of {self.group}", lambda: self.lag() == 0, timeout, 0.2)


@pytest.fixture
def make_flow(request, broker, make_topic):
    """make_flow(partitions=6, topic_config={...}, on=other_broker): three fresh topics and a group."""

    def make(partitions=1, topic_config=None, on=None):
        on = on or broker
        names = [make_topic(what, partitions, topic_config, on)
                 for what in ("input", "output", "dead-letter")]
        return Flow(on.bootstrap, unique(request, "group"), *names)

    return make


@pytest.fixture
def fake_model(tmp_path):
    """fake_model(sleep_us_per_call=500, fail_on_token="..."): a bundle for builds with the fake model,
    that behaves as src/model/fake_backend.c says. For flow.config(model={"path": ...})."""
    numbers = itertools.count(1)

    def make(**behaviour):
        bundle = json.loads((ROOT / "tests/golden/fake-model.json").read_text(encoding="utf-8"))
        bundle["behaviour"] = {**bundle.get("behaviour", {}), **behaviour}
        path = tmp_path / f"fake-model-{next(numbers)}.json"
        path.write_text(json.dumps(bundle, ensure_ascii=False), encoding="utf-8")
        return str(path)

    return make


@pytest.fixture(scope="session")
def reaper():
    started = worker.Reaper()
    yield started
    started.close()


@pytest.fixture
def run_worker(request, tmp_path, reaper):
    """run_worker(flow.config(...), build="fake", arguments=[...]) starts `wiretag run`; what still runs
    when the test ends is killed. A failed test shows the end of each worker's log."""
    started = []

    def run(config, name=None, **options):
        name = name or f"worker-{len(started) + 1}"
        started.append(worker.Worker(tmp_path, name, config, reaper=reaper, **options))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.kill()
        if getattr(request.node, "failed_in_call", False):
            print(one._report("when the test failed"))
    for one in started:
        one.assert_clean()
