"""Measures tokenizers that are read from a tokenizer.json, BPE and Unigram, one thread each.

In every round each peer tokenizes the same texts once, with a tokenizer that has seen nothing, and the ratios are
medians over the rounds. Seconds are those of the processor, so that what else runs on the machine counts less. A peer
that does not read the file, or gives other ids, is named and left out; the ids before the first and behind the last
token of a text are not compared, because not every peer adds those of the template.
"""

import base64
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL = 20.0


def sentencepiece_model(file):
    """The model of SentencePiece with the pieces and the character map of a file."""
    def number(value):
        out = b""
        while value > 127:
            out, value = out + bytes([value & 127 | 128]), value >> 7
        return out + bytes([value])

    def member(field, data):
        return number(field << 3 | 2) + number(len(data)) + data

    if file["model"]["type"] != "Unigram":
        raise ValueError("it has Unigram here, and a BPE of another kind")
    steps = file["normalizer"].get("normalizers", [file["normalizer"]])
    charsmap = next(base64.b64decode(step["precompiled_charsmap"]) for step in steps if step["type"] == "Precompiled")
    model, specials = b"", {token["id"] for token in file["added_tokens"]}
    for place, (piece, score) in enumerate(file["model"]["vocab"]):
        kind = 2 if place == file["model"]["unk_id"] else 3 if place in specials else 1
        model += member(1, member(1, piece.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind]))
    return model + member(3, member(1, b"nmt_nfkc") + member(2, charsmap))


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def byte_level_ranks(file):
    """The pattern of a byte-level BPE, and its pieces as bytes with their ids, which must be in the order of merges."""
    parts = file["pre_tokenizer"].get("pretokenizers", [file["pre_tokenizer"]])
    if file["model"]["type"] != "BPE" or parts[-1]["type"] != "ByteLevel" or file["normalizer"]:
        raise ValueError("it has only byte-level BPE")
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    bytes_of = {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}
    special = {token["content"] for token in file["added_tokens"]}
    pattern = parts[0]["pattern"]["Regex"] if parts[0]["type"] == "Split" else GPT2
    return pattern, {bytes(bytes_of[char] for char in piece): number
                     for piece, number in file["model"]["vocab"].items() if piece not in special}


class Makers:
    """Each method makes a tokenizer and returns the function that gives the ids of all texts."""

    def __init__(self, path, texts):
        self.path, self.texts = str(path), texts
        self.file = json.loads(path.read_text(encoding="utf-8"))

    def hugging_face(self):
        import tokenizers
        tokenizer = tokenizers.Tokenizer.from_file(self.path)
        encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)  # one function from 1.0 on
        return lambda: [encoding.ids for encoding in encode(self.texts)]

    def kitoken(self):
        import kitoken
        tokenizer = kitoken.Kitoken.from_tokenizers_file(self.path)
        return lambda: [tokenizer.encode(text, True) for text in self.texts]

    def tokie(self):
        import tokie
        tokenizer = tokie.Tokenizer.from_json(self.path)
        return lambda: [tokenizer.encode(text).ids for text in self.texts]

    def gigatoken(self):
        import gigatoken
        tokenizer = gigatoken.Tokenizer(self.path)
        return lambda: tokenizer.encode_batch_list(self.texts)

    def tiktoken(self):
        import tiktoken
        pattern, ranks = byte_level_ranks(self.file)
        tokenizer = tiktoken.Encoding("read", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        return lambda: [tokenizer.encode_ordinary(text) for text in self.texts]

    def rs_bpe(self):
        from rs_bpe.bpe import openai
        known = {100256: openai.cl100k_base, 199998: openai.o200k_base}
        make = known.get(len(byte_level_ranks(self.file)[1]))
        if make is None:
            raise ValueError("it has only OpenAI's own vocabularies")
        tokenizer = make()
        return lambda: [tokenizer.encode(text) for text in self.texts]

    def sentencepiece(self):
        import sentencepiece
        tokenizer = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_model(self.file))
        return lambda: tokenizer.encode(self.texts, num_threads=1)


PEERS = ["hugging_face", "kitoken", "tokie", "gigatoken", "tiktoken", "rs_bpe", "sentencepiece"]


def inner(file, ids):
    """The ids less those that the template adds."""
    processor = file["post_processor"] or {}
    ends = {identity for token in processor.get("special_tokens", {}).values() for identity in token["ids"]}
    ends |= {processor[key][1] for key in ("sep", "cls") if key in processor}
    ids = list(map(int, ids))
    while ids and ids[0] in ends:
        ids = ids[1:]
    while ids and ids[-1] in ends:
        ids = ids[:-1]
    return ids


def usable(makers):
    """The peers that read the file and give the ids of Hugging Face."""
    expected = [inner(makers.file, ids) for ids in makers.hugging_face()()]
    found = []
    for name in PEERS:
        try:
            wrong = sum(inner(makers.file, ids) != right
                        for ids, right in zip(getattr(makers, name)()(), expected))
        except BaseException as error:  # panics of Rust are not Exceptions
            print(f"{name} does not read the file: {str(error).splitlines()[0][:100]}")
            continue
        if wrong:
            print(f"{name} gives other ids for {wrong} of {len(expected)} texts")
        else:
            found.append(name)
    return found, expected


def check_wiretag(arguments, makers, expected, texts_file):
    done = subprocess.run([arguments.wiretag, "tokenize", "--vocab", arguments.vocab, "--max-tokens", "0"],
                          stdin=texts_file.open("rb"), stdout=subprocess.PIPE, check=True)
    ours = [inner(makers.file, json.loads(line)["ids"]) for line in done.stdout.splitlines()]
    if ours != expected:
        raise SystemExit("wiretag gives other ids than Hugging Face")


def run_peer(makers, name, megabytes):
    encode = getattr(makers, name)()
    start = time.process_time()
    encode()
    return megabytes / (time.process_time() - start)


def run_wiretag(arguments, texts_file, megabytes, passes=40):
    """From the seconds of the whole process with one pass and with more: the start and the reading cancel out. What
    is left has the making of a tokenizer for each pass, which is not counted for the peers."""
    def seconds(count):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([arguments.wiretag, "bench", "tokenize", "--vocab", arguments.vocab, "--input", texts_file,
                               "--passes", str(count)], stdout=subprocess.PIPE, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        vocab_ms = json.loads(done.stdout.splitlines()[-1])["vocab_ms"]
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, vocab_ms

    one, vocab_ms = seconds(1)
    more, _ = seconds(1 + passes)
    return megabytes * passes / (more - one), vocab_ms


def measure(arguments, texts):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["RAYON_NUM_THREADS"] = "1"
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    makers = Makers(arguments.vocab, texts)
    with tempfile.TemporaryDirectory() as folder:
        texts_file = Path(folder) / "texts.jsonl"
        texts_file.write_text("".join(json.dumps({"id": number, "text": text}, ensure_ascii=False) + "\n"
                                      for number, text in enumerate(texts)), encoding="utf-8")
        peers, expected = usable(makers)
        check_wiretag(arguments, makers, expected, texts_file)
        rates = {name: [] for name in ["wiretag", *peers]}
        vocab_ms = []
        for number in range(arguments.rounds):
            print(f"\rround {number + 1} of {arguments.rounds}", end="", file=sys.stderr, flush=True)
            rate, load_ms = run_wiretag(arguments, texts_file, megabytes)
            rates["wiretag"].append(rate)
            vocab_ms.append(load_ms)
            for name in peers:
                rates[name].append(run_peer(makers, name, megabytes))
    print(file=sys.stderr)
    print(f"{megabytes:.1f} MB; MB a second of processor time, one thread, nothing remembered\n{'':28}{'median':>8}{'best':>8}")
    for name, some in rates.items():
        print(f"{name:28}{statistics.median(some):8.1f}{max(some):8.1f}")
    result = {f"over_{name}": round(statistics.median(a / b for a, b in zip(rates["wiretag"], rates[name])), 2)
              for name in peers}
    result["vocab_ms"] = min(vocab_ms)
    missed = [name for name in peers if result[f"over_{name}"] < (GOAL if name == "hugging_face" else 1.0)]
    print(f"goal: {GOAL:g} times hugging_face, ahead of all: {'MISSED by ' + ', '.join(missed) if missed else 'met'}")
    print(json.dumps({"stage": "tokenize", **result}))
    return 1 if missed else 0
