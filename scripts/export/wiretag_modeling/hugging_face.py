"""The files of a Hugging Face directory: tensors, labels, and the tokenizer that they describe.

    folder = Directory(Path("my-bert"))        # config.json says which family it is of
    folder.tensors(), folder.labels(), folder.tokenizer()
"""

from pathlib import Path

from torch import Tensor

from .directory_files import ADAPTER, read_json, read_weights
from .directory_tokenizer import OwnTokenizer, read_tokenizer
from .families import family_of
from .measure import ExportError

# What transformers calls the tasks; it takes softmax where nothing says otherwise.
PROBLEMS = {
    "single_label_classification": "single-label",
    "multi_label_classification": "multi-label",
}


class Directory:
    """A sequence classification as transformers saves it; `family` says of which kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "config.json").exists() and (folder / "adapter_config.json").exists():
            raise ExportError(f"{folder} has no config.json; {ADAPTER}")
        self.config = read_json(folder / "config.json")
        self.family = family_of(self.config, str(folder / "config.json"))
        self._check_what_it_is()

    def _check_what_it_is(self) -> None:
        """Other scores are no softmax."""
        where = self.folder / "config.json"
        problem = self.config.get("problem_type") or "single_label_classification"
        if problem not in PROBLEMS:
            raise ExportError(
                f"{where}: problem_type is {problem}; wiretag gives articles labels, so only "
                f"{' and '.join(PROBLEMS)} can be exported"
            )

    def tensors(self) -> tuple[dict[str, Tensor], str]:
        """And the file that they are from."""
        return read_weights(self.folder)

    def tokenizer(self) -> OwnTokenizer:
        return read_tokenizer(self.folder, self.config)

    def task(self) -> str | None:
        """None: config.json does not say."""
        return PROBLEMS.get(self.config.get("problem_type"))

    def labels_why(self) -> str:
        """Why id2label names no labels though it is there, as the end of a sentence."""
        names = self.config.get("id2label")
        if names is None:
            return ""
        if not isinstance(names, dict):
            return "; its id2label is not an object"
        ids = {str(index) for index in range(len(names))}
        if set(names) != ids:
            odd = ", ".join(sorted(set(names) - ids)[:3])
            return f"; the keys of its id2label are not 0 to {len(names) - 1}: {odd}"
        # A name may be a number: of stars, or of a class.
        if not all(isinstance(v, str | int) and not isinstance(v, bool) for v in names.values()):
            return "; its id2label has a name that is no text"
        return ""

    def labels(self) -> list[str] | None:
        """The labels of config.json, unless they are the placeholders LABEL_0, LABEL_1, …"""
        names = self.config.get("id2label")
        if not isinstance(names, dict) or self.labels_why():
            return None
        values = [names.get(str(index)) for index in range(len(names))]
        labels = [str(value) for value in values]
        placeholders = [f"LABEL_{index}" for index in range(len(names))]
        return labels if all(labels) and labels != placeholders else None
