"""Two real bundles, of which one has two labels changed over: what a comparison finds, what a backfill publishes and
what a promotion labels is what `wiretag classify` gives for the model that the record names."""

import collections
import json
import zipfile

import checks
import client
import pytest
from client import Record
from test_metrics import HTTP
from test_promote import planned, promoted
from test_reload_real import DEMO, PARTITIONS, Feed, articles, expected

SWAPPED = ("politics", "society")


class Change:
    """The demonstration model, and another of it: the first bundle lies at `path`."""

    build = "release"

    def __init__(self, directory):
        self.directory, self.path = directory, DEMO
        self.other = directory / "other.pt"
        with zipfile.ZipFile(DEMO) as source, zipfile.ZipFile(self.other, "w") as copy:
            for info in source.infolist():
                data = source.read(info)
                if info.filename.endswith("/extra/wiretag.json"):
                    manifest = json.loads(data)
                    self.version = manifest["version"]
                    labels = manifest["labels"]
                    first, second = ([label["name"] for label in labels].index(name) for name in SWAPPED)
                    labels[first], labels[second] = labels[second], labels[first]
                    data = json.dumps(manifest | {"version": "other"}).encode()
                copy.writestr(zipfile.ZipInfo(info.filename), data)
        self.values = articles()
        self.truth = {version: expected(path, self.values)
                      for version, path in ((self.version, self.path), ("other", self.other))}

    def assert_right(self, message):
        body = message.json()
        wanted = self.truth[body["model"]["version"]][body["id"]]
        assert body["category"] == wanted["category"] and body["score"] == pytest.approx(wanted["score"], abs=1e-4)

    def changed(self):
        """{id: (category of the first, of the other)} of the articles that get another one."""
        first, other = self.truth[self.version], self.truth["other"]
        return {id: (first[id]["category"], other[id]["category"]) for id in first
                if first[id]["category"] != other[id]["category"]}


def test_a_comparison_counts_what_changes_and_a_backfill_publishes_just_that(lab):
    flow, change = lab.flow(PARTITIONS), Change(lab.directory)
    places = flow.produce([Record(value, partition=at % PARTITIONS) for at, value in enumerate(change.values)])
    id_at = {place: json.loads(value)["id"] for place, value in zip(places, change.values)}
    page = lab.directory / "change.html"

    def replay(name, *arguments):
        running = lab.start(flow.config(model={"path": str(change.path), "precision": "fp32"}), command=("replay",),
                            build=change.build, arguments=("--from", "earliest", "--to", "latest", "--name", name,
                                                           "--compare", change.other, "--json", *arguments))
        assert running.wait_exit(120) == 0, running.stderr
        return json.loads(running.stdout)

    found, changed = replay("look", "--html", page), change.changed()
    assert 0 < len(changed) < len(change.values), "some change, and some do not"
    assert found["agreement"]["compared"] == len(change.values)
    assert found["agreement"]["equal"] == len(change.values) - len(changed)
    first, other = change.truth[change.version], change.truth["other"]
    assert {(pair["a"], pair["b"]): pair["articles"] for pair in found["pairs"]} == collections.Counter(
        (first[id]["category"], other[id]["category"]) for id in first)
    assert {(one["a"]["category"], one["b"]["category"]) for one in found["examples"]} <= {SWAPPED, SWAPPED[::-1]}
    assert f"{len(changed)}" in page.read_text() and flow.labels() == []
    replay("backfill", "--only-changed", "--same-topic")
    labels = flow.labels()
    checks.assert_each_once(labels, [place for place in places if id_at[place] in changed])
    for message in labels:
        assert message.json()["model"]["version"] == "other"
        change.assert_right(message)


def test_a_promotion_through_a_kill_labels_each_record_once_by_the_right_model(lab, guarantee):
    flow, change = lab.flow(PARTITIONS), Change(lab.directory)

    def run():
        return lab.run_real(flow, http=HTTP, model={"path": str(change.path), "precision": "fp32"})

    workers = [run().wait_ready() for _ in range(2)]
    feed = Feed(flow, change.values)
    client.wait_for("labels", lambda: sum(client.end_offsets(flow.bootstrap, flow.output).values()) > 100, 120)
    promoted(flow, change, "--model", change.other, "--ahead", 100)
    workers[0].wait_log("takes over at offset")
    workers[0].kill()
    workers[0] = run()
    offsets = planned(flow, change)
    places = feed.stop()
    labels, dead_letters = checks.settled(flow, 180)
    assert dead_letters == []
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)
    for message in labels:
        partition, offset = checks.source_of(message)
        assert message.json()["model"]["version"] == ("other" if offset >= offsets[partition] else change.version)
        change.assert_right(message)
    assert {message.json()["model"]["version"] for message in labels} == {"other", change.version}
    for one in workers:
        assert one.stop() == 0
