"""Directories and files as other people's tools leave them: what transformers would do with them, or the cause."""

import json
import shutil

import pytest
from exporting import LABELS, VOCAB, bundle_logits, export, exported, published_logits, refused
from family_models import make, save

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    model = make("bert")
    return model, save(model, tmp_path_factory.mktemp("others") / "bert")


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published[1], tmp_path / "bert")


@pytest.fixture
def files(labels_file, tmp_path):
    (tmp_path / "out").mkdir()
    return {"labels": labels_file, "out": tmp_path / "out/model.pt"}


def assert_logits_of(model, bundle, rows):
    import torch

    wanted = torch.stack([published_logits(model, row) for row in rows])
    assert (bundle_logits(bundle, rows, alone=False) - wanted).abs().max() <= 1e-4


def moved(folder):
    """The tensors of the directory, and the same with another bias: yesterday's."""
    from safetensors.torch import load_file

    tensors = load_file(folder / "model.safetensors")
    return tensors, {n: t + 1.0 if n == "classifier.bias" else t for n, t in tensors.items()}


def in_parts(tensors, folder, stem, write, **metadata):
    """Two parts and their index, as transformers names them."""
    end = "safetensors" if stem == "model" else "bin"
    names = sorted(tensors)
    weight_map = {}
    for number, some in enumerate((names[::2], names[1::2]), 1):
        part = f"{stem}-0000{number}-of-00002.{end}"
        write({name: tensors[name].clone() for name in some}, folder / part)
        weight_map |= dict.fromkeys(some, part)
    (folder / f"{stem}.{end}.index.json").write_text(json.dumps({"metadata": metadata, "weight_map": weight_map}))


class TestWeights:
    def test_an_index_beside_a_whole_file_is_not_read(self, published, folder, files, rows):
        """As in transformers; it may be left from another checkpoint, its parts there or not."""
        from safetensors.torch import save_file

        in_parts(moved(folder)[1], folder, "model", save_file)
        status, _, err = export(checkpoint=folder, **files)
        assert status == 0 and "weights of model.safetensors\n" in err
        assert_logits_of(published[0], files["out"], rows)
        for part in folder.glob("model-*"):
            part.unlink()
        exported(checkpoint=folder, **files)

    def test_an_index_that_does_not_fit_its_parts(self, folder, files):
        from safetensors.torch import save_file

        in_parts(moved(folder)[0], folder, "model", save_file)
        (folder / "model.safetensors").unlink()
        save_file({"other": moved_tensor()}, folder / "model-00001-of-00002.safetensors")
        said = refused(checkpoint=folder, **files)
        assert "which it has not: the index is older or newer" in said
        (folder / "model-00001-of-00002.safetensors").unlink()
        assert "there is no such file" in refused(checkpoint=folder, **files)

    @pytest.mark.parametrize("prefix", ("", "module."))
    def test_an_older_checkpoint_in_parts(self, published, folder, files, rows, prefix):
        """`module.`: saved from within DataParallel."""
        import torch

        tensors = {prefix + name: tensor for name, tensor in moved(folder)[0].items()}
        (folder / "model.safetensors").unlink()
        in_parts(tensors, folder, "pytorch_model", torch.save)
        exported(checkpoint=folder, **files)
        assert_logits_of(published[0], files["out"], rows)

    def test_a_pickle_of_a_model_inside_data_parallel(self, published, files, vocab_file, tmp_path):
        """Only its tensors are read, as of any other."""
        import sys

        import torch
        from exporting import bert_config
        from random_model import published_class

        kind = published_class()
        sys.modules["__main__"].BiLSTMClassifier = kind
        kind.__module__ = "__main__"
        model = torch.nn.DataParallel(kind(bert_config(), len(LABELS), lstm_hidden=16).eval())
        torch.save(model, tmp_path / "parallel.pth")
        exported(checkpoint=tmp_path / "parallel.pth", vocab=vocab_file, **files)


def moved_tensor():
    import torch

    return torch.zeros(2)


class TestTokenizers:
    """A special token is one whichever file names it, and lengths are cut where the source cut them."""

    @pytest.mark.parametrize("name", ("special_tokens_map.json", "tokenizer_config.json"))
    @pytest.mark.parametrize("token", ("мир", {"content": "мир", "lstrip": False}))
    @pytest.mark.parametrize("key", ("additional_special_tokens", "extra_special_tokens", "mask_token"))
    def test_a_special_token_that_one_file_names(self, folder, files, name, token, key):
        path = folder / name
        old = json.loads(path.read_text()) if path.exists() else {"cls_token": "[CLS]", "pad_token": None}
        path.write_text(json.dumps(old | {key: token if key == "mask_token" else [token]}))
        assert f"{name} adds the token 'мир'" in refused(checkpoint=folder, **files)

    def test_the_special_tokens_of_bert(self, folder, files):
        tokens = {"unk_token": "[UNK]", "cls_token": {"content": "[CLS]"}, "additional_special_tokens": ["[MASK]"],
                  "extra_special_tokens": {}, "bos_token": None}
        (folder / "special_tokens_map.json").write_text(json.dumps(tokens))
        exported(checkpoint=folder, **files)

    @pytest.mark.parametrize("said, wanted", ((64, 64), (512, 512), (4096, 512), (int(1e30), 512), (1e30, 512), (None, 512)))
    def test_model_max_length(self, published, files, tmp_path, said, wanted):
        folder = shutil.copytree(published[1], tmp_path / "bert")
        (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False, "model_max_length": said}))
        assert exported(checkpoint=folder, **files)["max_tokens"] == wanted
        if said == 64:
            assert exported(checkpoint=folder, max_tokens=100, **files)["max_tokens"] == 100

    @pytest.mark.parametrize("said", (0, -1, 2, "512", True))
    def test_a_model_max_length_that_is_none(self, folder, files, said):
        (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": said}))
        assert "model_max_length is " in refused(checkpoint=folder, **files)


    @pytest.mark.parametrize("name, settings, said", (
        ("tokenizer_config.json", {"truncation_side": "left"}, "tokenizer_config.json cuts long articles at their beginning"),
        ("tokenizer.json", {"direction": "Left"}, "tokenizer.json cuts long articles at their beginning")))
    def test_articles_that_are_cut_at_their_beginning(self, folder, vocab_file, files, name, settings, said):
        """transformers keeps the end of a long article then."""
        from tokenizers import BertWordPieceTokenizer

        path = folder / "tokenizer.json"
        BertWordPieceTokenizer(str(vocab_file), lowercase=False).save(str(path))
        config = json.loads((folder / "tokenizer_config.json").read_text())
        if name == path.name:
            cuts = {"max_length": 16, "strategy": "LongestFirst", "stride": 0, "direction": "Right"} | settings
            path.write_text(json.dumps(json.loads(path.read_text()) | {"truncation": cuts}))
        else:
            (folder / name).write_text(json.dumps(config | settings))
        assert said in refused(checkpoint=folder, **files)
        (folder / "tokenizer_config.json").write_text(json.dumps(config | {"truncation_side": "right", "padding_side": "left"}))
        exported(checkpoint=folder, **files)


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


class TestOtherThings:
    """What a folder, or a file, is instead of a model is named."""

    @pytest.mark.parametrize("name", ("model.safetensors", "config.json", "vocab.txt", "tokenizer_config.json", "tokenizer.json"))
    def test_pointers_of_git_lfs(self, folder, files, name):
        (folder / name).write_text(POINTER)
        assert f"{name} is a pointer of Git LFS; fetch the file itself: git lfs pull" in refused(checkpoint=folder, **files)

    def test_adapters(self, published, folder, files):
        from safetensors.torch import load_file, save_file

        tensors = load_file(folder / "model.safetensors")
        lora = {"bert.encoder.layer.0.attention.self.query.lora_A.weight": tensors["classifier.weight"]}
        save_file({f"base_model.model.{n}": t.clone() for n, t in (tensors | lora).items()}, folder / "model.safetensors")
        assert "it is an adapter (PEFT)" in refused(checkpoint=folder, **files)
        (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
        assert "nor pytorch_model.bin; it is an adapter (PEFT)" in refused(checkpoint=folder, **files)
        (folder / "config.json").rename(folder / "adapter_config.json")
        assert "has no config.json; it is an adapter (PEFT)" in refused(checkpoint=folder, **files)

    @pytest.mark.parametrize("name, said", (("tf_model.h5", "TensorFlow's"), ("model.onnx", "an ONNX model")))
    def test_weights_of_other_frameworks(self, folder, files, name, said):
        (folder / "model.safetensors").rename(folder / name)
        assert said in refused(checkpoint=folder, **files)

    def test_weights_alone(self, published, folder, vocab_file, files, tmp_path):
        import torch

        torch.save(published[0].state_dict(), tmp_path / "weights.bin")
        (tmp_path / "model.onnx").write_bytes(b"\x08\x07")
        for path, said in ((folder / "model.safetensors", "has weights alone"), (tmp_path / "weights.bin", "has weights alone"),
                           (tmp_path / "model.onnx", "is an ONNX model")):
            assert said in refused(checkpoint=path, vocab=vocab_file, **files)


class TestSettings:
    @pytest.mark.parametrize("names, said", (
        ({"0": "a", "1": "b", "3": "c", "4": "d", "5": "e"}, "the keys of its id2label are not 0 to 4: 5"),
        ({f"LABEL_{i}": label for i, label in enumerate(LABELS)}, "are not 0 to 4: LABEL_0, LABEL_1, LABEL_2"),
        ({str(i): None for i in range(5)}, "has a name that is no text"), (LABELS, "its id2label is not an object")))
    def test_labels_that_id2label_does_not_name(self, folder, files, names, said):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"id2label": names}))
        assert said in refused(checkpoint=folder, out=files["out"])
        exported(checkpoint=folder, **files)

    def test_what_says_how_to_return_is_passed_over(self, published, folder, files, rows):
        """Servers of TorchScript want torchscript, and so return no dictionary."""
        path = folder / "config.json"
        more = {"torchscript": True, "return_dict": False, "output_attentions": True, "output_hidden_states": True,
                "chunk_size_feed_forward": 8, "use_cache": True}
        path.write_text(json.dumps(json.loads(path.read_text()) | more))
        exported(checkpoint=folder, **files)
        assert_logits_of(published[0], files["out"], rows)


class TestAccents:
    """Lower-casing strips accents by default: a vocabulary that has them was made otherwise, or is never reached."""

    @pytest.fixture
    def traced(self, published, tmp_path):
        return trace(published[0], tmp_path / "traced.pt")

    def test_nobody_says_whether_they_are_kept(self, traced, vocab_file, files):
        """й is in the vocabulary."""
        files |= {"vocab": vocab_file, "checkpoint": traced}
        said = refused("--lowercase", **files)
        assert "tokens with accents, such as й" in said and "--accents keep" in said
        assert exported("--lowercase", "--accents", "keep", **files)["tokenizer"]["strip_accents"] is False
        status, out, _ = export("--lowercase", "--accents", "strip", **files)
        assert status == 0 and "tokens with accents" in out
        assert exported(**files)["tokenizer"]["strip_accents"] is None  # cased: they are kept

    def test_a_tokenizer_that_strips_them_is_followed_with_a_note(self, folder, files):
        (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
        status, out, _ = export(checkpoint=folder, **files)
        assert status == 0 and "as the tokenizer's settings say" in out
        (folder / "tokenizer_config.json").write_text('{"do_lower_case": true, "strip_accents": false}')
        status, out, _ = export(checkpoint=folder, **files)
        assert status == 0 and "accents" not in out


def save_trace(module, path):
    import torch

    ids = torch.tensor([[2, 10, 11, 12, 3], [2, 13, 14, 15, 3]])
    torch.jit.trace(module, (ids, torch.ones_like(ids)), check_trace=False).save(str(path))


def trace(model, path, training=False):
    import torch

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids, attention_mask, return_dict=True).logits

    save_trace(Logits().train(training), path)
    model.eval()
    return path


class TestTorchScript:
    @pytest.fixture
    def files(self, files, vocab_file):
        return files | {"vocab": vocab_file}

    def test_a_trace_in_training_mode(self, published, files, tmp_path):
        said = refused(checkpoint=trace(published[0], tmp_path / "train.pt", training=True), **files)
        assert "traced in training mode" in said and "model.eval()" in said

    def test_a_scripted_model_in_training_mode_is_put_into_eval(self, files, tmp_path):
        import own_models
        import torch

        module = torch.nn.Sequential(own_models.MaskedMean(len(VOCAB), len(LABELS)), torch.nn.Dropout(0.5)).train()

        class WithDropout(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.mean, self.dropout = module[0], module[1]

            def forward(self, ids, attention_mask):
                return self.dropout(self.mean(ids, attention_mask))

        torch.jit.script(WithDropout()).save(str(tmp_path / "own.pt"))
        exported(checkpoint=tmp_path / "own.pt", **files)

    def test_probabilities_are_no_logits(self, published, vocab_file, files, tmp_path):
        """Their softmax would be published as scores; that of log-probabilities is the same as of logits."""
        import torch

        class Ends(torch.nn.Module):
            def __init__(self, model, end):
                super().__init__()
                self.model, self.end = model, end

            def forward(self, ids, mask):
                return self.end(self.model(input_ids=ids, attention_mask=mask).logits)

        files |= {"vocab": vocab_file, "checkpoint": tmp_path / "traced.pt", "max_tokens": 64}
        for end, task, said in (
            (lambda x: x.softmax(1), "single-label", "the softmax of a softmax"), (lambda x: x.log_softmax(1), "single-label", ""),
            (lambda x: x.sigmoid(), "multi-label", "if it ends in a sigmoid"), (lambda x: x, "multi-label", "")):
            save_trace(Ends(published[0], end), files["checkpoint"])
            status, out, err = export(task=task, **files)
            assert (status == 1) == ("softmax of" in said), err
            assert said in out + err and ("sigmoid" in out) == ("sigmoid" in said)

    def test_a_mask_before_the_ids(self, published, vocab_file, files, tmp_path):
        import torch

        class Swapped(torch.nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def forward(self, mask, ids):
                return self.model(input_ids=ids, attention_mask=mask).logits

        save_trace(Swapped(published[0]), tmp_path / "swapped.pt")
        said = refused(**files | {"checkpoint": tmp_path / "swapped.pt", "vocab": vocab_file})
        assert "forward's first argument is called 'mask'; it must take the ids first" in said

    def test_a_file_of_a_newer_torch(self, published, files, tmp_path):
        import zipfile

        old = trace(published[0], tmp_path / "old.pt")
        with zipfile.ZipFile(old) as source, zipfile.ZipFile(tmp_path / "newer.pt", "w") as target:
            for info in source.infolist():
                data = source.read(info)
                target.writestr(info, b"999\n" if info.filename.endswith("version") else data)
        said = refused(checkpoint=tmp_path / "newer.pt", **files)
        assert "was saved by a newer torch: its format is version 999" in said
