"""Dockerfile and docker-compose.yml, as far as they can be proved without a container engine.

What they name is there and fits together, the worker gets every library that the program is linked to,
and the commands of the services are ones that Kafka's tools and wiretag accept. test_image.py builds the image.
"""

import json
import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from fake import FakeModel
from tree import ROOT, files
from worker import Worker

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]


def instructions():
    """(name, rest) of each instruction of the Dockerfile, lines joined, comments dropped."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            name, rest = line.split(maxsplit=1)
            yield name, rest.strip()


def stages():
    found = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


BUILD, WORKER = stages()


def shell(stage):
    return "\n".join(rest for name, rest in stage if name == "RUN")


# --- the image ---


def test_the_image_is_built_by_the_scripts_that_are_tested():
    assert "scripts/setup --build-only" in shell(BUILD) and "scripts/build --no-install" in shell(BUILD)
    assert "gcc" not in shell(WORKER) and "scripts/" not in shell(WORKER)


def test_base_images_are_pinned_to_one_release():
    assert {re.sub(r"^--platform=\S+ ", "", rest).split()[0] for stage in (BUILD, WORKER) for name, rest in stage if name == "FROM"} == {
        "debian:12-slim"}


def test_what_is_compiled_is_compiled_without_emulation():
    assert dict(BUILD)["FROM"] == "--platform=${BUILDPLATFORM:-linux/amd64} debian:12-slim AS build"
    assert dict(WORKER)["FROM"] == "--platform=${TARGETPLATFORM:-linux/amd64} debian:12-slim"


def test_the_image_starts_what_it_holds_while_it_is_built():
    """A program for one processor on Debian for another would not."""
    assert shell(WORKER).split()[-3:] == ["&&", "wiretag", "--version"]


def test_the_worker_is_not_root_and_gets_signals_itself():
    values = dict(WORKER)
    assert values["USER"] not in ("0", "root")
    assert f"--uid {values['USER']} " in shell(WORKER)
    assert values["ENTRYPOINT"].startswith("[")  # no shell in between


def test_package_lists_leave_no_trace_in_the_image():
    for run in re.findall(r"apt-get update.*", shell(WORKER)):
        assert "--no-install-recommends" in run and "rm -rf /var/lib/apt/lists/*" in run


def test_everything_that_is_copied_is_in_the_tree_and_not_ignored():
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    for name, rest in BUILD + WORKER:
        if name == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source.split("/")[0] not in ignored, source


def test_setup_finds_what_it_reads_in_the_first_layer():
    """That layer has only what changes rarely; setup must not need more."""
    copied = [source for name, rest in BUILD[:BUILD.index(next(step for step in BUILD if step[0] == "RUN" and "scripts/setup" in step[1]))]
              if name == "COPY" for source in rest.split()[:-1]]
    text = (ROOT / "scripts/setup").read_text(encoding="utf-8")
    for source in re.findall(r'^\. "\$root/([\w/.]+)"', text, re.MULTILINE):
        assert any(source == path or source.startswith(path + "/") for path in copied), source
    assert {"scripts/requirements/libtorch.txt", "scripts/requirements/librdkafka.txt"} <= set(copied)


def test_what_the_build_reads_is_copied():
    copied = {source for name, rest in BUILD if name == "COPY" for source in rest.split()[:-1]}
    for path in files("CMakeLists.txt", ".cmake"):
        if path.startswith("tests/"):
            continue
        for named in re.findall(r"(?<![\w/.])(?:cmake|config|scripts|src|tests)/[\w/.]+", (ROOT / path).read_text(encoding="utf-8")):
            if (ROOT / named).is_file() and not named.startswith("tests/"):
                assert any(named == source or named.startswith(source + "/") for source in copied), named


def test_the_worker_gets_what_is_installed_and_nothing_else_of_the_build():
    assert 'DESTDIR=/image cmake --install "$folder" --strip' in shell(BUILD)
    assert [rest for name, rest in WORKER if name == "COPY" and "--from" in rest] == ["--from=build /image/ /"]


def test_the_umask_of_the_checkout_closes_nothing_to_the_worker(tmp_path):
    """COPY keeps modes, and the worker is not root: what it reads comes by commands that set them."""
    assert [rest for name, rest in WORKER if name in ("COPY", "ADD") and not rest.startswith("--from=build ")] == []
    tree = tmp_path / "tree"
    for path, mode in (("config", 0o700), ("models", 0o700), ("config/wiretag.yaml", 0o600), ("models/demo.pt", 0o600)):
        if mode == 0o700:
            (tree / path).mkdir(parents=True)
        else:
            (tree / path).write_text("x")
        (tree / path).chmod(mode)
    command, = (rest for name, rest in BUILD if name == "RUN" and rest.startswith("install "))
    subprocess.run(["sh", "-c", "umask 022; " + command.replace(" /image/", f" {shlex.quote(str(tmp_path))}/image/")], cwd=tree, check=True)
    made = {str(path.relative_to(tmp_path / "image")): path.stat().st_mode & 0o777 for path in (tmp_path / "image").rglob("*")}
    assert {path for path, mode in made.items() if mode == 0o644} == {"etc/wiretag/wiretag.yaml", "srv/wiretag/models/demo.pt"}
    assert all(mode == 0o755 for path, mode in made.items() if (tmp_path / "image" / path).is_dir()), made


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="not Debian")
def test_the_system_libraries_of_the_image_are_those_that_the_program_needs():
    program = ROOT / "build/wiretag"
    if not program.exists():
        pytest.skip("build/wiretag is not built")
    if not re.search(r"bookworm|^12", " ".join(open("/etc/os-release").read().split())):
        pytest.skip("the image is Debian 12, this is not")
    paths = dict(re.findall(r"^\s*(\S+) => (/\S+)", subprocess.run(
        ["ldd", program], capture_output=True, text=True, check=True).stdout, re.MULTILINE))
    installed = set(re.findall(r"\blib[\w.+-]+", re.search(r"apt-get install.*?&&", shell(WORKER), re.DOTALL)[0]))
    always = {"libc6", "libgcc-s1"}  # in every Debian image
    needed = set()
    for name in re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(
            ["readelf", "-d", program], capture_output=True, text=True, check=True).stdout):
        if not paths.get(name, "/").startswith(("/lib", "/usr/lib")):
            continue  # comes with the program
        found = subprocess.run(["dpkg-query", "-S", f"*/{name}"], capture_output=True, text=True).stdout
        packages = {line.split(":")[0] for line in found.splitlines()}
        assert not packages or packages & (installed | always), f"{name}: {packages}"
        needed |= packages
    assert installed <= needed


# --- its health check ---


def test_a_worker_that_waits_for_its_broker_is_healthy(tmp_path):
    """A restart would not bring the broker back: the check asks for life, not for readiness."""
    check = json.loads(re.search(r"CMD (\[.*\])", dict(WORKER)["HEALTHCHECK"])[1])

    def healthy(port):
        return subprocess.run([word.replace("/9464", f"/{port}") for word in check], timeout=30,
                              stderr=subprocess.DEVNULL).returncode == 0

    waiting = Worker(tmp_path, "worker", build="fake", command=("run", "-c", str(ROOT / "config/wiretag.yaml")), arguments=(
        "--set", f"model.path={FakeModel(tmp_path / 'model.json')}", "--set", "http.listen=127.0.0.1:0",
        "--set", "kafka.common.bootstrap.servers=127.0.0.1:1"))
    try:
        assert waiting.http("/readyz")[0] == 503
        assert healthy(waiting.port)
        # A page that does not answer, or not with 200, is no good sign.
        assert not healthy(1)
        check[-1] = check[-1].replace("/healthz", "/readyz")
        assert not healthy(waiting.port)
    finally:
        waiting.kill()


def test_the_check_asks_where_the_worker_listens():
    assert "/dev/tcp/127.0.0.1/9464;" in dict(WORKER)["HEALTHCHECK"]
    for arguments in (SERVICES["worker"]["command"], json.loads(dict(WORKER)["CMD"])):
        assert "http.listen=:9464" in arguments
    assert "healthcheck" not in SERVICES["worker"]  # the image's


# --- the composition ---


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not there")
def test_docker_compose_accepts_it():
    done = subprocess.run(["docker-compose", "config", "-q"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_has_a_broker_topics_a_worker_a_feeder_and_the_labels():
    assert set(SERVICES) == {"kafka", "topics", "worker", "feeder", "labels"}
    assert SERVICES["worker"]["build"] == "."


def test_services_wait_for_what_they_need():
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert SERVICES[other]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
            else:
                assert wait["condition"] == "service_completed_successfully" and "restart" not in SERVICES[other], name


def test_kafka_is_the_version_that_the_tests_run_on():
    version = re.search(r"<kafka.version>(.*)</", (ROOT / "scripts/kafka/pom.xml").read_text())[1]
    images = {service["image"] for service in SERVICES.values() if "image" in service}
    assert images == {f"apache/kafka:{version}"}


def test_what_is_mounted_is_in_the_tree():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target, mode = volume.split(":")
            assert (ROOT / source).exists() and target.startswith("/") and mode == "ro", volume


def test_topics_are_those_of_the_configuration():
    config = yaml.safe_load((ROOT / "config/wiretag.yaml").read_text(encoding="utf-8"))
    created = re.search(r"for topic in (.*); do", SERVICES["topics"]["command"][-1])[1].split()
    assert created == [*config["input"]["topics"], config["output"]["topic"], f"{config['output']['topic']}.dlq"]
    assert f"--topic {created[0]}" in SERVICES["feeder"]["command"][-1]
    labels = SERVICES["labels"]["command"]
    assert labels[labels.index("--topic") + 1] == created[1]


def test_every_client_asks_for_the_listener_that_the_broker_advertises_inside():
    listeners = dict(one.split("://") for one in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert listeners == {"INSIDE": "kafka:19092", "OUTSIDE": "127.0.0.1:9092"}
    for name in ("topics", "worker", "feeder", "labels"):
        assert listeners["INSIDE"] in " ".join(SERVICES[name]["command"]), name
    assert f"{listeners['OUTSIDE']}:9092" in SERVICES["kafka"]["ports"]


@pytest.mark.parametrize("arguments", [SERVICES["worker"]["command"], json.loads(dict(WORKER)["CMD"])])
def test_the_worker_accepts_its_arguments_and_configuration(arguments):
    words = [str(ROOT / "config/wiretag.yaml") if word == "/etc/wiretag/wiretag.yaml" else word for word in arguments]
    program = ROOT / "build-fake/wiretag"
    assert program.exists(), "build-fake/wiretag is not there: run scripts/build --fake"
    done = subprocess.run([program, *words, "--set", "model.path=/nowhere/model.pt"], capture_output=True, text=True, timeout=60)
    # The configuration was accepted, and the model is what was missing.
    assert done.returncode != 0 and "/nowhere/model.pt" in done.stderr and ".yaml:" not in done.stderr


# --- Kafka's tools accept the commands, on a real broker ---


def as_here(service, bootstrap):
    """The command of a service as an argument list for this machine."""
    words = [re.sub(r"/opt/kafka/bin/kafka-([a-z-]+)\.sh", r"scripts/kafka/tool \1", word) for word in service["command"]]
    words = [word.replace("kafka:19092", bootstrap).replace("$$", "$").replace("/samples.jsonl", "data/samples.jsonl")
             for word in words]
    return [*shlex.split(words[0]), *words[1:]]


def test_the_services_create_feed_and_read_their_topics(tmp_path):
    from broker import Broker
    broker = Broker(tmp_path)
    try:
        done = subprocess.run(as_here(SERVICES["topics"], broker.bootstrap), cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("Created topic") == 3
        feed = as_here(SERVICES["feeder"], broker.bootstrap)
        # Once, without the pauses.
        feed[-1] = feed[-1].replace("while true; do", "for once in 1; do").replace("sleep 1", ":")
        done = subprocess.run(feed, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        read = [word.replace("news.labelled", "news.articles") for word in as_here(SERVICES["labels"], broker.bootstrap)]
        samples = (ROOT / "data/samples.jsonl").read_text(encoding="utf-8").splitlines()
        done = subprocess.run([*read, "--max-messages", str(len(samples)), "--timeout-ms", "60000"], cwd=ROOT,
                              capture_output=True, text=True, timeout=120)
        assert sorted(done.stdout.splitlines()) == sorted(samples), done.stderr
    finally:
        broker.close()
