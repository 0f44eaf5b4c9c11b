"""Fixtures of the integration tests: a broker, topics of one's own, workers that end with the test."""

import contextlib
import os
import signal
import time

import browser
import client
import pytest
import secured
import worker
from broker import Broker, ExternalBroker
from conductor import Cluster
from confluent_kafka import KafkaException
from lab import Lab


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


@pytest.fixture(scope="module")
def modules_broker(tmp_path_factory):
    if os.environ.get("KAFKA"):
        pytest.skip("the tests need a broker of their own, and KAFKA names another one")
    started = Broker(tmp_path_factory.mktemp("fragile"))
    yield started
    started.close()


@pytest.fixture
def fragile(modules_broker):
    """A broker that the tests of a file may stop, kill and pause; each finds it running, however the one
    before has ended."""
    for _ in range(4):
        modules_broker.revive()
        # After a pause the controller may keep its only broker fenced: it runs, and nothing can be created.
        with contextlib.suppress(KafkaException, TimeoutError, AssertionError):
            client.create_topic(modules_broker.bootstrap, f"serves-{time.monotonic_ns()}", timeout=20)
            return modules_broker
        client.forget(modules_broker.bootstrap)
        modules_broker.kill()
    pytest.fail("the broker serves nobody, although it was started anew four times")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A broker of the module's own, and a proxy before it (`.proxied`) that holds and drops what `.proxy` is told."""
    if os.environ.get("KAFKA"):
        pytest.skip("the test needs a broker of its own, and KAFKA names another one")
    started = Cluster(tmp_path_factory.mktemp("cluster"), 1, 0)
    yield started
    started.close()


@pytest.fixture(scope="session")
def secured_cluster(tmp_path_factory):
    """A broker with a listener for each way in (secured.py), and the topics in, out and dead."""
    if os.environ.get("KAFKA"):
        pytest.skip("the tests need a broker of their own, and KAFKA names another one")
    started = secured.Secured(tmp_path_factory.mktemp("secured"))
    client.create_topics(started.bootstrap, ["in", "out", "dead"])
    yield started
    started.close()


@pytest.fixture(scope="session")
def reaper():
    started = worker.Reaper()
    yield started
    started.close()


@pytest.fixture
def lab(request, tmp_path, broker, reaper):
    """Topics, fake models and workers of one test (lab.py)."""
    made = Lab(request.node.name, tmp_path, broker, reaper)
    yield made
    made.close(getattr(request.node, "failed_in_call", False))


@pytest.fixture(scope="module")
def module_lab(request, tmp_path_factory, broker, reaper):
    """The same, shared by the tests of a file."""
    name = request.path.stem
    made = Lab(name, tmp_path_factory.mktemp(name), broker, reaper)
    yield made
    made.close(request.session.testsfailed > 0)


@pytest.fixture(params=["exactly-once", "at-least-once"])
def guarantee(request, lab):
    """The test holds for both; the flows that `lab` makes have this one."""
    lab.guarantee = request.param
    return request.param


@pytest.fixture
def make_topic(lab):
    """make_topic(what="input", partitions=6, config={...}, on=other_broker) creates one; returns its name."""
    return lab.topic


@pytest.fixture(scope="module")
def chromium():
    driver, started = browser.start()
    yield started
    started.close()
    driver.stop()
