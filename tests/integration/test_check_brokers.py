"""wiretag check names what keeps it, and a worker, from the brokers, and ends within 30 seconds whatever they do;
so do the other commands, and a worker says it while it waits."""

import contextlib
import re
import socket
import subprocess
import threading
import time

import pytest
import worker
from broker import ROOT, Broker
from checking import bad, check
from client import article
from confluent_kafka.admin import AdminClient, NewTopic

# All there is for brokers, beside starting the program on a busy machine.
SECONDS_MAX = 30


class Listener:
    """A port of this machine behind which there is no Kafka. `manner`: silent (takes connections and says nothing),
    full (takes none: its queue is full), closing, web (answers as a web server), refusing (nobody listens)."""

    def __init__(self, manner, port=0):
        self.manner = manner
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.held = []
        if manner == "full":
            self.socket.listen(0)
            for _ in range(4):
                self._fill()
        elif manner != "refusing":
            self.socket.listen(64)
            threading.Thread(target=self._serve, daemon=True).start()

    def _fill(self):
        filler = socket.socket()
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect(("127.0.0.1", self.port))
        self.held.append(filler)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self.socket.accept()
                if self.manner == "closing":
                    taken.close()
                    continue
                self.held.append(taken)
                if self.manner == "web":
                    taken.recv(1)
                    taken.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        for one in [self.socket, *self.held]:
            one.close()


@pytest.fixture
def listener():
    made = []

    def make(manner, port=0):
        made.append(Listener(manner, port))
        return made[-1]

    yield make
    for one in made:
        one.close()


@contextlib.contextmanager
def in_time():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SECONDS_MAX


def check_at(lab, servers, **common):
    with in_time():
        return check(lab, lab.flow(), kafka={"common": {"bootstrap.servers": servers, **common}})


# --- addresses of bootstrap.servers ---


@pytest.mark.parametrize("manner, part", [
    ("silent", "accepts connections and answers nothing"), ("full", "the connection times out"),
    ("web", "does not speak Kafka's protocol"), ("closing", "closes each connection"), ("refusing", "Connection refused")])
def test_a_port_that_is_no_broker_is_named_with_what_is_wrong_with_it(lab, listener, manner, part):
    address = listener(manner).address
    status, found = check_at(lab, address)
    assert (status, bad(found)) == (1, {"broker-unreachable"})
    finding, = found["broker-unreachable"]
    assert address in finding["message"] and finding["remedy"]
    assert part in finding["message"]
    assert found["model"][0]["level"] == "ok", "the rest is looked at all the same"


def test_the_port_of_a_controller_is_named_and_a_worker_waits(lab):
    port = re.search(r"ListenerName\(CONTROLLER\)=[^:,}]*:(\d+)", lab.broker.log())[1]
    status, found = check_at(lab, f"127.0.0.1:{port}")
    assert (status, bad(found)) == (1, {"broker-unreachable"})
    finding, = found["broker-unreachable"]
    assert f"127.0.0.1:{port}" in finding["message"] and "the port of a KRaft controller" in finding["message"]
    assert "controller.listener.names" in finding["remedy"]
    flow = lab.flow()
    running = lab.run(flow, kafka={"common": {"bootstrap.servers": f"127.0.0.1:{port}"}})
    running.wait_log("waiting for a broker: .* the port of a KRaft controller")
    assert running.stop() == 0 and "METADATA" not in running.stderr


def test_a_port_that_does_not_answer_a_handshake_is_named(lab, listener):
    address = listener("silent").address
    status, found = check_at(lab, address, **{"security.protocol": "ssl"})
    assert (status, bad(found)) == (1, {"broker-unreachable"})
    assert address in found["broker-unreachable"][0]["message"] and "TLS" in found["broker-unreachable"][0]["message"]


def test_tls_spoken_to_a_port_without_it_is_named_with_its_setting(lab):
    status, found = check_at(lab, lab.broker.bootstrap, **{"security.protocol": "ssl"})
    assert (status, bad(found)) == (1, {"broker-unreachable"})
    assert lab.broker.bootstrap in found["broker-unreachable"][0]["message"]
    assert "security.protocol" in found["broker-unreachable"][0]["remedy"]


def test_servers_that_do_not_answer_are_named_beside_one_that_does(lab, listener):
    silent, refusing = listener("silent").address, listener("refusing").address
    servers = f"nowhere.invalid:9092, {silent},{lab.broker.bootstrap},{refusing}"
    status, found = check_at(lab, servers)
    assert (status, bad(found)) == (1, {"bootstrap-server"})
    messages = [one["message"] for one in found["bootstrap-server"]]
    assert len(messages) == 3 and all(one["level"] == "warning" for one in found["bootstrap-server"])
    assert "nowhere.invalid:9092: its name cannot be resolved" in messages[0]
    assert messages[1].startswith(f"{silent}: ") and messages[2].startswith(f"{refusing}: ")
    assert found["right-read"][0]["level"] == "ok", "the rest is looked at by the one that answers"


def test_a_worker_names_at_its_start_every_server_that_does_not_answer_in_one_line_each(lab, listener):
    silent, refusing = listener("silent").address, listener("refusing").address
    flow = lab.flow()
    servers = f"{silent},{flow.bootstrap},{refusing}"
    running = lab.run(flow, kafka={"common": {"bootstrap.servers": servers}}).wait_ready()
    assert running.stop() == 0
    lines = [line for line in running.stderr.splitlines() if " WARN " in line]
    for address, part in (silent, "accepts connections and answers nothing"), (refusing, "Connection refused"):
        named, = [line for line in lines if address in line]
        assert part in named, named


def test_findings_are_printed_while_others_are_still_looked_for(lab, listener):
    path = lab.directory / "slow.yaml"
    config = lab.flow().config(kafka={"common": {"bootstrap.servers": listener("silent").address}},
                               model={"path": str(lab.model())})
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    process = subprocess.Popen([worker.binary(worker.fake_build()), "check", "-c", path], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        lines = [process.stdout.readline() for _ in range(3)]
        assert process.poll() is None, "the broker is still being waited for"
        assert "the configuration is complete" in lines[0] and "model.path" in lines[2]
        assert "checking: brokers and their addresses" in process.stderr.readline()
        assert process.wait(SECONDS_MAX) == 1


# --- addresses that brokers give out ---


@pytest.fixture(scope="module")
def misled(tmp_path_factory):
    """A broker with topics whose advertised.listeners leads to a port where it is not: (broker, port)."""
    with contextlib.closing(Listener("refusing")) as kept:  # nobody else is given the port meanwhile
        started = Broker(tmp_path_factory.mktemp("misled"),
                         settings={"advertised.listeners": f"PLAINTEXT://127.0.0.1:{kept.port}"})
        yield started, kept.port
        started.close()


@pytest.fixture(scope="module")
def unresolvable(tmp_path_factory):
    started = Broker(tmp_path_factory.mktemp("unresolvable"),
                     settings={"advertised.listeners": "PLAINTEXT://broker.invalid:29999"})
    yield started
    started.close()


@pytest.mark.parametrize("manner, part", [
    ("silent", "accepts connections and answers nothing"), ("full", "the connection times out"),
    ("web", "does not speak Kafka's protocol"), ("refusing", "Connection refused")])
def test_an_advertised_address_that_is_no_broker_is_named_with_its_setting(lab, misled, listener, manner, part):
    started, port = misled
    listener(manner, port)
    status, found = check_at(lab, started.bootstrap)
    assert (status, bad(found)) == (1, {"advertised-listener"})
    finding, = found["advertised-listener"]
    assert f"broker 1 advertises the address 127.0.0.1:{port} (advertised.listeners)" in finding["message"]
    assert part in finding["message"] and "advertised.listeners" in finding["remedy"]


def test_an_advertised_name_that_cannot_be_resolved_is_named_with_its_setting(lab, unresolvable):
    status, found = check_at(lab, unresolvable.bootstrap)
    assert (status, bad(found)) == (1, {"advertised-listener"})
    message = found["advertised-listener"][0]["message"]
    assert "broker.invalid:29999" in message and "advertised.listeners" in message and "cannot be resolved" in message


def test_a_worker_names_it_and_waits(lab, unresolvable):
    flow = lab.flow()
    running = lab.run(flow, kafka={"common": {"bootstrap.servers": unresolvable.bootstrap}},
                      http={"listen": "127.0.0.1:0"})
    running.wait_log(r"broker\.invalid:29999 \(advertised\.listeners\).+cannot be resolved")
    status, body = running.http("/readyz")
    assert status == 503 and "broker.invalid:29999" in body
    assert running.process.poll() is None and running.stop() == 0


COMMANDS = {
    "explain": ("in:0:0",),
    "replay": ("--from", "earliest", "--to", "latest", "--name", "n", "--same-topic"),
    "redrive": (),
    "bench": ("pipeline", "--input", ROOT / "data" / "samples.jsonl", "--seconds", "1")}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("manner", ["silent", "unresolvable"])
def test_other_commands_end_with_the_cause(lab, request, listener, manner, command):
    if manner == "silent":
        started, port = request.getfixturevalue("misled")
        address = listener("silent", port).address
    else:
        started, address = request.getfixturevalue("unresolvable"), "broker.invalid:29999"
    path = lab.directory / "command.yaml"
    config = lab.flow().config(kafka={"common": {"bootstrap.servers": started.bootstrap}},
                               model={"path": str(lab.model())})
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    arguments = COMMANDS[command]
    inner = [arguments[0]] if command == "bench" else []
    with in_time():
        done = subprocess.run([worker.binary(worker.fake_build()), command, *inner, "-c", path, *arguments[len(inner):]],
                              cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert address in done.stderr and "advertised.listeners" in done.stderr


# --- coordinators ---


def topics_on(started, *names):
    admin = AdminClient({"bootstrap.servers": started.bootstrap})
    for future in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        future.result(30)


CANNOT = [
    ({"transaction.state.log.replication.factor": 3}, "coordinator-transactions", "transaction.state.log.replication.factor"),
    ({"transaction.state.log.min.isr": 2}, "coordinator-transactions", "transaction.state.log.min.isr"),
    ({"offsets.topic.replication.factor": 3}, "coordinator-group", "offsets.topic.replication.factor")]


@pytest.mark.parametrize("settings, name, setting", CANNOT, ids=[setting for _, _, setting in CANNOT])
def test_a_coordinator_that_cannot_be_had_is_named_with_the_brokers_setting(lab, own_broker, settings, name, setting):
    started = own_broker(settings=settings)
    flow = lab.flow(on=started)
    with in_time():
        status, found = check(lab, flow, delivery={"guarantee": "exactly-once"})
    assert (status, bad(found)) == (1, {name})
    assert setting in found[name][0]["message"] + found[name][0]["remedy"]
    running = lab.run(flow, delivery={"guarantee": "exactly-once"})
    running.wait_log(r"WARN  check .+" + setting.replace(".", r"\."))
    assert running.process.poll() is None
    running.stop()


def test_more_replicas_in_sync_than_there_are_keep_nobody_from_transactions(lab, own_broker):
    """Kafka 4 counts the replicas that there are; check warns, since brokers before 3.7 do not."""
    started = own_broker(settings={"transaction.state.log.min.isr": 2})
    flow = lab.flow(on=started)
    flow.output = lab.topic("output", 1, {"min.insync.replicas": "2"}, on=started)
    flow.produce([article("мяч")])
    running = lab.run(flow, delivery={"guarantee": "exactly-once"})
    assert flow.labels(1)
    running.stop()
    with in_time():
        status, found = check(lab, flow, delivery={"guarantee": "exactly-once"})
    assert (status, bad(found)) == (1, {"coordinator-transactions", "topic-insync"})
    for name in bad(found):
        assert [one["level"] for one in found[name] if one["level"] != "ok"] == ["warning"]
    assert "min.insync.replicas" in found["coordinator-transactions"][0]["remedy"]
    replay = lab.start(flow.config(model={"path": str(lab.model())}, delivery={"guarantee": "exactly-once"}), build="fake",
                       command=("replay",), arguments=["--from", "earliest", "--to", "latest", "--name", "again", "--same-topic"])
    assert replay.wait_exit() == 0


def test_brokers_that_stand_still_are_named_in_time(lab, own_broker):
    started = own_broker()
    flow = lab.flow(on=started)
    flow.produce([article("мяч")])
    started.pause()
    try:
        with in_time():
            status, found = check(lab, flow)
        assert (status, bad(found)) == (1, {"broker-unreachable"})
        assert flow.bootstrap in found["broker-unreachable"][0]["message"]
    finally:
        started.resume()
