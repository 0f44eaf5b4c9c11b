"""Models that transformers made and saved, each with a tokenizer of another kind: the export, `wiretag classify` and a
worker on a real broker give the labels and scores of transformers' own pipeline.

Ids that were wrong, labels in another order or another file's tokenizer would change them: the pipeline reads the
directory alone.
"""

import json
import subprocess

import pytest
import worker
from client import Record, article
from exporting import LABELS, ROOT, exported
from family_models import make

pytestmark = pytest.mark.torch

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
PIECES = 900
TOKENS_MAX = 200
# Of two fp32 computations of the same probabilities.
SCORES_WITHIN = 1e-4
MULTI = "multi_label_classification"


def texts():
    lines = (ROOT / "data/samples.jsonl").read_text(encoding="utf-8").splitlines()
    samples = [json.loads(line)["text"] for line in lines[:14]]
    return [*samples, samples[0][:20], "Ёлка №5 — ½ ﬁ 東京 👍🏽 <s> </s> <mask> <unk> don't  a\u00a0b", " ".join(samples)]


def bpe():
    """As RoBERTa's."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=PIECES, special_tokens=SPECIALS, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts(), trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    return transformers.RobertaTokenizer(vocab=trained["vocab"], merges=[tuple(merge) for merge in trained["merges"]],
                                         model_max_length=TOKENS_MAX)


def unigram():
    """As XLM-R's."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=PIECES, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(texts(), trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    return transformers.XLMRobertaTokenizer(vocab=[tuple(piece) for piece in trained["vocab"]], model_max_length=TOKENS_MAX)


def wordpiece():
    """As MPNet's: texts begin with <s>, and BERT's special tokens are in the vocabulary too."""
    import transformers
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(texts(), vocab_size=PIECES, show_progress=False)
    berts = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *berts, "<mask>"]
    return transformers.MPNetTokenizer(vocab={token: index for index, token in enumerate(tokens)}, do_lower_case=True,
                                       model_max_length=TOKENS_MAX)


# The family, its tokenizer, what the bundle calls that, problem_type.
CASES = {"bpe": ("roberta", bpe, "bpe", None), "unigram": ("xlm-roberta", unigram, "unigram", None),
         "wordpiece": ("mpnet", wordpiece, "wordpiece", None), "several labels": ("deberta-v3", unigram, "unigram", MULTI)}


@pytest.fixture(scope="module", params=CASES)
def made(request, tmp_path_factory):
    """(bundle, [{label: score} of each text by the pipeline], gives several labels)"""
    import transformers

    family, tokenizer, kind, problem = CASES[request.param]
    tokenizer = tokenizer()
    folder = tmp_path_factory.mktemp("own") / "model"
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    make(family, vocab_size=len(tokenizer), id2label=dict(enumerate(LABELS)), problem_type=problem, **ids).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    bundle = folder.with_suffix(".pt")
    manifest = exported(checkpoint=folder, out=bundle, wiretag=worker.binary("release"))
    assert manifest["labels"] == LABELS and manifest["max_tokens"] == TOKENS_MAX
    assert manifest["tokenizer"] == {"type": kind} and manifest["bundle_format"] == 2
    assert manifest.get("task", "single-label") == ("multi-label" if problem else "single-label")
    pipeline = transformers.pipeline("text-classification", model=str(folder), device=-1, top_k=None)
    answers = pipeline(texts(), truncation=True, max_length=TOKENS_MAX)
    wanted = [{row["label"]: row["score"] for row in answer} for answer in answers]
    assert len({max(scores, key=scores.get) for scores in wanted}) > 1, "texts all alike"
    return bundle, wanted, problem == MULTI


def assert_labelled(bodies, wanted, several, top_k):
    assert len(bodies) == len(wanted)
    given = set()
    for text, body, scores in zip(texts(), bodies, wanted):
        best = max(scores, key=scores.get)
        assert len(body["scores"]) == top_k
        assert body["scores"] == {label: pytest.approx(scores[label], abs=SCORES_WITHIN) for label in body["scores"]}, text[:40]
        left_out = [score for label, score in scores.items() if label not in body["scores"]]
        assert max(left_out, default=0.0) <= min(body["scores"].values()) + SCORES_WITHIN, text[:40]
        if several:
            reached = [label for label in sorted(scores, key=scores.get, reverse=True) if scores[label] >= 0.5]
            assert [label["label"] for label in body["labels"]] == reached, text[:40]
            assert all(label["score"] == pytest.approx(scores[label["label"]], abs=SCORES_WITHIN) for label in body["labels"])
            given.add(len(reached))
        if not several or scores[best] >= 0.5:
            assert body["category"] == best and body["score"] == body["scores"][best], text[:40]
    assert [body["truncated"] for body in bodies] == [False] * (len(bodies) - 1) + [True]
    assert not several or len(given) > 1, "every text has as many labels"


def test_classify_gives_the_labels_of_the_pipeline(made):
    bundle, wanted, several = made
    lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts()))
    command = [worker.binary("release"), "classify", "--model", bundle, "--device", "cpu", "--precision", "fp32"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert_labelled([json.loads(line) for line in done.stdout.splitlines()], wanted, several, 3)


def test_a_worker_publishes_the_labels_of_the_pipeline(made, lab):
    bundle, wanted, several = made
    flow = lab.flow()
    flow.produce([Record(article(text, id=i), b"key") for i, text in enumerate(texts())])
    lab.run_real(flow, model={"path": str(bundle), "device": "cpu", "precision": "fp32"}, output={"top_k": 5})
    flow.wait_done()
    assert flow.dead_letters() == []
    assert_labelled([message.json() for message in flow.labels()], wanted, several, 5)
