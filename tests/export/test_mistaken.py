"""What would be taken for another model or another tokenizer than it is must not become a bundle: the
export compares with the model as it understands it, and would not notice."""

import json
import shutil
import sys

import pytest
from exporting import LABELS, VOCAB, bert_config, bundle_logits, exported, refused

pytestmark = pytest.mark.torch


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "model.pt"


class TestPublishedPickles:
    """The forward of the pickled class is not read, so that only names say what it does."""

    @pytest.fixture
    def save(self, tmp_path, monkeypatch):
        import torch
        from random_model import published_class

        def save(name="BiLSTMClassifier", change=lambda model: None):
            kind = type(name, (published_class(),), {"__module__": "__main__"})
            model = kind(bert_config(), len(LABELS), lstm_hidden=16).eval()
            change(model)
            monkeypatch.setattr(sys.modules["__main__"], name, kind, raising=False)
            torch.save(model, tmp_path / "model.pth")
            return {"checkpoint": tmp_path / "model.pth"}

        return save

    def test_another_class(self, save, vocab_file, labels_file, out):
        said = refused(**save("LastStateClassifier"), vocab=vocab_file, labels=labels_file, out=out)
        assert "the model is a LastStateClassifier, not a BiLSTMClassifier" in said
        exported(**save(), vocab=vocab_file, labels=labels_file, out=out)

    def test_one_more_module(self, save, vocab_file, labels_file, out):
        import torch

        model = save(change=lambda model: model.add_module("attn", torch.nn.Linear(32, 1)))
        said = refused(**model, vocab=vocab_file, labels=labels_file, out=out)
        assert "it has attn too" in said and "Make TorchScript of it" in said

    def test_another_encoder(self, save, vocab_file, labels_file, out):
        import transformers

        def change(model):
            settings = bert_config().to_dict() | {"max_position_embeddings": 514}
            settings = {k: v for k, v in settings.items() if k != "model_type"}
            model.bert = transformers.RobertaModel(transformers.RobertaConfig(**settings))

        said = refused(**save(change=change), vocab=vocab_file, labels=labels_file, out=out)
        assert "bert is a RobertaModel, not a BertModel" in said

    def test_every_version_of_transformers_has_its_own_name_for_bert(
        self, save, vocab_file, labels_file, out, monkeypatch
    ):
        """transformers 2 and 3 had it in another module; that module is not needed to read it."""
        import types

        import transformers

        model, config = transformers.BertModel, transformers.BertConfig
        older = {"modeling_bert": model, "configuration_bert": config}
        for name, kind in older.items():
            module = types.ModuleType(f"transformers.{name}")
            setattr(module, kind.__name__, kind)
            monkeypatch.setitem(sys.modules, module.__name__, module)
            monkeypatch.setattr(kind, "__module__", module.__name__)
        pickle = save()
        assert b"transformers.modeling_bert" in pickle["checkpoint"].read_bytes()
        exported(**pickle, vocab=vocab_file, labels=labels_file, out=out)


@pytest.fixture(scope="module")
def directory(tmp_path_factory, vocab_file):
    import transformers

    folder = tmp_path_factory.mktemp("directory") / "bert"
    transformers.BertForSequenceClassification(bert_config()).save_pretrained(folder)
    shutil.copy(vocab_file, folder / "vocab.txt")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    return folder


@pytest.fixture
def folder(directory, tmp_path):
    """A good directory, to be spoilt."""
    shutil.copytree(directory, tmp_path / "bert")
    return tmp_path / "bert"


def change(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


class TestDirectories:
    @pytest.mark.parametrize("changes, said", (
        ({"architectures": ["BertForTokenClassification"]}, "only BertForSequenceClassification is rebuilt"),
        ({"problem_type": "regression"}, "problem_type is regression; wiretag gives articles labels"),
        ({"problem_type": "ranking"}, "problem_type is ranking"),
        ({"num_attention_heads": 5}, "not a multiple of its 5 heads"),
        ({"num_attention_heads": 0}, "say heads 0"),
        ({"vocab_size": -1}, "say vocab_size -1")))
    def test_settings_of_another_model(self, folder, labels_file, out, changes, said):
        change(folder / "config.json", **changes)
        assert said in refused(checkpoint=folder, labels=labels_file, out=out)

    @pytest.mark.parametrize("changes", (
        {"architectures": None}, {"problem_type": "single_label_classification"},
        {"architectures": ["BertForSequenceClassification"], "problem_type": None}))
    def test_settings_of_a_classification(self, folder, labels_file, out, changes):
        change(folder / "config.json", **changes)
        exported(checkpoint=folder, labels=labels_file, out=out)

    def test_a_single_output_is_a_regression(self, tmp_path, vocab_file, out):
        import transformers

        folder = tmp_path / "bert"
        transformers.BertForSequenceClassification(bert_config(num_labels=1)).save_pretrained(folder)
        shutil.copy(vocab_file, folder / "vocab.txt")
        (tmp_path / "labels.txt").write_text("stars\n")
        assert "as for a regression" in refused(checkpoint=folder, labels=tmp_path / "labels.txt", out=out)

    def test_quantized_weights(self, folder, labels_file, out):
        import torch
        from safetensors.torch import load_file, save_file

        tensors = load_file(folder / "model.safetensors")
        name = "bert.encoder.layer.0.attention.self.query.weight"
        tensors[name] = (tensors[name] * 127).round().to(torch.int8)
        save_file(tensors, folder / "model.safetensors")
        said = refused(checkpoint=folder, labels=labels_file, out=out)
        assert f"the tensor {name} is torch.int8, as of a quantized model" in said

    def test_an_index_of_another_type(self, folder, labels_file, out):
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text('{"weight_map": ["a"]}')
        assert "weight_map is not an object" in refused(checkpoint=folder, labels=labels_file, out=out)
        (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": 1}}')
        assert "must name a file" in refused(checkpoint=folder, labels=labels_file, out=out)

    def test_labels_may_be_numbers(self, folder, out):
        change(folder / "config.json", id2label={str(index): index + 1 for index in range(len(LABELS))})
        assert exported(checkpoint=folder, out=out)["labels"] == ["1", "2", "3", "4", "5"]


NORMALIZER = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
              "strip_accents": None, "lowercase": True}
ADDED = {"id": 5, "content": "а", "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}


class TestTokenizers:
    """The worker has BERT's tokenizer only; what gives other ids is refused."""

    @pytest.fixture
    def whole(self, folder, vocab_file):
        """tokenizer.json of the directory, with changes."""
        from tokenizers import BertWordPieceTokenizer

        change(folder / "config.json", id2label={str(i): label for i, label in enumerate(LABELS)})
        (folder / "vocab.txt").unlink()
        (folder / "tokenizer_config.json").unlink()
        path = folder / "tokenizer.json"
        BertWordPieceTokenizer(str(vocab_file), lowercase=True).save(str(path))

        def whole(model=None, added=(), **changes):
            tokenizer = json.loads(path.read_text()) | changes
            tokenizer["model"] |= model or {}
            tokenizer["added_tokens"] += added
            path.write_text(json.dumps(tokenizer))
            return folder

        return whole

    @pytest.mark.parametrize("changes", (
        {"normalizer": {"type": "Sequence", "normalizers": [NORMALIZER]}},
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": None},
        {"pre_tokenizer": {"type": "WhitespaceSplit"}},
        {"model": {"continuing_subword_prefix": "@@"}},
        {"model": {"max_input_chars_per_word": 5}},
        {"model": {"unk_token": "[MASK]"}},
        {"post_processor": None}), ids=lambda changes: json.dumps(changes)[:45])
    def test_tokenizer_json_with_other_ids(self, whole, out, changes):
        assert "gives other ids than BERT's WordPiece" in refused(checkpoint=whole(**changes), out=out)

    def test_tokenizer_json_as_it_is_and_one_that_cuts_and_pads(self, whole, out):
        truncation = {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0}
        padding = {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                   "pad_type_id": 0, "pad_token": "[PAD]"}
        assert exported(checkpoint=whole(), out=out)["tokenizer"]["lowercase"] is True
        exported(checkpoint=whole(truncation=truncation, padding=padding), out=out)

    @pytest.mark.parametrize("said", (
        {"do_lower_case": False}, {"tokenize_chinese_chars": False}, {"strip_accents": True}))
    def test_tokenizer_json_and_tokenizer_config_that_contradict_each_other(self, whole, out, said):
        folder = whole()
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(said))
        assert "make them say what the model was trained with" in refused(checkpoint=folder, out=out)
        agreed = {"do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None}
        for config in (agreed, said | {"tokenizer_class": "PreTrainedTokenizerFast"}):
            path.write_text(json.dumps(config))
            exported(checkpoint=folder, out=out)

    @pytest.mark.parametrize("model", ({"vocab": ["a"]}, {"vocab": {"a": "x", "b": 1}}, {"vocab": {"a": 1}}))
    def test_tokenizer_json_with_a_vocabulary_of_another_type(self, whole, out, model):
        folder = whole()
        path = folder / "tokenizer.json"
        change(path, model=json.loads(path.read_text())["model"] | model)
        assert "tokenizer.json: " in refused(checkpoint=folder, out=out)

    def test_tokens_that_were_added(self, whole, directory, folder, labels_file, out):
        assert "adds the token 'а'" in refused(checkpoint=whole(added=[ADDED]), out=out)
        shutil.copy(directory / "vocab.txt", folder)
        (folder / "tokenizer.json").unlink()
        for name, text in (
            ("added_tokens.json", {"[NEWS]": 135}),
            ("tokenizer_config.json", {"added_tokens_decoder": {"135": {"content": "[NEWS]"}}}),
        ):
            (folder / name).write_text(json.dumps(text))
            assert f"{name} adds the token '[NEWS]'" in refused(checkpoint=folder, out=out)
            (folder / name).unlink()

    @pytest.mark.parametrize("changes, said", (
        ({"tokenizer_class": "BertJapaneseTokenizer"}, "tokenizer_class is BertJapaneseTokenizer"),
        ({"do_basic_tokenize": False}, "do_basic_tokenize is false")))
    def test_tokenizer_config_of_another_tokenizer(self, folder, labels_file, out, changes, said):
        change(folder / "tokenizer_config.json", **changes)
        assert said in refused(checkpoint=folder, labels=labels_file, out=out)

    def test_the_class_may_be_in_config_json(self, folder, labels_file, out):
        change(folder / "config.json", tokenizer_class="BertJapaneseTokenizer")
        assert "BertJapaneseTokenizer" in refused(checkpoint=folder, labels=labels_file, out=out)

    @pytest.mark.parametrize("kind", ("BertTokenizer", "BertTokenizerFast"))
    def test_tokenizer_config_of_published_directories(self, folder, labels_file, out, kind):
        special = {str(i): {"content": token, "special": True} for i, token in enumerate(VOCAB[:5])}
        change(folder / "tokenizer_config.json", tokenizer_class=kind, do_basic_tokenize=True,
               never_split=None, added_tokens_decoder=special)
        (folder / "added_tokens.json").write_text("{}")
        assert exported(checkpoint=folder, labels=labels_file, out=out)["tokenizer"]["lowercase"] is False

    def test_a_directory_saved_by_transformers(self, folder, vocab_file, labels_file, out):
        import transformers

        (folder / "vocab.txt").unlink()
        ids = {token: index for index, token in enumerate(VOCAB)}
        transformers.BertTokenizer(vocab=ids, do_lower_case=False).save_pretrained(folder)
        manifest = exported(checkpoint=folder, labels=labels_file, out=out)
        assert manifest["tokenizer"]["lowercase"] is False

    def test_vocab_txt_alone_without_a_capital_is_uncased(self, folder, labels_file, tmp_path, out):
        (folder / "tokenizer_config.json").unlink()
        manifest = exported(checkpoint=folder, labels=labels_file, out=out)
        assert manifest["tokenizer"]["lowercase"] is False
        lines = [t if t == t.lower() or t[0] == "[" else f"##x{i}" for i, t in enumerate(VOCAB)]
        (folder / "vocab.txt").write_text("\n".join(lines) + "\n")
        assert "--accents keep" in refused(checkpoint=folder, labels=labels_file, out=out)
        manifest = exported("--accents", "keep", checkpoint=folder, labels=labels_file, out=out)
        assert manifest["tokenizer"]["lowercase"] is True


class TestTorchScript:
    @pytest.fixture
    def files(self, vocab_file, labels_file, out):
        return {"vocab": vocab_file, "labels": labels_file, "out": out}

    def scripted(self, kind="MaskedMean"):
        import own_models
        import torch

        return torch.jit.script(getattr(own_models, kind)(len(VOCAB), len(LABELS)).eval())

    @pytest.mark.parametrize("padding", ("exact", "padded-512"))
    def test_frozen_weights(self, files, tmp_path, padding):
        import torch

        torch.jit.freeze(self.scripted()).save(str(tmp_path / "frozen.pt"))
        said = refused(checkpoint=tmp_path / "frozen.pt", padding=padding, **files)
        assert "is frozen" in said and "before torch.jit.freeze" in said

    @pytest.mark.parametrize("manifest", ("{", "[]", '{"padding": "exact"}', '{"tokenizer": 1}'))
    def test_a_wiretag_json_of_no_bundle(self, files, tmp_path, manifest):
        import torch

        path = tmp_path / "own.pt"
        torch.jit.save(self.scripted(), str(path), _extra_files={"wiretag.json": manifest})
        assert "but not that of a whole bundle" in refused(checkpoint=path, **files)

    def test_longer_articles_than_the_model_takes(self, files, tmp_path):
        """None of the texts need be as long for it to be found."""
        self.scripted("Positions").save(str(tmp_path / "own.pt"))
        checkpoint = {"checkpoint": tmp_path / "own.pt"}
        said = refused(**checkpoint, max_tokens=8192, **files)
        assert "fails on an article of 8192 tokens" in said and "--max-tokens" in said
        assert "fails on an article of 2001 tokens" in refused(**checkpoint, max_tokens=2001, **files)
        assert exported(**checkpoint, max_tokens=2000, **files)["max_tokens"] == 2000

    def test_no_tokens_at_all(self, published, files):
        assert "max_tokens 0: " in refused(checkpoint=published[1], max_tokens=0, **files)

    def test_more_tokens_than_any_article_has(self, files, tmp_path):
        self.scripted().save(str(tmp_path / "own.pt"))
        assert "at 8192 tokens or before" in refused(checkpoint=tmp_path / "own.pt", max_tokens=8193, **files)

    def test_padding_is_the_vocabulary_s_own(self, files, rows, tmp_path):
        """[PAD] has whatever id the vocabulary gives it."""
        import torch

        torch.manual_seed(4)
        module = self.scripted("CarelessMean")
        module.save(str(tmp_path / "own.pt"))
        files["vocab"] = tmp_path / "vocab.txt"
        moved = [*VOCAB[1:4], "[PAD]", *VOCAB[4:]]
        files["vocab"].write_text("\n".join(moved) + "\n")
        exported(checkpoint=tmp_path / "own.pt", padding="padded-512", **files)
        padded = torch.tensor([row + [3] * (512 - len(row)) for row in rows])
        with torch.no_grad():
            wanted = module(padded, torch.ones_like(padded))
        assert (bundle_logits(files["out"], rows, alone=False) - wanted).abs().max() <= 1e-5


def test_a_token_that_ends_in_white_space(published, labels_file, tmp_path, out):
    """The worker, as Hugging Face's tokenizers, reads «a» there, and would give it this line's id."""
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("\n".join([*VOCAB[:-1], "а\u00a0"]) + "\n", encoding="utf-8")
    said = refused(checkpoint=published[1], vocab=vocab, labels=labels_file, out=out)
    assert f"line {len(VOCAB)} ends in white space" in said


def test_a_pipe_is_not_waited_for(vocab_file, labels_file, tmp_path, out):
    import os

    os.mkfifo(tmp_path / "pipe")
    said = refused(checkpoint=tmp_path / "pipe", vocab=vocab_file, labels=labels_file, out=out)
    assert "is not a regular file" in said


def test_another_model_than_its_source(published, vocab_file, labels_file, out, monkeypatch):
    """The comparison with the source finds one weight that was moved by a tenth."""
    import torch

    from wiretag_modeling import conversion, sources

    def wrong(*arguments):
        model = conversion.bilstm_classifier(*arguments)
        with torch.no_grad():
            model.head.fc.bias = torch.nn.Parameter(model.head.fc.bias.clone())
            model.head.fc.bias[2] += 0.1
        return model

    monkeypatch.setattr(sources, "bilstm_classifier", wrong)
    said = refused(checkpoint=published[1], vocab=vocab_file, labels=labels_file, out=out)
    assert "logits differ from the source model's by 0.1; 0.001 is allowed" in said
