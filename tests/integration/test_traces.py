"""Traces: a span for each record that is traced, its stages as children, and what a bad collector costs."""

import time

import client
import pytest
import worker
from client import Record, article
from collector import Collector, attributes, proxies
from fake import LABELS, POISON

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
STAGES = ["queue", "decode", "tokenize", "batch", "infer", "publish"]
HTTP = {"listen": "127.0.0.1:0"}


def traceparent(flags="01", trace=TRACE):
    return [("traceparent", f"00-{trace}-{PARENT}-{flags}".encode()), ("tracestate", b"vendor=1")]


@pytest.fixture
def collector():
    started = []

    def start(**options):
        started.append(Collector(**options))
        return started[-1]
    yield start
    for one in started:
        one.close()


def header(message, name):
    return [value.decode() for key, value in message.headers if key == name]


def records_of(spans):
    return [span for span in spans if span.name.startswith("process ")]


def test_the_span_is_a_child_of_the_inputs_and_the_output_names_it(lab, collector):
    flow, traces = lab.flow(2), collector()
    before = time.time_ns()
    flow.produce([Record(article("матч", id=1), b"key", headers=traceparent(), partition=1),
                  Record(b"bad", b"key", headers=traceparent(), partition=1),
                  Record(None, b"key", headers=traceparent(), partition=1)])
    running = lab.run(flow, traces={"endpoint": traces.endpoint, "share": 0}, http=HTTP)
    label, tombstone = flow.labels(2)
    dead, = flow.dead_letters(1)
    client.wait_for("three spans", lambda: len(records_of(traces.spans())) == 3)
    spans = {attributes(span)["messaging.kafka.offset"]: span for span in records_of(traces.spans())}
    for offset, message in enumerate((label, dead, tombstone)):
        span = spans[offset]
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
        assert header(message, "traceparent") == [f"00-{TRACE}-{span.span_id.hex()}-01"]
        assert header(message, "tracestate") == ["vendor=1"]
        assert before - 10**9 < span.start_time_unix_nano < span.end_time_unix_nano < time.time_ns() + 10**9
        assert span.kind == span.SPAN_KIND_CONSUMER and span.name == f"process {flow.input}"
        said = attributes(span)
        assert said["messaging.destination.name"] == flow.input
        assert said["messaging.destination.partition.id"] == "1"
        assert said["messaging.consumer.group.name"] == flow.group
        assert said["messaging.system"] == "kafka"
    assert attributes(spans[0])["wiretag.category"] in LABELS
    assert 0 < attributes(spans[0])["wiretag.score"] <= 1
    assert [attributes(span)["wiretag.outcome"] for _, span in sorted(spans.items())] == ["labelled", "dead_lettered", "tombstone"]
    assert attributes(spans[1])["error.type"] == "json-invalid"
    assert spans[1].status.code == spans[1].status.STATUS_CODE_ERROR
    assert spans[0].status.code == spans[0].status.STATUS_CODE_UNSET
    resource = attributes(traces.requests[0].resource_spans[0].resource)
    assert resource["service.name"] == "wiretag" and resource["process.pid"] == running.pid


def test_the_stages_are_children_that_fill_the_span_without_a_gap(lab, collector):
    flow, traces = lab.flow(), collector()
    flow.produce([Record(article(f"новость {number}"), headers=traceparent()) for number in range(50)])
    lab.run(flow, lab.model(sleep_us_per_call=3000), traces={"endpoint": traces.endpoint})
    client.wait_for("fifty spans", lambda: len(records_of(traces.spans())) == 50)
    spans = traces.spans()
    assert len({span.span_id for span in spans}) == len(spans) == 50 * 7
    for span in records_of(spans):
        children = [child for child in spans if child.parent_span_id == span.span_id]
        assert [child.name for child in children] == STAGES
        assert all(child.trace_id == span.trace_id for child in children)
        assert children[0].start_time_unix_nano == span.start_time_unix_nano
        assert children[-1].end_time_unix_nano == span.end_time_unix_nano
        assert all(one.end_time_unix_nano == other.start_time_unix_nano for one, other in zip(children, children[1:]))
        infer = children[STAGES.index("infer")]
        assert infer.end_time_unix_nano - infer.start_time_unix_nano >= 3_000_000


def test_the_parents_flag_decides_and_else_the_share(lab, collector):
    flow, traces = lab.flow(), collector()
    flow.produce([Record(article("a"), headers=traceparent("00"))] * 50 + [Record(article("b"))] * 1000
                 + [Record(article("c"), headers=traceparent("03", "1" * 32))] * 50)
    lab.run(flow, traces={"endpoint": traces.endpoint, "share": 0.3})
    flow.wait_done()
    client.wait_for("the last spans", lambda: sum(
        span.trace_id.hex() == "1" * 32 for span in records_of(traces.spans())) == 50)
    spans = records_of(traces.spans())
    roots = [span for span in spans if not span.parent_span_id]
    assert not [span for span in spans if span.trace_id.hex() == TRACE]
    # Expected: 300, with a standard deviation of 14.5.
    assert 200 < len(roots) < 400
    assert len({span.trace_id for span in roots}) == len(roots)
    labels = flow.labels(1100)
    own = {value for message in labels for value in header(message, "traceparent")}
    assert {f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in spans} <= own
    assert sum(header(message, "traceparent") == [] for message in labels) == 1000 - len(roots)
    assert sum(header(message, "traceparent") == [traceparent("00")[0][1].decode()] for message in labels) == 50


def test_without_an_endpoint_nothing_changes(lab):
    flow = lab.flow()
    flow.produce([Record(article("a"), headers=traceparent())])
    running = lab.run(flow, http=HTTP)
    message, = flow.labels(1)
    assert header(message, "traceparent") == [traceparent()[0][1].decode()]
    assert running.metrics()['wiretag_spans_total{result="exported"}'] == 0


def test_the_last_spans_are_sent_when_the_worker_stops(lab, collector):
    flow, traces = lab.flow(), collector()
    flow.produce([Record(article("a"), headers=traceparent())] * 20)
    running = lab.run(flow, traces={"endpoint": traces.endpoint + "/v1/traces"})
    flow.wait_done()
    assert running.stop() == 0
    assert len(records_of(traces.spans())) == 20


@pytest.mark.parametrize("kind", ["away", "hangs", "refuses"])
def test_a_bad_collector_costs_nothing_but_spans(lab, collector, kind):
    flow = lab.flow()
    if kind == "away":
        endpoint = "http://127.0.0.1:1"
    else:
        endpoint = collector(hangs=kind == "hangs", status=503).endpoint
    running = lab.run(flow, traces={"endpoint": endpoint, "share": 1}, http=HTTP)
    running.wait_ready()
    for _ in range(5):
        flow.produce([Record(article("новость"))] * 1000)
        flow.wait_done()
    assert len(flow.labels(5000)) == 5000
    dropped = 'wiretag_spans_total{result="dropped"}'
    client.wait_for("dropped spans", lambda: running.metrics()[dropped] > 0)
    running.wait_log("WARN  traces .* takes no spans: ")
    assert len([line for line in running.stderr.splitlines() if "takes no spans" in line]) == 1
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began < 10
    if kind == "away":
        assert "Connection refused" in running.stderr or "connect" in running.stderr


def test_a_collector_that_comes_back_gets_spans_again(lab, collector):
    flow, traces = lab.flow(), collector(status=500)
    running = lab.run(flow, traces={"endpoint": traces.endpoint, "share": 1}, http=HTTP)
    flow.produce([Record(article("a"))] * 10)
    running.wait_log("takes no spans: it answers with HTTP status 500")
    traces.status = 200
    flow.produce([Record(article("b"))] * 10)
    running.wait_log("takes spans again")
    client.wait_for("exported spans", lambda: running.metrics()['wiretag_spans_total{result="exported"}'] > 0)


def test_a_collector_of_this_machine_is_asked_without_a_proxy(lab, collector):
    flow, traces = lab.flow(), collector()
    config = flow.config(model={"path": str(lab.model())}, traces={"endpoint": traces.endpoint, "share": 1})
    lab.start(config, build=worker.fake_build(), environment=proxies())
    flow.produce([Record(article("a"))])
    client.wait_for("a span", traces.spans)


def test_windows_and_poison_have_spans_too(lab, collector):
    flow, traces = lab.flow(), collector()
    flow.produce([Record(article("слово " * 100), headers=traceparent()), Record(article(POISON), headers=traceparent())])
    lab.run(flow, lab.model(tokens_max=32, fail_on_token=POISON), traces={"endpoint": traces.endpoint},
            input={"long": "windows", "window_overlap": 4})
    client.wait_for("two spans", lambda: len(records_of(traces.spans())) == 2)
    whole, poison = sorted(records_of(traces.spans()), key=lambda span: attributes(span)["messaging.kafka.offset"])
    names = {span.span_id: [child.name for child in traces.spans() if child.parent_span_id == span.span_id]
             for span in (whole, poison)}
    assert names[whole.span_id] == ["queue", "decode", "tokenize", "infer", "publish"]
    assert names[poison.span_id] == STAGES
    assert attributes(poison)["wiretag.outcome"] == "dead_lettered"
