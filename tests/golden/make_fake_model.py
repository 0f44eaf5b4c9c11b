#!/usr/bin/env python3
"""Writes tests/golden/fake-model.json: a bundle for builds with the fake model.

    tests/golden/make_fake_model.py > tests/golden/fake-model.json

src/model/fake_backend.c describes the format and the hash that gives the logits.
"""

import json

LABELS = (
    "climate conflicts culture economy gloss health politics science society sports travel"
).split()
LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюяёabcdefghijklmnopqrstuvwxyz"
CHARACTERS = LETTERS + LETTERS.upper() + "0123456789"
WORDS = "яд нечисло матч завершился в Париже news match".split()
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *".,:;!?«»—-()/%\"'",
    *CHARACTERS,
    *("##" + character for character in CHARACTERS),
    *(word for word in WORDS if len(word) > 1),
]
# Words of the vocabulary, so that each is one token.
SELFTEST = ["матч", "в Париже завершился матч", "news , match", "а б"]
WORD = 2**64


def logits(ids: list[int]) -> list[float]:
    state = 1469598103934665603
    for token in ids:
        state = (state ^ token) * 1099511628211 % WORD
    mixed = [(state ^ (label + 1)) * 0x9E3779B97F4A7C15 % WORD for label in range(len(LABELS))]
    return [(value >> 48) / 8192 - 4 for value in mixed]


def ids_of(text: str) -> list[int]:
    return [VOCABULARY.index(token) for token in ["[CLS]", *text.split(), "[SEP]"]]


def main() -> None:
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    bundle = {
        "wiretag": {
            "bundle_format": 1,
            "runtime": "fake",
            "name": "fake",
            "version": "1",
            "labels": LABELS,
            "tokenizer": {
                "type": "wordpiece",
                "lowercase": False,
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
            },
            "max_tokens": 512,
            "padding": "exact",
            "inputs": "ids+lengths",
            "precisions": {"fp32": {"logits_bound": 1e-4}},
        },
        "vocab": VOCABULARY,
        "selftest": [{"text": text, "logits": logits(ids_of(text))} for text in SELFTEST],
        "behaviour": {},
    }
    print(json.dumps(bundle, ensure_ascii=False))


if __name__ == "__main__":
    main()
