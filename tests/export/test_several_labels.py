"""Labels with URIs and thresholds, and models that give several: as transformers itself scores them."""

import hashlib
import json
import subprocess
import sys

import pytest
import worker
from exporting import LABELS, ROOT, VOCAB, bert_config, bundle_logits, export, exported, manifest_of, refused, spread

pytestmark = pytest.mark.torch

DESCRIBED = [
    {"name": "climate", "uri": "medtop:06000000", "threshold": 0.6}, "conflicts",
    {"name": "culture", "threshold": 0.25}, {"name": "economy", "uri": "medtop:04000000"}, "gloss"]  # fmt: skip


@pytest.fixture(scope="module")
def several(tmp_path_factory, vocab_file):
    """(model, directory) of a BERT that transformers knows to give several labels."""
    import torch
    import transformers

    torch.manual_seed(5)
    names = dict(enumerate(LABELS))
    config = bert_config(problem_type="multi_label_classification", id2label=names,
                         label2id={name: index for index, name in names.items()})
    model = spread(transformers.BertForSequenceClassification(config))
    folder = tmp_path_factory.mktemp("several")
    model.save_pretrained(folder)
    transformers.BertTokenizerFast(vocab=str(vocab_file), do_lower_case=False).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    return model, folder


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out/model.pt"


@pytest.fixture
def described(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(DESCRIBED), encoding="utf-8")
    return path


def classify(bundle, texts):
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts))
    done = subprocess.run([worker.binary(), "classify", "--model", bundle, "--device", "cpu", "--precision", "fp32"],
                          input=lines, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_worker_gives_the_labels_that_the_pipeline_of_transformers_gives(several, described, articles, out):
    import transformers

    model, folder = several
    manifest = exported(checkpoint=folder, labels=described, out=out)
    assert (manifest["bundle_format"], manifest["task"], manifest["labels"]) == (2, "multi-label", DESCRIBED)
    whole = transformers.pipeline("text-classification", model=model, tokenizer=transformers.AutoTokenizer.from_pretrained(folder),
                                  top_k=None, truncation=True, max_length=512)
    thresholds = {"climate": 0.6, "culture": 0.25}
    uris = {"climate": "medtop:06000000", "economy": "medtop:04000000"}
    counts = set()
    for body, text in zip(classify(out, articles), articles, strict=True):
        scores = sorted(whole([text])[0], key=lambda item: -item["score"])
        assert max(abs(item["score"] - thresholds.get(item["label"], 0.5)) for item in scores) > 1e-4
        wanted = [{"label": item["label"], "score": pytest.approx(item["score"], abs=1e-5)}
                  | ({"uri": uris[item["label"]]} if item["label"] in uris else {})
                  for item in scores if item["score"] >= thresholds.get(item["label"], 0.5)]
        assert body["labels"] == wanted
        assert body["category"] == (wanted[0]["label"] if wanted else None)
        counts.add(len(wanted))
    assert len(counts) >= 3, "every article has about as many labels"


def test_a_format_that_older_workers_read_is_kept_where_nothing_new_is_said(published, vocab_file, labels_file, described, out):
    files = {"checkpoint": published[1], "vocab": vocab_file, "out": out}
    manifest = exported(labels=labels_file, **files)
    assert manifest["bundle_format"] == 1 and "task" not in manifest
    names = described.with_name("names.json")
    names.write_text(json.dumps(LABELS))
    assert exported(labels=names, **files)["labels"] == LABELS == manifest["labels"]
    assert manifest_of(out)["bundle_format"] == 1
    manifest = exported(labels=described, **files)
    assert (manifest["bundle_format"], manifest["task"]) == (2, "single-label")
    assert exported("--task", "multi-label", labels=labels_file, **files)["task"] == "multi-label"


def test_a_bundle_keeps_its_task_uris_and_thresholds_when_it_is_exported_again(several, described, out):
    _, folder = several
    exported(checkpoint=folder, labels=described, out=out)
    again = exported(checkpoint=out, out=out.with_name("again.pt"))
    assert (again["task"], again["labels"]) == ("multi-label", DESCRIBED)
    said = refused("--task", "single-label", checkpoint=out, out=out.with_name("other.pt"))
    assert "is of a model with task multi-label, not single-label" in said


def test_one_output_is_a_label_where_each_is_scored_by_itself(tmp_path, vocab_file, out):
    import transformers

    folder = tmp_path / "bert"
    config = bert_config(num_labels=1, problem_type="multi_label_classification")
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text(vocab_file.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "labels.txt").write_text("breaking\n")
    exported(checkpoint=folder, labels=tmp_path / "labels.txt", out=out)
    body, = classify(out, ["мир"])
    assert 0 < body["scores"]["breaking"] < 1


@pytest.mark.parametrize("labels, said", (
    ("{", "is not valid JSON"), ('{"climate": {}}', "must be a list of labels"),
    ('["climate", 5]', 'label 2: a label must be a name, or an object with a "name"'),
    ('[{"uri": "x"}]', 'label 1: a label must be a name'),
    ('[{"name": "climate", "url": "x"}]', "label 1, 'climate': the key 'url' is not known"),
    ('[{"name": "climate", "uri": 6000000}]', "uri must be a text"),
    ('[{"name": "climate", "threshold": 1.5}]', "threshold must be a number from 0 to 1"),
    ('[{"name": "climate", "threshold": NaN}]', "threshold must be a number from 0 to 1"),
    ('[{"name": "climate", "threshold": true}]', "threshold must be a number from 0 to 1"),
    ('["climate", {"name": "climate"}]', "is given twice"),
    ('["conflicts", "climate", "culture", "economy", "gloss"]',
     "label 1 is 'conflicts' there and 'climate' in the checkpoint")))
def test_what_is_wrong_with_a_labels_file(several, tmp_path, out, labels, said):
    path = tmp_path / "labels.json"
    path.write_text(labels)
    assert said in refused(checkpoint=several[1], labels=path, out=out)


def relabel(*arguments):
    command = [sys.executable, ROOT / "scripts/export/relabel_bundle.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_bundle_is_relabelled_and_everything_else_in_it_stays(published, vocab_file, labels_file, described, rows, out):
    import torch

    manifest = exported(checkpoint=published[1], vocab=vocab_file, labels=labels_file, out=out)
    after = out.with_name("relabelled.pt")
    done = relabel("--model", out, "--labels", described, "--out", after)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{after}: sha256 {hashlib.sha256(after.read_bytes()).hexdigest()}\n"
    assert manifest_of(after) == manifest | {"bundle_format": 2, "task": "single-label", "labels": DESCRIBED}
    assert torch.equal(bundle_logits(after, rows, True), bundle_logits(out, rows, True))
    before, now = (torch._C.PyTorchFileReader(str(path)) for path in (out, after))
    names = [name for name in before.get_all_records() if name != "extra/wiretag.json" and ".data/" not in name]
    assert set(before.get_all_records()) == set(now.get_all_records()) and len(names) > 10
    assert all(before.get_record(name) == now.get_record(name) for name in names)
    assert {body["category"] for body in classify(after, ["мир", "погода 5"])} <= {*LABELS, None}
    again = relabel("--model", after, "--labels", labels_file, "--out", after)
    assert again.returncode == 0 and manifest_of(after) == manifest


def test_other_names_are_given_only_on_request(published, vocab_file, labels_file, out, tmp_path):
    exported(checkpoint=published[1], vocab=vocab_file, labels=labels_file, out=out)
    other = tmp_path / "other.json"
    other.write_text(json.dumps([*LABELS[:-1], "celebrities"]))
    after = out.with_name("relabelled.pt")
    done = relabel("--model", out, "--labels", other, "--out", after)
    assert (done.returncode, after.exists()) == (1, False)
    assert "label 5 is 'celebrities', in" in done.stderr and "--rename renames it" in done.stderr
    assert relabel("--rename", "--model", out, "--labels", other, "--out", after).returncode == 0
    assert manifest_of(after)["labels"][-1] == "celebrities"
    other.write_text(json.dumps(LABELS[:-1]))
    assert "has 4 labels" in relabel("--model", out, "--labels", other, "--out", after).stderr
    assert "is not a bundle" in relabel("--model", labels_file, "--labels", labels_file, "--out", after).stderr
