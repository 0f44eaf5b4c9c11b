"""wiretag eval: its figures are those of a plain reference, whatever the order; what is left out is counted."""

import fcntl
import gzip
import json
import math
import os
import pty
import random
import re
import struct
import subprocess
import termios
import unicodedata
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import fake
import pytest
import worker
from broker import ROOT

WIRETAG = worker.binary(worker.fake_build())
DEMO = ROOT / "models" / "demo.pt"
BINS = 15


class Model(fake.FakeModel):
    """A fake model with labels of its own."""

    def __init__(self, path, labels=fake.LABELS, behaviour=None, task="single-label", thresholds=None):
        described = [{"name": label, **({"threshold": thresholds[label]} if thresholds else {})} for label in labels]
        super().__init__(path, behaviour, described={"task": task, "labels": described})

    def logits(self, text):
        return fake.logits(self.ids(text)[0], len(self.labels))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model(tmp_path_factory.mktemp("eval") / "model.json")


def run(model, *arguments, input=b"", binary=WIRETAG):
    """(exit status, stdout, stderr)"""
    input = input if isinstance(input, bytes) else input.encode()
    done = subprocess.run([binary, "eval", "--model", str(model), *map(str, arguments)], input=input, capture_output=True,
                          timeout=120, cwd=ROOT)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lines(bodies):
    return "".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies)


def articles(model, count, seed=1, golds=None):
    """Texts with gold labels of which a good half is what the model says."""
    dice = random.Random(seed)
    golds = golds or model.labels
    for number in range(count):
        text = f"новость {number} " + "мяч " * (number * 37 % 60)
        logits = model.logits(text)
        said = logits.index(max(logits))
        gold = model.labels[said] if dice.random() < 0.6 and model.labels[said] in golds else dice.choice(golds)
        yield {"id": number, "text": text, "label": gold}


def reference(model, rows):
    """The figures by their definitions, nothing shared with the program."""
    labels = model.labels
    confusion = [[0] * len(labels) for _ in labels]
    losses, bins = [], [[] for _ in range(BINS)]
    for row in rows:
        logits = model.logits(row["text"])
        exponentials = [math.exp(logit) for logit in logits]
        gold, said = labels.index(row["label"]), logits.index(max(logits))
        confusion[gold][said] += 1
        losses.append(-math.log(exponentials[gold] / math.fsum(exponentials)))
        score = exponentials[said] / math.fsum(exponentials)
        bins[min(math.ceil(score * BINS), BINS) - 1].append((score, gold == said))
    total = len(rows)
    table = []
    for number in range(len(labels)):
        support, said = sum(confusion[number]), sum(row[number] for row in confusion)
        right = confusion[number][number]
        precision, recall = right / said if said else 0.0, right / support if support else 0.0
        table.append({"label": labels[number], "precision": precision, "recall": recall, "support": support,
                      "f1": 2 * precision * recall / (precision + recall) if right else 0.0, "predicted": said,
                      "right": right})
    there = [row for row in table if row["support"] or row["predicted"]]
    return {
        "articles": total, "loss": math.fsum(losses) / total, "confusion": confusion, "labels": table,
        "accuracy": sum(confusion[number][number] for number in range(len(labels))) / total,
        "macro": {name: math.fsum(row[name] for row in there) / len(there) for name in ("precision", "recall", "f1")},
        "weighted": {name: math.fsum(row[name] * row["support"] for row in there) / total
                     for name in ("precision", "recall", "f1")},
        "ece": math.fsum(abs(sum(right for _, right in entries) - math.fsum(score for score, _ in entries))
                         for entries in bins) / total}


# --- figures ---


@pytest.mark.parametrize("golds", [None, ["climate", "sports"]])
def test_the_figures_are_those_of_a_plain_reference(model, golds):
    rows = list(articles(model, 1500, golds=golds))
    status, out, err = run(model, "--json", input=lines(rows))
    assert (status, err) == (0, "")
    found, wanted = json.loads(out), reference(model, rows)
    assert found["calibration"]["ece"] == pytest.approx(wanted.pop("ece"), rel=1e-9)
    assert [row.pop("label") for row in found["labels"]] == [row.pop("label") for row in wanted["labels"]]
    for row, expected in zip(found["labels"], wanted.pop("labels"), strict=True):
        assert row == pytest.approx(expected, rel=1e-9)
    assert found["confusion"] == wanted.pop("confusion")
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def test_the_object_has_the_keys_that_are_documented(model):
    _, out, _ = run(model, "--json", input=lines(articles(model, 30)))
    found = json.loads(out)
    assert list(found["model"]) == ["name", "version", "sha256", "task", "device", "precision"]
    assert list(found) == ["model", "input", "lines", "articles", "without_gold", "unlabelled", "loss", "accuracy", "macro",
                           "weighted", "labels", "calibration", "confusion", "seconds", "samples_per_second"]
    text = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    for key in [*found, *found["labels"][0], *found["calibration"], *found["calibration"]["bins"][-1]]:
        assert f"`{key}`" in text, key
    assert found["samples_per_second"] == pytest.approx(found["articles"] / found["seconds"], rel=1e-6)
    assert len(found["calibration"]["bins"]) == BINS


def test_no_order_of_the_lines_changes_a_figure(model):
    rows = list(articles(model, 1200))

    def figures(rows):
        found = json.loads(run(model, "--json", input=lines(rows))[1])
        return {key: value for key, value in found.items() if key not in ("seconds", "samples_per_second")}
    wanted = figures(rows)
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        assert figures(rows) == wanted


def test_the_text_has_the_published_words_and_the_table_of_scikit_learn(model):
    rows = list(articles(model, 400))
    status, out, _ = run(model, input=lines(rows))
    wanted = reference(model, rows)
    assert status == 0
    published = re.search(r"Loss: (\d\.\d{4})\nAccuracy: ([\d.]+)%\nPrecision: ([\d.]+)%\nRecall: ([\d.]+)%\nF1-score: ([\d.]+)%\n"
                          r"Evaluation Runtime: [\d.]+ seconds\nSamples per Second: [\d.]+\n", out)
    figures = [wanted["loss"] * 100, wanted["accuracy"], *(wanted["weighted"][key] for key in ("precision", "recall", "f1"))]
    assert [float(value) for value in published.groups()] == pytest.approx(
        [figures[0] / 100, *(100 * value for value in figures[1:])], abs=0.00501)
    report = ["precision    recall  f1-score   support".rjust(53), ""]
    report += [f"{row['label']:>12}  {row['precision']:9.4f} {row['recall']:9.4f} {row['f1']:9.4f} {row['support']:9}"
               for row in wanted["labels"]]
    report += ["", f"{'accuracy':>12}  {'':9} {'':9} {wanted['accuracy']:9.4f} {400:9}"]
    report += [f"{name + ' avg':>12}  {wanted[name]['precision']:9.4f} {wanted[name]['recall']:9.4f} {wanted[name]['f1']:9.4f} "
               f"{400:9}" for name in ("macro", "weighted")]
    assert "\n".join(report) in out
    assert f"Expected calibration error (ECE): {wanted['ece']:.4f}, 15 bins" in out
    matrix = out.split("are predicted\n\n")[1].splitlines()[1:]
    assert [[int(cell.replace(".", "0")) for cell in row.split()[1:]] for row in matrix] == wanted["confusion"]


def test_labels_without_gold_or_prediction_are_named(model):
    text = "мяч"
    said = model.scores(text)[0][0]
    gold = next(label for label in model.labels if label != said)
    _, out, _ = run(model, input=lines([{"text": text, "label": gold}]))
    assert f"\n\nNever predicted, so precision is set to 0:\n  {gold}\n" in out
    assert f"\n\nNever gold, so recall is set to 0:\n  {said}\n" in out
    absent = re.search(r"so not in the averages:\n  (.*)\n", out)[1].split(", ")
    assert absent == [label for label in model.labels if label not in (said, gold)]
    assert re.search(r"macro avg +0\.0000 +0\.0000 +0\.0000 +1\n", out)


# --- input ---


def test_lines_without_a_gold_label_are_counted_named_and_left_out(model):
    rows = list(articles(model, 20))
    some = rows[:5] + [{"text": "мяч"}, {"text": "мяч", "label": None}] + rows[5:] + [{"text": "мяч", "label": []}]
    status, out, err = run(model, "--json", input=lines(some))
    found = json.loads(out)
    assert status == 0
    assert (found["lines"], found["articles"], found["without_gold"]) == (23, 20, 3)
    assert err == ("wiretag eval: 3 of 23 lines have no gold label at /label or /expected and were left out; "
                   "the first is line 6\n")


def test_articles_without_a_label_are_counted_by_their_reason(tmp_path):
    poisoned = Model(tmp_path / "poisoned.json", behaviour={"fail_on_token": fake.POISON, "nan_on_token": fake.NOT_A_NUMBER})
    bad = [" \u2003", fake.POISON, fake.NOT_A_NUMBER, fake.POISON, 7, None]
    rows = [{"text": f"матч {number}", "label": "sports"} for number in range(40)]
    rows[10:10] = [{"text": text, "label": "sports"} for text in bad]
    status, out, err = run(poisoned, "--json", input=lines(rows))
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["articles"] == 40 and found["unlabelled"] == {
        "text-blank": 1, "model-failed": 2, "logits-not-finite": 1, "text-type": 1, "text-missing": 1}
    assert "2 without a label from the model, model-failed: left out" in run(poisoned, input=lines(rows))[1]


def test_blank_lines_and_a_byte_order_mark_are_passed_over(model):
    body = lines(articles(model, 9))
    spaced = "\ufeff" + body.replace("\n", "\r\n\r\n \t\n").rstrip("\n")
    wanted, found = (json.loads(run(model, "--json", input=text)[1]) for text in (body, spaced))
    assert found["lines"] == 9 and found["confusion"] == wanted["confusion"] and found["loss"] == wanted["loss"]


@pytest.mark.parametrize("bad, message", [
    ({"text": "m", "label": "sport"}, 'line 3: gold label "sport" is none of the model\'s 11; the nearest is "sports"'),
    ({"text": "m", "label": 11}, "line 3: gold label 11 is no id of the model's labels, 0 to 10"),
    ({"text": "m", "label": 1.5}, "line 3: the gold label is neither a string nor an integer"),
    ({"text": "m", "label": "9"}, 'line 3: gold label "9" is none of the model\'s 11; an id is written without quotes'),
    ({"text": "m", "label": 11.0}, "line 3: gold label 11 is no id of the model's labels, 0 to 10"),
    ('{"text": "m", "label": "sports", "label": "climate"}', "line 3: the key of the gold label stands twice"),
    ({"text": "m", "label": ["sports", "climate"]}, "line 3: there are several gold labels, but the model gives one label"),
    ({"text": "m", "label": "\x1b[2J\n"}, 'line 3: gold label "\\x1b[2J\\x0a" is none'),
    (None, "line 3: not a JSON object"), ("json", "line 3: not valid JSON")])
def test_a_line_that_says_nothing_about_the_model_ends_the_run(model, tmp_path, bad, message):
    line = "{" if bad == "json" else bad if isinstance(bad, str) else json.dumps(bad)
    body = "\n" + lines(articles(model, 1)) + line + "\n" + lines(articles(model, 3))
    picture = tmp_path / "confusion.svg"
    status, out, err = run(model, "--svg", picture, input=body)
    assert (status, out) == (1, "") and err.startswith(f"wiretag eval: {message}") and err.count("\n") == 1
    assert not picture.exists()


@pytest.mark.parametrize("body, message", [
    (json.dumps([{"text": "m", "label": "sports"}], indent=1), "line 1: not valid JSON: it ends behind the first bracket"),
    (json.dumps([{"text": "m", "label": "sports"}]), "line 1: not a JSON object but a list"),
    ("text,label\nm,sports\n", "line 1: not valid JSON: a value is expected near 'text,label' (column 1)"),
    (gzip.compress(b"{}", mtime=0), "line 1: not JSON but compressed by gzip;")], ids=["list", "list in a line", "table", "gzip"])
def test_a_table_or_a_list_is_told_from_json_lines(model, body, message):
    status, out, err = run(model, input=body)
    assert (status, out) == (1, "") and err.startswith(f"wiretag eval: {message}")
    assert err.endswith("; articles are JSON lines, one object a line, and jq -c '.[]' makes them of a list\n")


def test_without_an_article_there_is_no_figure_and_the_reason_is_said(model):
    for body, reason in (("", "of 0 lines 0 have no gold label"), (lines([{"text": "m", "topic": "sports"}]), "1 have no gold"),
                         (lines([{"text": " ", "label": "sports"}]), "1 got no label from the model, the first: text-blank")):
        status, out, err = run(model, "--json", input=body)
        assert (status, out) == (1, "") and "nothing to evaluate in stdin" in err and reason in err, err


def test_fields_are_named_by_pointers_and_gold_labels_by_name_or_id(model, tmp_path):
    rows = list(articles(model, 60))
    wanted = json.loads(run(model, "--json", input=lines(rows))[1])
    nested = [{"doc": {"body~": row["text"]}, "tags": [{"gold": model.labels.index(row["label"])}]} for row in rows]
    file = tmp_path / "nested.jsonl"
    file.write_text(lines(nested), encoding="utf-8")
    status, out, err = run(model, "--json", "--input", file, "--text", "/doc/body~0", "--label", "/tags/0/gold")
    found = json.loads(out)
    assert (status, err, found["confusion"]) == (0, "", wanted["confusion"])
    assert found["input"] == str(file)
    expected = [{"text": row["text"], "expected": [row["label"]]} for row in rows]
    assert json.loads(run(model, "--json", input=lines(expected))[1])["confusion"] == wanted["confusion"]
    # As a column of a table with gaps is written: reals, and NaN where there is none.
    reals = [{"text": row["text"], "label": float(model.labels.index(row["label"]))} for row in rows] + [{"text": "m", "label": float("nan")}]
    found = json.loads(run(model, "--json", input=lines(reals))[1])
    assert found["confusion"] == wanted["confusion"] and found["without_gold"] == 1


def test_mistyped_options_and_missing_files_are_named(model, tmp_path):
    for arguments, status, message in [
            (["--label", "label"], 2, "--label label: a JSON pointer begins with /"),
            (["--min-accuracy", "88%"], 2, "--min-accuracy 88%: a number from 0 to 1"),
            (["--min-macro-f1", "nan"], 2, "--min-macro-f1 nan: a number from 0 to 1"),
            (["--input", tmp_path / "none.jsonl"], 1, f"cannot read {tmp_path}/none.jsonl: No such file"),
            (["--input", tmp_path], 1, "Is a directory"),
            (["--svg", tmp_path / "no/folder.svg"], 1, f"cannot write {tmp_path}/no/folder.svg: No such file")]:
        done = run(model, *arguments, input=lines(articles(model, 3)))
        assert done[0] == status and done[1] == "" and message in done[2], done
    done = subprocess.run([WIRETAG, "eval"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--model BUNDLE" in done.stderr


def test_a_figure_below_its_least_value_fails_the_run_after_the_report(model):
    rows = list(articles(model, 300))
    wanted = reference(model, rows)
    for option, figure in (("--min-accuracy", wanted["accuracy"]), ("--min-macro-f1", wanted["macro"]["f1"])):
        status, out, err = run(model, "--json", option, f"{figure - 1e-6}", input=lines(rows))
        assert (status, err) == (0, "")
        status, out, err = run(model, "--json", option, f"{figure + 1e-6}", input=lines(rows))
        assert status == 1 and json.loads(out)["articles"] == 300
        assert f"{figure:.4f} is below {option}" in err


# --- tables and the picture ---

HOSTILE = ["<b>&amp;\"'", "日本語のニュース" * 6, "e\u0301" * 40, "x" * 300, "\x1b[31mred\n", "\u202eright", "😀 emoji", "plain"]


def width(text):
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF")
               for c in text)


def on_terminal(model, body, columns):
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    running = subprocess.Popen([WIRETAG, "eval", "--model", str(model)], stdin=subprocess.PIPE, stdout=end,
                               stderr=subprocess.PIPE, cwd=ROOT)
    os.close(end)
    running.stdin.write(body.encode())
    running.stdin.close()
    seen = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        seen += chunk
    os.close(terminal)
    assert running.wait(60) == 0, running.stderr.read()
    running.stderr.close()
    return seen.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_tables_fit_the_terminal_whatever_the_labels_are(tmp_path, columns):
    model = Model(tmp_path / "hostile.json", HOSTILE)
    seen = on_terminal(model, lines(articles(model, 200)), columns)
    assert "\x1b" not in seen
    tables = seen.split("\n\n", 1)[1]
    assert max(map(width, tables.split("\n"))) <= columns
    matrix = tables.split("are predicted\n\n")[1].rstrip("\n").split("\n")
    assert len(matrix) == len(HOSTILE) + 1 and len({width(row) for row in matrix}) == 1


def test_a_matrix_that_does_not_fit_gives_way_to_its_most_frequent_errors(tmp_path):
    model = Model(tmp_path / "many.json", [f"label-{number}" for number in range(120)])
    rows = list(articles(model, 900, golds=model.labels[:7]))
    confusion = reference(model, rows)["confusion"]
    errors = sorted(((-count, gold, said) for gold, row in enumerate(confusion) for said, count in enumerate(row)
                     if count and gold != said))[:20]
    _, out, _ = run(model, input=lines(rows))
    assert "Confusion matrix: its 120 columns do not fit here" in out
    listed = [line.split() for line in out.split("predicted\n")[1].splitlines()]
    assert listed == [[str(-count), model.labels[gold], model.labels[said]] for count, gold, said in errors]


def picture(model, rows, path):
    assert run(model, "--svg", path, input=lines(rows))[0] == 0
    text = path.read_text(encoding="utf-8")
    assert "href" not in text and "url(" not in text and "<script" not in text, "it needs nothing else"
    return ElementTree.fromstring(text)


def test_the_picture_has_every_count_and_every_label_escaped(tmp_path):
    model = Model(tmp_path / "hostile.json", HOSTILE)
    rows = list(articles(model, 300))
    root = picture(model, rows, tmp_path / "confusion.svg")
    confusion = reference(model, rows)["confusion"]
    tag = "{http://www.w3.org/2000/svg}"
    counts = [cell.text for cell in root.iter(f"{tag}text") if "middle" in cell.get("class", "")]
    assert counts == [str(count) for row in confusion for count in row if count]
    titles = [title.text for title in root.iter(f"{tag}title")][1:]
    clean = [re.sub(r"[\x00-\x1f]", "\ufffd", label) for label in HOSTILE]
    assert titles == [f"{clean[gold]} as {clean[said]}: {count} of {sum(row)}"
                      for gold, row in enumerate(confusion) for said, count in enumerate(row) if count]
    right, bottom = (float(value) for value in root.get("viewBox").split()[2:])
    for cell in root.iter(f"{tag}rect"):
        assert float(cell.get("x", 0)) + float(cell.get("width")) <= right
        assert float(cell.get("y", 0)) + float(cell.get("height")) <= bottom
    assert "prefers-color-scheme: dark" in root.find(f"{tag}style").text


def test_the_picture_of_many_labels_stays_a_picture(tmp_path):
    model = Model(tmp_path / "many.json", [f"label-{number}" for number in range(300)])
    root = picture(model, list(articles(model, 400)), tmp_path / "confusion.svg")
    assert float(root.get("width")) <= 800 and float(root.get("height")) <= 900


def test_the_picture_replaces_an_older_one_only_when_it_is_there(model, tmp_path):
    path = tmp_path / "confusion.svg"
    path.write_text("old " * 100_000)
    assert run(model, "--svg", path, input="{")[0] == 1
    assert path.read_text() == "old " * 100_000
    picture(model, list(articles(model, 5)), path)


def test_the_picture_does_not_replace_the_input(model, tmp_path):
    file = tmp_path / "gold.jsonl"
    file.write_text(lines(articles(model, 5)), encoding="utf-8")
    before = file.read_text(encoding="utf-8")
    (tmp_path / "link.svg").symlink_to(file)
    status, out, err = run(model, "--input", file, "--svg", tmp_path / "link.svg")
    assert (status, out) == (2, "") and err.endswith("link.svg is the input, which it would replace\n")
    assert file.read_text(encoding="utf-8") == before


# --- size, and the real thing ---


def test_memory_does_not_grow_with_the_number_of_articles(model):
    def peak(count):
        running = subprocess.Popen([WIRETAG, "eval", "--model", str(model), "--json"], cwd=ROOT, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        for n in range(count):
            running.stdin.write(lines([{"text": f"новость {n} " + "мяч " * 150, "label": n % 11}]).encode())
        running.stdin.flush()
        status = Path(f"/proc/{running.pid}/status").read_text()
        out, _ = running.communicate(timeout=60)
        assert running.returncode == 0 and json.loads(out)["articles"] == count
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    small, large = peak(3000), peak(30000)
    assert large - small < 4096, f"{small} and {large} KiB"


def test_the_demonstration_bundle_has_the_accuracy_that_its_training_measured(tmp_path):
    """Needs libtorch: the bundle says itself what its training measured on the held-out texts."""
    with zipfile.ZipFile(DEMO) as bundle:
        about = json.loads(bundle.read(next(n for n in bundle.namelist() if n.endswith("extra/wiretag.json"))))["about"]
    rows = [{"text": line.replace("\\n", "\n"), "label": path.stem} for path in sorted((ROOT / "data/heldout").glob("*.txt"))
            for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    release = worker.binary("release")
    status, out, err = run(DEMO, "--json", "--device", "cpu", "--precision", "fp32", "--min-accuracy", "0.8",
                           input=lines(rows), binary=release)
    assert status == 0, err
    found = json.loads(out)
    assert found["articles"] == len(rows) == about["heldout_texts"]
    assert round(found["accuracy"], 4) == about["heldout_accuracy"]
    labelled = subprocess.run([release, "classify", "--model", DEMO, "--device", "cpu", "--precision", "fp32", "--logits"],
                              input=lines(rows).encode(), capture_output=True, timeout=120, cwd=ROOT, check=True).stdout
    labels = [label["label"] for label in found["labels"]]
    confusion, losses = [[0] * len(labels) for _ in labels], []
    for row, line in zip(rows, labelled.splitlines(), strict=True):
        said, gold = json.loads(line), labels.index(row["label"])
        confusion[gold][labels.index(said["category"])] += 1
        losses.append(math.log(math.fsum(math.exp(logit - said["logits"][gold]) for logit in said["logits"])))
    assert found["confusion"] == confusion
    assert found["loss"] == pytest.approx(math.fsum(losses) / len(rows), rel=1e-6)
