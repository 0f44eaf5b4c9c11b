"""Models that give an article several labels: thresholds, URIs, what is published, counted and explained."""

import json
import subprocess

import checks
import pytest
from broker import ROOT
from client import Record, article
from test_explain import explain
from test_explain import run as explain_text
from test_metrics import HTTP
import worker

NAMES = ["climate", "politics", "science", "sports", "travel"]
URIS = {"politics": "medtop:11000000", "science": "medtop:13000000", "sports": "medtop:15000000"}
OWN = {"climate": 0.9, "politics": 0.9, "science": 0.95, "sports": 0.9}  # the bundle's thresholds; of travel 0.5
TEXTS = [f"новость {number}" for number in range(120)]


def described(task="multi-label"):
    labels = [{"name": name} | ({"uri": URIS[name]} if name in URIS else {})
              | ({"threshold": OWN[name]} if name in OWN else {}) for name in NAMES]
    return {"task": task, "labels": labels}


def expected(model, text, thresholds):
    """What a record says of a text: [{"label", "score", "uri"?}], the best first."""
    return [{"label": label, "score": pytest.approx(score, rel=1e-5)} | ({"uri": URIS[label]} if label in URIS else {})
            for label, score in model.scores(text) if score >= thresholds[label]]


def thresholds(configured=None):
    return {name: OWN.get(name, 0.5) for name in NAMES} | (configured or {})


def by_category(metrics):
    prefix = 'wiretag_labels_total{category="'
    return {key[len(prefix):-2]: value for key, value in metrics.items() if key.startswith(prefix)}


@pytest.mark.parametrize("configured", [None, {"science": 0.6, "travel": 0.9}])
def test_every_label_that_reaches_its_threshold_is_published_and_counted(lab, configured):
    flow, model = lab.flow(), lab.model(described=described())
    flow.produce([Record(article(text), b"key") for text in TEXTS])
    output = {"top_k": 2} | ({"threshold": configured} if configured else {})
    running = lab.run(flow, model, http=HTTP, output=output, delivery={"guarantee": "exactly-once"})
    labels, dead_letters = checks.settled(flow)
    assert (len(labels), dead_letters) == (len(TEXTS), [])
    given = {name: 0 for name in NAMES}
    none = 0
    for message, text in zip(labels, TEXTS):
        body = message.json()
        wanted = expected(model, text, thresholds(configured))
        first = wanted[0] if wanted else {"label": None, "score": None}
        uri = ["uri"] if "uri" in first else []
        assert list(body) == ["id", "category", *uri, "score", "labels", "scores", "model", "tokens", "truncated", "source"]
        assert body["labels"] == wanted
        assert [list(label) for label in body["labels"]] == [list(label) for label in wanted]
        assert (body["category"], body["score"], body.get("uri")) == (first["label"], first["score"], first.get("uri"))
        assert list(body["scores"].items()) == [(label, pytest.approx(score, rel=1e-5))
                                                for label, score in model.scores(text)[:2]]
        none += not wanted
        for label in wanted:
            given[label["label"]] += 1
    metrics = running.idle_metrics()
    assert by_category(metrics) == given and all(given.values())
    assert metrics["wiretag_below_threshold_records_total"] == none > 0
    assert metrics['wiretag_records_total{outcome="labelled"}'] == len(TEXTS) < sum(given.values())


def test_one_label_an_article_keeps_its_form_and_has_its_uri_behind_the_category(lab):
    flow, model = lab.flow(), lab.model(described=described("single-label"))
    flow.produce([article(text) for text in TEXTS])
    lab.run(flow, model, output={"threshold": {"science": 0}})
    seen = set()
    for message, text in zip(flow.labels(len(TEXTS)), TEXTS):
        label, score = model.scores(text)[0]
        body = message.json()
        reached = score >= {**OWN, "science": 0}.get(label, 0)
        uri = URIS.get(label) if reached else None
        assert list(body)[:4] == (["id", "category", "uri", "score"] if uri else ["id", "category", "score", "scores"])
        assert (body["category"], body.get("uri")) == (label if reached else None, uri)
        assert body["score"] == pytest.approx(score, rel=1e-5) and "labels" not in body
        seen.add((reached, uri is None))
    assert seen == {(True, True), (True, False), (False, True)}


@pytest.mark.parametrize("command", ["run", "check", "explain"])
def test_a_threshold_of_a_label_that_the_model_does_not_have_is_refused_with_the_nearest(lab, command):
    flow, model = lab.flow(), lab.model(described=described())
    flow.produce([article("мяч")])
    path = model.path.with_suffix(".yaml")
    config = flow.config(**worker.merge({"model": {"path": str(model)}}, {"output": {"threshold": {"sprots": 0.5}}}))
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    place = [f"{flow.input}:0:0"] if command == "explain" else []
    done = subprocess.run([worker.binary(worker.fake_build()), command, "-c", path, *place], cwd=ROOT, timeout=60,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == (2 if command == "run" else 1)
    said = (done.stdout + done.stderr).replace('\\"', '"')
    assert 'output.threshold: the model fake has no label "sprots"; the nearest of its labels is "sports"' in said
    assert flow.labels() == []


@pytest.mark.parametrize("task, threshold, warned", [
    ("multi-label", 0.0, True), ("multi-label", 0.01, False), ("multi-label", "auto", False), ("single-label", 0.0, False)])
def test_a_threshold_that_gives_every_article_all_labels_is_warned_of(lab, task, threshold, warned):
    flow, model = lab.flow(), lab.model(described=described(task))
    path = model.path.with_suffix(".yaml")
    config = flow.config(**worker.merge({"model": {"path": str(model)}}, {"output": {"threshold": threshold}}))
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    done = subprocess.run([worker.binary(worker.fake_build()), "check", "--json", "-c", path], cwd=ROOT, timeout=60,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "threshold-zero"]
    assert [(one["level"], "output.threshold" in one["place"]) for one in found] == [("warning", True)] * warned
    assert not warned or "all 5 labels" in found[0]["message"]


def test_explain_shows_score_and_threshold_of_each_label_and_agrees_with_what_was_published(lab):
    flow, model = lab.flow(), lab.model(described=described())
    flow.produce([article(text) for text in TEXTS[:8]])
    running = lab.run(flow, model)
    flow.wait_done()
    assert running.stop() == 0
    several = max(range(8), key=lambda number: len(expected(model, TEXTS[number], thresholds())))
    body = explain(flow, model, f"{flow.input}:0:{several}")
    assert body["model"]["task"] == "multi-label"
    assert body["thresholds"] == {name: pytest.approx(value) for name, value in thresholds().items()}
    assert body["probabilities"] == {label: pytest.approx(score, rel=1e-6) for label, score in model.scores(TEXTS[several])}
    (published,) = body["published"]
    assert published["agrees"] and published["value"]["labels"] == body["label"]["labels"] != []
    shown = explain_text(flow, model, f"{flow.input}:0:{several}").stdout
    names = ", ".join(label["label"] for label in body["label"]["labels"])
    assert f"outcome     {names}\n" in shown and shown.count("  reached\n") == len(body["label"]["labels"]) >= 2
    stricter = explain(flow, model, f"{flow.input}:0:{several}", output={"threshold": 1.0})
    assert stricter["label"]["category"] is None and not stricter["published"][0]["agrees"]


def test_classify_gives_the_labels_that_a_worker_gives(lab):
    model = lab.model(described=described())
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(TEXTS))
    done = subprocess.run([worker.binary(worker.fake_build()), "classify", "--model", str(model)], input=lines,
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    for line, text in zip(done.stdout.splitlines(), TEXTS, strict=True):
        assert json.loads(line)["labels"] == expected(model, text, thresholds())
