"""A tokenizer.json of BPE or Unigram travels in the bundle as it is, if the worker gives its ids; what would change
them is refused."""

import json
import shutil
import subprocess

import pytest
import worker
from exporting import ROOT, bundle_logits, export, exported, manifest_of, published_logits, refused
from family_models import make

pytestmark = pytest.mark.torch

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def texts():
    lines = (ROOT / "data/samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def trained(kind):
    """As RoBERTa's and XLM-R's, of a few hundred pieces."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=SPECIALS, show_progress=False,
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
        after = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=600, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False)
        after = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.post_processor = after
    return tokenizer


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def published(request, tmp_path_factory):
    """(kind, model, directory, the rows of the samples)."""
    tokenizer = trained(request.param)
    model = make("roberta", vocab_size=tokenizer.get_vocab_size())
    folder = tmp_path_factory.mktemp("whole") / request.param
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128, "unk_token": "<unk>", "cls_token": "<s>",
         "sep_token": "</s>", "pad_token": "<pad>"}))
    tokenizer.enable_truncation(128)
    return request.param, model, folder, [encoding.ids for encoding in tokenizer.encode_batch(texts()[:12])]


@pytest.fixture
def program(published, monkeypatch):
    """The worker's program, which must know the type."""
    import export_model

    path = worker.binary(worker_build())
    monkeypatch.setattr(export_model, "WIRETAG_FAKE", path)
    done = subprocess.run([path, "tokenize", "--vocab", published[2] / "tokenizer.json"], input="", capture_output=True,
                          text=True, timeout=60, check=False)
    if done.returncode != 0:
        pytest.skip(f"the worker does not read this tokenizer.json: {done.stderr.strip()[-150:]}")
    return path


def worker_build():
    return "release" if (ROOT / "build/wiretag").exists() else "fake"


@pytest.fixture
def files(labels_file, tmp_path):
    (tmp_path / "out").mkdir()
    return {"labels": labels_file, "out": tmp_path / "out/model.pt"}


def test_it_travels_in_the_bundle_as_it_is(published, program, files):
    import torch

    kind, model, folder, rows = published
    manifest = exported(checkpoint=folder, **files)
    assert manifest["tokenizer"] == {"type": kind} and manifest["max_tokens"] == 128
    extra = {"tokenizer.json": "", "vocab.txt": ""}
    torch.jit.load(str(files["out"]), _extra_files=extra)
    assert json.loads(extra["tokenizer.json"]) == json.loads((folder / "tokenizer.json").read_text()) and not extra["vocab.txt"]
    wanted = torch.stack([published_logits(model, row) for row in rows])
    assert (bundle_logits(files["out"], rows, alone=False) - wanted).abs().max() <= 1e-4
    again = exported(checkpoint=files["out"], out=files["out"].with_name("again.pt"), version=2)
    assert again == manifest | {"version": "2"}


def test_the_worker_gives_the_logits_of_transformers(published, program, files):
    import torch

    if worker_build() != "release":
        pytest.skip("build/wiretag is not built")
    _, model, folder, rows = published
    exported(checkpoint=folder, wiretag=program, **files)
    lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts()[:12]))
    for precision in ("fp32", "bf16", "int8"):
        command = [program, "classify", "--model", files["out"], "--device", "cpu", "--precision", precision, "--logits"]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120, check=True)
        logits = torch.tensor([json.loads(line)["logits"] for line in done.stdout.splitlines()])
        wanted = torch.stack([published_logits(model, row) for row in rows])
        bound = manifest_of(files["out"])["precisions"][precision]["logits_bound"]
        assert (logits - wanted).abs().max() <= bound + 1e-4, precision


def test_what_changes_its_ids_is_refused(published, program, files, tmp_path):
    folder = shutil.copytree(published[2], tmp_path / "spoilt")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"additional_special_tokens": ["<url>"]}))
    assert "names the special token '<url>', which tokenizer.json does not have" in refused(checkpoint=folder, **files)
    path.write_text(json.dumps(config))
    assert "leave a vocab.txt, --lowercase" in refused("--lowercase", checkpoint=folder, **files)
    whole = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(whole | {"model": whole["model"] | {"type": "WordLevel"}}))
    assert "its model is WordLevel" in refused(checkpoint=folder, **files)


@pytest.mark.parametrize("more", (1, 35, 898))
def test_an_embedding_with_rows_that_no_token_reaches(published, program, files, tmp_path, more):
    """mDeBERTa's has 898, that of the multilingual MiniLM and e5 35."""
    folder = shutil.copytree(published[2], tmp_path / "spare")
    tokens = published[1].config.vocab_size
    model = make("roberta", vocab_size=tokens + more)
    model.save_pretrained(folder)
    status, out, err = export(checkpoint=folder, **files)
    assert status == 0, err
    assert f"has {more} rows that its tokenizer's {tokens} tokens do not reach" in out
    rows = published[3]
    import torch

    wanted = torch.stack([published_logits(model, row) for row in rows])
    assert (bundle_logits(files["out"], rows, alone=False) - wanted).abs().max() <= 1e-4
    make("roberta", vocab_size=tokens - 1).save_pretrained(folder)
    files["out"].unlink()
    assert f"has only {tokens - 1} rows: tokens were added after training" in refused(checkpoint=folder, **files)


def test_without_the_worker_nothing_is_believed(published, files, monkeypatch, tmp_path):
    import export_model

    monkeypatch.setattr(export_model, "WIRETAG_FAKE", tmp_path / "not-built")
    assert "is compared with the worker's own program, which is not built" in refused(checkpoint=published[2], **files)


def test_a_worker_that_does_not_know_it_says_so(published, files, monkeypatch, tmp_path):
    import export_model

    program = tmp_path / "wiretag"
    program.write_text("#!/bin/sh\necho 'wiretag tokenize: model.type: not supported' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(export_model, "WIRETAG_FAKE", program)
    said = refused(checkpoint=published[2], **files)
    assert f"the worker does not read this tokenizer.json ({published[0]}): model.type: not supported" in said


def test_a_worker_that_gives_other_ids_is_found(published, files, monkeypatch, tmp_path):
    import export_model

    program = tmp_path / "wiretag"
    program.write_text('#!/bin/sh\nexec sed \'s/.*/{"id":null,"ids":[0,2]}/\'\n')
    program.chmod(0o755)
    monkeypatch.setattr(export_model, "WIRETAG_FAKE", program)
    assert "the worker's tokenizer gives other ids" in refused(checkpoint=published[2], **files)


def test_a_vocab_txt_that_begins_with_another_token_than_berts(files, tmp_path):
    """MPNet's has BERT's tokens too, so that nothing else would tell."""
    from exporting import VOCAB

    folder = tmp_path / "mpnet"
    vocab = ["<s>", "<pad>", "</s>", "<unk>", *VOCAB, "<mask>"]
    make("mpnet", vocab_size=len(vocab)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert "the vocabulary begins with <s>" in refused(checkpoint=folder, **files)


def test_slow_tokenizers_have_no_tokenizer_json(published, files, tmp_path):
    folder = shutil.copytree(published[2], tmp_path / "slow")
    (folder / "tokenizer.json").unlink()
    (folder / "sentencepiece.bpe.model").write_bytes(b"")
    assert "has its tokenizer as sentencepiece.bpe.model and no tokenizer.json" in refused(checkpoint=folder, **files)
