"""Long articles with the demonstration model, in windows: the logits are those of a plain computation.

The windows are Hugging Face's (a truncation with a stride), their logits torch's, one window at a time, and the mean
is taken here. The worker's are in fp32, from whatever batches its texts fall into.
"""

import json
import random
import re
import subprocess
import sys
import zipfile

import pytest
import worker
from tokenizers import BertWordPieceTokenizer
from tree import ROOT

DEMO = ROOT / "models/demo.pt"
POSTS = ROOT.parent / "shared" / "data" / "posts-ru-12000.jsonl"
TOKENS_MAX = 512
BOUND = 1e-4  # the bundle's own, of fp32
LABELS = 11


def classify(texts, *arguments):
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts))
    done = subprocess.run([worker.binary(), "classify", "--model", DEMO, "--device", "cpu", "--logits", *arguments],
                          input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(len(texts)))
    return answers


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    vocabulary = tmp_path_factory.mktemp("long") / "vocab.txt"
    with zipfile.ZipFile(DEMO) as bundle:
        vocabulary.write_bytes(bundle.read(next(n for n in bundle.namelist() if n.endswith("extra/vocab.txt"))))
    return BertWordPieceTokenizer(str(vocabulary), lowercase=True)


@pytest.fixture(scope="module")
def texts(tokenizer):
    """Articles joined of the training texts: of just what the model takes, of one token less and more, and of up to
    six windows."""
    lines = [line for file in sorted((ROOT / "data/train").glob("*.txt"))
             for line in file.read_text(encoding="utf-8").splitlines()]
    dice = random.Random(3)
    articles = [" ".join(dice.sample(lines, count)) for count in (1, 5, 20, 30, 40, 60, 80, 100)]
    exact = []
    for wanted in (TOKENS_MAX - 1, TOKENS_MAX, TOKENS_MAX + 1):
        words = " ".join(dice.sample(lines, 40)).split()
        while len(tokenizer.encode(" ".join(words)).ids) > wanted:
            words.pop()
        while len(tokenizer.encode(" ".join(words)).ids) < wanted:
            words.append("и")
        exact.append(" ".join(words))
    assert [len(tokenizer.encode(text).ids) for text in exact] == [511, 512, 513]
    return articles + exact


@pytest.mark.torch
@pytest.mark.parametrize("overlap, windows_max", [(64, 16), (0, 16), (500, 40), (64, 2)])
def test_the_logits_are_the_weighted_mean_of_the_windows(tokenizer, texts, overlap, windows_max):
    torch = pytest.importorskip("torch")
    module = torch.jit.load(str(DEMO), map_location="cpu").eval()
    arguments = ["--long", "windows", "--window-overlap", str(overlap), "--windows-max", str(windows_max)]
    answers = classify(texts, *arguments, "--precision", "fp32")
    tokenizer.enable_truncation(TOKENS_MAX, stride=overlap)
    many = 0
    for text, answer in zip(texts, answers, strict=True):
        whole = tokenizer.encode(text)
        parts = [part.ids for part in [whole, *whole.overflowing]]
        windows = parts[:windows_max]
        own = [len(ids) - 2 - (overlap if number > 0 else 0) for number, ids in enumerate(windows)]
        with torch.inference_mode():
            rows = [module(torch.tensor([ids]), torch.tensor([len(ids)]))[0].double() for ids in windows]
        mean = sum(weight * row for weight, row in zip(own, rows)) / sum(own)
        assert len(answer["logits"]) == LABELS
        assert max(abs(mean - torch.tensor(answer["logits"], dtype=torch.double))) < BOUND
        assert (answer["windows"], answer["tokens"]) == (len(windows), sum(own) + 2)
        assert answer["truncated"] is (len(parts) > windows_max)
        many += len(windows) > 1
    tokenizer.no_truncation()
    assert many >= 6


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_an_article_has_the_same_logits_alone_and_in_every_batch(texts, precision):
    """Bit by bit on the worker's own kernels, which all of the demonstration model runs on."""
    windows = ["--long", "windows", "--precision", precision]
    together = classify(texts * 3, *windows)
    for tokens in ("1", "1024", "20000"):
        again = classify(texts, *windows, "--batch-tokens", tokens)
        assert [answer["logits"] for answer in again] == [answer["logits"] for answer in together[: len(texts)]]
    few = texts[-4:]  # of six windows, and those of about what the model takes
    alone = [classify([text], *windows)[0]["logits"] for text in few]
    assert alone == [answer["logits"] for answer in together[-len(few):]]


@pytest.mark.long
@pytest.mark.skipif(not POSTS.exists(), reason="needs ../shared/data")
def test_windows_find_a_subject_that_stands_late_and_cutting_does_not():
    done = subprocess.run([sys.executable, ROOT / "scripts/export/measure_windows.py", "--posts", POSTS, "--wiretag",
                           worker.binary(), "--articles", "10", "--count", "3000"],
                          capture_output=True, text=True, check=True)
    rows = {(way, size): (float(cut), float(windows)) for size, (way, cut, windows) in enumerate(re.findall(
        r"^\| (\w+) \| \d+ \| 10 \| [\d.]+ % \| ([\d.]+) % \| ([\d.]+) % \|", done.stdout, re.MULTILINE))}
    assert len(rows) == 12
    late = [shares for (way, _), shares in rows.items() if way == "late"]
    assert late[0][0] == late[1][0] == late[2][0] == 0 and late[2][1] > 70
    assert all(min(shares) >= 80 for (way, _), shares in rows.items() if way == "throughout")
    assert "Posts longer than the model accepts: " in done.stdout
