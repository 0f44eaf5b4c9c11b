"""A bundle whose tokenizer is a tokenizer.json: the demonstration model, its words as the pieces of a Unigram.

Of words that are tokens as a whole, both tokenizers make the same ids, so both bundles give the same logits.
"""

import json
import subprocess
import zipfile

import pytest
import worker
from tree import ROOT

DEMO = ROOT / "models" / "demo.pt"
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def demo_file(name):
    with zipfile.ZipFile(DEMO) as archive:
        return archive.read(next(n for n in archive.namelist() if n.endswith(f"/extra/{name}"))).decode()


def tokenizer_json(tokens):
    added = [{"id": tokens.index(token), "content": token, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for token in SPECIALS]
    template = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    named = {token: {"id": token, "ids": [tokens.index(token)], "tokens": [token]} for token in ("[CLS]", "[SEP]")}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "decoder": None,
        "post_processor": {"type": "TemplateProcessing", "single": template, "pair": template, "special_tokens": named},
        # Equal scores: the split with the fewest pieces wins, a whole word.
        "model": {"type": "Unigram", "unk_id": tokens.index("[UNK]"), "byte_fallback": False,
                  "vocab": [[token, -1.0] for token in tokens]},
    }


def classify(path, texts):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run(
        [worker.binary(), "classify", "--model", path, "--device", "cpu", "--precision", "fp32", "--logits"],
        input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def tokens():
    return demo_file("vocab.txt").split("\n")[:-1]


@pytest.fixture(scope="module")
def texts(tokens):
    words = [token for token in tokens if len(token) > 3 and token.isalpha() and token.islower()]
    assert len(words) > 200
    return [" ".join(words[start:start + 2 + start // 10]) for start in range(0, 200, 20)]


def test_it_gives_the_labels_of_its_tokenizer(tokens, texts, tmp_path):
    wanted = classify(DEMO, texts)
    assert len({body["category"] for body in wanted}) > 1
    new = {
        "wiretag.json": json.dumps(json.loads(demo_file("wiretag.json")) | {"bundle_format": 2, "tokenizer": {"type": "unigram"}}),
        "tokenizer.json": json.dumps(tokenizer_json(tokens)),
        "selftest.jsonl": "".join(json.dumps({"text": text, "logits": body["logits"]}) + "\n" for text, body in zip(texts, wanted)),
    }
    path = tmp_path / "unigram.pt"
    with zipfile.ZipFile(DEMO) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if "/extra/" not in name:
                target.writestr(zipfile.ZipInfo(name), source.read(name))
        for name, content in new.items():
            target.writestr(zipfile.ZipInfo(f"demo/extra/{name}"), content)
    bodies = classify(path, texts)
    for body, other in zip(bodies, wanted):
        assert body["logits"] == other["logits"] and body["category"] == other["category"]
    assert [body["tokens"] for body in bodies] == [len(text.split()) + 2 for text in texts]
