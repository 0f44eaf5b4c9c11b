"""The files of a Hugging Face directory: tensors, labels, and the tokenizer that they describe.

    folder = Directory(Path("my-bert"))        # config.json says that it is a BERT classification
    folder.tensors(), folder.labels()
    folder.tokenizer()                         # vocabulary, options and, to compare with, the original

The worker's tokenizer is BERT's. A directory whose own is another one, or counts on tokens that were
added to it, would get other ids without anybody noticing; it is refused.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from .measure import ExportError, last_line
from .pickled import module_tensors, read_pickle
from .tokenizer import SPECIAL_TOKENS, TokenizerOptions

# All of them are BERT's tokenizer, under the names of models that share it.
TOKENIZER_CLASSES = tuple(
    kind + fast
    for kind in ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
    for fast in ("", "Fast")
)
ARCHITECTURE = "BertForSequenceClassification"
TO_TORCHSCRIPT = "Trace the model to TorchScript with (ids, mask) and export that file"

# What transformers calls the tasks; it takes softmax where nothing says otherwise.
PROBLEMS = {
    "single_label_classification": "single-label",
    "multi_label_classification": "multi-label",
}


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


def read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ExportError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ExportError(f"{path} is not a JSON object")
    return value


@dataclass
class OwnTokenizer:
    """What a directory says of its tokenizer."""

    vocab: list[str] | None
    options: TokenizerOptions
    encode: Callable[[Sequence[str]], list[list[int]]] | None  # the original; None: not there


def _object(parent: dict, key: str, path: Path) -> dict:
    value = parent.get(key) or {}
    if not isinstance(value, dict):
        raise ExportError(f"{path}: {key} is not an object")
    return value


class Directory:
    """A BERT sequence classification as transformers saves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = read_json(folder / "config.json")
        self._check_what_it_is()

    def _optional(self, name: str) -> dict:
        path = self.folder / name
        return read_json(path) if path.exists() else {}

    def _check_what_it_is(self) -> None:
        """Other heads have tensors of the same names, and other scores are no softmax."""
        where = self.folder / "config.json"
        kinds = self.config.get("architectures") or [ARCHITECTURE]
        if kinds != [ARCHITECTURE]:
            raise ExportError(
                f"{where}: architectures is {json.dumps(kinds)}, and only {ARCHITECTURE} is "
                f"rebuilt. {TO_TORCHSCRIPT}"
            )
        problem = self.config.get("problem_type") or "single_label_classification"
        if problem not in PROBLEMS:
            raise ExportError(
                f"{where}: problem_type is {problem}; wiretag gives articles labels, so only "
                f"{' and '.join(PROBLEMS)} can be exported"
            )

    def tensors(self) -> dict[str, Tensor]:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = self.folder
        index = folder / "model.safetensors.index.json"
        if index.exists():
            names = list(_object(read_json(index), "weight_map", index).values())
            if not all(isinstance(name, str) for name in names):
                raise ExportError(f"{index}: weight_map must name a file for each tensor")
            names = sorted(set(names))
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

    def task(self) -> str | None:
        """None: config.json does not say."""
        return PROBLEMS.get(self.config.get("problem_type"))

    def labels(self) -> list[str] | None:
        """The labels of config.json, unless they are the placeholders LABEL_0, LABEL_1, …"""
        names = self.config.get("id2label")
        if not isinstance(names, dict):
            return None
        values = [names.get(str(index)) for index in range(len(names))]
        # A name may be a number: of stars, or of a class.
        if not all(isinstance(v, str | int) and not isinstance(v, bool) for v in values):
            return None
        labels = [str(value) for value in values]
        placeholders = [f"LABEL_{index}" for index in range(len(names))]
        return labels if all(labels) and labels != placeholders else None

    def tokenizer(self) -> OwnTokenizer:
        """Vocabulary and options; newer directories have them in tokenizer.json alone."""
        vocab, options, encode = None, TokenizerOptions(), None
        config = self._optional("tokenizer_config.json")
        if (self.folder / "tokenizer.json").exists():
            vocab, options, encode = self._whole_tokenizer()
            self._check_agreement(config, options)
        elif config:
            self._check_class(config)
            options = TokenizerOptions(
                lowercase=bool(config.get("do_lower_case", True)),
                handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)),
                strip_accents=config.get("strip_accents"),
            )
        if (self.folder / "vocab.txt").exists():
            vocab = read_lines(self.folder / "vocab.txt", "vocabulary")
            if not config and encode is None:
                self._check_class({})
                # Nothing says it, so the tokens do: without a capital, «Мир» would be unknown.
                options.lowercase = all(
                    token == token.lower() for token in vocab if token[:1] + token[-1:] != "[]"
                )
        self._check_added(config)
        return OwnTokenizer(vocab, options, encode)

    def _whole_tokenizer(self) -> tuple[list[str], TokenizerOptions, Callable]:
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        whole = read_json(path)
        model = _object(whole, "model", path)
        normalizer = _object(whole, "normalizer", path)
        if model.get("type", "WordPiece") != "WordPiece":
            raise ExportError(f"{path}: its model is {model.get('type')}, not WordPiece")
        ids = _object(model, "vocab", path)
        if not all(type(i) is int for i in ids.values()) or sorted(ids.values()) != list(
            range(len(ids))
        ):
            raise ExportError(f"{path}: its ids are not 0, 1, 2, …")
        try:
            original = Tokenizer.from_file(str(path))
        except Exception as error:  # it has no narrower kind
            raise ExportError(f"{path} is no tokenizer: {last_line(error)}") from error
        original.no_truncation()
        original.no_padding()
        options = TokenizerOptions(
            lowercase=bool(normalizer.get("lowercase", False)),
            clean_text=bool(normalizer.get("clean_text", True)),
            handle_chinese_chars=bool(normalizer.get("handle_chinese_chars", True)),
            strip_accents=normalizer.get("strip_accents"),
        )
        added = [token.content for token in original.get_added_tokens_decoder().values()]
        self._refuse_added(added, path)

        def encode(texts: Sequence[str]) -> list[list[int]]:
            return [encoding.ids for encoding in original.encode_batch(list(texts))]

        return sorted(ids, key=ids.get), options, encode

    def _check_agreement(self, config: dict, options: TokenizerOptions) -> None:
        """BertTokenizer lets tokenizer_config.json prevail, PreTrainedTokenizerFast tokenizer.json."""
        if config.get("tokenizer_class") not in (None, *TOKENIZER_CLASSES):
            return
        for key, option in (
            ("do_lower_case", options.lowercase),
            ("tokenize_chinese_chars", options.handle_chinese_chars),
            ("strip_accents", options.strip_accents),
        ):
            if config.get(key, option) != option:
                raise ExportError(
                    f"{self.folder}: tokenizer_config.json says {key} {json.dumps(config[key])}, "
                    f"tokenizer.json {json.dumps(option)}; make them say what the model was trained "
                    "with"
                )

    def _check_class(self, config: dict) -> None:
        """Without tokenizer.json there is nothing to compare with, so its name must tell."""
        kind = config.get("tokenizer_class") or self.config.get("tokenizer_class")
        if kind is not None and kind not in TOKENIZER_CLASSES:
            raise ExportError(
                f"{self.folder}: tokenizer_class is {kind}; wiretag's tokenizer is that of "
                "BertTokenizer and gives other ids. Save it with a tokenizer.json to have the ids "
                "compared"
            )
        if config.get("do_basic_tokenize") is False:
            raise ExportError(
                f"{self.folder}/tokenizer_config.json: do_basic_tokenize is false; wiretag's "
                "tokenizer always splits at punctuation, and would give other ids"
            )

    def _check_added(self, config: dict) -> None:
        """The places for added tokens beside tokenizer.json."""
        path = self.folder / "added_tokens.json"
        self._refuse_added(list(self._optional(path.name)), path)
        path = self.folder / "tokenizer_config.json"
        added = _object(config, "added_tokens_decoder", path).values()
        self._refuse_added([t.get("content") if isinstance(t, dict) else t for t in added], path)

    def _refuse_added(self, tokens: list, path: Path) -> None:
        more = [token for token in tokens if token not in SPECIAL_TOKENS]
        if more:
            raise ExportError(
                f"{path} adds the token {more[0]!r} to BERT's own; wiretag's tokenizer would split "
                "it. Where no article holds it, take it out of the file and export again"
            )
