"""The fake model (src/model/fake_backend.c) as the tests know it: bundles that behave as told, and the
label, the probabilities and the token count that each text must get.

Labels come from here, not from the worker: the Hugging Face tokenizer over the bundle's vocabulary,
the documented hash of the ids, a softmax. Every text has its own logits, so a label that got to the
wrong article, or was computed with its neighbours' padding, shows.
"""

import json
import math
from pathlib import Path

from tokenizers import BertWordPieceTokenizer

LABELS = ("climate conflicts culture economy gloss health politics science society sports "
          "travel").split()
POISON = "яд"  # the words that behaviour can single out
NOT_A_NUMBER = "нечисло"
_CHARACTERS = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ0123456789abcdefghijklmnopqrstuvwxyz"
VOCABULARY = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", POISON, NOT_A_NUMBER]
              + list(".,:;!?«»-—()/") + list(_CHARACTERS) + ["##" + character for character in _CHARACTERS])
_WORD = 2**64


def logits(ids, label_count=len(LABELS)):
    """Sixteen bits of a multiplicative hash of the ids for each label, spread over -4 to 4."""
    state = 1469598103934665603
    for id in ids:
        state = (state ^ id) * 1099511628211 % _WORD
    return [((state ^ (label + 1)) * 0x9E3779B97F4A7C15 % _WORD >> 48) / 8192.0 - 4.0
            for label in range(label_count)]


class FakeModel:
    """A bundle at `path`. The vocabulary knows single characters, so each word is spelt. `described`: a
    bundle of format 2 with this "task" and these "labels", {"name", "uri"?, "threshold"?}, in id order."""

    def __init__(self, path, behaviour=None, tokens_max=512, vocabulary=None, version="1", described=None):
        self.path = Path(path)
        self.labels = [label["name"] for label in described["labels"]] if described else LABELS
        self.several = described is not None and described["task"] == "multi-label"
        self.name, self.version = "fake", version
        self.tokens_max = tokens_max
        vocabulary = vocabulary or VOCABULARY
        words = self.path.with_suffix(".vocab.txt")
        words.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
        self._tokenizer = BertWordPieceTokenizer(str(words), lowercase=False, strip_accents=False)
        text = "матч 2"
        self.path.write_text(json.dumps({
            "wiretag": {
                "bundle_format": 1, "labels": LABELS, **({"bundle_format": 2, **described} if described else {}),
                "runtime": "fake", "name": self.name, "version": version,
                "max_tokens": tokens_max, "padding": "exact", "inputs": "ids+lengths",
                "tokenizer": {"type": "wordpiece"}, "precisions": {"fp32": {"logits_bound": 1e-4}}},
            "vocab": vocabulary,
            "selftest": [{"text": text, "logits": logits(self.ids(text)[0], len(self.labels))}],
            "behaviour": behaviour or {}}, ensure_ascii=False), encoding="utf-8")

    def __str__(self):
        return str(self.path)

    def ids(self, text):
        """(token ids with [CLS] and [SEP], whether the text was cut)."""
        ids = self._tokenizer.encode(text).ids
        if len(ids) > self.tokens_max:
            return ids[:self.tokens_max - 1] + ids[-1:], True
        return ids, False

    def scores(self, text):
        """[(label, probability)], the best first; equal ones in id order."""
        values = logits(self.ids(text)[0], len(self.labels))
        exponentials = [math.exp(value - max(values)) for value in values]
        probabilities = [value / sum(exponentials) for value in exponentials]
        if self.several:
            probabilities = [1 / (1 + math.exp(-value)) for value in values]
        pairs = list(zip(self.labels, probabilities))
        return sorted(pairs, key=lambda pair: -pair[1])
