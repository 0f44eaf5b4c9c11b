"""Files tokenizer.json, and the ids that both sides give with them."""

import functools
import json

import hugging_face as hf
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
BAR = "\u2581"

# The published patterns of Split: GPT-4's, which Llama 3 and OLMo 2 have too, GPT-4o's, Qwen's.
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
QWEN = CL100K.replace("{1,3}", "")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def byte_level(prefix=False, pattern=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": pattern}


def metaspace(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": BAR, "prepend_scheme": scheme, "split": split}


def pattern(regex, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def text(string, behavior, invert=False):
    return {"type": "Split", "pattern": {"String": string}, "behavior": behavior, "invert": invert}


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def added(content, **flags):
    return {"id": 0, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": False, **flags}


def document(vocab, merges=(), pre_tokenizer=None, normalizer=None, tokens=(), template=None, **model):
    """A tokenizer.json of BPE as a dictionary. `vocab`: the pieces in the order of their ids."""
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(tokens),
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": template, "decoder": None,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": {piece: number for number, piece in enumerate(vocab)}, "merges": list(merges), **model}}


def counts_words(pre_tokenizer, **parts):
    """A file with which every word is one id: it has no piece for any character."""
    return document(["<unk>"], pre_tokenizer=pre_tokenizer, unk_token="<unk>", fuse_unk=True, **parts)


def shows_bytes(normalizer=None, **parts):
    """A file with which every byte of the normalized text is one id."""
    return document(BYTES, pre_tokenizer=byte_level(pattern=False), normalizer=normalizer, **parts)


def trained(texts, pre_tokenizer, size, normalizer=None, specials=(), alphabet=(), **model):
    tokenizer = tokenizers.Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), initial_alphabet=list(alphabet), show_progress=False))
    return json.loads(tokenizer.to_str())


def content(file):
    return json.dumps(file, ensure_ascii=False)


def write(folder, file):
    path = folder / "tokenizer.json"
    path.write_text(content(file), encoding="utf-8")
    return path


@functools.lru_cache(maxsize=2)
def reference(content):
    return tokenizers.Tokenizer.from_str(content)


def reference_ids(texts, path, limit=0):
    tokenizer = reference(path.read_text(encoding="utf-8"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if limit:
        tokenizer.enable_truncation(limit)
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]


def assert_same(texts, path, limit=0):
    hf.assert_same(texts, hf.library_ids(texts, path, limit=limit), reference_ids(texts, path, limit))
