"""A real bundle as shadow: row by row, with pauses, on a thread that has the last say for the processor, it gives the
very scores that the worker gives in batches; and another bundle is compared by the names of its labels."""

import json
import zipfile

import checks
import client
import pytest
from client import Record
from test_metrics import HTTP
from test_reload_real import DEMO, PARTITIONS, articles, bundle, expected
from test_shadow import done, pairs_of, report


def run(lab, flow, shadow, **more):
    topic = lab.topic("shadow", PARTITIONS)
    model = {"path": str(DEMO), "precision": "fp32", "shadow": {"path": str(shadow), "topic": topic}}
    running = lab.run_real(flow, http=HTTP, model=model, **more).wait_ready()
    values = articles()
    flow.produce([Record(value, partition=number % PARTITIONS) for number, value in enumerate(values)])
    labels, dead_letters = checks.settled(flow)
    assert dead_letters == [] and len(labels) == len(values)
    assert done(running, len(values), 120)["compared"] == len(values)
    theirs = client.read_all(flow.bootstrap, topic, len(values))
    return running, values, labels, theirs


@pytest.mark.parametrize("long", [{}, {"long": "windows", "windows_max": 4}], ids=["cut", "windows"])
def test_the_same_bundle_gives_the_same_bytes_in_both_places(lab, long):
    running, values, labels, theirs = run(lab, lab.flow(PARTITIONS), DEMO, input=long)
    by_source = {checks.source_of(message): message for message in labels}
    assert len(theirs) == len(labels)
    for message in theirs:
        assert message.value == by_source[checks.source_of(message)].value
    answer = report(running)
    assert answer["agreement"] == 1 and answer["differ"] == 0
    assert all(pair["live"] == pair["shadow"] for pair in answer["pairs"])
    assert running.stop() == 0
    assert f"on 0.0 % ± " in running.stderr and f"of {len(values)} articles; the evidence is" in running.stderr.replace(",", "")


def test_a_bundle_with_other_labels_is_compared_by_their_names(lab):
    other = bundle(lab.directory / "other.pt", "other")
    running, values, labels, theirs = run(lab, lab.flow(PARTITIONS), other)
    truth = expected(other, values)
    for message in theirs:
        body = message.json()
        assert body["category"] == truth[body["id"]]["category"] and body["model"]["version"] == "other"
        assert body["score"] == pytest.approx(truth[body["id"]]["score"], abs=1e-4)
    names = json.loads(zipfile.ZipFile(DEMO).read("demo/extra/wiretag.json"))["labels"]
    names = [name if isinstance(name, str) else name["name"] for name in names]
    turned = dict(zip(names, names[1:] + names[:1]))
    answer = report(running)
    assert answer["agreement"] == 0 and set(pairs_of(answer)) <= set(turned.items())
    assert sum(pairs_of(answer).values()) == len(values) == len(labels)
    assert running.stop() == 0
