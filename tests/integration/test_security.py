"""TLS and SASL against a real broker: what works, and what does not is named with its cause, by run and by check."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import time

import client
import pytest
import secured
import worker
from broker import ROOT
from client import Record, article
from lab import Flow

SESSION_S = secured.SESSION_S
# A token's end is a whole second, and its life begins before the log-in: on a busy machine a second or two are gone.
TOKEN_S = SESSION_S + 3
KEY_PASSWORD = 'k"ey s3cret'


@pytest.fixture(scope="module")
def cluster(secured_cluster):
    return secured_cluster


@pytest.fixture
def flow(lab, cluster):
    return lab.flow(on=cluster.broker)


def nowhere(cluster):
    """For a worker that never gets in."""
    return Flow(cluster.bootstrap, "nobody", "in", "out", "dead", "exactly-once")


def checked(lab, flow, common, *arguments, **options):
    """(exit status, {check: [findings]}, everything that was printed) of wiretag check."""
    path = lab.directory / "checked.yaml"
    config = flow.config(kafka={"common": common}, model={"path": str(lab.model())})
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    done = subprocess.run(
        [*options.pop("wrapped", ()), worker.binary(worker.fake_build()), "check", "-c", path, "--json", *arguments], cwd=ROOT, timeout=120,
        capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    by_check = {}
    for finding in json.loads(done.stdout)["findings"]:
        by_check.setdefault(finding["check"], []).append(finding)
    return done.returncode, by_check, done.stdout + done.stderr


def assert_clean(lab, flow, common, **options):
    status, found, printed = checked(lab, flow, common, **options)
    assert status == 0, printed
    return found


def warnings(running):
    return [line for line in running.stderr.splitlines() if " WARN " in line or " ERROR " in line]


# --- what works ---

@pytest.mark.parametrize("mechanism, password", [
    (None, secured.PASSWORD), ("SCRAM-SHA-256", secured.PASSWORD), ("PLAIN", secured.PLAIN_PASSWORD)])
def test_the_shipped_example_works_with_each_mechanism(lab, cluster, mechanism, password):
    """config/examples/secured.yaml as it stands, but for the model, the authority and the page's port."""
    topics = ["wire.tass", "wire.interfax", "wire.labelled", "wire.unlabelled"]
    if not cluster.has_topic(topics[0]):
        client.create_topics(cluster.bootstrap, topics)
    model = lab.model()
    environment = {"KAFKA_BROKERS": cluster.broker.addresses["SCRAM"], "KAFKA_USER": secured.USER, "KAFKA_PASSWORD": password,
                   "MODEL_SHA256": hashlib.sha256(model.path.read_bytes()).hexdigest(), "HOSTNAME": "wire-1"}
    sets = {"model.path": model, "kafka.common.ssl.ca.location": cluster.authority.ca, "http.listen": "127.0.0.1:0"}
    sets |= {"kafka.common.sasl.mechanism": mechanism} if mechanism else {}
    arguments = ["-c", "config/examples/secured.yaml", *(word for key, value in sets.items() for word in ("--set", f"{key}={value}"))]
    done = subprocess.run([worker.binary(worker.fake_build()), "check", *arguments], cwd=ROOT, timeout=120, capture_output=True,
                          text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    running = lab.start(None, build=worker.fake_build(), arguments=arguments, environment=environment).wait_log("assigned", count=2)
    before = sum(client.end_offsets(cluster.bootstrap, "wire.labelled").values())
    client.produce(cluster.bootstrap, "wire.tass", [json.dumps({"guid": "7", "headline": "мяч", "lead": "гол"}).encode()])
    client.wait_for("a label", lambda: sum(client.end_offsets(cluster.bootstrap, "wire.labelled").values()) > before)
    assert running.stop() == 0
    assert password not in running.stderr


def client_certificates(cluster):
    """{form: properties} of all the forms in which a client's certificate may be given."""
    folder = cluster.authority.folder
    encrypted, store = folder / "client.encrypted", folder / "client.p12"
    if not store.exists():
        secured.openssl("pkcs8", "-topk8", "-in", cluster.key, "-out", encrypted, "-passout", f"pass:{KEY_PASSWORD}")
        secured.openssl("pkcs12", "-export", "-inkey", cluster.key, "-in", cluster.certificate, "-out", store, "-passout",
                        f"pass:{KEY_PASSWORD}")
    return {
        "PEM files": {"ssl.certificate.location": str(cluster.certificate), "ssl.key.location": str(cluster.key)},
        "PEM text": {"ssl.certificate.pem": f"${{file:{cluster.certificate}}}", "ssl.key.pem": f"${{file:{cluster.key}}}",
                     "ssl.ca.location": None, "ssl.ca.pem": f"${{file:{cluster.authority.ca}}}"},
        "encrypted key": {"ssl.certificate.location": str(cluster.certificate), "ssl.key.location": str(encrypted),
                          "ssl.key.password": KEY_PASSWORD},
        "encrypted text": {"ssl.certificate.pem": f"${{file:{cluster.certificate}}}", "ssl.key.pem": f"${{file:{encrypted}}}",
                           "ssl.key.password": KEY_PASSWORD},
        "PKCS#12": {"ssl.keystore.location": str(store), "ssl.keystore.password": KEY_PASSWORD},
    }


@pytest.mark.parametrize("form", ["PEM files", "PEM text", "encrypted key", "encrypted text", "PKCS#12"])
def test_every_form_of_a_client_certificate_is_taken(lab, cluster, form):
    common = cluster.tls("MUTUAL", **client_certificates(cluster)[form])
    assert_clean(lab, nowhere(cluster), {key: value for key, value in common.items() if value is not None})


def test_labels_come_over_mutual_tls(lab, cluster, flow):
    lab.run(flow, kafka={"common": cluster.tls("MUTUAL", **client_certificates(cluster)["PKCS#12"])})
    flow.produce([article("мяч")])
    assert len(flow.labels(1)) == 1


@pytest.mark.parametrize("setting", [None, "probe"])
def test_the_systems_certificates_are_used_where_none_are_named(lab, cluster, setting):
    """The authority stands among the system's for the time of one command."""
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    wrapped = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'mount --bind "$0" {bundle} && exec "$@"',
               str(cluster.authority.ca)]
    if not os.path.exists(bundle) or not shutil.which("unshare") or subprocess.run(
            [*wrapped, "true"], capture_output=True).returncode != 0:
        pytest.skip("a file cannot be put in the place of the system's certificates")
    common = cluster.tls()
    del common["ssl.ca.location"]
    common |= {"ssl.ca.location": setting} if setting else {}
    status, found, printed = checked(lab, nowhere(cluster), common)
    assert status == 1 and "authority that is not trusted here" in printed, "without it the broker is not trusted"
    assert_clean(lab, nowhere(cluster), common, wrapped=wrapped)


# --- what is named ---

UNSECURED = {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": "principal=newsroom lifeSeconds=3600"}

# What is wrong, as a function of the cluster; a part of the cause, and the setting that is to be corrected.
REFUSALS = {
    "wrong password": (lambda it: it.scram(**{"sasl.password": "wr0ng-s3cret"}), "password is wrong, for SCRAM-SHA-512", "sasl.password"),
    "wrong user": (lambda it: it.scram(**{"sasl.username": "nobody"}), "does not know this user", "sasl.username"),
    "wrong password for PLAIN": (lambda it: it.scram(**{"sasl.mechanism": "PLAIN"}), "password is wrong", "sasl.password"),
    "mechanism that is not offered": (lambda it: it.scram(**{"sasl.mechanism": "OAUTHBEARER", **UNSECURED}),
                                      "does not offer this sasl.mechanism, but ", "sasl.mechanism"),
    "no TLS on a port for TLS": (lambda it: {"bootstrap.servers": it.broker.addresses["TLS"]}, "speaks TLS", "security.protocol to ssl"),
    "SASL without TLS on a port for both": (lambda it: it.scram(**{"security.protocol": "sasl_plaintext"}), "speaks TLS",
                                            "security.protocol to ssl or sasl_ssl"),
    "TLS on a port without": (lambda it: it.tls(**{"bootstrap.servers": it.bootstrap}), "does not speak TLS",
                              "security.protocol to plaintext"),
    "no SASL on a port for SASL": (lambda it: it.tls("SCRAM"), "requires a log-in", "security.protocol to sasl_ssl"),
    "neither on a port for SASL": (lambda it: {"bootstrap.servers": it.broker.addresses["OAUTH"]}, "requires a log-in", "sasl.mechanism"),
    "SASL on a port without": (lambda it: it.scram("TLS"), "does not use SASL", "security.protocol to ssl"),
    "expired certificate": (lambda it: it.tls("EXPIRED"), "its certificate has expired (CN=expired, valid until ", "renew it"),
    "certificate for another name": (lambda it: it.tls("MISNAMED"), "it is for DNS:localhost, DNS:kafka.example.org", "advertised.listeners"),
    "certificate for the name in bootstrap.servers alone": (lambda it: it.tls("MISNAMED", **{
        "bootstrap.servers": it.broker.addresses["MISNAMED"].replace("127.0.0.1", "localhost")}),
        "its certificate is for another name", "advertised.listeners"),
    "unknown authority": (lambda it: it.tls(**{"ssl.ca.location": str(it.stranger.ca)}), "authority that is not trusted here (CN=wiretag tests)",
                          "ssl.ca.location"),
    "no client certificate": (lambda it: it.tls("MUTUAL"), "wants a certificate of this client", "ssl.certificate.location"),
    "a stranger's client certificate": (lambda it: it.tls("MUTUAL", **{
        "ssl.certificate.location": str(it.stranger.ca), "ssl.key.location": str(it.stranger.folder / "ca.key")}),
        "does not accept the one it gets", "ssl.certificate.location"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_keeps_a_client_out_is_named_with_the_setting_by_run_and_by_check(lab, cluster, what):
    common, cause, setting = REFUSALS[what][0](cluster), *REFUSALS[what][1:]
    running = lab.run(nowhere(cluster), kafka={"common": common}, http={"listen": "127.0.0.1:0"})
    status, found, printed = checked(lab, nowhere(cluster), common)
    finding, = [one for several in found.values() for one in several if one["level"] == "error"]
    assert status == 1 and cause in finding["message"] and setting in finding["remedy"], printed
    assert "firewall" not in printed and "s3cret" not in printed
    # One line, wherever librdkafka writes one for each try of each client; where a connection merely
    # ends, one before it.
    address = common["bootstrap.servers"].replace("localhost", "127.0.0.1")
    running.wait_log(rf"WARN +kafka +broker {address} cannot be used: ")
    said = [line for line in running.stderr.splitlines() if cause in line]
    said = [line for line in said if "waiting for a broker: " not in line]
    assert len(said) == 1 and setting in said[0], running.stderr
    status, reason = running.http("/readyz")
    assert status == 503 and cause in reason
    assert running.metrics()['wiretag_stalled{reason="security"}'] == 1
    assert len(warnings(running)) <= 5 and "s3cret" not in running.stderr, running.stderr


def test_a_broker_that_refuses_is_not_asked_without_a_pause(lab, cluster):
    """A broker does not count its connections; the clients' debug lines do."""
    began = time.monotonic()
    running = lab.run(nowhere(cluster), kafka={"common": cluster.tls("EXPIRED", debug="broker")}, log={"level": "debug"})
    running.wait_log("cannot be used: ")
    time.sleep(6)  # two hundred connections, without a limit
    count = len(re.findall(r"CONNECT: .*Connecting to ", running.stderr))
    # At first sixteen, then four a second; each client may have looked an address up that it uses once more.
    assert count <= 2 * (16 + 4 * (time.monotonic() - began))


def test_a_worker_that_was_refused_goes_on_by_itself_when_it_is_let_in(lab, cluster, flow):
    user = lab.unique("late").replace(".", "-")
    running = lab.run(flow, kafka={"common": cluster.scram(**{"sasl.username": user, "sasl.password": "late-s3cret"})},
                      http={"listen": "127.0.0.1:0"})
    running.wait_log("cannot be used: it does not know this user")
    flow.produce([article("мяч")])
    cluster.add_user(user, "late-s3cret")
    assert len(flow.labels(1)) == 1
    client.wait_for("a worker that is ready", lambda: running.http("/readyz")[0] == 200)
    assert running.metrics()['wiretag_stalled{reason="security"}'] == 0


def exposed(path):
    """A copy that every user may read."""
    copy = path.with_suffix(".exposed")
    copy.write_bytes(path.read_bytes())
    copy.chmod(0o644)
    return copy


UNUSABLE = {
    "no such file": (lambda it: {"ssl.ca.location": "/nowhere/ca.pem"}, ["ssl.ca.location", "/nowhere/ca.pem", "No such file"]),
    "no certificates in it": (lambda it: {"ssl.ca.location": str(ROOT / "LICENSE")}, ["ssl.ca.location", "LICENSE is not certificates"]),
    "no such key": (lambda it: {"ssl.certificate.location": str(it.certificate), "ssl.key.location": "/nowhere/key"},
                    ["ssl.key.location", "/nowhere/key", "No such file"]),
    "another key": (lambda it: {"ssl.certificate.location": str(it.certificate), "ssl.key.location": str(it.authority.folder / "broker.key")},
                    ["ssl.key.location", "does not belong to the certificate"]),
    "a certificate without a key": (lambda it: {"ssl.certificate.location": str(it.certificate)}, ["ssl.certificate.location", "ssl.key.location"]),
    "wrong key password": (lambda it: {**client_certificates(it)["encrypted key"], "ssl.key.password": "wr0ng-s3cret"},
                           ["ssl.key.password is wrong", "client.encrypted"]),
    "wrong key password, as text": (lambda it: {**client_certificates(it)["encrypted text"], "ssl.key.password": "wr0ng-s3cret"},
                                    ["ssl.key.password is wrong", "ssl.key.pem"]),
    "no key password": (lambda it: {key: value for key, value in client_certificates(it)["encrypted key"].items() if "password" not in key},
                        ["ssl.key.password is missing", "client.encrypted"]),
    "wrong keystore password": (lambda it: {**client_certificates(it)["PKCS#12"], "ssl.keystore.password": "wr0ng-s3cret"},
                                ["ssl.keystore.password is wrong", "client.p12"]),
    "no keystore": (lambda it: {"ssl.keystore.location": str(it.key), "ssl.keystore.password": "x"},
                    ["ssl.keystore.location", "is not a PKCS#12 keystore"]),
    "no such mechanism": (lambda it: {"security.protocol": "sasl_ssl", "sasl.mechanism": "KERBEROS"}, ["sasl.mechanism", "SCRAM-SHA-512"]),
    "Kerberos": (lambda it: {"security.protocol": "sasl_ssl"}, ["GSSAPI (Kerberos)", "SCRAM-SHA-512"]),
    "a key that every user may read": (lambda it: {"ssl.certificate.location": str(it.certificate), "ssl.key.location": str(exposed(it.key))},
                                       ["ssl.key.location", "every user of this machine may read it (mode 0644)", "chmod o="]),
    "a keystore that every user may read": (lambda it: {"ssl.keystore.location": str(exposed(it.key)), "ssl.keystore.password": "x"},
                                            ["ssl.keystore.location", "every user of this machine may read it"]),
    "nobody who makes tokens": (lambda it: {"security.protocol": "sasl_ssl", "sasl.mechanism": "OAUTHBEARER"},
                                ["sasl.oauthbearer.method: oidc", "unusable"]),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_used_is_named_before_anything_is_tried(lab, cluster, what):
    common, parts = cluster.tls(**UNUSABLE[what][0](cluster)), UNUSABLE[what][1]
    status, _, printed = checked(lab, nowhere(cluster), common)
    running = lab.run(nowhere(cluster), name="unusable", kafka={"common": common})
    assert (status, running.wait_exit()) == (1, 2)
    for part in parts:
        assert part in json.loads(printed)["findings"][-1]["message"] or part == "unusable", printed
        assert part in running.stderr
    assert "s3cret" not in printed + running.stderr


def test_a_password_file_that_every_user_may_read_is_refused(lab, cluster):
    flow, common = nowhere(cluster), cluster.scram(**{"sasl.password": f"${{file:{exposed(cluster.key)}}}"})
    running = lab.run(flow, kafka={"common": common})
    done = subprocess.run([worker.binary(worker.fake_build()), "check", "-c", running.config_path], cwd=ROOT, timeout=60,
                          capture_output=True, text=True)
    assert (running.wait_exit(), done.returncode) == (2, 2)
    for said in (running.stderr, done.stdout + done.stderr):
        for part in ("kafka.common.sasl.password", "every user of this machine may read it (mode 0644)", "defaultMode: 0440"):
            assert part in said


# --- tokens and sessions ---

def unsecured(life_s=TOKEN_S):
    return {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": f"principal=newsroom lifeSeconds={life_s}"}


def assert_quiet(lab, flows, commons, seconds):
    """Workers of these settings label under traffic, and after a pause longer than a session, without a word."""
    workers = [lab.run(flow, kafka={"common": common, "consumer": {"session.timeout.ms": 30000}},
                       http={"listen": "127.0.0.1:0"}) for flow, common in zip(flows, commons)]
    for running in workers:
        running.wait_log(" assigned ")
    count, began = 0, time.monotonic()
    while time.monotonic() < began + seconds:
        for flow in flows:
            flow.produce([article(f"мяч {count}")])
        count += 1
        time.sleep(TOKEN_S * 1.2 if count == 10 else 0.5)
    for running, flow in zip(workers, flows):
        assert len(flow.labels(count)) == count
        metrics = running.idle_metrics()
        assert running.stop() == 0
        assert [line for line in warnings(running) if "not pinned" not in line] == [], running.stderr
        assert metrics["wiretag_producers_replaced_total"] == 0 and len(re.findall(r"assigned \S", running.stderr)) == 1
        assert flow.guarantee == "at-least-once" or metrics['wiretag_transactions_total{outcome="committed"}'] >= 4


def test_sessions_and_tokens_that_end_are_quiet(lab, cluster):
    """Sessions that the broker ends, tokens without a signature, tokens of a server."""
    server = secured.TokenServer(life_s=TOKEN_S)
    commons = [cluster.scram("SHORT"), cluster.oauth(**unsecured()), cluster.oauth(**server.settings())]
    # One of a replay's clients asks what the others have done, and polls for nothing.
    replayed = lab.flow(on=cluster.broker)
    replayed.produce([article(f"мяч {number}") for number in range(6 * SESSION_S)])
    replay = lab.start(replayed.config(kafka={"common": commons[1]}, model={"path": str(lab.model())}), "replay", build=worker.fake_build(),
                       command=("replay",), arguments=["--from", "earliest", "--to", "latest", "--name", "all", "--same-topic", "--rate", "2"])
    assert_quiet(lab, [lab.flow(on=cluster.broker) for _ in commons], commons, 2.5 * SESSION_S)
    assert server.given > 4
    assert replay.wait_exit() == 0 and f"{6 * SESSION_S} labelled" in replay.stdout
    server.stop()


@pytest.mark.long
def test_a_minute_of_sessions_and_tokens_that_end_is_quiet(lab, cluster):
    server = secured.TokenServer(life_s=20)
    commons = [cluster.scram("SHORT"), cluster.oauth(**unsecured(20)), cluster.oauth(**server.settings())]
    assert_quiet(lab, [lab.flow(on=cluster.broker) for _ in commons], commons, 75)
    server.stop()


# Tokens of 6 s are shorter than the documents ask for: each is gone before the next one is asked for.
@pytest.mark.parametrize("life_s", [12, 6])
def test_a_token_server_that_goes_away_is_named_and_the_worker_goes_on_when_it_is_back(lab, cluster, flow, life_s):
    server = secured.TokenServer(life_s=life_s)
    common = cluster.oauth(**server.settings())
    running = lab.run(flow, kafka={"common": common}, http={"listen": "127.0.0.1:0"}).wait_log("pipeline +ready")
    server.stop()
    running.wait_log(r"WARN +kafka +no OAUTHBEARER token: .*sasl\.oauthbearer\.token\.endpoint\.url")
    client.wait_for("a worker that is not ready", lambda: running.http("/readyz")[0] == 503)
    flow.produce([article("мяч")])
    server.start()
    assert len(flow.labels(1)) == 1
    client.wait_for("a worker that is ready", lambda: running.http("/readyz")[0] == 200)
    assert running.stop() == 0 and server.secret not in running.stderr
    # No session is asked for again in the second in which a broker takes that for a mistake.
    assert "current SASL state" not in running.stderr and "does not use SASL" not in running.stderr
    server.stop()


def test_sessions_that_are_too_short_are_named_before_they_end(lab, cluster, flow):
    server = secured.TokenServer(life_s=6)
    common = cluster.oauth(**server.settings())
    status, found, printed = checked(lab, flow, common)
    finding, = found["short-session"]
    assert (status, finding["level"]) == (1, "warning") and " s after its log-in" in finding["message"], printed
    assert "token server" in finding["remedy"] and "connections.max.reauth.ms" in finding["remedy"]
    lab.run(flow, kafka={"common": common}).wait_log(r"WARN +kafka +brokers end a session [0-9]\.[0-9] s after its log-in.*token server")
    server.stop()
    server = secured.TokenServer(life_s=12)
    assert_clean(lab, flow, cluster.oauth(**server.settings()))
    server.stop()


def test_a_token_server_that_fails_is_named_while_it_is_asked_again(lab, cluster):
    server = secured.TokenServer()
    server.status = 503
    status, found, printed = checked(lab, nowhere(cluster), cluster.oauth(**server.settings()))
    finding, = found["broker-unreachable"]
    assert status == 1 and "no OAUTHBEARER token" in finding["message"] and "token.endpoint.url" in finding["remedy"], printed
    server.stop()


@pytest.mark.parametrize("status, part", [(401, "invalid_client"), (200, "no OAUTHBEARER token")])
def test_a_token_server_that_refuses_is_named(lab, cluster, status, part):
    server = secured.TokenServer()
    server.status, server.broken = status, status == 200
    common = cluster.oauth(**server.settings())
    running = lab.run(nowhere(cluster), kafka={"common": common}, http={"listen": "127.0.0.1:0"})
    running.wait_log(rf"WARN +kafka +no OAUTHBEARER token: .*sasl.oauthbearer.client.secret")
    exit_status, found, printed = checked(lab, nowhere(cluster), common)
    assert exit_status == 1 and part in found["broker-unreachable"][0]["message"], printed
    client.wait_for("the cause in /readyz", lambda: part in running.http("/readyz")[1])
    assert server.secret not in printed + running.stderr
    server.stop()


def test_every_command_gets_its_tokens(lab, cluster, flow):
    flow.produce([article("мяч"), article("гол")])
    output = lab.topic("replayed", on=cluster.broker)
    config = flow.config(kafka={"common": cluster.oauth(**unsecured())}, model={"path": str(lab.model())})
    path = lab.directory / "commands.yaml"
    path.write_text(worker.yaml(config) + "\n")
    articles = lab.directory / "articles.jsonl"
    articles.write_text('{"id": 1, "text": "мяч"}\n', encoding="utf-8")
    for command in (["explain", f"{flow.input}:0:0"],
                    ["replay", "--from", "earliest", "--to", "latest", "--name", "all", "--output", output],
                    ["bench", "pipeline", "--input", articles, "--seconds", "2", "--partitions", "1"]):
        words = command[:2] if command[0] == "bench" else command[:1]
        done = subprocess.run([worker.binary(worker.fake_build()), *words, "-c", path, *command[len(words):]], cwd=ROOT, timeout=120,
                              capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert len(client.read_all(cluster.bootstrap, output, 2)) == 2


# --- secrets ---

def test_a_configuration_of_tokens_is_not_quoted(lab, cluster):
    common = cluster.oauth(**{"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": "s3cret=1"})
    running = lab.run(nowhere(cluster), kafka={"common": common}, http={"listen": "127.0.0.1:0"})
    running.wait_log("no OAUTHBEARER token: sasl.oauthbearer.config cannot be read; write ")
    _, found, printed = checked(lab, nowhere(cluster), common)
    assert "sasl.oauthbearer.config" in found["broker-unreachable"][0]["message"]
    assert "s3cret" not in printed + running.stderr + running.http("/readyz")[1]


# --- what is shipped ---

@pytest.mark.parametrize("path", sorted(path.relative_to(ROOT) for path in (ROOT / "config").rglob("*.yaml")
                                         if path.name != "alerts.yaml" and "kubernetes" not in path.parts))
def test_every_shipped_configuration_is_complete(tmp_path, path):
    environment = {"KAFKA_BROKERS": "127.0.0.1:1", "KAFKA_USER": "u", "KAFKA_PASSWORD": "p", "MODEL_SHA256": "0" * 64, "HOSTNAME": "wire-1"}
    done = subprocess.run([worker.binary(worker.fake_build()), "check", "-c", path, "--json", "--set", "kafka.common.bootstrap.servers=127.0.0.1:1"],
                          cwd=ROOT, timeout=120, capture_output=True, text=True, env={**os.environ, **environment})
    found = json.loads(done.stdout)["findings"]
    assert done.returncode == 1 and [one["level"] for one in found if one["check"] == "config"] == ["ok"]
    assert not [one for one in found if one["check"] in ("kafka-property", "kafka-security", "kafka-client")], done.stdout
