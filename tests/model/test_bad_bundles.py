"""A bundle that cannot keep its promises is refused at load, with what is wrong and what to do.

Each is the demonstration bundle with one thing changed inside: a TorchScript file is a zip archive, its
code is text in it, and the bundle's own files lie beside.
"""

import gzip
import json
import os
import re
import subprocess
import zipfile

import pytest
import worker
from tree import ROOT

DEMO = ROOT / "models" / "demo.pt"
CLASSIFIER = "wiretag_modeling/classifier.py"
RETURN = "return (head).forward(hidden2, lengths, )"
RAISE = 'ops.prim.RaiseException("the model is ill", "builtins.ValueError")'
LENGTHS = "    lengths: Tensor) -> Tensor:"


def bundle(out, changes):
    """The demo with some of its files changed: end of a file's name -> what makes the new content of
    the old one; None takes the file out."""
    left = dict(changes)
    with zipfile.ZipFile(DEMO) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            end = next((end for end in changes if name.endswith(end)), None)
            if end is not None and left.pop(end) is None:
                continue
            content = source.read(name)
            changed = content if end is None else changes[end](content.decode(errors="surrogateescape")).encode(errors="surrogateescape")
            assert end is None or changed != content, f"{end} stayed as it was"
            target.writestr(zipfile.ZipInfo(name), changed)
    assert not left, f"not in the bundle: {left}"
    return out


def manifest(**changes):
    """wiretag.json with some keys changed."""
    return {"extra/wiretag.json": lambda text: json.dumps(json.loads(text) | changes)}


def code(old, new, file=CLASSIFIER):
    """The model's code with its first `old` replaced."""
    return {file: lambda text: text.replace(old, new, 1)}


def size(old, place, new):
    """The sizes of the weights, which are in a pickle, with the number `old` at this place of several changed."""
    number = {n: b"M" + n.to_bytes(2, "little") for n in (old, new)}

    def change(text):
        parts = text.encode(errors="surrogateescape").split(number[old])
        changed = number[old].join(parts[:place + 1]) + number[new] + number[old].join(parts[place + 1:])
        return changed.decode(errors="surrogateescape")
    return {"demo/data.pkl": change}


def lines(change):
    """A change of a list of lines, for a file of lines."""
    return lambda text: "\n".join(change(text.split("\n")[:-1])) + "\n"


def first_logit_raised(rows):
    first = json.loads(rows[0])
    first["logits"][0] += 0.01
    return [json.dumps(first), *rows[1:]]


def classify(path, *options):
    done = subprocess.run(
        [worker.binary(), "classify", "--model", path, "--device", "cpu", "--precision", "fp32", *options],
        input='{"id": 1, "text": "Сборная выиграла матч"}\n', capture_output=True, text=True, timeout=120)
    # A slow load tells how far it is.
    said = [line for line in done.stderr.splitlines() if not line.startswith("wiretag classify: loading ")]
    return done.returncode, done.stdout, "\n".join(said)


LABELS = ["climate", "conflicts", "culture", "economy", "gloss", "health", "politics", "science", "society",
          "sports", "travel"]
BAD = {
    "an LSTM with gates of 255": (size(256, 0, 255), "has an LSTM whose weights do not fit each other: it is damaged"),
    # Labels and vocabulary.
    "a label too few": (manifest(labels=LABELS[:-1]), "does not fit .* its 10 labels"),
    "a label too many": (manifest(labels=[*LABELS, "weather"]), "does not fit .* its 12 labels"),
    "a token too many": ({"vocab.txt": lines(lambda tokens: [*tokens, "новоеслово"])},
                         "does not fit its vocabulary of 19501 tokens"),
    "a token too many, padded": ({"vocab.txt": lines(lambda tokens: [*tokens, "новоеслово"])}
                                 | manifest(padding="padded-512"), "does not fit its vocabulary of 19501 tokens"),
    "another vocabulary": ({"vocab.txt": lines(lambda tokens: tokens[:5] + tokens[:4:-1])}, "fails its self-test"),
    "half a vocabulary": ({"vocab.txt": lines(lambda tokens: tokens[:8000])}, "fails its self-test"),
    "no [SEP]": ({"vocab.txt": lines(lambda tokens: [t.replace("[SEP]", "SEP") for t in tokens])}, r"\[SEP\]"),
    "a vocabulary in another encoding": ({"vocab.txt": lambda text: text[:100] + "\udcff" + text[100:]}, "UTF-8"),
    # Self-test.
    "other logits": ({"selftest.jsonl": lines(first_logit_raised)}, "self-test at line 1 .*differ by 0.01.*Export it again with this version$"),
    "an empty self-test": ({"selftest.jsonl": lambda text: "\n"}, "fails its self-test on cpu .*selftest.jsonl has no text"),
    "a self-test of other labels": ({"selftest.jsonl": lambda text: '{"text": "а", "logits": [0]}\n'},
                                    "line 1 .*one logit for each label"),
    "another tokenizer": (manifest(tokenizer={"type": "wordpiece", "lowercase": False}), "fails its self-test"),
    # Missing parts, other formats.
    "no manifest": ({"extra/wiretag.json": None}, "no wiretag.json inside.*scripts/export/export_model.py"),
    "no vocabulary": ({"extra/vocab.txt": None}, "no vocab.txt inside"),
    "no self-test": ({"extra/selftest.jsonl": None}, "no selftest.jsonl inside"),
    "a later format": (manifest(bundle_format=3), '"bundle_format" must be 1 or 2'),
    "another runtime": (manifest(runtime="onnx"), "is for the runtime onnx.*export"),
    "no code": ({CLASSIFIER: None}, "holds code that does not compile.*it is damaged"),
    "no weights": ({"data/44": None}, "not a TorchScript bundle, or it is damaged"),
    # Signatures.
    "a third input": (code(LENGTHS, "    lengths: Tensor,\n    types: Tensor) -> Tensor:"),
                      r"forward takes \(ids: Tensor, lengths: Tensor, types: Tensor\); it must take \(ids, lengths\) or \(ids, mask\)"),
    "one input": (code("    ids: Tensor,\n" + LENGTHS, "    ids: Tensor) -> Tensor:\n    lengths = torch.sum(torch.gt(ids, 0), [1])"),
                  r"forward takes \(ids: Tensor\); it must take \(ids, lengths\) or \(ids, mask\)"),
    "an input that is a list": (code(LENGTHS, "    rows: List[Tensor]) -> Tensor:\n    lengths = rows[0]"),
                                r"forward takes \(ids: Tensor, rows: List\[Tensor\]\); "
                                r"it must take \(ids, lengths\) or \(ids, mask\), both int64 tensors"),
    "all inputs in one list": (code("    ids: Tensor,\n" + LENGTHS,
                                    "    inputs: List[Tensor]) -> Tensor:\n    ids, lengths = inputs[0], inputs[1]"),
                               r"forward takes \(inputs: List\[Tensor\]\); it must take"),
    "code that does not compile": (code(LENGTHS, "    lengths: List[Tensor]) -> Tensor:"),
                                   r"holds code that does not compile for libtorch \d.*: .+"),
    "no forward": (code("def forward(self: __torch__.wiretag_modeling.classifier.Classifier",
                        "def other(self: __torch__.wiretag_modeling.classifier.Classifier"), "no forward method"),
    "two outputs": ({CLASSIFIER: lambda text: text.replace("-> Tensor:", "-> Tuple[Tensor, Tensor]:", 1).replace(
        RETURN, "return ((head).forward(hidden2, lengths, ), ids)", 1)}, "one tensor of logits"),
    "an output of three dimensions": (code(RETURN, "return torch.unsqueeze((head).forward(hidden2, lengths, ), 0)"),
                                      "one logit for each"),
    # Behaviour.
    "NaN": (code(RETURN, "return torch.mul((head).forward(hidden2, lengths, ), float('nan'))"),
            "gives NaN or infinity .*good checkpoint"),
    "more than ten tokens fail": (code(RETURN, "if torch.gt(torch.size(ids, 1), 10):\n      " + RAISE + "\n    " + RETURN),
                                  "takes three tokens but not more: .*the model is ill.*smaller --max-tokens"),
    "more than 48 tokens fail": (code(RETURN, "if torch.gt(torch.size(ids, 1), 48):\n      " + RAISE + "\n    " + RETURN),
                                 r"fails its self-test at line \d+ on cpu in fp32: \d+ tokens: .*the model is ill"),
    "an exception": (code(RETURN, RAISE + "\n    " + RETURN),
                     "the model is ill"),
}


# The first layer's feed-forward, then the LSTM's first direction: what is 383 or 255 though its neighbours are
# one more. No row runs in libtorch before the worker's own kernels take the weights.
SIZES = {"outputs of a linear layer": (384, 0), "its bias": (384, 2), "inputs of the next": (384, 3),
         "an LSTM's gates of its input": (256, 0), "of its state": (256, 1), "its first bias": (256, 3),
         "its second bias": (256, 5)}


@pytest.mark.parametrize("what", SIZES)
def test_sizes_that_do_not_fit_each_other_are_refused_before_the_kernels_read_past_them(what, tmp_path):
    old, place = SIZES[what]
    path = bundle(tmp_path / "bad.pt", size(old, place, old - 1) | manifest(padding="padded-512"))
    status, out, err = classify(path)
    assert status in (1, 2) and out == "", err
    assert re.search("bad.pt (does not fit .*383.*|has an LSTM whose weights do not fit.*)[Ee]xport it again", err), err
    assert len(err.splitlines()) == 1, err


@pytest.mark.parametrize("what", BAD)
def test_a_bad_bundle_is_refused_with_what_is_wrong(what, tmp_path):
    changes, message = BAD[what]
    status, out, err = classify(bundle(tmp_path / "bad.pt", changes))
    assert status in (1, 2) and out == "", err
    assert re.search(message, err), err
    assert "bad.pt" in err and len(err.splitlines()) == 1, err


def test_the_same_bundle_written_again_is_good(tmp_path):
    """Otherwise the test above could refuse for another reason."""
    again = bundle(tmp_path / "again.pt", manifest(name="again"))
    status, out, err = classify(again)
    assert status == 0, err
    assert json.loads(out)["category"] == "sports" and json.loads(out)["model"]["name"] == "again"


def only_bound_for(precision):
    return {"extra/wiretag.json": lambda text: json.dumps(json.loads(text) | {
        "precisions": {precision: json.loads(text)["precisions"][precision]}})}


def test_a_precision_that_nobody_measured_is_refused_but_for_int8(tmp_path):
    """What int8 differs by is measured at load, too."""
    path = bundle(tmp_path / "model.pt", only_bound_for("fp32"))
    for precision in ("bf16", "fp16"):
        status, out, err = classify(path, "--precision", precision)
        assert status in (1, 2) and out == "", err
        assert re.search(f"precision {precision}: .*model.pt has no measured bound for it on cpu; use auto or fp32", err)
    status, out, err = classify(path, "--precision", "int8")
    assert status == 0 and json.loads(out)["category"] == "sports", err


FOREIGN = {
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "compressed": gzip.compress(b"PK\3\4"),
    "safetensors": (2).to_bytes(8, "little") + b"{}",
    "an ONNX model": b"\x08\x07\x12\x07pytorch\x1a\x032.9",
    "a web page": b"<!DOCTYPE html><title>404</title>",
    "room that nobody wrote to": bytes(4096),
}


@pytest.mark.parametrize("what, error", [
    ("saved by torch.save", "not a TorchScript bundle"), ("a text", "not a TorchScript bundle"),
    ("empty", "is empty"), ("a folder", "not a regular file"), ("a named pipe", "not a regular file"),
    ("missing", "No such file or directory; check --model"),
    ("a pointer of Git LFS", "not a TorchScript bundle but a pointer of Git LFS (git lfs pull"),
    ("compressed", "not a TorchScript bundle but compressed by gzip"),
    ("safetensors", "not a TorchScript bundle but a file of safetensors"),
    ("an ONNX model", "not a TorchScript bundle but an ONNX model"),
    ("a web page", "not a TorchScript bundle but a web page"),
    ("room that nobody wrote to", "not a TorchScript bundle but zeros")])
def test_a_file_that_is_no_bundle_is_refused(what, error, tmp_path):
    path = tmp_path / "model.pth"
    if what == "saved by torch.save":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model/data.pkl", b"\x80\x02}q\x00.")
            archive.writestr("model/version", b"3\n")
    elif what == "a folder":
        path.mkdir()
    elif what == "a named pipe":
        os.mkfifo(path)
    elif what in FOREIGN:
        path.write_bytes(FOREIGN[what])
    elif what != "missing":
        path.write_text("text" if what == "a text" else "")
    status, out, err = classify(path)
    assert status in (1, 2) and out == "" and error in err and str(path) in err


def test_the_worker_refuses_a_model_before_it_asks_for_a_broker(tmp_path):
    """No broker is there: a worker that looked for one first would wait for it for ever."""
    bad = bundle(tmp_path / "bad.pt", manifest(labels=LABELS[:-1]))
    for model, pin, message in ((bad, "null", "its 10 labels"), (DEMO, "0" * 64, "not the pinned one"),
                                (DEMO.with_name("none.pt"), "null", "none.pt cannot be read")):
        done = subprocess.run(
            [worker.binary(), "run", "-c", ROOT / "config" / "wiretag.yaml", "--set", f"model.path={model}",
             "--set", f"model.sha256={pin}", "--set", "kafka.common.bootstrap.servers=127.0.0.1:1",
             "--set", "http.listen=null"],
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert done.returncode != 0 and message in done.stderr, done.stderr
