"""What the log says of a record, and what it keeps to itself; traces that pass through."""

import fcntl
import json
import os
import re
import subprocess

import checks
import pytest
import worker
from client import Record, article

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode()), ("tracestate", b"congo=t61rcWkgMzE,rojo=1")]
SECRET = "тайна"
# jansson's message about this value quotes it.
BROKEN = f'{{"text": {SECRET}}}'.encode()


def json_lines(running):
    return [json.loads(line) for line in running.stderr.splitlines()]


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
def test_the_trace_of_a_record_travels_to_its_label_and_to_its_dead_letter(lab, guarantee):
    flow = lab.flow()
    flow.produce([Record(article("мяч"), headers=HEADERS), Record(b"bad", headers=HEADERS)])
    lab.run(flow, delivery={"guarantee": guarantee})
    for message in (flow.labels(1)[0], flow.dead_letters(1)[0]):
        assert [header for header in message.headers if header[0].startswith("trace")] == HEADERS


def test_a_line_about_a_record_names_topic_partition_offset_and_trace(lab):
    flow = lab.flow(partitions=2)
    flow.produce([Record(article("мяч"), partition=1), Record(b"bad", headers=HEADERS, partition=1)])
    running = lab.run(flow, log={"format": "auto"}).wait_log("dead letter: json-invalid")
    line, = [line for line in json_lines(running) if "dead letter" in line["message"]]
    assert (line["topic"], line["partition"], line["offset"], line["trace_id"]) == (flow.input, 1, 1, TRACE)
    assert (line["level"], line["component"]) == ("warn", "publish")


def test_text_lines_name_them_too(lab):
    flow = lab.flow()
    flow.produce([Record(b"bad", headers=HEADERS)])
    lab.run(flow).wait_log(rf"{flow.input} \[0\] offset 0 trace {TRACE}: dead letter: json-invalid in decode")


def test_a_worker_that_stops_before_a_record_names_it_as_one(lab):
    flow = lab.flow()
    flow.produce([Record(b"bad", headers=HEADERS)])
    running = lab.run(flow, on_error="stop", log={"format": "json"})
    assert running.wait_exit() == 1
    line, = [line for line in json_lines(running) if "stops before it" in line["message"]]
    assert (line["topic"], line["partition"], line["offset"], line["trace_id"]) == (flow.input, 0, 0, TRACE)


def test_a_flood_of_bad_records_is_counted_not_repeated(lab):
    flow = lab.flow()
    flow.produce([b"bad"] * 500)
    running = lab.run(flow, log={"format": "json"})
    flow.wait_done()
    assert running.stop() == 0
    about = [line for line in json_lines(running) if "dead letter" in line["message"]]
    assert len(about) < 50
    assert sum(line.get("repeated", 1) for line in about) == 500


@pytest.mark.parametrize("on_error", ["dead-letter", "skip", "stop"])
def test_no_article_is_quoted(lab, on_error):
    flow = lab.flow()
    flow.produce([article(f"{SECRET} мяч"), BROKEN])
    running = lab.run(flow, on_error=on_error, log={"level": "debug"})
    running.wait_log("json-invalid")
    running.wait_exit() if on_error == "stop" else running.stop()
    assert SECRET not in running.stderr + running.stdout


def test_unless_it_is_asked_for(lab):
    flow = lab.flow()
    flow.produce([BROKEN])
    running = lab.run(flow, log={"texts": True}).wait_log("json-invalid in decode: the value is not valid JSON")
    assert f'the value starts with: {{"text": {SECRET}}}' in running.stderr


def test_lines_are_json_to_the_end_also_of_a_worker_that_cannot_start(lab):
    flow = lab.flow()
    flow.output = "nowhere"
    running = lab.run(flow, log={"format": "auto"})
    assert running.wait_exit() == 2
    last = json_lines(running)[-1]
    assert last["level"] == "error" and "topic nowhere (output.topic) does not exist" in last["message"]


# --- an operator's words ---

def test_the_log_begins_with_program_configuration_and_machine(lab):
    flow = lab.flow()
    running = lab.run(flow, log={"format": "auto"}).wait_log("loading the model")
    program, configuration, machine = [line["message"] for line in json_lines(running)[:3]]
    assert re.match(r"wiretag \d+\.\d+\.\d+, librdkafka \d+\.\d+\.\d+, ", program)
    for part in (str(running.config_path), f"group {flow.group}", f"brokers {flow.bootstrap}", f"input.topics {flow.input}",
                 f"output.topic {flow.output}", f"dead_letter.topic {flow.dead_letter}", f"guarantee {flow.guarantee}"):
        assert part in configuration, part
    assert re.match(r"machine: .+, \d+ (of \d+ )?processors? .*usable, \d+\.\d GiB of memory", machine)


def test_partitions_and_readiness_are_said_in_the_fields_words(lab):
    flow = lab.flow(partitions=2)
    running = lab.run(flow, log={"format": "auto"}).wait_log("ready: 2 partitions, lag ")
    assert running.stop() == 0
    lines = json_lines(running)
    for word in ("assigned", "revoked"):
        found = {(line["topic"], line["partition"]) for line in lines if line["message"].startswith(word + " ")}
        assert found == {(flow.input, 0), (flow.input, 1)}, word
    assert [line["message"] for line in lines if line["message"].startswith("rebalance: ")][-1].endswith("removed, 0 partitions in total")


def test_a_log_that_nobody_reads_stops_neither_records_nor_a_stop(lab):
    """As with a log driver that stands still: the pipe behind stderr is full."""
    flow = lab.flow()
    places = flow.produce([article(f"мяч {number}") for number in range(20)] + [b"bad"] * 20)
    path = lab.directory / "unread.yaml"
    path.write_text(worker.yaml(flow.config(model={"path": str(lab.model())})) + "\n", encoding="utf-8")
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    for size in (65536, 1):
        try:
            while os.write(writer, b"." * size):
                pass
        except BlockingIOError:
            continue
    fcntl.fcntl(writer, fcntl.F_SETFL, 0)
    line = [worker.binary(worker.fake_build()), "run", "-c", path]
    with subprocess.Popen(line, cwd=worker.ROOT, stdin=subprocess.DEVNULL, stderr=writer,
                          start_new_session=True) as running:
        os.close(writer)
        try:
            labels, letters = checks.settled(flow)
            checks.assert_each_once(labels + letters, places)
            os.read(reader, 65536)
            said = b""
            while b"lines dropped because nobody read the log: " not in said:
                said += os.read(reader, 65536)
            running.terminate()
            assert running.wait(60) == 0
        finally:
            running.kill()
            os.close(reader)


def test_closed_streams_are_not_mistaken_for_connections(lab):
    """The first connections would get the numbers 0, 1 and 2, and the log would be written into one."""
    flow = lab.flow()
    places = flow.produce([article("мяч")] * 20 + [b"bad"] * 5)
    path = lab.directory / "closed.yaml"
    path.write_text(worker.yaml(flow.config(model={"path": str(lab.model())})) + "\n", encoding="utf-8")
    line = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', worker.binary(worker.fake_build()), "run", "-c", path]
    with subprocess.Popen(line, cwd=worker.ROOT, start_new_session=True) as running:
        try:
            labels, letters = checks.settled(flow)
            checks.assert_each_once(labels + letters, places)
            assert {os.readlink(f"/proc/{running.pid}/fd/{stream}") for stream in range(3)} == {"/dev/null"}
            running.terminate()
            assert running.wait(60) == 0
        finally:
            running.kill()
