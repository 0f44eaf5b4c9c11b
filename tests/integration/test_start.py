"""What a worker cannot start with: each message says what is wrong, where, and what to do."""

import json
import subprocess

import client
import pytest
import worker
from broker import ROOT
from client import article


def run(*arguments, **options):
    """A command that is to end by itself: (exit status, stderr)"""
    done = subprocess.run([worker.binary(worker.fake_build()), *map(str, arguments)], cwd=ROOT, timeout=90,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("which, key", [
    ("input", "input.topics"), ("output", "output.topic"), ("dead_letter", "dead_letter.topic")])
def test_a_missing_topic_is_an_error_that_names_it_its_key_and_the_remedy(lab, which, key):
    flow = lab.flow()
    setattr(flow, which, f"nowhere-{which}")
    running = lab.run(flow)
    assert running.wait_exit() == 2
    assert f"topic nowhere-{which} ({key}) does not exist" in running.stderr
    assert "--create --topic" in running.stderr and f"correct {key}" in running.stderr


def test_the_dead_letter_topic_is_called_after_the_output_topic_unless_named(lab):
    flow = lab.flow()
    running = lab.run(flow, dead_letter={"topic": None})
    assert running.wait_exit() == 2
    assert f"topic {flow.output}.dlq (dead_letter.topic) does not exist" in running.stderr

    flow.dead_letter = client.create_topic(flow.bootstrap, f"{flow.output}.dlq")
    flow.produce([b"bad"])
    lab.run(flow, dead_letter={"topic": None})
    assert flow.dead_letters(1)[0].value == b"bad"


def test_without_dead_letters_their_topic_is_not_needed(lab):
    flow = lab.flow()
    flow.dead_letter = "nowhere"
    flow.produce([article("мяч")])
    lab.run(flow, dead_letter=None, on_error="skip")
    assert len(flow.labels(1)) == 1


def test_a_missing_topic_is_not_created_by_asking_for_it(lab):
    flow = lab.flow()
    flow.input = lab.unique("never-made")
    assert lab.run(flow).wait_exit() == 2
    with pytest.raises(AssertionError, match="[Uu]nknown topic"):
        client.end_offsets(flow.bootstrap, flow.input)


def test_a_missing_model_is_an_error_that_names_file_and_key(lab):
    running = lab.run(lab.flow(), "models/nowhere.pt")
    assert running.wait_exit() == 1
    assert "models/nowhere.pt cannot be read: No such file or directory" in running.stderr
    assert "model.path" in running.stderr


def test_a_file_that_is_no_model_is_refused(lab):
    running = lab.run(lab.flow(), ROOT / "LICENSE")
    assert running.wait_exit() == 2
    assert "LICENSE is not a" in running.stderr


def test_a_model_of_another_hash_than_the_pinned_one_is_never_loaded(lab):
    model = lab.model()
    running = lab.run(lab.flow(), model, model={"sha256": "0" * 64})
    assert running.wait_exit() == 2
    assert "0" * 64 in running.stderr and "model.sha256" in running.stderr
    assert "self-test" not in running.stderr


def test_a_model_that_fails_its_self_test_is_refused(lab):
    model = lab.model()
    model.path.write_text(model.path.read_text("utf-8").replace('"матч 2"', '"матч 3"'), encoding="utf-8")
    running = lab.run(lab.flow(), model)
    assert running.wait_exit() == 2
    assert "fails its self-test at line 1" in running.stderr and "logits differ" in running.stderr


@pytest.mark.parametrize("yaml, line, parts", [
    ("input: {topcs: [a]}", 1, ["input.topcs", "unknown key", "nearest known key is input.topics"]),
    ("outptu:\n  topic: a", 1, ["outptu", "nearest known key is output"]),
    ("output:\n  topic: a\n  top_k: many", 3, ["output.top_k", "many", "whole number"]),
    ("output:\n  top_k: 0", 2, ["output.top_k", "1 to 100000"]),
    ("on_error: dead_letter", 1, ["on_error", "dead-letter", "skip", "stop"]),
    ("kafka:\n  consumer:\n    enable.auto.commit: true", 3, ["enable.auto.commit", "acknowledged"]),
    ("kafka:\n  consumer:\n    group.protocol: share", 3, ["group.protocol", "classic consumer"]),
    ("kafka:\n  producer:\n    acks: 1", 3, ["acks"]),
    ("dead_letter: null", 1, ["dead_letter", "on_error"]),
    ("input:\n  topics: [a\noutput: b", 3, ["YAML"]),
    ("model:\n  path: ${NOWHERE_SET}", 2, ["NOWHERE_SET"]),
    ("input:\n  topics: [same]\noutput:\n  topic: same", 4, ["output.topic", "input.topics"]),
])
def test_a_mistake_in_the_configuration_is_named_by_file_line_and_key(tmp_path, yaml, line, parts):
    path = tmp_path / "my.yaml"
    path.write_text(yaml + "\n", encoding="utf-8")
    status, stderr = run("run", "-c", path)
    assert status == 2
    assert stderr.startswith(f"wiretag run: {path}:{line}: "), stderr
    assert stderr.count("\n") == 1, "one message, one line"
    for part in parts:
        assert part in stderr


@pytest.mark.parametrize("section, name, value, why", [
    ("consumer", "group.idd", "x", "does not know this property"),
    ("producer", "linger.ms", "soon", "Invalid value"),
    ("common", "sasl.jaas.config", "org.apache.Plain required;", "Java JAAS configuration is not supported"),
])
def test_a_property_that_librdkafka_refuses_is_named_by_file_and_line(lab, section, name, value, why):
    running = lab.run(lab.flow(), kafka={section: {name: value}})
    assert running.wait_exit() == 2
    line = next(number for number, text in enumerate(running.config_path.read_text().splitlines(), 1)
                if text.strip().startswith(f"{name}:"))
    assert f"{running.config_path}:{line}: {name}: librdkafka" in running.stderr
    assert why in running.stderr


@pytest.mark.parametrize("arguments, parts", [
    (["run"], ["-c FILE"]),
    (["run", "-c", "/nowhere.yaml"], ["/nowhere.yaml", "No such file", "config/wiretag.yaml"]),
    (["run", "-c", "config/wiretag.yaml", "--set", "batch.wait_ms=1"], ["batch.wait_ms", "batch.wait_ms_max"]),
    (["run", "-c", "config/wiretag.yaml", "--set", "nonsense"], ["nonsense"]),
    (["run", "-c", "config/wiretag.yaml", "--verbose"], ["--help"]),
    (["run", "-c", "config/wiretag.yaml", "more"], ["more"]),
    (["rnu"], ["rnu", "--help"]),
    ([], ["--help"]),
])
def test_bad_usage_is_named(arguments, parts):
    status, stderr = run(*arguments)
    assert status == 2
    for part in parts:
        assert part in stderr


def test_passwords_of_the_configuration_never_reach_the_log(lab, tmp_path):
    (tmp_path / "password").write_text("s3cr3t-of-the-file\n")
    (tmp_path / "password").chmod(0o600)
    flow = lab.flow()
    running = lab.run(flow, kafka={"common": {
        "sasl.username": "newsroom", "sasl.password": f"${{file:{tmp_path}/password}}",
        "ssl.key.password": "s3cr3t-in-the-config", "debug": "conf,cgrp"}}, log={"level": "debug"})
    running.wait_log("consume  assigned ")
    assert running.stop() == 0
    assert "s3cr3t" not in running.stderr + running.stdout


def test_a_taken_port_is_a_warning_and_the_worker_works_on(lab):
    flow = lab.flow()
    first = lab.run(lab.flow(), http={"listen": "127.0.0.1:0"}).wait_log("consume  assigned ")
    first.http("/healthz")
    second = lab.run(flow, http={"listen": f"127.0.0.1:{first.port}"})
    flow.produce([article("мяч")])
    assert len(flow.labels(1)) == 1
    warned, loading = second.stderr.index("no metrics page"), second.stderr.index("loading the model")
    assert str(first.port) in second.stderr[warned:loading], "named before the model is loaded"


def test_the_log_is_json_lines_where_nobody_watches(lab):
    flow = lab.flow()
    running = lab.run(flow, log={"format": "auto"}).wait_log("assigned")
    assert running.stop() == 0
    lines = [json.loads(line) for line in running.stderr.splitlines()]
    assert {"time", "level", "component", "message"} <= set(lines[0])
    assert any("stopped: 0 consumed" in line["message"] for line in lines)
