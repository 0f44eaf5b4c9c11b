"""Reads the posts that the encoder is pre-trained on: JSON lines `{"id","text","category"}`.

They are real posts of news channels and no part of the project. Links are taken out when they are
read: an address tells the subject of its article, and no label may hang on it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

WORDS_MIN = 4
LINK = re.compile(r"\]\([^)\s]*\)?|https?://\S*|\b\w[\w-]*(?:\.[\w-]+)+/\S*|(?<!\w)@\w+|<[^<>]*>")


@dataclass(frozen=True)
class Post:
    text: str
    category: str  # a rough label, in a scheme of its own


def without_links(text: str) -> str:
    """`[words](address)` becomes `[words]`; bare addresses and names of channels go."""
    text = LINK.sub(lambda found: "]" if found[0].startswith("]") else " ", text)
    return re.sub(r"[ \t]{2,}", " ", text).strip()


def read_posts(path: Path) -> list[Post]:
    """The posts of some words. ValueError names the line that is none."""
    posts = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
                text, category = record["text"], record["category"]
                if not isinstance(text, str) or not isinstance(category, str):
                    raise TypeError("they must be strings")
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{path}:{number}: no post with `text` and `category`: {error!r}"
                ) from error
            text = without_links(text)
            if len(re.findall(r"\w+", text)) >= WORDS_MIN:
                posts.append(Post(text, category))
    if not posts:
        raise ValueError(f"{path}: no post of {WORDS_MIN} words or more")
    return posts
