"""The published architecture at its full size, with random weights, in every form that an engine wants.

    forms = make(Path(".deps/peers/full-size"), vocab, samples, say)

BertModel of bert-base-multilingual-cased's sizes, LSTM(768, 256, 2 layers, bidirectional), the mean
over time, Linear(512, 11). Speed does not depend on the weights' values, so random ones serve; they
come from a fixed seed. Made once: about ten minutes and 6 GB, most of it the bundle's own checks.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LABELS = (ROOT / "data" / "train").glob("*.txt")
SEED = 20260101

HIDDEN, LAYERS, HEADS, INTERMEDIATE, LSTM_HIDDEN = 768, 12, 12, 3072, 256


def build(vocab_size, labels=11, layers=LAYERS):
    """The published module, in eval mode: model(ids, mask) -> logits."""
    import torch
    import transformers
    from torch import nn

    class BiLSTMClassifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = transformers.BertModel(transformers.BertConfig(
                vocab_size=vocab_size, hidden_size=HIDDEN, num_hidden_layers=layers,
                num_attention_heads=HEADS, intermediate_size=INTERMEDIATE, attn_implementation="sdpa"))
            self.lstm = nn.LSTM(HIDDEN, LSTM_HIDDEN, num_layers=2, bidirectional=True, batch_first=True)
            self.dropout = nn.Dropout(0.1)
            self.fc = nn.Linear(2 * LSTM_HIDDEN, labels)

        def forward(self, ids, mask):
            hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            return self.fc(self.dropout(self.lstm(hidden)[0].mean(dim=1)))

    torch.manual_seed(SEED)
    return BiLSTMClassifier().eval()


def flops(rows, width):
    """Multiplications and additions of one batch: linear layers, attention, LSTM."""
    tokens = rows * width
    layer = 2 * tokens * HIDDEN * (4 * HIDDEN + 2 * INTERMEDIATE) + 4 * tokens * width * HIDDEN
    gates = 2 * 4 * LSTM_HIDDEN  # both directions
    lstm = 2 * tokens * gates * (HIDDEN + LSTM_HIDDEN) + 2 * tokens * gates * (2 * LSTM_HIDDEN + LSTM_HIDDEN)
    return LAYERS * layer + lstm


class Forms:
    """Where each form of the model lies."""

    def __init__(self, folder):
        self.folder = folder
        self.weights = folder / "weights.pt"
        self.bundle = folder / "full-size.pt"
        self.onnx = folder / "fp32.onnx"
        self.onnx_int8 = folder / "int8.onnx"
        self.openvino = folder / "fp32.xml"
        self.openvino_int8 = folder / "int8-weights.xml"
        self.openvino_static = folder / "int8-static.xml"

    def module(self, vocab_size):
        import torch

        module = build(vocab_size)
        module.load_state_dict(torch.load(self.weights, mmap=True), assign=True)
        return module


def make(folder: Path, vocab: Path, samples: list, say: Callable[[str], None], static: bool) -> Forms:
    """Makes what is missing; `samples` are rows of token ids, for calibration."""
    folder.mkdir(parents=True, exist_ok=True)
    forms = Forms(folder)
    vocab_size = len(vocab.read_text(encoding="utf-8").splitlines())
    steps = [(forms.weights, _make_weights), (forms.bundle, _make_bundle), (forms.onnx, _make_onnx),
             (forms.onnx_int8, _make_onnx_int8), (forms.openvino, _make_openvino),
             (forms.openvino_int8, _make_openvino_int8)]
    if static:
        steps.append((forms.openvino_static, _make_openvino_static))
    for path, step in steps:
        if not path.exists():
            say(f"making {path.name}")
            step(forms, path, vocab, vocab_size, samples)
    return forms


# --- the forms; each is written under another name first, so that a file is a whole one ------------


def _make_weights(forms, path, vocab, vocab_size, samples):
    import torch

    part = path.with_suffix(".part")
    torch.save(build(vocab_size).state_dict(), part)
    part.rename(path)


def _make_bundle(forms, path, vocab, vocab_size, samples):
    """As a user makes it: from the pickled module, by scripts/export/export_model.py."""
    import __main__
    import torch

    module = forms.module(vocab_size)
    # Published is a whole pickled module, whose class was defined in the script that trained it.
    type(module).__module__, type(module).__qualname__ = "__main__", "BiLSTMClassifier"
    __main__.BiLSTMClassifier = type(module)
    pickled, labels = path.with_suffix(".pth"), path.with_suffix(".labels")
    torch.save(module, pickled)
    labels.write_text("\n".join(sorted(label.stem for label in LABELS)) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, ROOT / "scripts/export/export_model.py", "--checkpoint", pickled, "--vocab", vocab,
                    "--labels", labels, "--name", "full-size", "--version", "1", "--out", path], check=True)
    pickled.unlink()


def _example():
    import torch

    return torch.randint(1000, 20000, (2, 24)), torch.ones(2, 24, dtype=torch.long)


def _make_onnx(forms, path, vocab, vocab_size, samples):
    import torch

    batch, width = torch.export.Dim("batch", max=64), torch.export.Dim("width", max=512)
    part = path.with_name("part.onnx")
    with torch.inference_mode():
        torch.onnx.export(forms.module(vocab_size), _example(), part, input_names=["ids", "mask"],
                          output_names=["logits"], external_data=False, dynamo=True,
                          dynamic_shapes={"ids": {0: batch, 1: width}, "mask": {0: batch, 1: width}})
    part.rename(path)


def _make_onnx_int8(forms, path, vocab, vocab_size, samples):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    part = path.with_name("part-int8.onnx")
    quantize_dynamic(forms.onnx, part, weight_type=QuantType.QInt8, per_channel=True)
    part.rename(path)


def _save_openvino(model, path):
    import openvino

    part = path.with_name(f"part-{path.name}")
    openvino.save_model(model, part, compress_to_fp16=False)
    part.with_suffix(".bin").rename(path.with_suffix(".bin"))
    part.rename(path)


def _make_openvino(forms, path, vocab, vocab_size, samples):
    import openvino

    model = openvino.convert_model(forms.module(vocab_size), example_input=_example(),
                                   input=[("ids", [-1, -1]), ("mask", [-1, -1])])
    _save_openvino(model, path)


def _make_openvino_int8(forms, path, vocab, vocab_size, samples):
    """Weights in int8, one scale a channel; activations are quantized at run time."""
    import nncf
    import openvino

    model = openvino.Core().read_model(forms.openvino)
    _save_openvino(nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM), path)


def _make_openvino_static(forms, path, vocab, vocab_size, samples):
    """Calibrated on real texts."""
    import nncf
    import numpy
    import openvino

    def inputs(row):
        return {0: numpy.array([row]), 1: numpy.ones((1, len(row)), dtype=numpy.int64)}

    model = openvino.Core().read_model(forms.openvino)
    quantized = nncf.quantize(model, nncf.Dataset(samples, inputs), model_type=nncf.ModelType.TRANSFORMER,
                              subset_size=len(samples))
    _save_openvino(quantized, path)
