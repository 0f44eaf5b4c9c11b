"""wiretag eval with models that give an article several labels: figures, thresholds, the picture."""

import json
import math
import random
import xml.etree.ElementTree as ElementTree

import pytest
from broker import ROOT
from test_eval import BINS, HOSTILE, Model, lines, on_terminal, picture, run, width

NAMES = ["climate", "politics", "science", "sports", "travel", "never"]
THRESHOLDS = {"climate": 0.9, "politics": 0.5, "science": 0.25, "sports": 0.6, "travel": 0.5, "never": 1.0}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model(tmp_path_factory.mktemp("eval") / "several.json", NAMES, task="multi-label", thresholds=THRESHOLDS)


def sigmoids(model, text):
    return [1 / (1 + math.exp(-logit)) for logit in model.logits(text)]


def articles(model, count, seed=1):
    """A label is the likelier gold the higher its score; the last one never is."""
    dice = random.Random(seed)
    for number in range(count):
        text = f"новость {number}"
        gold = [label for label, score in zip(model.labels[:-1], sigmoids(model, text)) if dice.random() < score ** 2]
        yield {"text": text, "label": gold[0] if len(gold) == 1 and number % 2 else gold}


def gold_of(row):
    return {row["label"]} if isinstance(row["label"], str) else set(row["label"])


def f1_of(right, either):
    return 2 * right / either if either else 0.0


def ratios(right, predicted, support):
    return {"precision": right / predicted if predicted else 0.0, "recall": right / support if support else 0.0,
            "f1": f1_of(right, predicted + support)}


def reference(model, rows, thresholds):
    """The figures by their definitions; scikit-learn gives these for indicator matrices."""
    scores, golds = [sigmoids(model, row["text"]) for row in rows], [gold_of(row) for row in rows]
    said = [{label for label, score in zip(model.labels, row) if score >= thresholds[label]} for row in scores]
    table, total = [], [0, 0, 0]
    for number, label in enumerate(model.labels):
        right = sum(label in gold and label in own for gold, own in zip(golds, said))
        predicted, support = sum(label in own for own in said), sum(label in gold for gold in golds)
        total = [total[0] + right, total[1] + predicted, total[2] + support]
        tried = []
        for step in range(1001):
            above = [row[number] >= step / 1000 for row in scores]
            hits = sum(one and label in gold for one, gold in zip(above, golds))
            tried.append((f1_of(hits, sum(above) + support), -abs(step / 1000 - 0.5), step / 1000))
        best = max(tried)
        table.append({"label": label, **ratios(right, predicted, support), "support": support, "predicted": predicted,
                      "right": right, "threshold": thresholds[label], "best_f1": best[0], "best_threshold": best[2]})
    names = ("precision", "recall", "f1")
    by_article = [ratios(len(gold & own), len(own), len(gold)) for gold, own in zip(golds, said)]
    bins, losses = [[] for _ in range(BINS)], []
    for row, gold in zip(scores, golds):
        for label, score in zip(model.labels, row):
            bins[math.ceil(score * BINS) - 1].append((score, label in gold))
            losses.append(-math.log(score if label in gold else 1 - score))
    return {
        "loss": math.fsum(losses) / len(losses), "accuracy": sum(gold == own for gold, own in zip(golds, said)) / len(rows),
        "macro": {name: math.fsum(row[name] for row in table) / len(table) for name in names},
        "weighted": {name: math.fsum(row[name] * row["support"] for row in table) / total[2] for name in names},
        "micro": ratios(*total), "samples": {name: math.fsum(row[name] for row in by_article) / len(rows) for name in names},
        "labels": table, "ece": math.fsum(abs(sum(right for _, right in one) - math.fsum(score for score, _ in one))
                                          for one in bins) / len(losses)}


def test_the_figures_and_the_best_thresholds_are_those_of_a_plain_reference(model):
    rows = list(articles(model, 600))
    status, out, err = run(model, "--json", input=lines(rows))
    assert (status, err) == (0, "")
    found, wanted = json.loads(out), reference(model, rows, THRESHOLDS)
    assert found["model"]["task"] == "multi-label" and found["articles"] == 600
    assert found["calibration"]["ece"] == pytest.approx(wanted.pop("ece"), rel=1e-9)
    for row, expected in zip(found["labels"], wanted.pop("labels"), strict=True):
        assert row.pop("label") == expected.pop("label") and row == pytest.approx(expected, rel=1e-9)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def test_the_object_has_the_keys_that_are_documented(model):
    found = json.loads(run(model, "--json", input=lines(articles(model, 30)))[1])
    assert list(found) == ["model", "input", "lines", "articles", "without_gold", "unlabelled", "loss", "accuracy", "macro",
                           "weighted", "micro", "samples", "labels", "calibration", "seconds", "samples_per_second"]
    text = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    assert [key for key in (*found, *found["labels"][0]) if f"`{key}`" not in text] == []


def test_an_article_without_labels_is_one_and_a_line_without_the_field_is_none(model):
    rows = [{"text": "мяч", "label": []}, {"text": "мяч"}, {"text": "мяч", "label": None}]
    found = json.loads(run(model, "--json", input=lines(rows))[1])
    assert (found["articles"], found["without_gold"]) == (1, 2)
    assert found["weighted"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_no_order_of_the_lines_changes_a_figure(model):
    rows = list(articles(model, 1100))
    wanted = None
    for seed in range(3):
        found = json.loads(run(model, "--json", input=lines(rows))[1])
        del found["seconds"], found["samples_per_second"]
        wanted = wanted or found
        assert found == wanted
        random.Random(seed).shuffle(rows)


def test_the_text_has_the_averages_of_scikit_learn_and_the_thresholds(model):
    rows = list(articles(model, 300))
    _, out, _ = run(model, input=lines(rows))
    wanted = reference(model, rows, THRESHOLDS)
    support = sum(row["support"] for row in wanted["labels"])
    for name in ("micro", "macro", "weighted", "samples"):
        figures = wanted[name]
        assert f"{name + ' avg':>12}  {figures['precision']:9.4f} {figures['recall']:9.4f} {figures['f1']:9.4f} {support:9}" in out
    assert f"Accuracy: {100 * wanted['accuracy']:.2f}%\n" in out
    for row in wanted["labels"]:
        assert (f"{row['label']:>12}  {row['threshold']:9.3f} {row['f1']:9.4f} {row['best_threshold']:9.3f} "
                f"{row['best_f1']:9.4f}\n") in out
        missed, wrong = row["support"] - row["right"], row["predicted"] - row["right"]
        assert f"{row['label']:>12}  {row['right']:9} {missed:9} {wrong:9} {300 - row['right'] - missed - wrong:9}\n" in out
    assert "Neither gold nor predicted, so all is set to 0:\n  never\n" in out


@pytest.mark.parametrize("columns", [60, 120])
def test_tables_fit_the_terminal_and_the_picture_has_every_count(tmp_path, columns):
    model = Model(tmp_path / "hostile.json", HOSTILE, task="multi-label")
    rows = list(articles(model, 200))
    seen = on_terminal(model, lines(rows), columns)
    assert "\x1b" not in seen
    assert max(map(width, seen.split("\n\n", 1)[1].split("\n"))) <= columns
    root = picture(model, rows, tmp_path / "labels.svg")
    tag = "{http://www.w3.org/2000/svg}"
    counts = [cell.text for cell in root.iter(f"{tag}text")
              if "middle" in cell.get("class", "") and cell.text not in ("right", "missed", "wrong")]
    table = reference(model, rows, dict.fromkeys(HOSTILE, 0.5))["labels"]
    assert counts == [str(count) for row in table for count in
                      (row["right"], row["support"] - row["right"], row["predicted"] - row["right"]) if count]
    assert isinstance(root, ElementTree.Element) and root.find(f"{tag}title").text == "Labels of fake"
