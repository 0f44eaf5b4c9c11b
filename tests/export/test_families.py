"""Every family of encoders keeps the logits that transformers gives, alone and in any batch, in the export and in
the worker."""

import json
import random
import subprocess

import pytest
import worker
from exporting import LETTERS, VOCAB, bundle_logits, exported, manifest_of, published_logits, refused
from family_models import MODELS, ODD, make, save

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """name -> (model, directory), each made once."""
    made = {}

    def published(name):
        if name not in made:
            model = make(name)
            made[name] = (model, save(model, tmp_path_factory.mktemp("families") / name.replace(" ", "-")))
        return made[name]

    return published


def classify(bundle, texts, precision, tokens=4096):
    lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts))
    command = [worker.binary(), "classify", "--model", bundle, "--device", "cpu", "--precision", precision,
               "--batch-tokens", str(tokens), "--logits"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["logits"] for line in done.stdout.splitlines()]


def operators(bundle):
    """What the worker's kernels took over of the model, and what they left to libtorch."""
    command = [worker.binary(), "bench", "model", "--model", bundle, "--device", "cpu", "--precision", "fp32",
               "--shapes", "1x8", "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout.split("\n")[0])["operators"]


def wanted_logits(model, rows):
    import torch

    wanted = torch.stack([published_logits(model, row) for row in rows])
    assert wanted.std(0).max() > 0.05, "texts all alike"
    return wanted


@pytest.mark.parametrize("name", [*MODELS, *ODD])
def test_the_export_keeps_the_logits(published, rows, labels_file, tmp_path, name):
    model, folder = published(name)
    out = tmp_path / "model.pt"
    assert exported(checkpoint=folder, labels=labels_file, out=out)["max_tokens"] == 512
    wanted = wanted_logits(model, rows)
    for alone in (True, False):
        assert (bundle_logits(out, rows, alone) - wanted).abs().max() <= 1e-4, f"{alone=}"


@pytest.mark.parametrize("name", ["roberta", "mpnet"])
def test_padded_512(published, rows, labels_file, tmp_path, name):
    import torch

    model, folder = published(name)
    out = tmp_path / "model.pt"
    exported(checkpoint=folder, labels=labels_file, out=out, padding="padded-512")
    wanted = torch.stack([published_logits(model, row) for row in rows])
    assert (bundle_logits(out, rows, alone=False) - wanted).abs().max() <= 1e-4


@pytest.mark.parametrize("name, operated", (
    ("roberta", "10 linear layers, 2 attentions"), ("distilbert", "10 linear layers, 2 attentions"),
    ("electra", "11 linear layers, 2 attentions"), ("mpnet of three heads", "10 linear layers, 2 attentions"),
    ("deberta-v3", "26 linear layers, 2 attentions"), ("modernbert of the mean", "22 linear layers, 4 attentions")))
def test_the_worker_s_kernels_keep_them_in_every_precision(
    published, rows, articles, labels_file, tmp_path, name, operated
):
    import torch

    model, folder = published(name)
    out = tmp_path / "model.pt"
    exported(checkpoint=folder, labels=labels_file, out=out, wiretag=worker.binary())
    wanted = wanted_logits(model, rows)
    precisions = manifest_of(out)["precisions"]
    for precision in ("fp32", "bf16", "int8"):
        bound = precisions[precision]["logits_bound"]
        assert bound <= (1e-4 if precision == "fp32" else wanted.std(0).max()), precision
        together = classify(out, articles, precision)
        assert (torch.tensor(together) - wanted).abs().max() <= bound + 1e-4, precision
        assert classify(out, articles, precision, 16) == together, f"{precision} depends on the batch"
    said = operators(out)
    assert f": {operated}" in said and "libtorch" not in said


def test_articles_of_8192_tokens(labels_file, tmp_path):
    """ModernBERT's own length, by which the directory says that articles are cut."""
    import torch

    from wiretag_modeling import TokenizerOptions, build_tokenizer

    model = make("modernbert", num_hidden_layers=2, global_attn_every_n_layers=2, max_position_embeddings=8192)
    folder = save(model, tmp_path / "modernbert", model_max_length=8192)
    out, texts = tmp_path / "model.pt", tmp_path / "texts.jsonl"
    lengths = (8192, 5000, 700, 90, 9000, 3, 8191, 12)
    rng = random.Random(8)
    articles = [" ".join(rng.choice(LETTERS) for _ in range(length - 2)) for length in lengths]
    texts.write_text("".join(json.dumps({"text": text[:900]}) + "\n" for text in articles))
    assert exported(checkpoint=folder, labels=labels_file, texts=texts, out=out)["max_tokens"] == 8192
    rows = [row.ids for row in build_tokenizer(VOCAB, TokenizerOptions(), 8192).encode_batch(articles)]
    assert [len(row) for row in rows] == [min(length, 8192) for length in lengths]
    wanted = wanted_logits(model, rows)
    together = classify(out, articles, "fp32", 40000)
    assert (torch.tensor(together) - wanted).abs().max() <= 1e-3
    assert classify(out, articles, "fp32", 16) == together


@pytest.mark.parametrize("name", ("bert", "modernbert"))
def test_longer_articles_than_the_model_has_positions_for(published, labels_file, tmp_path, name):
    folder = published(name)[1]
    (tmp_path / "out").mkdir()
    said = refused(checkpoint=folder, labels=labels_file, max_tokens=8192, out=tmp_path / "out/model.pt")
    assert "max_tokens 8192 with padding exact: the model knows 512 positions" in said


def test_a_family_is_not_taken_for_another(published, labels_file, tmp_path):
    """The comparison would find it, but the cause is named before."""
    import shutil

    shutil.copytree(published("roberta")[1], tmp_path / "roberta")
    path = tmp_path / "roberta/config.json"
    config = json.loads(path.read_text())
    for changes, said in (
        ({"model_type": "bert"}, "of bert only BertForSequenceClassification is rebuilt"),
        ({"model_type": "longformer"}, 'model_type is "longformer"; rebuilt are bert, roberta'),
        ({"architectures": ["RobertaForTokenClassification"]}, "of roberta only RobertaForSequenceClassification"),
        ({"pad_token_id": -1}, "say pad_token_id -1"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type relative_key"),
        ({"hidden_act": "silu"}, "the activation 'silu'")):
        path.write_text(json.dumps(config | changes))
        (tmp_path / "out").mkdir(exist_ok=True)
        assert said in refused(checkpoint=tmp_path / "roberta", labels=labels_file, out=tmp_path / "out/model.pt")


def test_a_table_of_distances_that_is_too_short(labels_file, tmp_path):
    folder = save(make("mpnet", relative_attention_num_buckets=16), tmp_path / "mpnet")
    (tmp_path / "out").mkdir()
    said = refused(checkpoint=folder, labels=labels_file, out=tmp_path / "out/model.pt")
    assert "has no row for each of 32 buckets" in said
