"""Files tokenizer.json with Unigram, laid out as the published ones of SentencePiece's families are."""

import base64
import collections
import functools
import io
import json
import math
import struct

import json_files as jf
import pytest
import tokenizers
from hugging_face import ROOT
from texts import CODE_POINTS, posts
from tokenizers import models, normalizers, pre_tokenizers, trainers

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


# --- Character maps --------------------------------------------------------------------------------------------------

class DoubleArray:
    """Byte strings with values, laid out as Darts does it: blocks of 256 units, places by exclusive or."""

    def __init__(self, values):
        self.units, self.used, self.free = [0] * 256, bytearray(1 << 21), 1
        self.used[0], self.bases = 1, set()
        children = {}
        for key in values:
            for end in range(1, len(key) + 1):
                children.setdefault(key[:end - 1], set()).add(key[end - 1])
        self.values, self.children = values, children
        self.place(b"", 0)

    def reserve(self, labels):
        """A base of no other unit, with free places for all labels; the first label goes to the first one that fits."""
        place = self.free = self.used.find(0, self.free)
        while place ^ labels[0] in self.bases or any(self.used[place ^ labels[0] ^ label] for label in labels):
            place = self.used.find(0, place + 1)
        base = place ^ labels[0]
        if place - self.free > 1000:
            self.free += 256
        self.units += [0] * ((base | 255) + 1 - len(self.units))
        self.bases.add(base)
        for label in labels:
            self.used[base ^ label] = 1
        return base

    def place(self, key, unit):
        labels = sorted(self.children.get(key, ())) + ([0] if key in self.values else [])
        base = self.reserve(labels)
        offset = base ^ unit
        self.units[unit] |= (key[-1] if key else 0) | (key in self.values) << 8
        self.units[unit] |= offset << 10 if offset < 1 << 21 else offset >> 8 << 10 | 1 << 9
        if key in self.values:
            self.units[base] = self.values[key] | 1 << 31
        for label in self.children.get(key, ()):
            self.place(key + bytes([label]), base ^ label)


def map_of(rules):
    """The bytes of a map with these replacements."""
    texts, values = bytearray(), {}
    for key, text in rules.items():
        values[key.encode()] = len(texts)
        texts += text.encode() + b"\0"
    units = DoubleArray(values).units
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(texts)


def own_map():
    """Like nmt_nfkc: control characters go, white space becomes blanks, the rest is NFKC; and composed pairs."""
    nfkc = normalizers.NFKC().normalize_str
    rules = {}
    for c in CODE_POINTS:
        char = chr(c)
        if char.isspace() or char in "\u200B\uFEFF":
            rules[char] = " " if char != " " else char
        elif c < 32 or 0x7F <= c < 0xA0:
            rules[char] = ""
        elif c > 127 and not 0xAC00 <= c < 0xD7A4 and nfkc(char) != char:
            rules[char] = nfkc(char)
        elif len(normalizers.NFD().normalize_str(char)) > 1 and c < 0x3000:
            rules[normalizers.NFD().normalize_str(char)] = char
    del rules[" "], rules["\0"]
    return map_of(rules)


def published_map(rule):
    """The map that SentencePiece itself writes into a model: field 2 of field 3 of the file."""
    sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed: its own maps are not "
                                        "compared (pip install sentencepiece)")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g"] * 10), model_writer=model, vocab_size=12, hard_vocab_limit=False,
        normalization_rule_name=rule, minloglevel=2)
    return member(member(model.getvalue(), 3), 2)


def member(message, wanted):
    """The bytes of a field of a protocol buffer."""
    place = 0

    def number():
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        key = number()
        if key & 7 == 2:
            size = number()
            place += size
            if key >> 3 == wanted:
                return message[place - size:place]
        elif key & 7 == 0:
            number()
        else:
            place += {1: 8, 5: 4}[key & 7]
    raise AssertionError(f"no field {wanted}")


def precompiled(data):
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(data).decode()}


# --- Vocabularies ----------------------------------------------------------------------------------------------------

def train(texts, size):
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.train_from_iterator(texts, trainers.UnigramTrainer(
        vocab_size=size, show_progress=False, special_tokens=SPECIALS, unk_token="<unk>"))
    return json.loads(tokenizer.to_str())["model"]["vocab"]


def single(number):
    """The nearest number of four bytes, which is what scores of SentencePiece are."""
    return struct.unpack("f", struct.pack("f", number))[0]


def padded(vocab, texts, size):
    """With the most frequent parts of words of the texts, up to `size` pieces."""
    words = collections.Counter(word for text in texts for word in text.split())
    parts = collections.Counter()
    for word, count in words.items():
        word = jf.BAR + word
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + 14) + 1):
                parts[word[start:end]] += count
    known = {piece for piece, _ in vocab}
    ranked = sorted(((-count * len(part), part) for part, count in parts.items() if part not in known))
    total = sum(parts.values())
    return vocab + [[part, single(math.log(parts[part] / total) * 1.2 - 1)]
                    for _, part in ranked[:size - len(vocab)]]


def project_texts():
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "data" / "train").glob("*.txt"))]


def small_vocab():
    return train(project_texts()[::2], 4000)


@functools.cache
def trained_on_posts():
    return train(posts(), 20000)


@functools.cache
def vocab_of(size):
    """20,000 pieces trained on real posts, the others are parts of their words."""
    texts = posts()
    return padded(trained_on_posts(), texts, size)


# --- Files -----------------------------------------------------------------------------------------------------------

def replace_blanks(content):
    return {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content}


def strip(left):
    return {"type": "Strip", "strip_left": left, "strip_right": True}


LAYOUTS = {
    "xlm-roberta": lambda charsmap: {
        "normalizer": charsmap, "pre_tokenizer": jf.sequence({"type": "WhitespaceSplit"}, jf.metaspace())},
    "bge-m3": lambda charsmap: {
        "normalizer": {"type": "Sequence", "normalizers": [charsmap, strip(False), replace_blanks(jf.BAR)]},
        "pre_tokenizer": jf.metaspace()},
    "camembert": lambda charsmap: {
        "normalizer": {"type": "Sequence", "normalizers": [charsmap, replace_blanks(" ")]},
        "pre_tokenizer": jf.sequence({"type": "WhitespaceSplit"}, jf.metaspace())},
    "mdeberta": lambda charsmap: {
        "normalizer": {"type": "Sequence", "normalizers": [strip(True), charsmap, replace_blanks(" ")]},
        "pre_tokenizer": jf.sequence(jf.metaspace())},
    "whole": lambda charsmap: {"normalizer": charsmap, "pre_tokenizer": jf.metaspace(split=False)},
    "plain": lambda charsmap: {"normalizer": None, "pre_tokenizer": None},
}


def document(vocab, layout="plain", charsmap=None, unknown=3, byte_fallback=False):
    tokens = [{**jf.added(token, special=True, lstrip=token == "<mask>"), "id": number}
              for number, token in enumerate(SPECIALS) if layout != "plain"]
    ends = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}}]
    template = {"type": "TemplateProcessing", "single": ends, "pair": ends, "special_tokens": {
        token: {"id": token, "ids": [SPECIALS.index(token)], "tokens": [token]} for token in ("<s>", "</s>")}}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens,
            "post_processor": template if layout != "plain" else None, "decoder": None,
            **LAYOUTS[layout](precompiled(charsmap) if charsmap else None),
            "model": {"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": byte_fallback}}
