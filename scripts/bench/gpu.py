#!/usr/bin/env python3
"""Measures the model loop on one GPU: full-size model, articles of one length, ratios in one run.

Makes a bundle of the shape the worker was made for (12 layers of 768, 119,547 tokens, BiLSTM head,
random weights), then runs, alternating:

- `wiretag bench model` in bf16 with several budgets and replicas,
- the published way in eager PyTorch on the same GPU: BertModel of transformers and the LSTM head,
  one text at a time and in batches of 32, in bf16 too,

and reports each against the GPU's own limit: model FLOPs over the rate of a large bf16 GEMM measured
in the same run. Needs a CUDA build of PyTorch with transformers, and build/wiretag linked against a
libtorch with CUDA:

    TORCH_ROOT=$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))') scripts/build
    python3 scripts/bench/gpu.py
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/export"))

from wiretag_bench.output import to_its_reader  # noqa: E402
from wiretag_modeling.bundle import write_bundle  # noqa: E402
from wiretag_modeling.classifier import Classifier, ClassifierConfig  # noqa: E402
from wiretag_modeling.tokenizer import SPECIAL_TOKENS, TokenizerOptions  # noqa: E402

LABELS = "climate conflicts culture economy gloss health politics science society sports travel".split()
VOCAB_SIZE, LAYERS, HIDDEN, INNER, LSTM = 119_547, 12, 768, 3072, 256
WORDS = [f"{letter}{number}" for letter in "абвгдежз" for number in range(100)]


def say(text):
    print(text, file=sys.stderr, flush=True)


def flops_of(tokens):
    """Multiplications and additions of one article, twice the multiply-adds of each matrix product."""
    encoder = LAYERS * tokens * (4 * HIDDEN**2 + 2 * HIDDEN * INNER + 2 * tokens * HIDDEN)
    head = tokens * 2 * 4 * LSTM * ((HIDDEN + LSTM) + (2 * LSTM + LSTM))
    return 2 * (encoder + head)


def gemm_rate(repeats=20, size=8192):
    """FLOP/s of a square bf16 product on random data: the median of single timed products."""
    left, right = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for repeat in range(repeats + 3):
        torch.cuda.synchronize()
        start = time.perf_counter()
        left @ right
        torch.cuda.synchronize()
        if repeat >= 3:
            seconds.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(seconds)


def make_bundle(path):
    torch.manual_seed(1)
    model = Classifier(ClassifierConfig(
        vocab_size=VOCAB_SIZE, labels=len(LABELS), layers=LAYERS, hidden=HIDDEN, heads=12,
        intermediate=INNER, lstm_hidden=LSTM))
    vocab = list(SPECIAL_TOKENS) + WORDS
    vocab += [f"[unused{number}]" for number in range(VOCAB_SIZE - len(vocab))]
    texts = [" ".join(random.Random(n).choices(WORDS, k=20 + 30 * n)) for n in range(6)]
    write_bundle(model, vocab, LABELS, TokenizerOptions(), "full-size-random", "1", texts, path,
                 progress=lambda text: say(f"  {text}"))


def write_articles(path, tokens, count):
    """Articles of exactly `tokens` tokens, [CLS] and [SEP] included: every word is one token."""
    rng = random.Random(tokens)
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            text = " ".join(rng.choices(WORDS, k=tokens - 2))
            file.write(json.dumps({"id": number, "text": text}, ensure_ascii=False) + "\n")


class Utilisation:
    """Samples how busy nvidia-smi says the GPU is, while the block runs."""

    def __enter__(self):
        self.samples, self.done = [], threading.Event()
        self.thread = threading.Thread(target=self.sample)
        self.thread.start()
        return self

    def sample(self):
        while not self.done.wait(0.5):
            said = subprocess.run(
                ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"],
                capture_output=True, text=True, check=False).stdout.split()
            self.samples += [int(word) for word in said[:1] if word.isdigit()]

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def busiest(self):
        return max(self.samples, default=None)


def run_wiretag(bundle, articles, count, batch_articles, batch_tokens, replicas, precision):
    done = subprocess.run(
        [ROOT / "build/wiretag", "bench", "model", "--model", bundle, "--input", articles,
         "--articles", str(count), "--device", "cuda", "--precision", precision,
         "--replicas", str(replicas), "--batch-tokens", str(batch_tokens),
         "--batch-articles", str(batch_articles)],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"wiretag bench model failed: {done.stderr}")
    result = json.loads(done.stdout.splitlines()[-1])
    if result["failures"]:
        raise SystemExit(f"{result['failures']} articles failed")
    return result["articles_per_s"]


class Published(nn.Module):
    """The classifier as it was published: transformers' BertModel, nn.LSTM, mean, linear."""

    def __init__(self):
        import transformers

        super().__init__()
        self.bert = transformers.BertModel(transformers.BertConfig(
            vocab_size=VOCAB_SIZE, hidden_size=HIDDEN, num_hidden_layers=LAYERS,
            num_attention_heads=12, intermediate_size=INNER), add_pooling_layer=False)
        self.lstm = nn.LSTM(HIDDEN, LSTM, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(2 * LSTM, len(LABELS))

    def forward(self, ids):
        hidden = self.bert(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        return self.fc(self.lstm(hidden)[0].mean(1))


def run_published(model, tokens, batch, seconds=3.0):
    ids = torch.randint(5, 800, (batch, tokens), device="cuda")
    done = 0
    with torch.inference_mode():
        for _ in range(3):
            model(ids)
        torch.cuda.synchronize()
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            model(ids).float().cpu()  # a loop wants its logits before it goes on
            done += batch
        return done / (time.perf_counter() - start)


def measure_length(bundle, folder, tokens, options, published, floor):
    articles = Path(folder) / f"articles-{tokens}.jsonl"
    write_articles(articles, tokens, 2000)
    rows = []
    shapes = [(n, replicas) for n in options.batch_articles for replicas in options.replicas]
    rates = {shape: [] for shape in shapes}
    peers = {1: [], 32: []}
    for _ in range(options.repeats):
        for n, replicas in shapes:
            count = min(int(options.seconds * 0.5 * floor / flops_of(tokens)), 200_000)
            with Utilisation() as utilisation:
                rate = run_wiretag(bundle, articles, count, n, n * tokens, replicas,
                                   options.precision)
            rates[n, replicas].append((rate, utilisation.busiest()))
        for batch, found in peers.items():
            found.append(run_published(published, tokens, batch))
    alone = statistics.median(peers[1])
    for (n, replicas), found in rates.items():
        rate = statistics.median(rate for rate, _ in found)
        rows.append({
            "tokens": tokens, "batch_articles": n, "replicas": replicas,
            "precision": options.precision, "articles_per_s": round(rate),
            "over_published_loop": round(rate / alone, 2),
            "over_padded_32": round(rate / statistics.median(peers[32]), 2),
            "of_gemm_limit": round(rate * flops_of(tokens) / floor, 3),
            "gpu_busy_percent": max((busy for _, busy in found if busy is not None), default=None),
            "repeats": options.repeats})
        print(json.dumps(rows[-1]), flush=True)
    print(json.dumps({"tokens": tokens, "published_loop_per_s": round(alone, 1),
                      "padded_32_per_s": round(statistics.median(peers[32]), 1)}), flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = {"type": int, "nargs": "+"}
    parser.add_argument("--tokens", default=[128, 512], **numbers)
    parser.add_argument("--batch-articles", default=[64, 256], **numbers)
    parser.add_argument("--replicas", default=[1, 2, 4], **numbers)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a run, about")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bundle", type=Path, help="one made by an earlier run; made if not there")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("gpu.py: PyTorch finds no CUDA device here")

    floor = gemm_rate()
    print(json.dumps({"device": torch.cuda.get_device_name(), "torch": torch.__version__,
                      "gemm_tflops": round(floor / 1e12)}), flush=True)
    published = Published().cuda().to(torch.bfloat16).eval()
    with tempfile.TemporaryDirectory(prefix="wiretag-bench-") as folder:
        bundle = options.bundle or Path(folder) / "full-size.pt"
        if not bundle.exists():
            say("make a full-size bundle")
            make_bundle(bundle)
        for tokens in options.tokens:
            measure_length(bundle, folder, tokens, options, published, floor)


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
