"""The local broker: what the quick start and every integration test stand on."""

import os
import signal
import subprocess
import time

import client
import pytest
from broker import SCRIPTS
from client import Record
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient


def script(name, *arguments):
    return subprocess.run([SCRIPTS / name, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def runs(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return "State:\tZ" not in status.read()
    except FileNotFoundError:
        return False


def test_records_come_back_as_they_were_produced(broker, make_topic):
    topic = make_topic(partitions=2)
    sent = [
        Record(b"value", b"key", [("h", b"1"), ("h", None), ("h", b"")], partition=1, timestamp=1_600_000_000_123),
        Record(None, b"tombstone", partition=1, timestamp=1_600_000_000_124),
        Record(b"", partition=0, timestamp=1_600_000_000_125),
    ]
    assert client.produce(broker.bootstrap, topic, sent) == [(1, 0), (1, 1), (0, 0)]
    got = client.read_all(broker.bootstrap, topic)
    assert [(m.partition, m.offset, m.key, m.value, m.headers, m.timestamp) for m in got] == [
        (0, 0, None, b"", [], 1_600_000_000_125),
        (1, 0, b"key", b"value", [("h", b"1"), ("h", None), ("h", b"")], 1_600_000_000_123),
        (1, 1, b"tombstone", None, [], 1_600_000_000_124),
    ]


def test_reading_stops_at_the_end_and_counting_waits_for_more(broker, make_topic):
    topic = make_topic(partitions=3)
    assert client.read_all(broker.bootstrap, topic) == []
    with pytest.raises(AssertionError, match="0 of 1 records"):
        client.read_all(broker.bootstrap, topic, count=1, timeout=2)
    client.produce(broker.bootstrap, topic, [b"%d" % number for number in range(1000)])
    assert len(client.read_all(broker.bootstrap, topic, count=1)) >= 1
    assert len(client.read_all(broker.bootstrap, topic)) == 1000


def test_what_a_transaction_aborted_is_not_read(broker, make_topic):
    topic = make_topic()
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": topic})
    producer.init_transactions(30)
    for value, end in ((b"kept", producer.commit_transaction), (b"aborted", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(10)
        end(30)
    assert [m.value for m in client.read_all(broker.bootstrap, topic)] == [b"kept"]
    assert [m.value for m in client.read_all(broker.bootstrap, topic, isolation="read_uncommitted")] == [
        b"kept", b"aborted"]


def test_an_unknown_topic_is_not_created(broker):
    with pytest.raises(AssertionError, match="not delivered"):
        client.produce(broker.bootstrap, "nobody-made-this", [b"x"], **{"message.timeout.ms": 1500})
    assert "nobody-made-this" not in AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics().topics


def test_starting_twice_and_stopping_twice_are_fine(own_broker):
    broker = own_broker()
    pid = broker.pid()
    broker.start()
    assert broker.pid() == pid
    assert script("status", "--dir", broker.directory).returncode == 0
    broker.stop()
    broker.stop()
    assert not runs(pid)
    stopped = script("status", "--dir", broker.directory)
    assert stopped.returncode == 1 and "stopped" in stopped.stdout


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_data_and_port_outlive_a_restart(own_broker, kill):
    broker = own_broker(settings={"message.max.bytes": 2_000_000})
    topic = client.create_topic(broker.bootstrap, "kept", 2)
    client.produce(broker.bootstrap, topic, [b"x" * 1_500_000])
    before = broker.bootstrap
    broker.restart(kill=kill)
    assert (broker.directory / "bootstrap").read_text().strip() == before
    client.produce(broker.bootstrap, topic, [b"y" * 1_500_000])
    assert len(client.read_all(broker.bootstrap, topic)) == 2


def test_a_paused_broker_answers_nothing_until_it_is_resumed(own_broker):
    broker = own_broker()
    topic = client.create_topic(broker.bootstrap, "slow")
    broker.pause()
    with pytest.raises(AssertionError, match="not delivered"):
        client.produce(broker.bootstrap, topic, [b"x"], timeout=3)
    broker.resume()
    client.produce(broker.bootstrap, topic, [b"x"])


def test_three_nodes_take_writes_of_all_replicas_with_one_node_killed(own_broker):
    broker = own_broker(nodes=3)
    topic = client.create_topic(broker.bootstrap, "replicated", 6)
    client.produce(broker.bootstrap, topic, [b"%d" % number for number in range(100)])
    broker.kill(node=2)
    client.produce(broker.bootstrap, topic, [b"%d" % number for number in range(100, 200)], acks="all")
    # A new leader may learn a moment late how far all replicas are, hence the count.
    assert sorted(int(m.value) for m in client.read_all(broker.bootstrap, topic, 200)) == list(range(200))
    broker.start(node=2)
    assert script("status", "--dir", broker.directory).returncode == 0


def test_a_broker_ends_with_the_process_that_it_was_tied_to(tmp_path):
    owner = subprocess.Popen(["sleep", "600"])
    assert script("start", "--dir", tmp_path, "--while", owner.pid).returncode == 0
    pid = int((tmp_path / "node-1" / "pid").read_text())
    time.sleep(1)
    assert runs(pid)
    owner.kill()
    owner.wait()
    client.wait_for("the broker to end", lambda: not runs(pid))


def test_an_interrupted_start_leaves_nothing_running(tmp_path):
    starting = subprocess.Popen([SCRIPTS / "start", "--dir", tmp_path], stderr=subprocess.PIPE)
    client.wait_for("the node's process", lambda: (tmp_path / "node-1" / "pid").exists(), interval=0.01)
    pid = int((tmp_path / "node-1" / "pid").read_text())
    starting.send_signal(signal.SIGTERM)
    assert starting.wait(60) == 1
    client.wait_for("the broker to end", lambda: not runs(pid))


@pytest.mark.parametrize("arguments, status, message", [
    (["--nodes", "2"], 2, "--nodes 2: 1 or 3"),
    (["--port", "http"], 2, "--port http: a number or free"),
    (["--set", "nonsense"], 2, "--set nonsense: KEY=VALUE"),
    (["--dirs", "x"], 2, "unknown argument: --dirs"),
    (["--node", "1"], 2, "holds no cluster yet"),
    (["--set", "num.io.threads=many"], 1, "num.io.threads"),
])
def test_bad_arguments_are_named(tmp_path, arguments, status, message):
    done = script("start", "--dir", tmp_path, *arguments)
    assert done.returncode == status
    assert message in done.stderr


def test_a_taken_port_is_named(tmp_path, own_broker):
    port = own_broker().bootstrap.rsplit(":", 1)[1]
    done = script("start", "--dir", tmp_path / "second", "--port", port)
    assert done.returncode == 1 and f"port {port} is taken" in done.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = script("start", "--dir", tmp_path / "file" / "folder")
    assert done.returncode == 1 and "Name a folder you may write to" in done.stderr


def test_it_starts_where_ports_cannot_be_claimed(tmp_path):
    """What sudo has set up belongs to root."""
    folder = tmp_path / "cluster"
    try:
        started = subprocess.run([SCRIPTS / "start", "--dir", folder], capture_output=True, text=True, timeout=120,
                                 env={**os.environ, "WIRETAG_KAFKA_PORT_CLAIMS": "/dev/null/ports"})
        assert started.returncode == 0, started.stderr
        assert started.stdout == (folder / "bootstrap").read_text()
    finally:
        script("stop", "--dir", folder, "--now")


def test_a_port_that_another_start_has_claimed_is_not_taken(tmp_path):
    """It is free until the other's node listens, seconds later."""
    claims = tmp_path / "ports"
    claims.mkdir()
    for port in range(20000, 32000):
        (claims / str(port)).mkdir()
    started = subprocess.run([SCRIPTS / "start", "--dir", tmp_path / "cluster"], capture_output=True, text=True, timeout=60,
                             env={**os.environ, "WIRETAG_KAFKA_PORT_CLAIMS": str(claims)})
    assert started.returncode == 1 and "no free port found" in started.stderr
