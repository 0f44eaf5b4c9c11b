"""The image of the Dockerfile runs, as its user without rights and on a file system that cannot be written."""

import contextlib
import json
import re
import signal
import socket
import subprocess

import image
import pytest
from client import article, create_topics, produce, read_all, wait_for
from worker import ROOT

# The image is built from nothing, libtorch's 0.5 GB and all.
pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    made = image.build(tmp_path_factory.mktemp("image"))
    yield made
    made.close()


def run(built, *words, proc=True, **options):
    return subprocess.run([str(word) for word in built.command(*words, proc=proc)], capture_output=True, text=True,
                          timeout=120, **options)


def test_it_starts_with_the_librdkafka_that_the_build_took(built):
    done = run(built, "wiretag", "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout == subprocess.run([ROOT / "build/wiretag", "--version"], capture_output=True, text=True).stdout
    found = run(built, "sh", "-c", "find / -xdev -name 'librdkafka*.so*' 2>/dev/null").stdout.split()
    assert len(found) == 1 and found[0].startswith("/usr/local/lib/wiretag/librdkafka-"), found


def test_it_starts_without_proc(built):
    """The loader learns from /proc where the program lies."""
    done = run(built, "wiretag", "--version", proc=False)
    assert done.returncode == 0, done.stderr


def test_it_has_no_rights(built):
    assert run(built, "id", "-u").stdout.strip() == built.config["User"] != "0"
    assert run(built, "sh", "-c", "touch /srv/wiretag/here /tmp/here").returncode != 0


def test_it_labels_an_article(built):
    done = run(built, "wiretag", "classify", "--model", "models/demo.pt",
               input='{"id": 1, "text": "Сборная выиграла финал чемпионата Европы по гандболу"}\n')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["category"] == "sports"


def test_the_licences_are_in_it(built):
    done = run(built, "sh", "-c", "cd /usr/local/share/doc/wiretag && cat LICENSE THIRD_PARTY.md librdkafka/LICENSE"
                                  " libtorch/torch/licenses/LICENSE libtorch/nvidia_cuda_runtime/licenses/License.txt")
    assert done.returncode == 0, done.stderr
    for words in ("Apache License", "What wiretag stands on", "librdkafka licenses", "PyTorch", "CUDA Toolkit"):
        assert words in done.stdout


@contextlib.contextmanager
def worker_of(built, log_path, bootstrap):
    """The image's own command with a free port: (process, health check)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.replace("=:9464", f"=127.0.0.1:{port}") for word in built.config["Cmd"]]
    command = built.command(*built.config["Entrypoint"], *words, "--set", f"kafka.common.bootstrap.servers={bootstrap}")
    check = json.loads(re.search(r"HEALTHCHECK.*?CMD (\[.*?\])\n", (ROOT / "Dockerfile").read_text(), re.DOTALL)[1])
    with open(log_path, "w", encoding="utf-8") as log:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stderr=log)
    try:
        yield process, lambda: run(built, *(word.replace("/9464", f"/{port}") for word in check)).returncode == 0
    finally:
        process.terminate()
        process.wait(60)


def test_it_labels_from_kafka_to_kafka_and_stops_in_good_order(built, own_broker, tmp_path):
    broker = own_broker()
    create_topics(broker.bootstrap, ["news.articles", "news.labelled", "news.labelled.dlq"])
    produce(broker.bootstrap, "news.articles", [article("Сборная выиграла финал чемпионата Европы по гандболу", id=1)])
    with worker_of(built, tmp_path / "log", broker.bootstrap) as (process, healthy):
        label, = read_all(broker.bootstrap, "news.labelled", count=1)
        assert label.json()["category"] == "sports"
        assert healthy()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (tmp_path / "log").read_text()


def test_it_is_healthy_while_no_broker_is_there(built, tmp_path):
    with worker_of(built, tmp_path / "log", "127.0.0.1:1") as (process, healthy):
        wait_for("life", healthy)
        wait_for("a line on the broker", lambda: "no broker" in (tmp_path / "log").read_text())
        assert healthy() and process.poll() is None
