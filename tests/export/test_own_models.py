"""A user's own TorchScript in the worker: what its kernels know they compute, the rest still runs."""

import json
import subprocess

import pytest
import worker
from exporting import LABELS, LETTERS, VOCAB, bert_config, exported, published_logits, spread

pytestmark = pytest.mark.torch


def classify(model, precision, texts, tokens=4096):
    lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts))
    command = [worker.binary(), "classify", "--model", model, "--device", "cpu", "--precision", precision,
               "--batch-tokens", str(tokens), "--logits"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["logits"] for line in done.stdout.splitlines()]


def difference(left, right):
    return max(abs(a - b) for some, others in zip(left, right, strict=True)
               for a, b in zip(some, others, strict=True))


def own(kind, labels, vocab_file, tmp_path):
    """The bundle of one of own_models."""
    import own_models
    import torch

    torch.manual_seed(5)
    module = getattr(own_models, kind)(len(VOCAB), len(labels)).eval().requires_grad_(False)
    torch.jit.script(module).save(str(tmp_path / "own.pt"))
    (tmp_path / "labels.txt").write_text("".join(label + "\n" for label in labels))
    exported(checkpoint=tmp_path / "own.pt", vocab=vocab_file, labels=tmp_path / "labels.txt", out=tmp_path / "model.pt")
    return module, tmp_path / "model.pt"


def source_logits(module, texts):
    """One text at a time, as the module's author gets them."""
    import torch
    from wiretag_modeling import TokenizerOptions, build_tokenizer

    tokenizer = build_tokenizer(VOCAB, TokenizerOptions())
    rows = [torch.tensor([tokenizer.encode(text).ids]) for text in texts]
    return [module(row, torch.ones_like(row))[0].tolist() for row in rows]


@pytest.mark.parametrize("kind", ("OwnAttention", "MaskedMean"))
def test_it_runs_in_int8_close_to_fp32(articles, vocab_file, tmp_path, kind):
    _, bundle = own(kind, LABELS, vocab_file, tmp_path)
    exact = classify(bundle, "fp32", articles)
    rounded = classify(bundle, "int8", articles)
    alone = classify(bundle, "int8", articles, 16)
    spread_of = max(max(row) - min(row) for row in exact)
    assert difference(exact, rounded) <= 0.25 * spread_of
    assert alone == rounded


def test_a_single_label_runs_in_int8(articles, vocab_file, tmp_path):
    """Its logit has no other to be far from; no bound is stored where the worker did not measure one."""
    _, bundle = own("OwnAttention", ["alone"], vocab_file, tmp_path)
    exact = classify(bundle, "fp32", articles)
    assert 0 < difference(exact, classify(bundle, "int8", articles)) <= 0.25 * max(abs(row[0]) for row in exact)


def test_products_that_libtorch_makes_give_the_same_bytes_in_any_batch_in_int8(vocab_file, labels_file, tmp_path):
    """Attention written out, over several layers: the least difference would grow to another rounding."""
    import random

    import torch
    import transformers

    torch.manual_seed(2)
    config = bert_config(hidden_size=96, num_hidden_layers=3, intermediate_size=192, attn_implementation="eager")
    model = spread(transformers.BertForSequenceClassification(config))

    class Traceable(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids, attention_mask, return_dict=True).logits

    ids = torch.tensor([[2, 10, 11, 12, 3]] * 2)
    traced = torch.jit.trace(Traceable(), (ids, torch.ones_like(ids)), check_trace=False)
    traced.save(str(tmp_path / "traced.pt"))
    bundle = tmp_path / "model.pt"
    exported(checkpoint=tmp_path / "traced.pt", vocab=vocab_file, labels=labels_file, out=bundle)
    rng = random.Random(5)
    texts = ["".join(rng.choice(LETTERS) for _ in range(rng.randint(4, 24))) for _ in range(400)]
    assert classify(bundle, "int8", texts) == classify(bundle, "int8", texts, 1)


@pytest.mark.parametrize("kind", ("OneBias", "NormOfScalarSum", "ResidualInPlace", "ResidualInPlaceSometimes"))
def test_what_the_kernels_cannot_take_keeps_its_meaning(articles, vocab_file, tmp_path, kind):
    module, bundle = own(kind, LABELS, vocab_file, tmp_path)
    wanted = source_logits(module, articles)
    assert difference(wanted, classify(bundle, "fp32", articles)) <= 1e-4
    assert difference(wanted, wanted[1:] + wanted[:1]) > 0.01, "texts all alike"


def test_the_last_layer_is_computed_in_fp32_however_many_labels_it_has(articles, vocab_file, tmp_path):
    _, bundle = own("ManyLabels", [f"label{i}" for i in range(40)], vocab_file, tmp_path)
    exact = classify(bundle, "fp32", articles)
    assert difference(exact, classify(bundle, "int8", articles)) <= 1e-5


def test_a_model_of_odd_sizes_gives_its_authors_logits(articles, vocab_file, tmp_path):
    """Nothing in it is a multiple of what the kernels take at once."""
    import torch
    from random_model import published_class, save_published
    from wiretag_modeling import TokenizerOptions, build_tokenizer

    torch.manual_seed(1)
    config = bert_config(hidden_size=33, num_attention_heads=3, intermediate_size=97)
    model = spread(published_class()(config, 35, lstm_hidden=17))
    save_published(model, tmp_path / "odd.pth")
    (tmp_path / "labels.txt").write_text("".join(f"label{i}\n" for i in range(35)))
    bundle = tmp_path / "model.pt"
    exported(checkpoint=tmp_path / "odd.pth", vocab=vocab_file, labels=tmp_path / "labels.txt", out=bundle)
    tokenizer = build_tokenizer(VOCAB, TokenizerOptions())
    wanted = [published_logits(model, tokenizer.encode(text).ids).tolist() for text in articles]
    assert difference(wanted, classify(bundle, "fp32", articles)) <= 1e-4
    rounded = classify(bundle, "int8", articles)
    assert classify(bundle, "int8", articles, 16) == rounded
    assert 0 < difference(wanted, rounded) <= 0.25 * max(max(row) - min(row) for row in wanted)
