"""output.routes: each label in the topic of the first route that it meets, whatever happens to the worker."""

import json
import subprocess

import checks
import client
import pytest
import ranges
import worker
from broker import ROOT
from checking import bad, check
from client import Record, article
from test_explain import explain
from test_explain import run as explain_text
from test_labels import described
from test_metrics import HTTP

PARTITIONS = 3
REVIEW_BELOW = 0.5  # some of the labels that the fake model gives are below
TEXTS = [f"новость {number} о матче" for number in range(3000)]


class Routes:
    """Three topics beside the output, and where each text must go."""

    def __init__(self, lab, flow, model):
        self.flow, self.model = flow, model
        self.sport, self.planet, self.review = lab.topics(["sport", "planet", "review"], PARTITIONS)
        self.topics = [flow.output, self.sport, self.planet, self.review]
        self.config = [{"category": ["sports"], "topic": self.sport},
                       {"category": "climate", "score_below": 0.8, "topic": self.planet},
                       {"score_below": REVIEW_BELOW, "topic": self.review}]

    def of(self, text):
        category, score = self.model.scores(text)[0]
        if category == "sports":
            return self.sport
        if category == "climate" and score < 0.8:
            return self.planet
        return self.review if score < REVIEW_BELOW else self.flow.output

    def read(self):
        """{topic: what readers of committed records find there}"""
        for topic in self.topics:
            client.wait_for(f"the end of every transaction in {topic}",
                            lambda topic=topic: not client.open_transactions(self.flow.bootstrap, topic), 60, 0.05)
        return {topic: client.read_all(self.flow.bootstrap, topic) for topic in self.topics}


def fill(flow, texts):
    """Articles on all partitions in turn; {place: text}."""
    places = flow.produce([Record(article(text), key=b"k", partition=number % PARTITIONS)
                           for number, text in enumerate(texts)])
    return dict(zip(places, texts))


def assert_routed(routes, read, texts):
    """Every label lies where its route says, in the order of its partition."""
    for topic, messages in read.items():
        assert messages, f"no text was to go to {topic}"
        checks.assert_in_order(messages)
        checks.assert_same_partition(messages)
        for message in messages:
            text = texts[checks.source_of(message)]
            assert topic == routes.of(text), text
            checks.assert_labelled(message, text, routes.model)


@pytest.mark.usefixtures("guarantee")
def test_each_label_goes_to_the_topic_of_its_route_once_and_is_counted_there(lab):
    flow, model = lab.flow(PARTITIONS), lab.model()
    routes = Routes(lab, flow, model)
    texts = fill(flow, TEXTS)
    running = lab.run(flow, model, http=HTTP, output={"routes": routes.config})
    flow.wait_done()
    read = routes.read()
    checks.assert_each_once([message for messages in read.values() for message in messages], texts)
    assert_routed(routes, read, texts)
    metrics = running.idle_metrics()
    assert {topic: metrics[f'wiretag_labelled_records_by_topic_total{{topic="{topic}"}}'] for topic in routes.topics} == {
        topic: len(messages) for topic, messages in read.items()}
    assert flow.dead_letters() == []
    assert running.stop() == 0
    assert f"output.topic {flow.output}, output.routes to {routes.sport}, {routes.planet}, {routes.review}," in running.stderr


@pytest.mark.usefixtures("guarantee")
def test_a_worker_that_is_killed_in_the_middle_loses_no_label_of_any_topic(lab):
    flow, model = lab.flow(PARTITIONS), lab.model(sleep_us_per_call=20_000)
    routes = Routes(lab, flow, model)
    texts = fill(flow, TEXTS)
    changes = {"output": {"routes": routes.config}, "delivery": {"commit_interval_ms": 50}}
    killed = lab.run(flow, model, **changes)

    def published():
        return sum(sum(client.end_offsets(flow.bootstrap, topic).values()) for topic in routes.topics)
    client.wait_for("half of the labels", lambda: published() > 500, 60, 0.02)
    killed.kill()
    assert flow.lag() > 0, "it was to be killed in the middle"
    lab.run(flow, model, **changes)
    flow.wait_done()
    read = routes.read()
    checks.assert_delivered(flow, [message for messages in read.values() for message in messages], texts)
    assert_routed(routes, read, texts)


def test_dead_letters_and_tombstones_take_no_route(lab):
    flow, model = lab.flow(), lab.model()
    other = lab.topic("other")
    flow.produce([b"no JSON", Record(None, key=b"k"), article("мяч")])
    lab.run(flow, model, output={"routes": [{"score_below": 1, "topic": other}]})
    flow.wait_done()
    assert [message.value for message in flow.labels()] == [None]
    assert len(flow.dead_letters()) == 1
    label, = client.read_all(flow.bootstrap, other)
    checks.assert_labelled(label, "мяч", model)


def test_of_several_labels_the_best_decides_and_none_is_null(lab):
    flow, model = lab.flow(), lab.model(described=described())
    science, none = lab.topics(["science", "none"])
    texts = TEXTS[:300]
    flow.produce([article(text) for text in texts])
    lab.run(flow, model, output={"threshold": 0.9, "routes": [
        {"category": ["science"], "topic": science}, {"category": [None], "topic": none}]})
    flow.wait_done()
    seen = {science: [], none: [], flow.output: []}
    for topic, messages in seen.items():
        messages += [message.json() for message in client.read_all(flow.bootstrap, topic)]
    assert {body["category"] for body in seen[science]} == {"science"}
    assert {body["category"] for body in seen[none]} == {None} == {body["score"] for body in seen[none]}
    assert {body["category"] for body in seen[flow.output]} == {"climate", "politics", "sports", "travel"}
    assert any("science" in [label["label"] for label in body["labels"]] for body in seen[flow.output])
    assert sum(map(len, seen.values())) == len(texts)


def test_enriched_articles_take_their_route(lab):
    flow, model = lab.flow(), lab.model()
    other = lab.topic("other")
    flow.produce([article("мяч", extra=1e2)])
    category = model.scores("мяч")[0][0]
    lab.run(flow, model, output={"form": "enriched", "routes": [{"category": [category], "topic": other}]})
    message, = client.read_all(flow.bootstrap, other, 1)
    assert message.json()["wiretag"]["category"] == category and message.json()["extra"] == 100
    assert flow.labels() == []


def test_a_record_that_its_routes_topic_refuses_is_a_dead_letter_that_names_the_topic(lab):
    flow, model = lab.flow(), lab.model()
    compacted = lab.topic("compacted", config={"cleanup.policy": "compact"})
    flow.produce([article("мяч"), Record(article("мяч"), key=b"k")])
    lab.run(flow, model, output={"routes": [{"score_below": 1, "topic": compacted}]})
    flow.wait_done()
    assert [message.key for message in client.read_all(flow.bootstrap, compacted)] == [b"k"]
    letter, = flow.dead_letters()
    assert letter.header("wiretag.error.code") == "record-rejected"
    assert compacted in letter.header("wiretag.error.message")


# --- before the start ---


def test_a_topic_that_is_not_there_stops_run_and_is_found_by_check(lab):
    flow, model = lab.flow(), lab.model()
    changes = {"output": {"routes": [{"category": ["sports"], "topic": "nowhere"}]}}
    refused = lab.run(flow, model, **changes)
    assert refused.wait_exit() == 2
    assert "topic nowhere (output.routes) does not exist" in refused.stderr
    status, found = check(lab, flow, **changes)
    assert (status, bad(found)) == (1, {"topic-missing"})
    missing, = found["topic-missing"]
    assert "output.routes" in missing["place"] and "topic nowhere does not exist" in missing["message"]


def test_check_looks_at_the_topics_of_routes_as_at_the_output(lab):
    flow = lab.flow(3)
    narrow = lab.topic("narrow", 2)
    status, found = check(lab, flow, output={"routes": [{"score_below": 0.5, "topic": narrow}]})
    assert (status, bad(found)) == (1, {"topic-partitions"})
    partitions, = found["topic-partitions"]
    assert "output.routes" in partitions["place"] and narrow in partitions["message"]
    assert [one["message"] for one in found["right-write"]] == [
        f"topic {topic} may be written" for topic in (flow.output, narrow, flow.dead_letter)]


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_label_that_the_model_does_not_have_is_refused_with_the_nearest(lab, command):
    flow, model = lab.flow(), lab.model()
    path = model.path.with_suffix(".yaml")
    config = flow.config(model={"path": str(model)}, output={"routes": [{"category": ["sprots"], "topic": flow.output}]})
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    done = subprocess.run([worker.binary(worker.fake_build()), command, "-c", path], cwd=ROOT, timeout=60,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == (2 if command == "run" else 1)
    assert 'output.routes: the model fake has no label "sprots"; the nearest of its labels is "sports"' in (
        done.stdout + done.stderr).replace('\\"', '"')


# --- explain and replay ---


def test_explain_names_the_topic_and_finds_the_label_there(lab):
    flow, model = lab.flow(), lab.model()
    other = lab.topic("other")
    flow.produce([article("мяч")])
    output = {"routes": [{"score_below": 1, "topic": other}]}
    lab.run(flow, model, output=output)
    flow.wait_done()
    body = explain(flow, model, f"{flow.input}:0:0", output=output)
    assert body["topic"] == other
    published, = body["published"]
    assert published["agrees"] and published["topic"] == other
    assert other in explain_text(flow, model, f"{flow.input}:0:0", output=output).stdout


def test_a_replay_to_the_same_topics_takes_the_routes_and_one_to_another_topic_does_not(lab):
    flow, model = lab.flow(PARTITIONS), lab.model()
    routes = Routes(lab, flow, model)
    texts = fill(flow, TEXTS[:600])
    output = {"routes": routes.config}
    ranges.finish(ranges.replay(lab, flow, bundle=model, output=output))
    read = routes.read()
    checks.assert_each_once([message for messages in read.values() for message in messages], texts)
    assert_routed(routes, read, texts)
    other = lab.topic("other", PARTITIONS)
    ranges.finish(ranges.replay(lab, flow, "earliest", "latest", "--output", other, name="all", bundle=model, output=output))
    checks.assert_each_once(client.read_all(flow.bootstrap, other), texts)
    assert {topic: len(messages) for topic, messages in routes.read().items()} == {
        topic: len(messages) for topic, messages in read.items()}


def test_a_replays_name_with_other_routes_is_refused(lab):
    flow, model = lab.flow(), lab.model()
    other = lab.topic("other")
    flow.produce([article("мяч")])
    ranges.finish(ranges.replay(lab, flow, bundle=model))
    again = ranges.replay(lab, flow, bundle=model, output={"routes": [{"category": ["sports"], "score_below": 0.5, "topic": other}]})
    assert again.wait_exit() == 2
    assert f"routes was none and is sports,<0.5>{other}" in again.stderr
