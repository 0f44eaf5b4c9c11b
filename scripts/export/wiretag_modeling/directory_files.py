"""Files of a Hugging Face directory: text, JSON, and tensors in whichever form they were saved.

    config = read_json(folder / "config.json")
    tensors, name = read_weights(folder)           # the file that transformers would load
"""

import json
from pathlib import Path

from torch import Tensor

from .measure import ExportError
from .pickled import module_tensors, read_pickle

POINTER = b"version https://git-lfs.github.com/"
ADAPTER = (
    "it is an adapter (PEFT), whose model is elsewhere: merge them first, "
    "model.merge_and_unload().save_pretrained(…)"
)
# Weights that are not torch's.
OTHER_WEIGHTS = {
    "adapter_model.safetensors": ADAPTER,
    "adapter_model.bin": ADAPTER,
    "tf_model.h5": "its weights are TensorFlow's; transformers 4 loads them with from_tf=True and saves torch's",
    "flax_model.msgpack": "its weights are Flax's; transformers 4 loads them with from_flax=True and saves torch's",
    "model.onnx": "it is an ONNX model; give the folder that it was made from",
}


def refuse_pointer(path: Path) -> None:
    """A folder that was cloned without Git LFS has pointers in place of its large files."""
    try:
        with path.open("rb") as file:
            pointer = file.read(len(POINTER)) == POINTER
    except OSError:
        return  # whoever reads it says why
    if pointer:
        raise ExportError(f"{path} is a pointer of Git LFS; fetch the file itself: git lfs pull")


def read_lines(path: Path, what: str) -> list[str]:
    """The lines of a vocabulary or a list of labels; a line break at the end is none."""
    refuse_pointer(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ExportError(f"the {what} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ExportError(f"the {what} {path} is not UTF-8") from error
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines and lines[-1] == "" else lines


def read_json(path: Path) -> dict:
    refuse_pointer(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ExportError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ExportError(f"{path} is not a JSON object")
    return value


def read_object(parent: dict, key: str, path: Path) -> dict:
    value = parent.get(key) or {}
    if not isinstance(value, dict):
        raise ExportError(f"{path}: {key} is not an object")
    return value


# In the order in which transformers looks for them: what lies beside the first is not read.
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def read_weights(folder: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of the file that transformers would load, and its name."""
    found = next((name for name in WEIGHTS if (folder / name).exists()), None)
    if found is None:
        other = next((why for name, why in OTHER_WEIGHTS.items() if (folder / name).exists()), None)
        raise ExportError(
            f"{folder} has neither model.safetensors nor pytorch_model.bin{'; ' if other else ''}{other or ''}"
        )
    if not found.endswith(".index.json"):
        return _read_tensors(folder / found), found
    index = folder / found
    weight_map = read_object(read_json(index), "weight_map", index)
    if not all(isinstance(name, str) for name in weight_map.values()):
        raise ExportError(f"{index}: weight_map must name a file for each tensor")
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(weight_map.values())):
        if Path(name).name != name:
            raise ExportError(f"{index} names a file outside of its folder: {name}")
        tensors |= _read_tensors(folder / name)
    missing = sorted(set(weight_map) - set(tensors))
    if missing:
        raise ExportError(
            f"{index} says that {weight_map[missing[0]]} has the tensor {missing[0]}, which it has "
            "not: the index is older or newer than the weights beside it; copy the folder again"
        )
    return tensors, found


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.exists():
        raise ExportError(f"{path} is damaged or missing: there is no such file; copy it again")
    refuse_pointer(path)
    if path.suffix != ".safetensors":
        return module_tensors(read_pickle(path))
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ExportError(f"{path} is damaged or missing: {error}") from error
