#!/usr/bin/env python3
"""Measures wiretag's tokenizer against nanotoken and Hugging Face tokenizers, one thread each.

    scripts/bench/tokenizer.py [--vocab FILE] [--input FILE.jsonl] [--rounds N]

With a tokenizer.json for --vocab (BPE, Unigram) the peers are others, see wiretag_bench/tokenizer_json.py.
With a vocab.txt:

The peers take turns in one run, because absolute figures drift: in every round each of them
tokenizes the same texts three times and its best counts; the ratios are medians over the rounds.
All ids are compared first. The texts are those of the input, once and repeated up to 16.5 MB.

wiretag starts each time with nothing remembered. nanotoken, whose memory of words outlives a
call, is measured both ways: cold (a new tokenizer each time) and warm (it has seen all texts).

Prints a table and, last, a JSON line. Exit 1 where a goal is missed: 1.2 times nanotoken's batch
call, 30 times Hugging Face, a vocabulary loaded in 50 ms. The peers are installed into .deps/bench.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from wiretag_bench import tokenizer_json
from wiretag_bench.output import to_its_reader

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".deps" / "bench"
REQUIREMENTS = ROOT / "scripts" / "bench" / "requirements-tokenizer.txt"
SHARED = ROOT.parent / "shared" / "data"
REPEATED_MB = 16.5
TRIES = 3
GOALS = {"over_nanotoken": 1.2, "over_hugging_face": 30.0, "vocab_ms": 50.0}


def enter_environment():
    """Runs this script again by the Python that has the peers."""
    python = ENVIRONMENT / "bin" / "python"
    marker = ENVIRONMENT / REQUIREMENTS.name
    if not marker.exists() or marker.read_bytes() != REQUIREMENTS.read_bytes():
        print(f"installing the peers into {ENVIRONMENT.relative_to(ROOT)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "-r", REQUIREMENTS], check=True)
        marker.write_bytes(REQUIREMENTS.read_bytes())
    if pathlib.Path(sys.prefix) != ENVIRONMENT:
        os.execv(python, [python, __file__, *sys.argv[1:]])


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocab", type=pathlib.Path, default=SHARED / "mbert-cased-vocab.txt")
    parser.add_argument("--input", type=pathlib.Path, default=SHARED / "posts-ru-2000.jsonl")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--wiretag", type=pathlib.Path, default=ROOT / "build" / "wiretag")
    arguments = parser.parse_args()
    for path, remedy in [(arguments.vocab, "name a BERT vocabulary: --vocab FILE"),
                         (arguments.input, 'name articles, {"id","text"} a line: --input FILE'),
                         (arguments.wiretag, "run scripts/build")]:
        if not path.exists():
            parser.error(f"{path} is not there; {remedy}")
    return arguments


def best_seconds(call):
    seconds = []
    for _ in range(TRIES):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


class Peers:
    """Each method is one turn: the megabytes a second of its best try."""

    def __init__(self, arguments, texts, folder):
        import nanotoken
        import tokenizers

        self.arguments = arguments
        self.texts = texts
        self.megabytes = sum(len(text.encode()) for text in texts) / 1e6
        self.repeats = max(1, round(REPEATED_MB / self.megabytes))
        self.repeated = texts * self.repeats
        self.hugging_face = tokenizers.BertWordPieceTokenizer(str(arguments.vocab), lowercase=False)
        self.description = str(folder / "tokenizer.json")
        self.hugging_face.save(self.description)
        self.new_nanotoken = lambda: nanotoken.Tokenizer(self.description)
        self.warm = self.new_nanotoken()
        self.files = {}
        for name, some in (("once", self.texts), ("repeated", self.repeated)):
            self.files[name] = folder / f"{name}.jsonl"
            self.files[name].write_text("".join(
                json.dumps({"id": number, "text": text}, ensure_ascii=False) + "\n"
                for number, text in enumerate(some)), encoding="utf-8")
        self.vocab_ms = []

    def check_ids(self):
        expected = [encoding.ids for encoding in self.hugging_face.encode_batch(self.texts)]
        if [list(map(int, ids)) for ids in self.warm.encode_batch(self.texts, parallel=False).to_list()] != expected:
            raise SystemExit("nanotoken gives other ids than Hugging Face")
        done = subprocess.run([self.arguments.wiretag, "tokenize", "--vocab", self.arguments.vocab],
                              stdin=self.files["once"].open("rb"), stdout=subprocess.PIPE, check=True)
        if [json.loads(line)["ids"] for line in done.stdout.splitlines()] != expected:
            raise SystemExit("wiretag gives other ids than Hugging Face")

    def run_hugging_face(self):
        return self.megabytes / best_seconds(lambda: self.hugging_face._tokenizer.encode_batch_fast(self.texts))

    def run_nanotoken_warm(self):
        return self.megabytes * self.repeats / best_seconds(
            lambda: self.warm.encode_batch(self.repeated, parallel=False))

    def run_nanotoken_cold(self, texts, megabytes):
        rates = []
        for _ in range(TRIES):
            tokenizer = self.new_nanotoken()
            start = time.perf_counter()
            tokenizer.encode_batch(texts, parallel=False)
            rates.append(megabytes / (time.perf_counter() - start))
        return max(rates)

    def run_nanotoken_cold_once(self):
        return self.run_nanotoken_cold(self.texts, self.megabytes)

    def run_nanotoken_cold_repeated(self):
        return self.run_nanotoken_cold(self.repeated, self.megabytes * self.repeats)

    def run_wiretag(self, name):
        done = subprocess.run([self.arguments.wiretag, "bench", "tokenize", "--vocab", self.arguments.vocab,
                               "--input", self.files[name], "--passes", str(TRIES)],
                              stdout=subprocess.PIPE, check=True)
        result = json.loads(done.stdout.splitlines()[-1])
        self.vocab_ms.append(result["vocab_ms"])
        return result["mb_per_s"]

    def run_wiretag_once(self):
        return self.run_wiretag("once")

    def run_wiretag_repeated(self):
        return self.run_wiretag("repeated")


TURNS = ["hugging_face", "nanotoken_cold_once", "nanotoken_cold_repeated", "nanotoken_warm",
         "wiretag_once", "wiretag_repeated"]
RATIOS = {
    "over_nanotoken": ("wiretag_repeated", "nanotoken_cold_repeated"),
    "over_nanotoken_warm": ("wiretag_repeated", "nanotoken_warm"),
    "over_nanotoken_once": ("wiretag_once", "nanotoken_cold_once"),
    "once_over_nanotoken_warm": ("wiretag_once", "nanotoken_warm"),
    "over_hugging_face": ("wiretag_once", "hugging_face"),
}


def main():
    arguments = read_arguments()
    enter_environment()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    texts = [json.loads(line)["text"] for line in arguments.input.read_bytes().split(b"\n") if line.strip()]
    if arguments.vocab.suffix == ".json":
        return tokenizer_json.measure(arguments, texts)
    with tempfile.TemporaryDirectory() as folder:
        peers = Peers(arguments, texts, pathlib.Path(folder))
        peers.check_ids()
        rates = {turn: [] for turn in TURNS}
        for number in range(arguments.rounds):
            print(f"\rround {number + 1} of {arguments.rounds}", end="", file=sys.stderr, flush=True)
            for turn in TURNS:
                rates[turn].append(getattr(peers, f"run_{turn}")())
        print(file=sys.stderr)
    print(f"{peers.megabytes:.1f} MB once, {peers.megabytes * peers.repeats:.1f} MB repeated; MB/s, one thread")
    print(f"{'':28}{'median':>8}{'best':>8}")
    for turn in TURNS:
        print(f"{turn:28}{statistics.median(rates[turn]):8.1f}{max(rates[turn]):8.1f}")
    result = {name: round(statistics.median(a / b for a, b in zip(rates[ours], rates[theirs])), 2)
              for name, (ours, theirs) in RATIOS.items()}
    result["vocab_ms"] = min(peers.vocab_ms)
    missed = [name for name, goal in GOALS.items()
              if (result[name] > goal if name == "vocab_ms" else result[name] < goal)]
    for name, goal in GOALS.items():
        print(f"goal {name} {'at most' if name == 'vocab_ms' else 'at least'} {goal}: {result[name]}"
              f"{' MISSED' if name in missed else ''}")
    print(json.dumps({"stage": "tokenize", **result}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
