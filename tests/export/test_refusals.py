"""What must not become a bundle is refused with one line; nothing is written or executed."""

import json
import os
import pickle
import shutil
import subprocess
import zipfile

import pytest
from exporting import LABELS, VOCAB, export_apart, refused

pytestmark = pytest.mark.torch


@pytest.fixture
def files(vocab_file, labels_file, tmp_path):
    """What an export of a good checkpoint would succeed with."""
    return {"vocab": vocab_file, "labels": labels_file, "out": tmp_path / "out" / "model.pt"}


@pytest.fixture(autouse=True)
def out_folder(tmp_path):
    (tmp_path / "out").mkdir()


def archive_of(data, path, folder="model"):
    """A file of torch.save around any pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", data)
        archive.writestr(f"{folder}/byteorder", "little")
        archive.writestr(f"{folder}/version", "3\n")
    return path


class Calls:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class TestHostilePickles:
    """A checkpoint may come from anywhere: reading it runs none of what it wants to call."""

    @pytest.mark.parametrize("what", ("os.system", "subprocess", "eval", "open", "getattr", "import"))
    def test_that_call_something_are_refused_unexecuted(self, what, files, tmp_path):
        mark = tmp_path / "executed"
        hostile = {
            "os.system": Calls(os.system, f"touch {mark}"),
            "subprocess": Calls(subprocess.check_call, ["touch", str(mark)]),
            "eval": Calls(eval, f"open({str(mark)!r}, 'w')"),
            "open": Calls(open, str(mark), "w"),
            "getattr": Calls(getattr, "text", "upper"),
            "import": Calls(__import__, "os"),
        }[what]
        path = archive_of(pickle.dumps({"model": hostile}), tmp_path / "model.pth")
        said = refused(checkpoint=path, **files)
        assert "is refused: it wants to call" in said and "nothing was executed" in said
        assert not mark.exists()

    @pytest.mark.parametrize("name", (
        "torch._utils\n_rebuild_device_tensor_from_numpy", "torch\nload", "torch.hub\nload",
        "builtins\nexec", "torch.serialization\nload", "numpy\nload", "functools\npartial",
        "torch.utils.cpp_extension\nload_inline"))
    def test_functions_of_torch_that_load_or_run_are_refused(self, name, files, tmp_path):
        data = b"c" + name.encode() + b"\n(tR."
        said = refused(checkpoint=archive_of(data, tmp_path / "model.pth"), **files)
        assert f"wants to call {name.replace(chr(10), '.')}" in said

    def test_classes_of_the_saving_script_are_never_looked_up(self, files, tmp_path, monkeypatch):
        """A name of __main__ could be anything that happens to be defined there."""
        import __main__

        called = []
        monkeypatch.setattr(__main__, "BiLSTMClassifier", called.append, raising=False)
        data = b"c__main__\nBiLSTMClassifier\n(S'x'\ntR."
        said = refused(checkpoint=archive_of(data, tmp_path / "model.pth"), **files)
        assert "is not a whole BiLSTMClassifier" in said and called == []

    def test_what_builds_tensors_cannot_be_altered(self, files, tmp_path):
        data = b"ctorch._utils\n_rebuild_tensor_v2\n(dS'body'\nctorch.nn.functional\ngelu\nsb."
        said = refused(checkpoint=archive_of(data, tmp_path / "model.pth"), **files)
        assert "it changes what builds its tensors" in said

    def test_modules_within_themselves_are_refused(self):
        from wiretag_modeling import ExportError
        from wiretag_modeling.pickled import Plain, module_tensors

        module = Plain()
        module.state["_modules"] = {"again": module}
        with pytest.raises(ExportError, match="without end"):
            module_tensors(module)

    @pytest.mark.parametrize("size, stride, offset", (
        ((10**9,), (1,), 0), ((2,), (10**12,), 0), ((2,), (1,), 10**9), ((-1,), (1,), 0), ((2, 2), (1,), 0)))
    def test_tensors_beyond_their_data_are_refused(self, size, stride, offset, tmp_path):
        from wiretag_modeling import ExportError
        from wiretag_modeling.pickled import module_tensors, read_pickle

        import torch

        path = tmp_path / "model.pth"
        torch.save({"weight": torch.zeros(4)}, path)
        tensor = next(iter(read_pickle(path).values()))
        assert torch.equal(module_tensors({"weight": tensor})["weight"], torch.zeros(4))
        tensor.size, tensor.stride, tensor.offset = size, stride, offset
        with pytest.raises(ExportError, match="impossible shape|larger than its data"):
            module_tensors({"weight": tensor})

    def test_a_pickle_of_the_wrong_kind_is_refused(self, files, tmp_path):
        import torch

        path = tmp_path / "model.pth"
        torch.save({"fc.weight": torch.zeros(2, 2)}, path)
        assert "Save the whole model" in refused(checkpoint=path, **files)
        path.write_bytes(pickle.dumps({"a": 1}))
        assert "neither a zip archive of torch.save nor TorchScript" in refused(checkpoint=path, **files)

    def test_a_damaged_pickle_is_refused_or_read_but_raises_nothing_else(
        self, published, files, tmp_path
    ):
        from wiretag_modeling import ExportError
        from wiretag_modeling.sources import read_source

        content = published[1].read_bytes()
        path = tmp_path / "model.pth"
        for end in (1, 100, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:end])
            refused(checkpoint=path, **files)
        # Its pickle, its weights, and the zip archive's directory at the end.
        directory = zipfile.ZipFile(published[1]).start_dir
        places = [*range(0, 4000, 160), *range(4000, directory, directory // 40)]
        flips = [(place, 0x55) for place in places]
        flips += [(place, 1 << place % 8) for place in range(directory, len(content), 17)]
        for place, bits in flips:
            changed = bytearray(content)
            changed[place] ^= bits
            path.write_bytes(changed)
            try:
                read_source(path, "exact")
            except ExportError:
                continue


class TestFilesThatDoNotBelongTogether:
    @pytest.mark.parametrize("change, said", (
        (lambda tokens: tokens[:-1], "tokens but the model's embedding has"),
        (lambda tokens: [*tokens, "новое"], "tokens but the model's embedding has"),
        (lambda tokens: [*tokens[:-1], tokens[-2]], "repeats the token"),
        (lambda tokens: ["", *tokens[1:]], "line 1 is empty"),
        (lambda tokens: [t.replace("[SEP]", "SEP") for t in tokens], "no [SEP] token")))
    def test_another_vocabulary(self, published, files, tmp_path, change, said):
        files["vocab"] = tmp_path / "vocab.txt"
        files["vocab"].write_text("\n".join(change(VOCAB)) + "\n", encoding="utf-8")
        assert said in refused(checkpoint=published[1], **files)

    @pytest.mark.parametrize("labels, said", (
        (LABELS[:-1], "labels; give the labels file"), ([*LABELS, "more"], "labels; give the labels file"),
        ([*LABELS[:-1], LABELS[0]], "is given twice"), ([*LABELS[:-1], " "], "is empty"), ([], "no label")))
    def test_other_labels(self, published, files, tmp_path, labels, said):
        files["labels"] = tmp_path / "labels.txt"
        files["labels"].write_text("".join(label + "\n" for label in labels))
        assert said in refused(checkpoint=published[1], **files)

    def test_labels_or_vocabulary_that_nobody_gave(self, published, files):
        vocab, labels = files.pop("vocab"), files.pop("labels")
        assert "--vocab" in refused(checkpoint=published[1], labels=labels, **files)
        assert "--labels" in refused(checkpoint=published[1], vocab=vocab, **files)

    def test_files_that_are_not_there(self, published, files, tmp_path):
        assert "does not exist" in refused(checkpoint=tmp_path / "none.pth", **files)
        files["vocab"] = tmp_path / "none.txt"
        assert "cannot be read" in refused(checkpoint=published[1], **files)

    def test_more_tokens_than_positions(self, published, files):
        assert "knows 512 positions" in refused(checkpoint=published[1], max_tokens=513, **files)
        files["padding"] = "padded-512"
        assert "has room for 512" in refused(checkpoint=published[1], max_tokens=513, **files)

    def test_weights_that_are_not_numbers(self, files, tmp_path):
        import torch
        from exporting import bert_config
        from random_model import published_class, save_published

        model = published_class()(bert_config(), len(LABELS), lstm_hidden=16)
        with torch.no_grad():
            model.lstm.weight_hh_l1[3, 2] = float("nan")
        save_published(model, tmp_path / "model.pth")
        assert "holds NaN or infinity" in refused(checkpoint=tmp_path / "model.pth", **files)


class TestHuggingFaceDirectories:
    @pytest.fixture
    def folder(self, vocab_file, tmp_path):
        import transformers
        from exporting import bert_config

        folder = tmp_path / "directory"
        transformers.BertForSequenceClassification(bert_config()).save_pretrained(folder)
        shutil.copy(vocab_file, folder / "vocab.txt")
        return folder

    def config(self, folder, **changes):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    @pytest.mark.parametrize("changes, said", (
        ({"model_type": "t5"}, 'model_type is "t5"; rebuilt are bert, '),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type relative_key"),
        ({"hidden_act": "silu"}, "the activation 'silu'"),
        ({"num_hidden_layers": 3}, "has no tensor bert.encoder.layer.2."),
        ({"intermediate_size": 65}, "do not have the sizes"),
        ({"hidden_size": None}, "lack or garble")))
    def test_another_architecture(self, folder, files, changes, said):
        self.config(folder, **changes)
        assert said in refused(checkpoint=folder, **files)

    def test_parts_that_are_missing_or_outside(self, folder, files):
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        assert "damaged or missing" in refused(checkpoint=folder, **files)
        weights.unlink()
        assert "neither model.safetensors nor" in refused(checkpoint=folder, **files)
        index = {"weight_map": {"a": "../../etc/passwd"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        assert "names a file outside of its folder" in refused(checkpoint=folder, **files)
        (folder / "config.json").write_text("{")
        assert "not valid JSON" in refused(checkpoint=folder, **files)
        (folder / "config.json").unlink()
        assert "config.json cannot be read" in refused(checkpoint=folder, **files)


class TestTorchScript:
    @pytest.fixture
    def save(self, tmp_path):
        import own_models
        import torch

        def save(kind):
            path = tmp_path / "own.pt"
            torch.jit.script(getattr(own_models, kind)(len(VOCAB), len(LABELS)).eval()).save(str(path))
            return path

        return save

    @pytest.mark.parametrize("kind, said", (
        ("ThreeInputs", "it must take (ids, mask) or (ids, lengths)"),
        ("ListOfInputs", "forward takes (inputs: List[Tensor]); it must take (ids, mask) or (ids, lengths), "
                         "both int64 tensors"),
        ("ListInTheSecondPlace", "forward takes (ids: Tensor, lengths: List[Tensor]); it must take"),
        ("Ambiguous", "say which with --inputs"), ("TokenTypesSecond", "is called 'token_type_ids'; it must take (ids, mask)"),
        ("MeanOverBatch", "depend on the other articles in its batch"), ("OneAtATime", "takes one text alone, but not 4"),
        ("GivesNan", "gives NaN or infinity")))
    def test_a_model_that_cannot_be_run(self, save, files, kind, said):
        assert said in refused(checkpoint=save(kind), **files)

    def test_a_damaged_file(self, save, files):
        path = save("MaskedMean")
        path.write_bytes(path.read_bytes()[:-200])
        refused(checkpoint=path, **files)

    def test_the_policy_of_a_bundle_cannot_be_changed(self, save, files):
        from exporting import exported

        first = files["out"].with_name("first.pt")
        exported(checkpoint=save("MaskedMean"), **{**files, "out": first})
        said = refused(checkpoint=first, padding="padded-512", **files)
        assert "Export the model it was made from" in said


def test_the_program_says_what_is_wrong_with_exit_1(published, files, tmp_path):
    files["labels"] = tmp_path / "labels.txt"
    files["labels"].write_text("one\n")
    done = export_apart(checkpoint=published[1], **files)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("export_model.py: ")
    assert not files["out"].exists()
