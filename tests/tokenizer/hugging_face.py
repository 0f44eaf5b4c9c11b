"""The two tokenizers that are compared: Hugging Face's and wiretag's."""

import array
import functools
import json
import os
import struct
import subprocess
from pathlib import Path

import tokenizers

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
FOLDERS = {"release": "build", "fake": "build-fake", "asan-ubsan": "build-asan-ubsan", "tsan": "build-tsan"}
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def build_folder():
    """The build that WIRETAG_BUILD names (release, fake, asan-ubsan, tsan), or a path to one; without libtorch, which
    takes longer to load than most tests of tokenizers, unless that names it."""
    build = os.environ.get("WIRETAG_BUILD", "fake")
    return ROOT / FOLDERS.get(build, build)


@functools.cache
def bert(vocab, **options):
    return tokenizers.BertWordPieceTokenizer(str(vocab), **options)


def reference(vocab, **options):
    """BERT as Hugging Face has it, without truncation; options as in tokenizer_config.json."""
    options.setdefault("lowercase", False)
    tokenizer = bert(vocab, **options)
    tokenizer.no_truncation()
    return tokenizer


def reference_ids(texts, vocab, limit=0, **options):
    tokenizer = reference(vocab, **options)
    if limit:
        tokenizer.enable_truncation(limit)
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def run_command(arguments, data):
    """wiretag with bytes on stdin: the finished process."""
    return subprocess.run([build_folder() / "wiretag", *map(str, arguments)], input=data, capture_output=True)


def command_ids(texts, vocab, limit=0, lowercase=False):
    """The ids from `wiretag tokenize`."""
    lines = "".join(json.dumps({"id": number, "text": text}, ensure_ascii=False) + "\n"
                    for number, text in enumerate(texts))
    options = ["--vocab", vocab, "--max-tokens", limit, *(["--lowercase"] if lowercase else [])]
    done = run_command(["tokenize", *options], lines.encode())
    assert done.returncode == 0, done.stderr.decode() or done.stdout.decode()[-1000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(len(answers)))
    return [answer["ids"] for answer in answers]


class Refused(Exception):
    """By wiretag: exit status and message."""


def library_ids(texts, vocab, limit=0, words=()):
    """The ids from the public C interface, with options that the command does not have."""
    framed = b"".join(struct.pack("<I", len(data)) + data for data in (text.encode() for text in texts))
    program = build_folder() / "tests" / "tokenize_options"
    done = subprocess.run([program, str(vocab), str(limit), *words], input=framed, capture_output=True)
    if done.returncode != 0:
        raise Refused(done.returncode, done.stderr.decode())
    words = array.array("i", done.stdout)
    rows, place = [], 0
    while place < len(words):
        rows.append(words[place + 1:place + 1 + words[place]].tolist())
        place += 1 + words[place]
    return rows


def assert_same(texts, ours, theirs):
    """Names the first texts whose ids differ."""
    assert len(ours) == len(theirs) == len(texts)
    wrong = [number for number in range(len(texts)) if ours[number] != theirs[number]]
    shown = "\n".join(f"  {texts[number][:200]!r}\n    wiretag       {ours[number][:40]}\n"
                      f"    Hugging Face  {theirs[number][:40]}" for number in wrong[:3])
    assert not wrong, f"{len(wrong)} of {len(texts)} texts have other ids:\n{shown}"
