"""The texts in data/: one file a category, one text a line, `\\n` in a text is a line break."""

import re
from dataclasses import dataclass
from pathlib import Path

CATEGORIES = (
    "climate",
    "conflicts",
    "culture",
    "economy",
    "gloss",
    "health",
    "politics",
    "science",
    "society",
    "sports",
    "travel",
)

# The IPTC Media Topics (https://iptc.org/standards/media-topics/) nearest to them. A category may be
# wider or narrower: climate also has weather and floods, gloss is celebrities, travel is leisure.
URIS = {
    "climate": "medtop:06000000",  # environment
    "conflicts": "medtop:16000000",  # conflict, war and peace
    "culture": "medtop:01000000",  # arts, culture, entertainment and media
    "economy": "medtop:04000000",  # economy, business and finance
    "gloss": "medtop:08000000",  # human interest
    "health": "medtop:07000000",  # health
    "politics": "medtop:11000000",  # politics
    "science": "medtop:13000000",  # science and technology
    "society": "medtop:14000000",  # society
    "sports": "medtop:15000000",  # sport
    "travel": "medtop:10000000",  # lifestyle and leisure
}


@dataclass(frozen=True)
class Text:
    category: str
    text: str
    where: str  # file:line, for messages


def read_texts(directory: Path) -> list[Text]:
    """All texts of data/train or data/heldout, in category order. ValueError names file and line."""
    texts = []
    for category in CATEGORIES:
        path = directory / f"{category}.txt"
        lines = path.read_text(encoding="utf-8").split("\n")
        if lines.pop() != "":
            raise ValueError(f"{path}: the last line has no line feed; add one")
        for number, line in enumerate(lines, start=1):
            where = f"{path}:{number}"
            if line != line.strip() or not line:
                raise ValueError(f"{where}: empty, or white space at an end; remove it")
            if "\\" in line.replace("\\n", ""):
                raise ValueError(f"{where}: a backslash that is not \\n; write \\n or remove it")
            texts.append(Text(category, line.replace("\\n", "\n"), where))
    return texts


def words(text: str) -> list[str]:
    """The words of a text, case-folded, as the overlap check counts them."""
    return re.findall(r"\w+", text.casefold())


def word_ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    all_words = words(text)
    return {tuple(all_words[i : i + n]) for i in range(len(all_words) - n + 1)}
