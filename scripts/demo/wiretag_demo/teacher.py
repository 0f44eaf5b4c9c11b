"""The teacher: naive Bayes over word stems.

From a few hundred texts a network learns the texts by heart; naive Bayes cannot, and judges new
texts better. So it teaches: it labels any collage of the training texts' passages, and the network
learns from endless collages what each word says, before and while it learns from the texts.
"""

import math
from collections import Counter
from collections.abc import Sequence

from .texts import CATEGORIES, Text, words

STEMS = (4, 5, 7)
SMOOTHING = 0.3


def features(text: str) -> set[str]:
    """Every word and its stems of several lengths."""
    found = set()
    for word in words(text.replace("ё", "е").replace("Ё", "Е")):
        found.add(word)
        found.update(f"{word[:size]}-" for size in STEMS if len(word) >= size)
    return found


class Teacher:
    def __init__(self, texts: Sequence[Text]) -> None:
        counts = {category: Counter() for category in CATEGORIES}
        for text in texts:
            counts[text.category].update(features(text.text))
        known = set().union(*counts.values())
        totals = {category: sum(counts[category].values()) for category in CATEGORIES}
        self.evidence = {}  # feature -> log probability in each category, mean taken out
        for feature in known:
            row = [
                math.log(
                    (counts[category][feature] + SMOOTHING)
                    / (totals[category] + SMOOTHING * len(known))
                )
                for category in CATEGORIES
            ]
            mean = sum(row) / len(row)
            self.evidence[feature] = [value - mean for value in row]

    def probabilities(self, text: str) -> list[float]:
        """Softened by the root of the amount of evidence: its features are far from independent."""
        rows = [row for feature in features(text) if (row := self.evidence.get(feature))]
        if not rows:
            return [1.0 / len(CATEGORIES)] * len(CATEGORIES)
        scores = [sum(column) / math.sqrt(len(rows)) for column in zip(*rows, strict=True)]
        top = max(scores)
        powers = [math.exp(score - top) for score in scores]
        return [power / sum(powers) for power in powers]
