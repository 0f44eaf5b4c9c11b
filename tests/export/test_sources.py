"""A model becomes a bundle that gives the same logits, whatever it was published as."""

import json

import pytest
from exporting import (
    LABELS,
    VOCAB,
    bert_config,
    bundle_logits,
    export,
    export_apart,
    exported,
    published_logits,
    spread,
)

pytestmark = pytest.mark.torch

PADDINGS = ("exact", "padded-512")


def assert_same_logits(bundle, rows, wanted):
    import torch

    wanted = torch.stack(wanted)
    for alone in (True, False):
        assert (bundle_logits(bundle, rows, alone) - wanted).abs().max() <= 1e-4, f"{alone=}"
    assert wanted.argmax(1).unique().numel() > 1 and wanted.std(0).max() > 0.01, "texts all alike"


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory, vocab_file):
    """(model, directory) of a BERT sequence classification, its labels unnamed."""
    import torch
    import transformers

    torch.manual_seed(2)
    model = spread(transformers.BertForSequenceClassification(bert_config()))
    folder = tmp_path_factory.mktemp("hugging_face")
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text(vocab_file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    return model, folder


@pytest.mark.parametrize("padding", PADDINGS)
def test_a_published_pickle_keeps_its_logits(
    published, rows, vocab_file, labels_file, tmp_path, padding
):
    model, pickle = published
    out = tmp_path / "model.pt"
    manifest = exported(
        checkpoint=pickle, vocab=vocab_file, labels=labels_file, padding=padding, out=out
    )
    assert manifest["padding"] == padding and manifest["labels"] == LABELS
    assert manifest["tokenizer"] == {
        "type": "wordpiece",
        "lowercase": False,
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
    }
    assert_same_logits(out, rows, [published_logits(model, row, padding) for row in rows])


def test_the_two_padding_policies_differ(published, rows):
    """Otherwise the test above could not tell them apart."""
    model, _ = published
    short = rows[0]
    exact, padded = published_logits(model, short), published_logits(model, short, "padded-512")
    assert (exact - padded).abs().max() > 1e-2


@pytest.mark.parametrize("activation", ("gelu_new", "relu"))
def test_other_activations_and_a_pickle_of_half_precision(
    rows, vocab_file, labels_file, tmp_path, activation
):
    import torch
    from random_model import published_class, save_published

    torch.manual_seed(3)
    config = bert_config(hidden_act=activation, layer_norm_eps=1e-6, max_position_embeddings=600)
    model = spread(published_class()(config, len(LABELS), lstm_hidden=16)).half()
    pickle = tmp_path / "model.pth"
    save_published(model, pickle)
    out = tmp_path / "model.pt"
    exported(checkpoint=pickle, vocab=vocab_file, labels=labels_file, out=out)
    model = model.float()
    assert_same_logits(out, rows, [published_logits(model, row) for row in rows])


@pytest.mark.parametrize("padding", PADDINGS)
def test_a_hugging_face_directory_keeps_its_logits(
    hugging_face, rows, labels_file, tmp_path, padding
):
    model, folder = hugging_face
    out = tmp_path / "model.pt"
    exported(checkpoint=folder, labels=labels_file, padding=padding, out=out)
    assert_same_logits(out, rows, [published_logits(model, row, padding) for row in rows])


def test_a_hugging_face_directory_may_name_its_labels_and_have_tokenizer_json_alone(
    hugging_face, vocab_file, tmp_path
):
    import shutil

    from tokenizers import BertWordPieceTokenizer

    folder = tmp_path / "directory"
    shutil.copytree(hugging_face[1], folder)
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer_config.json").unlink()
    BertWordPieceTokenizer(str(vocab_file), lowercase=True, strip_accents=False).save(
        str(folder / "tokenizer.json")
    )
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(index): label for index, label in enumerate(LABELS)}
    (folder / "config.json").write_text(json.dumps(config))
    manifest = exported(checkpoint=folder, out=tmp_path / "model.pt")
    assert manifest["labels"] == LABELS
    assert manifest["tokenizer"]["lowercase"] is True
    assert manifest["tokenizer"]["strip_accents"] is False


def test_a_hugging_face_directory_may_have_several_files_or_an_older_pickle(
    hugging_face, rows, labels_file, tmp_path
):
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    model, folder = hugging_face
    wanted = [published_logits(model, row) for row in rows]
    tensors = load_file(folder / "model.safetensors")

    parts = tmp_path / "parts"
    shutil.copytree(folder, parts)
    (parts / "model.safetensors").unlink()
    names = sorted(tensors)
    weight_map = {}
    for index, some in enumerate((names[::2], names[1::2])):
        save_file({name: tensors[name] for name in some}, parts / f"model-{index}.safetensors")
        weight_map |= {name: f"model-{index}.safetensors" for name in some}
    (parts / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    exported(checkpoint=parts, labels=labels_file, out=tmp_path / "parts.pt")
    assert_same_logits(tmp_path / "parts.pt", rows, wanted)

    older = tmp_path / "older"
    shutil.copytree(folder, older)
    (older / "model.safetensors").unlink()
    torch.save(
        {name.replace("LayerNorm.weight", "LayerNorm.gamma"): t for name, t in tensors.items()},
        older / "pytorch_model.bin",
    )
    exported(checkpoint=older, labels=labels_file, out=tmp_path / "older.pt")
    assert_same_logits(tmp_path / "older.pt", rows, wanted)


class TestTorchScript:
    """Models of the user's own."""

    @pytest.fixture
    def save(self, tmp_path):
        import torch

        def save(module):
            torch.manual_seed(4)
            path = tmp_path / "own.pt"
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.normal_()
            torch.jit.script(module.eval()).save(str(path))
            return path

        return save

    @pytest.mark.parametrize("padding", PADDINGS)
    @pytest.mark.parametrize("kind", ("MaskedMean", "LengthMean"))
    def test_with_mask_or_lengths_is_taken_as_it_is(
        self, save, rows, vocab_file, labels_file, tmp_path, padding, kind
    ):
        import own_models
        import torch

        path = save(getattr(own_models, kind)(len(VOCAB), len(LABELS)))
        out = tmp_path / "model.pt"
        manifest = exported(
            checkpoint=path, vocab=vocab_file, labels=labels_file, padding=padding, out=out
        )
        takes_mask = kind == "MaskedMean" and padding == "exact"
        assert manifest["inputs"] == ("ids+mask" if takes_mask else "ids+lengths")
        module = torch.jit.load(str(path))
        wanted = []
        for row in rows:
            ids = torch.tensor([row])
            second = torch.ones_like(ids) if kind == "MaskedMean" else torch.tensor([len(row)])
            wanted.append(module(ids, second)[0].detach())
        assert_same_logits(out, rows, wanted)

    def test_a_traced_hugging_face_model_gives_a_tuple(
        self, hugging_face, rows, vocab_file, labels_file, tmp_path
    ):
        import torch

        model, folder = hugging_face

        class Traceable(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, input_ids, attention_mask):
                return (self.model(input_ids, attention_mask, return_dict=True).logits,)

        ids = torch.tensor([rows[3], rows[3]])
        traced = torch.jit.trace(Traceable(), (ids, torch.ones_like(ids)), check_trace=False)
        traced.save(str(tmp_path / "traced.pt"))
        out = tmp_path / "model.pt"
        exported(
            checkpoint=tmp_path / "traced.pt", vocab=vocab_file, labels=labels_file, out=out
        )
        assert_same_logits(out, rows, [published_logits(model, row) for row in rows])

    def test_a_model_that_reads_its_padding_is_exported_with_a_warning(
        self, save, vocab_file, labels_file, tmp_path
    ):
        import own_models

        path = save(own_models.CarelessMean(len(VOCAB), len(LABELS)))
        status, said, _ = export(
            checkpoint=path, vocab=vocab_file, labels=labels_file, out=tmp_path / "model.pt"
        )
        assert status == 0 and "batches of equal length only" in said

    def test_padded_512_makes_a_careless_model_independent_of_its_neighbours(
        self, save, rows, vocab_file, labels_file, tmp_path
    ):
        import own_models

        path = save(own_models.CarelessMean(len(VOCAB), len(LABELS)))
        out = tmp_path / "model.pt"
        status, said, _ = export(
            checkpoint=path, vocab=vocab_file, labels=labels_file, padding="padded-512", out=out
        )
        assert status == 0 and "equal length" not in said
        alone, together = bundle_logits(out, rows, True), bundle_logits(out, rows, False)
        assert (alone - together).abs().max() <= 1e-4

    def test_a_bundle_is_exported_again_with_all_it_carries(
        self, save, vocab_file, labels_file, tmp_path
    ):
        import own_models

        path = save(own_models.MaskedMean(len(VOCAB), len(LABELS)))
        first = exported(
            "--lowercase",
            "--accents",
            "strip",
            checkpoint=path,
            vocab=vocab_file,
            labels=labels_file,
            max_tokens=100,
            out=tmp_path / "first.pt",
        )
        assert first["tokenizer"]["lowercase"] is True and first["max_tokens"] == 100
        second = exported(checkpoint=tmp_path / "first.pt", out=tmp_path / "second.pt", version=2)
        assert second == first | {"version": "2"}


def test_the_same_model_gives_the_same_bundle(published, vocab_file, labels_file, tmp_path):
    bundles = [tmp_path / "one" / "model.pt", tmp_path / "two" / "model.pt"]
    for out in bundles:
        done = export_apart(
            checkpoint=published[1], vocab=vocab_file, labels=labels_file, out=out
        )
        assert done.returncode == 0, done.stderr
    assert bundles[0].read_bytes() == bundles[1].read_bytes()
