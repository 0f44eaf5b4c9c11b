"""/metrics as OpenMetrics, read by parsers of others: the same numbers as in the text format, and exemplars."""

import client
import exposition
import prometheus_server
import pytest
from client import Record, article
from collector import Collector
from fake import POISON
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text

HTTP = {"listen": "127.0.0.1:0"}
# What Prometheus 2.42 sends.
ACCEPT = {"Accept": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}
STAGES = {"queue", "decode", "tokenize", "batch", "infer", "publish"}


@pytest.fixture
def collector():
    one = Collector()
    yield one
    one.close()


def busy(lab, **changes):
    """A worker that has labelled, refused and passed on, with a shadow: every family has a series."""
    flow, model = lab.flow(2), lab.model(fail_on_token=POISON)
    values = [article(f"новость {number}") for number in range(300)] + [b"bad", article(POISON), None] * 3
    flow.produce([Record(value, b"key", partition=number % 2) for number, value in enumerate(values)])
    shadow = lab.model(described={"task": "single-label", "labels": [{"name": "other"}]})
    running = lab.run(flow, model, http=HTTP, output={"threshold": 0.3}, model={"shadow": {"path": str(shadow)}}, **changes)
    running.wait_ready()
    flow.wait_done()
    running.idle_metrics()
    return running


def page_of(running, headers):
    status, page = running.http("/metrics", headers=headers)
    assert status == 200
    return page


def described(families):
    """{family: (type, help, series)}; a counter by the name of its family."""
    return {family.name: (family.type, family.documentation,
                          {(sample.name, tuple(sorted((label, value if label != "le" else float(value))
                                                      for label, value in sample.labels.items())))
                           for sample in family.samples})
            for family in families}


def exemplars_of(page):
    return [(family.name, sample, sample.exemplar) for family in read_open(page) for sample in family.samples if sample.exemplar]


def test_it_has_the_families_of_the_text_format(lab):
    running = busy(lab)
    families = described(read_open(page_of(running, ACCEPT)))
    assert families == described(read_text(page_of(running, {})))
    documented = {name.removesuffix("_total") if kind == "counter" else name
                  for name, (kind, _) in exposition.documented().items()}
    assert set(families) <= documented and len(families) > len(documented) - 10
    assert not exemplars_of(page_of(running, ACCEPT)), "exemplars without traces"


def test_exemplars_name_the_spans_of_the_collector(lab, collector):
    running = busy(lab, traces={"endpoint": collector.endpoint, "share": 1})
    client.wait_for("every record's span", lambda: running.metrics()['wiretag_spans_total{result="exported"}'] == 309)
    sent = {(span.trace_id.hex(), span.span_id.hex()): (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
            for span in collector.spans() if span.name.startswith("process ")}
    found = exemplars_of(page_of(running, ACCEPT))
    assert {sample.labels.get("stage") for _, sample, _ in found} == STAGES | {None}
    for name, sample, exemplar in found:
        ids = (exemplar.labels["trace_id"], exemplar.labels["span_id"])
        assert ids in sent and len(exemplar.labels) == 2
        assert exemplar.value <= float(sample.labels["le"]) and float(exemplar.timestamp) > 1.6e9
        assert name in ("wiretag_record_seconds", "wiretag_stage_seconds")
        if name == "wiretag_record_seconds":
            assert exemplar.value == pytest.approx(sent[ids], abs=1e-6)
    assert "trace_id" not in page_of(running, {})


def test_a_real_prometheus_takes_it_and_keeps_the_exemplars(lab, collector, tmp_path):
    if prometheus_server.find("prometheus") is None:
        pytest.skip("NOT PROVEN HERE: Prometheus is not there (scripts/setup --test)")
    running = busy(lab, traces={"endpoint": collector.endpoint, "share": 1})
    server = prometheus_server.Server(tmp_path, {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "wiretag", "static_configs": [{"targets": [f"127.0.0.1:{running.port}"]}]}]})
    try:
        client.wait_for("a scrape that is taken", lambda: server.ask("query", query="up == 1")["result"], 60)
        labelled, = client.wait_for("the counter", lambda: server.ask(
            "query", query='wiretag_records_total{outcome="labelled"}')["result"])
        assert labelled["value"][1] == "300"
        # Only a page that is read as OpenMetrics has this name, and only such a one has exemplars.
        kinds = {one["metric"]: one["type"] for one in server.ask("targets/metadata")}
        assert kinds["wiretag_records"] == "counter"
        kept = client.wait_for("exemplars", lambda: server.ask(
            "query_exemplars", query="wiretag_record_seconds_bucket", start="2020-01-01T00:00:00Z", end="2100-01-01T00:00:00Z"))
        named = {exemplar["labels"]["trace_id"] for series in kept for exemplar in series["exemplars"]}
        assert named and named <= {span.trace_id.hex() for span in collector.spans()}
    finally:
        server.close()
