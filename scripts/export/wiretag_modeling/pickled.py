"""Reads what torch.save wrote, for its tensors and settings only: nothing in it is executed.

    root = read_pickle(Path("model.pth"))      # a module: Plain; a state dict: dict
    tensors = module_tensors(root)             # {"bert.embeddings.word_embeddings.weight": …}
    root.state["bert"], root.kind              # settings that the pickle carries

A pickle is a program: it names callables and calls them. Here a name never leads to the callable
itself. The few that build tensors are replaced by the functions below; classes of torch.nn and
transformers, and those of the script that saved the model, become Plain, which only keeps what it
is given; any other name refuses the file.
"""

import io
import math
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor

from .measure import ExportError

DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
# Their classes and functions stand for themselves; none is imported or called.
PLAIN_PACKAGES = ("__main__", "transformers", "torch.nn")
PLAIN_NAMES = {
    ("torch", "device"),
    ("torch", "Size"),
    ("torch", "Tensor"),
    ("torch._C._nn", "gelu"),
    ("torch._C._nn", "gelu_"),
    ("torch._jit_internal", "boolean_dispatch"),
}
CONTAINERS = {"set": set, "frozenset": frozenset, "dict": dict, "list": list, "tuple": tuple}
DATA_BYTES_MAX = 64 << 20  # of the pickle itself, without tensors
DEPTH_MAX = 50


class Plain(dict):
    """An object of a class that was not imported: `kind` names the class, `state` is its __dict__."""

    kind = ""

    def __init__(self, *arguments: object) -> None:
        super().__init__()
        self.arguments = arguments
        self.state: dict = {}

    def __setstate__(self, state: object) -> None:
        self.state = state if isinstance(state, dict) else {"state": state}

    def append(self, item: object) -> None:
        self.setdefault("items", []).append(item)

    def extend(self, items: list) -> None:
        self.setdefault("items", []).extend(items)


class _Sealed:
    """No attribute can be set from within a pickle."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it changes what builds its tensors")


class _Storage(_Sealed):
    __slots__ = ("archive", "dtype", "key", "count", "cached")

    def __init__(self, archive: "_Archive", dtype: torch.dtype, key: str, count: int) -> None:
        self.archive, self.dtype, self.key, self.count = archive, dtype, key, count

    def tensor(self) -> Tensor:
        if not hasattr(self, "cached"):
            self.cached = self.archive.storage(self.key, self.dtype, self.count)
        return self.cached


class _Function(_Sealed):
    """One of the functions that build tensors, as a callable nobody can alter."""

    __slots__ = ("body",)

    def __init__(self, body: object) -> None:
        self.body = body

    def __call__(self, *arguments: object) -> object:
        return self.body(*arguments)


def _tensor(storage: object, offset: int, size: tuple, stride: tuple, *_: object) -> "TensorOf":
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return TensorOf(storage, offset, tuple(size), tuple(stride))


def _parameter(data: object, *_: object) -> object:
    return data


def _typed(function: object, _kind: object, arguments: tuple, _state: object) -> object:
    if not isinstance(function, _Function):
        raise pickle.UnpicklingError("a tensor is built by something else than torch")
    return function(*arguments)


FUNCTIONS = {
    ("torch._utils", "_rebuild_tensor_v2"): _Function(_tensor),
    ("torch._utils", "_rebuild_tensor"): _Function(_tensor),
    ("torch._utils", "_rebuild_parameter"): _Function(_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): _Function(_parameter),
    ("torch._tensor", "_rebuild_from_type_v2"): _Function(_typed),
}


class TensorOf(_Sealed):
    """A tensor that is read when it is asked for."""

    __slots__ = ("storage", "offset", "size", "stride")

    def __init__(self, storage: _Storage, offset: int, size: tuple, stride: tuple) -> None:
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def read(self) -> Tensor:
        numbers = [self.offset, *self.size, *self.stride]
        if not all(type(number) is int and number >= 0 for number in numbers) or len(
            self.size
        ) != len(self.stride):
            raise ExportError("a tensor in the file has an impossible shape")
        last = self.offset + sum(
            (n - 1) * step for n, step in zip(self.size, self.stride, strict=True)
        )
        count = math.prod(self.size)
        if count > 0 and (last >= self.storage.count or count > self.storage.count):
            raise ExportError("a tensor in the file is larger than its data; copy it again")
        return self.storage.tensor().as_strided(self.size, self.stride, self.offset)


class _Archive:
    """The zip file that torch.save writes: NAME/data.pkl and a file a storage."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.zip = zipfile.ZipFile(path)
        except OSError:
            raise
        except Exception as error:  # a damaged directory can raise nearly anything
            raise ExportError(
                f"{path} is neither a zip archive of torch.save nor TorchScript: it is damaged, or "
                "was saved by torch before 1.6; save it again with a newer torch"
            ) from error
        pickles = [n for n in self.zip.namelist() if n.count("/") == 1 and n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ExportError(f"{path} is a zip archive, but not one of torch.save")
        self.folder = pickles[0].removesuffix("data.pkl")
        byteorder = self._read("byteorder", 16) if self._has("byteorder") else b"little"
        if byteorder.decode("ascii", "replace") != sys.byteorder:
            raise ExportError(f"{path} was saved on a machine of another byte order")

    def _has(self, name: str) -> bool:
        return self.folder + name in self.zip.NameToInfo

    def _read(self, name: str, bytes_max: int) -> bytearray:
        """A file of the archive; stored, not compressed, so that none can be larger than it is."""
        try:
            info = self.zip.getinfo(self.folder + name)
        except KeyError:
            raise ExportError(f"{self.path} lacks {name}; copy it again") from None
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > bytes_max:
            raise ExportError(f"{self.path}: {name} is not what torch.save writes")
        data = bytearray(info.file_size)
        try:
            with self.zip.open(info) as file:
                done = file.readinto(data)
        except Exception as error:  # its own header too
            raise ExportError(f"{self.path} is damaged at {name}; copy it again") from error
        if done != info.file_size:
            raise ExportError(f"{self.path} ends within {name}; copy it again")
        return data

    def pickle(self) -> bytes:
        return bytes(self._read("data.pkl", DATA_BYTES_MAX))

    def storage(self, key: str, dtype: torch.dtype, count: int) -> Tensor:
        wanted = count * dtype.itemsize
        data = self._read(f"data/{key}", wanted)
        if len(data) != wanted:
            raise ExportError(f"{self.path}: data/{key} has {len(data)} bytes instead of {wanted}")
        return torch.frombuffer(data, dtype=dtype) if count > 0 else torch.empty(0, dtype=dtype)


class _Reader(pickle.Unpickler):
    def __init__(self, file: object, archive: _Archive) -> None:
        super().__init__(file)
        self.archive = archive
        self.classes: dict[tuple[str, str], type] = {}

    def find_class(self, module: str, name: str) -> object:
        key = (module, name)
        if key in FUNCTIONS:
            return FUNCTIONS[key]
        if key == ("collections", "OrderedDict"):
            return OrderedDict
        if module in ("builtins", "__builtin__") and name in CONTAINERS:
            return CONTAINERS[name]
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        is_dtype = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        in_package = any(module == p or module.startswith(p + ".") for p in PLAIN_PACKAGES)
        if is_dtype or in_package or key in PLAIN_NAMES:
            if key not in self.classes:
                self.classes[key] = type(name, (Plain,), {"kind": f"{module}.{name}"})
            return self.classes[key]
        raise pickle.UnpicklingError(f"it wants to call {module}.{name}")

    def persistent_load(self, pid: object) -> _Storage:
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage"):
            raise pickle.UnpicklingError("it refers to something else than a storage")
        _, dtype, key, _, count = pid
        if not isinstance(dtype, torch.dtype) or not (isinstance(key, str) and key.isalnum()):
            raise pickle.UnpicklingError("it refers to a storage of unknown kind")
        if type(count) is not int or count < 0:
            raise pickle.UnpicklingError("a storage has an impossible size")
        return _Storage(self.archive, dtype, key, count)


def read_pickle(path: Path) -> object:
    """The object that torch.save wrote to `path`. ExportError: it is damaged, or wants to run code."""
    archive = _Archive(path)
    try:
        return _Reader(io.BytesIO(archive.pickle()), archive).load()
    except ExportError:
        raise
    except pickle.UnpicklingError as error:
        raise ExportError(
            f"{path} is refused: {error}. Loading it in the usual way would run that code; nothing "
            "was executed"
        ) from error
    except Exception as error:  # a malformed pickle can raise nearly anything
        raise ExportError(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def _put(tensors: dict[str, Tensor], name: str, value: object) -> None:
    if isinstance(value, TensorOf):
        tensors[name] = value.read()


def module_tensors(root: object, prefix: str = "", depth: int = 0) -> dict[str, Tensor]:
    """The tensors of a module under their state_dict names; a state dict's as they are."""
    if depth > DEPTH_MAX:
        raise ExportError("the file holds modules within modules without end")
    tensors: dict[str, Tensor] = {}
    if isinstance(root, dict) and not isinstance(root, Plain):
        for name, value in root.items():
            _put(tensors, str(name), value)
        return tensors
    if not isinstance(root, Plain):
        return tensors
    for group in ("_parameters", "_buffers"):
        for name, value in (root.state.get(group) or {}).items():
            _put(tensors, prefix + str(name), value)
    for name, module in (root.state.get("_modules") or {}).items():
        tensors.update(module_tensors(module, f"{prefix}{name}.", depth + 1))
    return tensors


def submodule(root: object, name: str) -> Plain | None:
    """The module `name` of a pickled module; None when there is none."""
    modules = root.state.get("_modules") if isinstance(root, Plain) else None
    found = modules.get(name) if isinstance(modules, dict) else None
    return found if isinstance(found, Plain) else None
