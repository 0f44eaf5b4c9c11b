"""The labels of a model, as a labels file or a bundle describes them.

    labels = parse_labels(lines_of_the_file, Path("labels.json"))
    manifest |= describe(labels, "multi-label")

A labels file is text, a name a line in id order; or JSON, a list in id order of names or of
{"name", "uri", "threshold"}, where the last two are optional. src/model/manifest.h says what the
worker makes of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .measure import ExportError

TASKS = ("single-label", "multi-label")


@dataclass(frozen=True)
class Label:
    name: str
    uri: str | None = None  # what it is called elsewhere, such as "medtop:15000000"
    threshold: float | None = None  # the score from which an article has it

    def to_manifest(self) -> str | dict:
        """A name where there is nothing else to say, as in format 1."""
        more = {"uri": self.uri, "threshold": self.threshold}
        more = {key: value for key, value in more.items() if value is not None}
        return {"name": self.name} | more if more else self.name


def read_label(value: object, where: str) -> Label:
    """A label as JSON has it."""
    if isinstance(value, str):
        return Label(value)
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise ExportError(f'{where}: a label must be a name, or an object with a "name"')
    unknown = sorted(set(value) - {"name", "uri", "threshold"})
    if unknown:
        raise ExportError(
            f"{where}, {value['name']!r}: the key {unknown[0]!r} is not known; a label has name, "
            "uri and threshold"
        )
    uri, threshold = value.get("uri"), value.get("threshold")
    if "uri" in value and not (isinstance(uri, str) and uri):
        raise ExportError(f"{where}, {value['name']!r}: uri must be a text that is not empty")
    number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if "threshold" in value and not (number and 0 <= threshold <= 1):
        raise ExportError(f"{where}, {value['name']!r}: threshold must be a number from 0 to 1")
    return Label(value["name"], uri, threshold)


def parse_labels(lines: Sequence[str], path: Path) -> list[Label]:
    """The labels of a file with these lines."""
    if path.suffix.lower() != ".json":
        return [Label(line) for line in lines]
    try:
        values = json.loads("\n".join(lines))
    except ValueError as error:
        raise ExportError(f"the labels file {path} is not valid JSON: {error}") from error
    if not isinstance(values, list):
        raise ExportError(f"the labels file {path} must be a list of labels, in id order")
    return [read_label(value, f"{path}, label {i}") for i, value in enumerate(values, 1)]


def as_labels(labels: Sequence[str | Label]) -> list[Label]:
    return [Label(label) if isinstance(label, str) else label for label in labels]


def check_order(given: Sequence[Label], own: Sequence[Label] | None, path: Path) -> None:
    """A file may rename the labels of a checkpoint, but hardly means to exchange them."""
    names = [label.name for label in given]
    others = [label.name for label in own or []]
    if names != others and sorted(names) == sorted(others):
        first = next(i for i, name in enumerate(names) if name != others[i])
        raise ExportError(
            f"the labels file {path} has the checkpoint's labels in another order: label "
            f"{first + 1} is {names[first]!r} there and {others[first]!r} in the checkpoint. Give "
            "them in id order"
        )


def describe(labels: Sequence[Label], task: str) -> dict:
    """The keys of wiretag.json; format 2 only where it is needed, so that older workers read the
    rest."""
    described = [label.to_manifest() for label in labels]
    plain = task == TASKS[0] and all(isinstance(label, str) for label in described)
    return (
        {"bundle_format": 1, "labels": described}
        if plain
        else {"bundle_format": 2, "task": task, "labels": described}
    )
