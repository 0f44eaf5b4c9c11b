"""What can be exported: a published pickle, a Hugging Face directory, a TorchScript file.

    source = read_source(Path("model.pth"), "exact")
    write_bundle(source.model, …, reference=source.reference)

A pickle is read for its tensors only. A TorchScript file is code: reading one runs it, as running
the bundle made of it will.
"""

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .checks import INPUTS, PADDINGS
from .conversion import (
    BertSettings,
    PublishedBiLstm,
    PublishedPooler,
    Weights,
    bilstm_classifier,
    padded_alone,
    pooler_classifier,
)
from .measure import MODEL_ERRORS, ExportError, last_line
from .pickled import Plain, module_tensors, read_pickle, submodule
from .tokenizer import TokenizerOptions


@dataclass
class Source:
    """A model to export, and the same model as its authors run it."""

    what: str  # for people
    model: nn.Module  # a Classifier, or a TorchScript module
    reference: Callable[[Sequence[int]], Tensor]  # logits [1, labels] of one row of ids
    tokens_max: int
    inputs: str = "ids+lengths"
    # What comes with the model; None: the caller must know.
    vocab_tokens: list[str] | None = None
    labels: list[str] | None = None
    tokenizer_options: TokenizerOptions | None = None


def read_source(path: Path, padding: str, inputs: str | None = None) -> Source:
    """Reads `path` by what it is. `inputs` settles what a TorchScript file's second argument is."""
    if not path.exists():
        raise ExportError(f"{path} does not exist")
    if path.is_dir():
        return _read_hugging_face(path, padding)
    if _is_torchscript(path):
        return _read_torchscript(path, padding, inputs)
    return _read_published(path, padding)


def read_lines(path: Path, what: str) -> list[str]:
    """The lines of a vocabulary or a list of labels; a line break at the end is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ExportError(f"the {what} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ExportError(f"the {what} {path} is not UTF-8") from error
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines and lines[-1] == "" else lines


# --- the published pickle ---------------------------------------------------------------------


def _published_lstm(root: Plain, path: Path) -> nn.LSTM:
    found = submodule(root, "lstm")
    state = found.state if found is not None else {}
    form = {
        key: state.get(key) for key in ("mode", "bidirectional", "batch_first", "bias", "proj_size")
    }
    wanted = {"mode": "LSTM", "bidirectional": True, "batch_first": True, "bias": True}
    if {**form, "proj_size": 0} != {**wanted, "proj_size": 0} or form["proj_size"] not in (0, None):
        raise ExportError(f"{path}: lstm must be a bidirectional, batch_first LSTM, it is {form}")
    sizes = [state.get(key) for key in ("input_size", "hidden_size", "num_layers")]
    if not all(type(size) is int and size > 0 for size in sizes):
        raise ExportError(f"{path}: the LSTM's sizes are {sizes}")
    return nn.LSTM(*sizes, bidirectional=True, batch_first=True)


def _read_published(path: Path, padding: str) -> Source:
    root = read_pickle(path)
    names = set(root.state.get("_modules") or {}) if isinstance(root, Plain) else set()
    missing = {"bert", "lstm", "fc"} - names
    if missing:
        raise ExportError(
            f"{path} is not a whole BiLSTMClassifier (bert, lstm, dropout, fc): it has no "
            f"{', '.join(sorted(missing))}, but {', '.join(sorted(names)) or 'no modules'}. Save "
            "the whole model, or make TorchScript of it and export that file"
        )
    bert = submodule(root, "bert")
    config = bert.state.get("config") if bert is not None else None
    if not isinstance(config, Plain):
        raise ExportError(f"{path}: bert carries no config, so its number of heads is not known")
    settings = BertSettings.read(config.state, str(path))
    lstm = _published_lstm(root, path)
    weights = Weights(module_tensors(root), str(path))
    pad_to = PADDINGS[padding]
    return Source(
        what=f"pickled {root.kind.removeprefix('__main__.')}, {settings.layers} layers of "
        f"{settings.hidden}",
        model=bilstm_classifier(weights, settings, lstm.num_layers, pad_to),
        reference=PublishedBiLstm(weights, settings, lstm, pad_to),
        tokens_max=min(settings.positions_max, 512),
    )


# --- a Hugging Face directory -----------------------------------------------------------------


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ExportError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ExportError(f"{path} is not a JSON object")
    return value


def _hugging_face_tensors(folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    index = folder / "model.safetensors.index.json"
    if index.exists():
        names = sorted(set(_read_json(index).get("weight_map", {}).values()))
    elif (folder / "model.safetensors").exists():
        names = ["model.safetensors"]
    elif (folder / "pytorch_model.bin").exists():
        return module_tensors(read_pickle(folder / "pytorch_model.bin"))
    else:
        raise ExportError(f"{folder} has neither model.safetensors nor pytorch_model.bin")
    tensors: dict[str, Tensor] = {}
    for name in names:
        if Path(name).name != name:
            raise ExportError(f"{index} names a file outside of its folder: {name}")
        try:
            tensors.update(load_file(folder / name))
        except (SafetensorError, OSError) as error:
            raise ExportError(f"{folder / name} is damaged or missing: {error}") from error
    return tensors


def _hugging_face_tokenizer(folder: Path) -> tuple[list[str] | None, TokenizerOptions]:
    """Vocabulary and options; newer directories have them in tokenizer.json alone."""
    options = TokenizerOptions()
    vocab = None
    if (folder / "tokenizer.json").exists():
        whole = _read_json(folder / "tokenizer.json")
        model = whole.get("model", {})
        normalizer = whole.get("normalizer") or {}
        if model.get("type", "WordPiece") != "WordPiece":
            raise ExportError(
                f"{folder}/tokenizer.json: its model is {model.get('type')}, not WordPiece"
            )
        ids = model.get("vocab", {})
        if sorted(ids.values()) != list(range(len(ids))):
            raise ExportError(f"{folder}/tokenizer.json: its ids are not 0, 1, 2, …")
        vocab = sorted(ids, key=ids.get)
        options = TokenizerOptions(
            lowercase=bool(normalizer.get("lowercase", False)),
            clean_text=bool(normalizer.get("clean_text", True)),
            handle_chinese_chars=bool(normalizer.get("handle_chinese_chars", True)),
            strip_accents=normalizer.get("strip_accents"),
        )
    elif (folder / "tokenizer_config.json").exists():
        config = _read_json(folder / "tokenizer_config.json")
        options = TokenizerOptions(
            lowercase=bool(config.get("do_lower_case", True)),
            handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)),
            strip_accents=config.get("strip_accents"),
        )
    if (folder / "vocab.txt").exists():
        vocab = read_lines(folder / "vocab.txt", "vocabulary")
    return vocab, options


def _named_labels(config: dict) -> list[str] | None:
    """The labels of config.json, unless they are the placeholders LABEL_0, LABEL_1, …"""
    names = config.get("id2label")
    if not isinstance(names, dict):
        return None
    labels = [names.get(str(index)) for index in range(len(names))]
    placeholders = [f"LABEL_{index}" for index in range(len(names))]
    return labels if all(labels) and labels != placeholders else None


def _read_hugging_face(folder: Path, padding: str) -> Source:
    config = _read_json(folder / "config.json")
    settings = BertSettings.read(config, str(folder))
    weights = Weights(_hugging_face_tensors(folder), str(folder))
    vocab, options = _hugging_face_tokenizer(folder)
    pad_to = PADDINGS[padding]
    return Source(
        what=f"Hugging Face directory, {settings.layers} layers of {settings.hidden}",
        model=pooler_classifier(weights, settings, pad_to),
        reference=PublishedPooler(weights, settings, pad_to),
        tokens_max=min(settings.positions_max, 512),
        vocab_tokens=vocab,
        labels=_named_labels(config),
        tokenizer_options=options,
    )


# --- a TorchScript file -----------------------------------------------------------------------


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


class FirstOfTuple(nn.Module):
    """A model that gives (logits, …), as a traced Hugging Face model does: its logits."""

    def __init__(self, model: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, second: Tensor) -> Tensor:
        return self.model(ids, second)[0]


class PaddedTo(nn.Module):
    """Pads every article, so that it is computed the same whatever its neighbours."""

    pad_to: Final[int]
    takes_mask: Final[bool]

    def __init__(self, model: nn.Module, pad_to: int, takes_mask: bool) -> None:
        super().__init__()
        self.model, self.pad_to, self.takes_mask = model, pad_to, takes_mask

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        if self.pad_to > ids.size(1):
            ids = F.pad(ids, [0, self.pad_to - ids.size(1)])
        position = torch.arange(ids.size(1), device=ids.device)
        real = position.unsqueeze(0) < lengths.unsqueeze(1)
        ids = ids.masked_fill(~real, 0)
        if self.takes_mask:
            return self.model(ids, real.long())
        return self.model(ids, lengths)


def _second_argument(module: torch.jit.ScriptModule, path: Path, inputs: str | None) -> str:
    """Whether the second argument is a mask or lengths: by its name, else by trying both."""
    arguments = module.forward.schema.arguments[1:]
    if len(arguments) != 2 or any(str(argument.type) != "Tensor" for argument in arguments):
        taken = ", ".join(f"{argument.name}: {argument.type}" for argument in arguments)
        raise ExportError(
            f"{path}: forward takes ({taken}); it must take (ids, mask) or (ids, lengths), both "
            "int64 tensors"
        )
    if inputs is not None:
        return inputs
    name = arguments[1].name.lower()
    if "mask" in name:
        return "ids+mask"
    if "len" in name:
        return "ids+lengths"
    works = []
    for candidate in INPUTS:
        ids = torch.ones(2, 7, dtype=torch.int64)
        second = torch.full((2,), 7) if candidate == "ids+lengths" else torch.ones_like(ids)
        try:
            with torch.inference_mode():
                module(ids, second)
            works.append(candidate)
        except MODEL_ERRORS:
            continue
    if len(works) != 1:
        raise ExportError(
            f"{path}: forward's second argument is called {arguments[1].name!r}, which may be a "
            "mask or lengths; say which with --inputs ids+mask or --inputs ids+lengths"
        )
    return works[0]


def _read_torchscript(path: Path, padding: str, inputs: str | None) -> Source:
    extra: dict[str, bytes | str] = {"wiretag.json": "", "vocab.txt": ""}
    try:
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra).eval()
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"{path} is damaged: {last_line(error)}") from error
    manifest = json.loads(extra["wiretag.json"]) if extra["wiretag.json"] else {}
    if manifest and padding != manifest.get("padding"):
        raise ExportError(
            f"{path} is a bundle with padding {manifest.get('padding')}; it cannot be changed to "
            f"{padding}. Export the model it was made from"
        )
    inputs = _second_argument(module, path, inputs or manifest.get("inputs"))
    source = module
    takes_mask = inputs == "ids+mask"
    if str(module.forward.schema.returns[0].type).startswith("Tuple["):
        source = torch.jit.script(FirstOfTuple(module))
    pad_to = 0 if manifest else PADDINGS[padding]

    def reference(row: Sequence[int]) -> Tensor:
        ids, mask = padded_alone(row, pad_to, 0)
        logits = module(ids, mask if takes_mask else torch.tensor([len(row)]))
        return logits[0] if isinstance(logits, tuple) else logits

    model = source
    if pad_to > 0:
        model, inputs = torch.jit.script(PaddedTo(source, pad_to, takes_mask)), "ids+lengths"
    options = dict(manifest.get("tokenizer", {}))
    options.pop("type", None)
    return Source(
        what="wiretag bundle" if manifest else "TorchScript file",
        model=model,
        reference=reference,
        tokens_max=manifest.get("max_tokens", 512),
        inputs=inputs,
        vocab_tokens=bytes(extra["vocab.txt"]).decode().split("\n")[:-1] if manifest else None,
        labels=manifest.get("labels"),
        tokenizer_options=TokenizerOptions(**options) if manifest else None,
    )
