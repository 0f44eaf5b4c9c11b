"""What can be exported: a published pickle, a Hugging Face directory, a TorchScript file.

    source = read_source(Path("model.pth"), "exact")
    write_bundle(source.model, …, reference=source.reference)

A pickle is read for its tensors only. A TorchScript file is code: reading one runs it, as running
the bundle made of it will.
"""

import json
import stat
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .checks import INPUTS, PADDINGS, TOKENS_MAX
from .conversion import Weights, bilstm_classifier, sequence_classifier
from .deberta import deberta_classifier
from .families import EncoderSettings
from .directory_files import refuse_pointer
from .hugging_face import Directory
from .labels import TASKS, Label, read_label
from .measure import MODEL_ERRORS, ExportError, last_line
from .modern import modern_classifier
from .pickled import Plain, module_tensors, read_pickle, submodule
from .published import PublishedBiLstm, PublishedSequence, padded_alone
from .tokenizer import TokenizerOptions
from .whole_tokenizer import WholeTokenizer

# Families that are more than a Classifier.
BUILDERS = {"deberta-v2": deberta_classifier, "modernbert": modern_classifier}
WRAPPING_CLASSES = ("DataParallel", "DistributedDataParallel", "OptimizedModule")


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
    labels: list[str | Label] | None = None
    labels_why: str = ""  # why there are none, as the end of a sentence
    task: str | None = None
    tokenizer_options: TokenizerOptions | WholeTokenizer | None = None
    tokenizer_said: bool = False  # the options are in a file of the source, not guessed
    encode: Callable[[Sequence[str]], list[list[int]]] | None = None  # by its own tokenizer


def read_source(path: Path, padding: str, inputs: str | None = None, pad_id: int = 0) -> Source:
    """Reads `path` by what it is. `inputs` settles what a TorchScript file's second argument is,
    `pad_id` what it is padded with; the others know."""
    if not path.exists():
        raise ExportError(f"{path} does not exist")
    try:
        if path.is_dir():
            return _read_hugging_face(path, padding)
        if not stat.S_ISREG(path.stat().st_mode):
            raise ExportError(f"{path} is not a regular file")
        refuse_pointer(path)
        _refuse_other_files(path)
        if _is_torchscript(path):
            return _read_torchscript(path, padding, inputs, pad_id)
        return _read_published(path, padding)
    except (ExportError, OSError, MemoryError):
        raise
    except Exception as error:  # settings of any type and tensors of any size, in any place
        raise ExportError(
            f"{path} is damaged, or not the model that it seems to be: {type(error).__name__}: "
            f"{last_line(error)}"
        ) from error


def _refuse_other_files(path: Path) -> None:
    if path.suffix == ".safetensors":
        raise ExportError(
            f"{path} has weights alone, which do not say of what model; give the folder they are from, with "
            "config.json and the tokenizer"
        )
    if path.suffix in (".onnx", ".pt2"):
        what = "an ONNX model" if path.suffix == ".onnx" else "a program of torch.export"
        raise ExportError(
            f"{path} is {what}; give the folder or the TorchScript of the model that it was made from"
        )


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


def _class_name(module: Plain | None) -> str:
    """Without its package, which every version of transformers has under another name."""
    return module.kind.rpartition(".")[2] if module is not None else "nothing"


def _unwrapped(root: object) -> object:
    """The model that was saved inside DataParallel and the like."""
    while _class_name(root if isinstance(root, Plain) else None) in WRAPPING_CLASSES:
        inside = (submodule(root, name) for name in ("module", "_orig_mod"))
        root = next((module for module in inside if module is not None), None)
    return root


def _check_published(root: Plain, path: Path) -> None:
    """The class's own forward is code, which is not read: the names must tell what it does."""
    modules = root.state.get("_modules") if isinstance(root, Plain) else None
    names = {str(name) for name in modules} if isinstance(modules, dict) else set()
    advice = "Save the whole model, or make TorchScript of it and export that file"
    missing = {"bert", "lstm", "fc"} - names
    if missing:
        raise ExportError(
            f"{path} is not a whole BiLSTMClassifier (bert, lstm, dropout, fc): it has no "
            f"{', '.join(sorted(missing))}, but {', '.join(sorted(names)) or 'no modules'}. "
            f"{advice}"
        )
    more = names - {"bert", "lstm", "dropout", "fc"}
    if more:
        raise ExportError(
            f"{path} is not the published BiLSTMClassifier (bert, lstm, dropout, fc): it has "
            f"{', '.join(sorted(more))} too, and what its forward does with it is not known. "
            "Make TorchScript of it and export that file"
        )
    found = {"the model": _class_name(root), "bert": _class_name(submodule(root, "bert"))}
    for what, wanted in (("the model", "BiLSTMClassifier"), ("bert", "BertModel")):
        if found[what] != wanted:
            raise ExportError(
                f"{path}: {what} is a {found[what]}, not a {wanted}, so what its forward does is "
                "not known. Make TorchScript of it and export that file"
            )


def _read_published(path: Path, padding: str) -> Source:
    root = _unwrapped(read_pickle(path))
    if isinstance(root, dict) and not isinstance(root, Plain):
        raise ExportError(
            f"{path} has weights alone, as of model.state_dict(), which do not say of what model. Save the whole "
            "model, or give the folder that they are from, with config.json and the tokenizer"
        )
    _check_published(root, path)
    bert = submodule(root, "bert")
    config = bert.state.get("config") if bert is not None else None
    if not isinstance(config, Plain):
        raise ExportError(f"{path}: bert carries no config, so its number of heads is not known")
    settings = EncoderSettings.read(config.state, str(path))
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


def _read_hugging_face(folder: Path, padding: str) -> Source:
    directory = Directory(folder)
    config, family = directory.config, directory.family
    kind = config.get("model_type", "bert")
    tensors, file = directory.tensors()
    weights = Weights(tensors, str(folder))
    labels = weights.take(f"{family.head[1]}.weight").size(0)
    if labels == 1 and directory.task() != "multi-label":
        raise ExportError(
            f"{folder}: the model gives one number, as for a regression; wiretag chooses among "
            "labels, so it needs an output for each"
        )
    pad_to = PADDINGS[padding]
    if kind in BUILDERS:
        model = BUILDERS[kind](weights, config, str(folder), pad_to)
    else:
        settings = EncoderSettings.read(config, str(folder), family)
        model = sequence_classifier(weights, settings, family, pad_to)
    tokenizer = directory.tokenizer()
    return Source(
        what=f"Hugging Face directory of {kind}, {len(model.layers)} layers of {model.config.hidden}, "
        f"weights of {file}",
        model=model,
        reference=PublishedSequence(weights, config, labels, pad_to, model.pad_id),
        tokens_max=min(
            model.config.positions_max, tokenizer.tokens_max or TOKENS_MAX, pad_to or TOKENS_MAX
        ),
        vocab_tokens=tokenizer.vocab,
        labels=directory.labels(),
        labels_why=directory.labels_why(),
        task=directory.task(),
        tokenizer_options=tokenizer.whole or tokenizer.options,
        tokenizer_said=tokenizer.said,
        encode=tokenizer.encode,
    )


# --- a TorchScript file -----------------------------------------------------------------------


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except Exception:  # a damaged directory can raise nearly anything
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
    pad_id: Final[int]
    takes_mask: Final[bool]

    def __init__(self, model: nn.Module, pad_to: int, pad_id: int, takes_mask: bool) -> None:
        super().__init__()
        self.model, self.takes_mask = model, takes_mask
        self.pad_to, self.pad_id = pad_to, pad_id

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        if self.pad_to > ids.size(1):
            ids = F.pad(ids, [0, self.pad_to - ids.size(1)])
        position = torch.arange(ids.size(1), device=ids.device)
        real = position.unsqueeze(0) < lengths.unsqueeze(1)
        ids = ids.masked_fill(~real, self.pad_id)
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
    name = arguments[1].name.lower()
    if "type" in name or "segment" in name:
        raise ExportError(
            f"{path}: forward's second argument is called {arguments[1].name!r}; it must take (ids, mask) or "
            "(ids, lengths), and make the token types itself"
        )
    if inputs is not None:
        return inputs
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


def _read_manifest(extra: dict[str, bytes | str], path: Path) -> dict:
    """wiretag.json of a bundle; empty where the file is none."""
    if not extra["wiretag.json"]:
        return {}
    try:
        manifest = json.loads(extra["wiretag.json"])
        kind = manifest["tokenizer"]["type"]
        tokenizer = {k: v for k, v in manifest["tokenizer"].items() if k != "type"}
        if kind != "wordpiece" or not extra["vocab.txt"]:
            whole = bytes(extra["tokenizer.json"]).decode()
            vocab, options = None, WholeTokenizer.parse(whole, f"{path}: tokenizer.json")
        else:
            vocab = bytes(extra["vocab.txt"]).decode().split("\n")[:-1]
            options = TokenizerOptions(**tokenizer)
        return {
            "padding": str(manifest["padding"]),
            "inputs": str(manifest["inputs"]),
            "max_tokens": int(manifest["max_tokens"]),
            "labels": [read_label(label, str(path)) for label in manifest["labels"]],
            "task": str(manifest.get("task", TASKS[0])),
            "vocab": vocab,
            "options": options,
        }
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ExportError(
            f"{path} holds a wiretag.json, but not that of a whole bundle ({type(error).__name__}: "
            f"{last_line(error)}); export the model it was made from"
        ) from error


def _check_version(path: Path) -> None:
    """torch calls a file of a newer one damaged, more or less."""
    newest = torch._C._get_max_operator_version()
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.count("/") in (1, 2)]
        record = next((n for n in names if n.endswith(("/version", "/.data/version"))), None)
        said = archive.read(record).strip() if record is not None else b""
    if said.isdigit() and int(said) > newest:
        raise ExportError(
            f"{path} was saved by a newer torch: its format is version {int(said)}, and torch "
            f"{torch.__version__} here, as libtorch in the worker, reads versions up to {newest}. Save "
            "it with this torch"
        )


def _check_not_training(module: torch.jit.ScriptModule, path: Path) -> None:
    """A trace keeps the mode that the model was in: eval() does not reach it any more."""
    graph = module.inlined_graph  # its nodes live as long as it does
    for kind, probability, training in (
        ("aten::dropout", 1, 2),
        ("aten::feature_dropout", 1, 2),
        ("aten::alpha_dropout", 1, 2),
        ("aten::scaled_dot_product_attention", 4, None),
    ):
        for node in graph.findAllNodes(kind):
            inputs = list(node.inputs())
            active = training is None or inputs[training].toIValue() is True
            if active and (inputs[probability].toIValue() or 0.0) > 0.0:
                raise ExportError(
                    f"{path} was traced in training mode: dropout ({kind}) is part of it, so that an "
                    "article has other logits each time. Call model.eval() before torch.jit.trace"
                )


def _check_not_frozen(module: torch.jit.ScriptModule, path: Path) -> None:
    """Frozen weights are constants, which change neither their precision nor their device."""
    weights = [*module.parameters(), *module.buffers()]
    if not any(tensor.is_floating_point() for tensor in weights):
        raise ExportError(
            f"{path} is frozen: its weights are constants of its code, so that no other precision "
            "can be made of them; save it before torch.jit.freeze or optimize_for_inference"
        )


def _read_torchscript(path: Path, padding: str, inputs: str | None, pad_id: int) -> Source:
    extra: dict[str, bytes | str] = {"wiretag.json": "", "vocab.txt": "", "tokenizer.json": ""}
    _check_version(path)
    try:
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra).eval()
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"{path} is damaged: {last_line(error)}") from error
    _check_not_frozen(module, path)
    _check_not_training(module, path)
    manifest = _read_manifest(extra, path)
    if manifest and padding != manifest.get("padding"):
        raise ExportError(
            f"{path} is a bundle with padding {manifest.get('padding')}; it cannot be changed to "
            f"{padding}. Export the model it was made from"
        )
    inputs = _second_argument(module, path, inputs or manifest.get("inputs"))
    first = module.forward.schema.arguments[1].name
    if "mask" in first.lower():
        raise ExportError(
            f"{path}: forward's first argument is called {first!r}; it must take the ids first, (ids, mask)"
        )
    source = module
    takes_mask = inputs == "ids+mask"
    if str(module.forward.schema.returns[0].type).startswith("Tuple["):
        source = torch.jit.script(FirstOfTuple(module))
    pad_to = 0 if manifest else PADDINGS[padding]

    def reference(row: Sequence[int]) -> Tensor:
        ids, mask = padded_alone(row, pad_to, pad_id)
        logits = module(ids, mask if takes_mask else torch.tensor([len(row)]))
        return logits[0] if isinstance(logits, tuple) else logits

    model = source
    if pad_to > 0:
        padded = PaddedTo(source, pad_to, pad_id, takes_mask)
        model, inputs = torch.jit.script(padded), "ids+lengths"
    return Source(
        what="wiretag bundle" if manifest else "TorchScript file",
        model=model,
        reference=reference,
        tokens_max=manifest.get("max_tokens", 512),
        inputs=inputs,
        vocab_tokens=manifest.get("vocab"),
        labels=manifest.get("labels"),
        task=manifest.get("task"),
        tokenizer_options=manifest.get("options"),
        tokenizer_said="options" in manifest,
    )
