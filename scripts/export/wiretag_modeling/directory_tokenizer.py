"""The tokenizer that a Hugging Face directory describes, in whichever of its files.

    tokenizer = read_tokenizer(folder, config)     # vocabulary, options and, to compare with, the original

A tokenizer.json of BPE or Unigram travels as it is (whole_tokenizer.py), and so does a WordPiece whose
texts begin with another token than [CLS]. Any other WordPiece becomes a vocabulary and options: one that
is not BERT's, or counts on tokens that were added to it, would get other ids without anybody noticing; it
is refused.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .directory_files import read_json, read_lines, read_object
from .measure import ExportError, last_line
from .tokenizer import SPECIAL_TOKENS, TokenizerOptions
from .whole_tokenizer import WholeTokenizer, kind_of

# All of them are BERT's tokenizer, under the names of models that share it.
TOKENIZER_CLASSES = tuple(
    kind + fast
    for kind in ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
    for fast in ("", "Fast")
)
ROLES = tuple(f"{role}_token" for role in ("unk", "sep", "pad", "cls", "mask", "bos", "eos"))
OTHER_FORMS = ("vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model", "spm.model")
# Larger is transformers' way to say that nobody set it.
LENGTH_IS_SAID_BELOW = 1_000_000


@dataclass
class OwnTokenizer:
    """What a directory says of its tokenizer."""

    vocab: list[str] | None
    options: TokenizerOptions
    encode: Callable[[Sequence[str]], list[list[int]]] | None  # the original; None: not there
    tokens_max: int | None  # model_max_length, where somebody set it
    said: bool  # the options are in a file, not guessed from the vocabulary
    whole: WholeTokenizer | None = None  # another tokenizer than BERT's, instead of the above


def _named(settings: dict) -> list:
    """The special tokens that a file names, by their role or beside it."""
    more = []
    for key in ("additional_special_tokens", "extra_special_tokens"):
        value = settings.get(key) or []
        more += value.values() if isinstance(value, dict) else value
    tokens = [settings.get(role) for role in ROLES] + more
    tokens = [token.get("content") if isinstance(token, dict) else token for token in tokens]
    return [token for token in tokens if token is not None]


def read_tokenizer(folder: Path, config: dict) -> OwnTokenizer:
    """`config`: the directory's config.json."""
    return _Reader(folder, config).read()


class _Reader:
    def __init__(self, folder: Path, config: dict) -> None:
        self.folder, self.config = folder, config

    def _optional(self, name: str) -> dict:
        path = self.folder / name
        return read_json(path) if path.exists() else {}

    def read(self) -> OwnTokenizer:
        """Newer directories have vocabulary and options in tokenizer.json alone."""
        vocab, options, encode = None, TokenizerOptions(), None
        config = self._optional("tokenizer_config.json")
        path = self.folder / "tokenizer.json"
        self._check_side(config, path)
        if path.exists():
            whole = self._other_than_berts(path)
            if whole is not None:
                return self._other_tokenizer(whole, config)
        self._check_forms()
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
        said = bool(config) or encode is not None
        return OwnTokenizer(vocab, options, encode, self._tokens_max(config), said)

    def _other_than_berts(self, path: Path) -> WholeTokenizer | None:
        kind = kind_of(read_object(read_json(path), "model", path))
        try:
            whole = WholeTokenizer.parse(path.read_text(encoding="utf-8"), str(path))
        except ExportError:
            if kind != "WordPiece":
                raise
            return None  # _whole_tokenizer() has a closer look
        return whole if kind != "WordPiece" or not whole.has_berts_specials() else None

    def _other_tokenizer(self, whole: WholeTokenizer, config: dict) -> OwnTokenizer:
        for named, file in self._named_tokens(config):
            more = [token for token in named if token not in whole.added()]
            if more:
                raise ExportError(
                    f"{file} names the special token {more[0]!r}, which tokenizer.json does not have; "
                    "save the tokenizer as the model was trained with: "
                    "AutoTokenizer.from_pretrained(…).save_pretrained(…)"
                )
        return OwnTokenizer(None, TokenizerOptions(), None, self._tokens_max(config), True, whole)

    def _check_side(self, config: dict, path: Path) -> None:
        """Which end of a long article is cut off; tokenizer_config.json prevails."""
        whole = read_object(read_json(path), "truncation", path) if path.exists() else {}
        for file, side in (
            ("tokenizer_config.json", config.get("truncation_side")),
            ("tokenizer.json", whole.get("direction")),
        ):
            if side is not None:
                if str(side).lower() == "left":
                    raise ExportError(
                        f"{self.folder}/{file} cuts long articles at their beginning "
                        f"({'truncation_side' if file != path.name else 'truncation.direction'} is {side}), "
                        "wiretag at their end. If that is as good, or no article is as long, make it right "
                        "there; input.long: windows reads all of an article"
                    )
                return

    def _check_forms(self) -> None:
        """Slow tokenizers have files of their own, which only transformers makes a tokenizer of."""
        if any((self.folder / name).exists() for name in ("vocab.txt", "tokenizer.json")):
            return
        other = [name for name in OTHER_FORMS if (self.folder / name).exists()]
        if other:
            raise ExportError(
                f"{self.folder} has its tokenizer as {other[0]} and no tokenizer.json; make one: "
                "AutoTokenizer.from_pretrained(…).save_pretrained(…)"
            )

    def _tokens_max(self, config: dict) -> int | None:
        """Articles were cut there in training."""
        length = config.get("model_max_length")
        if length is None or (type(length) in (int, float) and length >= LENGTH_IS_SAID_BELOW):
            return None
        if type(length) is not int or length < 3:
            raise ExportError(
                f"{self.folder}/tokenizer_config.json: model_max_length is {json.dumps(length)}; "
                "[CLS], one token and [SEP] need 3"
            )
        return length

    def _whole_tokenizer(self) -> tuple[list[str], TokenizerOptions, Callable]:
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        whole = read_json(path)
        model = read_object(whole, "model", path)
        normalizer = read_object(whole, "normalizer", path)
        ids = read_object(model, "vocab", path)
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
        for named, path in self._named_tokens(config):
            self._refuse_added(named, path)

    def _named_tokens(self, config: dict) -> list[tuple[list, Path]]:
        """The places for added and special tokens beside tokenizer.json."""
        path = self.folder / "tokenizer_config.json"
        decoder = read_object(config, "added_tokens_decoder", path).values()
        decoder = [t.get("content") if isinstance(t, dict) else t for t in decoder]
        added, special = (
            self._optional(name) for name in ("added_tokens.json", "special_tokens_map.json")
        )
        return [
            (list(added), self.folder / "added_tokens.json"),
            (_named(special), self.folder / "special_tokens_map.json"),
            (_named(config) + decoder, path),
        ]

    def _refuse_added(self, tokens: list, path: Path) -> None:
        more = [token for token in tokens if token not in SPECIAL_TOKENS]
        if more:
            raise ExportError(
                f"{path} adds the token {more[0]!r} to BERT's own; wiretag's tokenizer would split "
                "it. Where no article holds it, take it out of the file and export again"
            )
