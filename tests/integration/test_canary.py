"""A secret that is used is shown nowhere: not in a log at its loudest, a finding, an error, a page, a record, a help
text, an argument of a process."""

import base64
import http.client
import signal
import subprocess
import urllib.parse

import client
import pytest
import secured
import worker
from broker import ROOT
from client import article
from collector import Collector
from confluent_kafka.admin import ScramMechanism
from fake import POISON
from registry import Registry

# What YAML, shells, JAAS and headers could trip over.
ODD = "s3cret-'\"\\ ${HOME} #{}: ,\tя\n- two"


def forms(secret, user=""):
    """How a secret may be written: as it is, in a URL, in a header of HTTP. Of a secret of several lines
    the pieces."""
    pieces = [piece for line in secret.split("\n") for piece in line.split("'\"\\ ")]
    encoded = [base64.b64encode(text.encode()).decode() for text in (secret, f"{user}:{secret}")]
    return [*pieces, *encoded, urllib.parse.quote(secret), urllib.parse.quote_plus(secret)]


@pytest.fixture
def cluster(secured_cluster):
    return secured_cluster


class Shown:
    """Everything that was shown to somebody, each with its source."""

    def __init__(self, lab):
        self.lab = lab
        self.texts = {}

    def command(self, name, config_path, *arguments, status=(0,), stdin=""):
        done = subprocess.run([worker.binary(worker.fake_build()), *name.split(), *(("-c", config_path) if config_path else ()),
                               *arguments], cwd=ROOT, timeout=120, capture_output=True, text=True, input=stdin)
        assert done.returncode in status, (name, done.stdout, done.stderr)
        self.texts[f"{name} {' '.join(map(str, arguments))}"] = done.stdout + done.stderr
        return done

    def pages(self, running, name):
        for path in ("/", "/metrics", "/readyz", "/healthz", "/nothing"):
            self.texts[f"{path} of {name}"] = running.http(path)[1]
        with open(f"/proc/{running.pid}/cmdline", encoding="utf-8") as arguments:
            self.texts[f"arguments of {name}"] = arguments.read()
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
        connection.request("GET", "/events")
        self.texts[f"events of {name}"] = connection.getresponse().read(2000).decode(errors="replace")
        connection.close()

    def reload(self, running, cause):
        """One that fails, and is in the log, the pages and the metrics."""
        running.signal(signal.SIGHUP)
        running.wait_log(f"reload +the reload failed, .*{cause}")

    def records(self, records):
        for record in records:
            self.texts[f"record {record.source}"] = repr((record.key, record.value, record.headers))

    def assert_nowhere(self, *written):
        assert len(self.texts) > 5 and all(len(one) > 4 for one in written)
        for source, text in self.texts.items():
            assert [one for one in written if one in text] == [], source


def secret_file(lab, secret):
    path = lab.directory / "secret"
    path.write_text(secret + "\n", encoding="utf-8")
    path.chmod(0o640)
    return f"${{file:{path}}}"


def test_secrets_of_any_form_are_used_and_never_shown(lab, cluster):
    """Where all that librdkafka can say is asked for, by every command that reads the configuration."""
    user = lab.unique("odd").replace(".", "-")
    cluster.add_user(user, ODD, ScramMechanism.SCRAM_SHA_256)
    common = cluster.scram(**{"sasl.mechanism": "SCRAM-SHA-256", "sasl.username": user, "ssl.key.password": "0ther-secret",
                              "sasl.password": secret_file(lab, ODD), "debug": "all"})
    flow = lab.flow(on=cluster.broker)
    collector = Collector()
    running = lab.run(flow, lab.model(fail_on_token=POISON), kafka={"common": common}, log={"level": "debug", "texts": True},
                      http={"listen": "127.0.0.1:0", "texts": True}, traces={"endpoint": collector.endpoint, "share": 1.0})
    flow.produce([article("мяч"), article(POISON)])
    shown = Shown(lab)
    shown.records(flow.labels(1) + flow.dead_letters(1))
    shown.pages(running, "the worker")
    client.wait_for("spans of both", lambda: len([span for span in collector.spans() if not span.parent_span_id]) == 2)
    shown.texts["spans"] = repr(collector.requests)
    written = running.config_path.read_text()
    running.config_path.write_text(written.replace(str(lab.directory / "secret"), str(lab.directory / "nothing")))
    shown.reload(running, "cannot open")
    running.config_path.write_text(written)
    shown.pages(running, "the worker after a reload")
    shown.command("check", running.config_path, status=(0, 1))
    shown.command("check", running.config_path, "--json", status=(0, 1))
    shown.command("check", running.config_path, "--set", "kafka.common.sasl.mechanism=SCRAM-SHA-512", status=(1,))
    shown.command("check", running.config_path, "--set", "kafka.common.sasl.pasword=x", status=(0, 1))
    shown.command("run", running.config_path, "--set", "kafka.common.sasl.mechanism=NONE", status=(2,))
    shown.command("explain", running.config_path, f"{flow.input}:0:0")
    shown.command("replay", running.config_path, "--from", "earliest", "--to", "latest", "--name", "all", "--same-topic")
    shown.command("redrive", running.config_path, status=(0, 1))
    shown.command("classify", running.config_path, stdin='{"id": 1, "text": "мяч"}\n')
    shown.command("run --help", None)
    shown.texts["configuration without its file"] = running.config_path.read_text()
    assert running.stop() == 0
    collector.close()
    shown.texts["log"] = running.stderr + running.stdout
    assert "SaslHandshake" in running.stderr, "librdkafka said all that it can"
    shown.assert_nowhere(*forms(ODD, user))
    del shown.texts["configuration without its file"]
    shown.assert_nowhere("0ther-secret")


def test_the_secret_of_a_token_server_is_never_shown(lab, cluster):
    """By a worker that gets in, then is refused by the server, with all that librdkafka can say."""
    server = secured.TokenServer(secret="t0ken-can4ry")
    common = cluster.oauth(**{**server.settings(), "sasl.oauthbearer.client.secret": secret_file(lab, server.secret), "debug": "all"})
    flow = lab.flow(on=cluster.broker)
    running = lab.run(flow, kafka={"common": common}, log={"level": "debug"}, http={"listen": "127.0.0.1:0"})
    flow.produce([article("мяч")])
    flow.labels(1)
    shown = Shown(lab)
    shown.pages(running, "the worker")
    shown.command("check", running.config_path, "--json", status=(0, 1))
    server.status = 401
    shown.command("check", running.config_path, "--json", status=(1,))
    assert running.stop() == 0
    shown.texts["log"] = running.stderr
    server.stop()
    assert server.tokens
    shown.assert_nowhere(*forms(server.secret, secured.USER), *server.tokens)


def test_the_password_of_a_schema_registry_is_never_shown(lab):
    """That takes it, and that refuses it."""
    password = "reg1stry-can4ry"
    for accepted in (password, "another"):
        with Registry({}, "news", accepted) as registry:
            flow = lab.flow()
            feed = {"topics": [flow.input], "format": "avro",
                    "schema_registry": {"url": registry.url, "username": "news", "password": secret_file(lab, password)}}
            running = lab.run(flow, input=feed, log={"level": "debug"}, http={"listen": "127.0.0.1:0"})
            flow.produce([b"\0\0\0\0\7x"])
            client.wait_for("a question to the registry", lambda: registry.asked)
            shown = Shown(lab)
            shown.pages(running, "the worker")
            shown.command("check", running.config_path, "--json", status=(0, 1))
            shown.command("check", running.config_path, status=(0, 1))
            running.stop()
            shown.texts["log"] = running.stderr
            shown.assert_nowhere(*forms(password, "news"))


@pytest.mark.parametrize("setting", [
    "kafka.common.sasl.password=[c4nary", "kafka.common={sasl.password: [c4nary]}", "kafka=c4nary",
    "input.schema_registry.password=c4nary", "input.schema_registry={password: c4nary}", "input={schema_registry: {password: c4nary}}",
    "input.schema_registry.url=http://news:c4nary@127.0.0.1", "traces.endpoint=http://news:c4nary@127.0.0.1",
    "traces={endpoint: 'http://news:c4nary@127.0.0.1'}"])
def test_an_error_about_an_argument_does_not_repeat_a_secret(lab, setting):
    shown = Shown(lab)
    path = lab.directory / "c.yaml"
    path.write_text(worker.yaml(lab.flow().config()))
    for name in ("check", "run"):
        done = shown.command(name, path, "--set", setting, status=(1, 2))
        assert "--set " + setting[:setting.index("=")] in done.stdout + done.stderr
        assert "c4nary" not in done.stdout + done.stderr
