"""A tokenizer.json of another tokenizer than BERT's, or of BERT's with other special tokens, which a bundle
carries as it is.

    tokenizer = WholeTokenizer.parse(path.read_text(), str(path))
    check_by_worker(tokenizer, texts, [Path("build/wiretag")])

The worker reads the same file (src/text/compound/tokenizer_json.h). Whether it gives the ids of Hugging Face's
`tokenizers` is tried with its own program, text by text, before a bundle is made.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from .measure import ExportError, last_line

# Of "model" in the file: what the worker calls it.
TYPES = {"BPE": "bpe", "Unigram": "unigram", "WordPiece": "wordpiece"}
# What these tokenizers treat differently, whatever the texts of an export are.
PROBES = (
    " leading and  double  blanks\tand\nlines ",
    "don't we'll it's I'M 12345 3.14 1,000 a_b e-mail@example.org",
    "naïve café ÀÉÎ straße Ёлка й №5 ½ ﬁ Ⅷ ㎏ ａｂｃ",
    "東京2024年 日本 mixed漢字text 한국어 ไทย 👍🏽👨‍👩‍👧",
    "«кавычки» — тире… x" + "y" * 120 + " <s> </s> <pad> <mask> <unk> [CLS] [SEP] <|endoftext|>",
    "a\u200bb\u00a0c\u00add\te\ufffdf\u0007g  h",
)


def kind_of(model: dict) -> str:
    """The type of the section "model"; older files do not name it."""
    if "type" in model:
        return model["type"]
    return "BPE" if "merges" in model else "Unigram" if "unk_id" in model else "WordPiece"


class WholeTokenizer:
    """The file's text, and the original tokenizer that it describes."""

    def __init__(self, text: str, kind: str, original: Tokenizer) -> None:
        self.text, self.kind, self.original = text, kind, original
        self.tokens = max(original.get_vocab(with_added_tokens=True).values()) + 1

    @classmethod
    def parse(cls, text: str, source: str) -> "WholeTokenizer":
        try:
            kind = kind_of(json.loads(text).get("model"))
        except (ValueError, AttributeError) as error:
            raise ExportError(f"{source} is no tokenizer: {last_line(error)}") from error
        if kind not in TYPES:
            raise ExportError(
                f"{source}: its model is {kind}; wiretag's tokenizers are {', '.join(TYPES)}"
            )
        try:
            original = Tokenizer.from_str(text)
        except Exception as error:  # it has no narrower kind
            raise ExportError(f"{source} is no tokenizer: {last_line(error)}") from error
        original.no_truncation()
        original.no_padding()
        return cls(text, TYPES[kind], original)

    @property
    def pad_id(self) -> int:
        """What the worker pads with."""
        tokens, added = ("[PAD]", "<pad>"), self.added()
        # A vocabulary may have both, as MPNet's: then the special token counts.
        for token in (*(t for t in tokens if t in added), *tokens):
            if (found := self.original.token_to_id(token)) is not None:
                return found
        return 0

    def has_berts_specials(self) -> bool:
        """A vocab.txt says the same of a WordPiece. Not so if its texts begin with <s>, as MPNet's."""
        tokens = self.original.encode("a").tokens
        return len(tokens) < 3 or (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")

    def to_manifest(self) -> dict:
        return {"type": self.kind}

    def added(self) -> set[str]:
        return {token.content for token in self.original.get_added_tokens_decoder().values()}

    def encode(self, texts: Sequence[str], tokens_max: int = 0) -> list[list[int]]:
        """With the tokens of the template; cut to `tokens_max`, 0: not at all."""
        if tokens_max > 0:
            self.original.enable_truncation(tokens_max)
        try:
            return [encoding.ids for encoding in self.original.encode_batch(list(texts))]
        finally:
            self.original.no_truncation()


def _worker_ids(wiretag: Path, tokenizer: WholeTokenizer, texts: Sequence[str]) -> list[list[int]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_text(tokenizer.text, encoding="utf-8")
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        command = [wiretag, "tokenize", "--vocab", path]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in done.stdout.split("\n") if line]
    wrong = [row["error"]["message"] for row in rows if "error" in row]
    if done.returncode != 0 or wrong or len(rows) != len(texts):
        said = wrong or done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        cause = said[-1].removeprefix("wiretag tokenize: ").replace(f"{path}: ", "")
        raise ExportError(f"the worker does not read this tokenizer.json ({tokenizer.kind}): {cause}")
    return [row["ids"] for row in rows]


def check_by_worker(
    tokenizer: WholeTokenizer, texts: Sequence[str], programs: Sequence[Path]
) -> None:
    """The worker's ids are those of the original. `programs`: the first that is built is asked."""
    built = [program for program in programs if program.exists()]
    if not built:
        raise ExportError(
            f"a tokenizer of the type {tokenizer.kind} is compared with the worker's own program, which "
            "is not built: run scripts/build, or scripts/build --fake"
        )
    texts = [*PROBES, *texts]
    own = _worker_ids(built[0], tokenizer, texts)
    for text, ids, wanted in zip(texts, own, tokenizer.encode(texts), strict=True):
        if ids != wanted:
            at = next((i for i, (a, b) in enumerate(zip(ids, wanted)) if a != b), 0)
            raise ExportError(
                f"the worker's tokenizer gives other ids than the model's tokenizer.json: "
                f"{ids[at : at + 3]} instead of {wanted[at : at + 3]} in the text {text[:40]!r}. That "
                "is a fault of wiretag; please report it with the file"
            )


def check_as_loaded(folder: Path, tokenizer: WholeTokenizer, texts: Sequence[str]) -> None:
    """transformers changes some tokenizers while it loads them, by the settings in other files: what it
    trained with must be what is in tokenizer.json."""
    import transformers

    try:
        loaded = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # of any kind, for any of its files
        raise ExportError(
            f"{folder}: transformers does not load its tokenizer: {last_line(error)}. Save it again "
            "with save_pretrained"
        ) from error
    texts = [*PROBES, *texts]
    for text, wanted in zip(texts, tokenizer.encode(texts), strict=True):
        ids = loaded(text, truncation=False)["input_ids"]
        if ids != wanted:
            at = next((i for i, (a, b) in enumerate(zip(ids, wanted)) if a != b), 0)
            raise ExportError(
                f"{folder}: transformers gives other ids than tokenizer.json alone: "
                f"{ids[at : at + 3]} instead of {wanted[at : at + 3]} in the text {text[:40]!r}. Settings "
                "in tokenizer_config.json or another file change it, or transformers of another version "
                "than the model's does. If it was trained with this tokenizer.json, say so: --vocab "
                f"{folder}/tokenizer.json; if with what transformers makes of it here, save that: "
                "AutoTokenizer.from_pretrained(…).save_pretrained(…)"
            )
