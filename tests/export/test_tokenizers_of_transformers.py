"""The tokenizers that transformers itself makes for each family, as its current version saves them: what a user gets by
save_pretrained. Their parts are not those of the files that older versions wrote."""

import json

import pytest
import worker
from exporting import ROOT, exported
from family_models import make

pytestmark = pytest.mark.torch

# By class: the family that is exported with it, and the special tokens in the order of their ids.
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
CLASSES = {
    "XLMRobertaTokenizer": ("xlm-roberta", ROBERTA),
    "CamembertTokenizer": ("camembert", ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>"]),
    "DebertaV2Tokenizer": ("deberta-v3", ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]),
    "RobertaTokenizer": ("roberta", ROBERTA),
    "GemmaTokenizer": ("modernbert", ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]),
    "MPNetTokenizer": ("mpnet", ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]),
    "BertTokenizer": ("bert", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
}
OPTIONS = {"DebertaV2Tokenizer": [{}, {"do_lower_case": True, "split_by_punct": True}], "MPNetTokenizer": [{}, {"do_lower_case": False}]}
CASES = [(name, options) for name in CLASSES for options in OPTIONS.get(name, [{}])]


def texts():
    lines = (ROOT / "data/samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


ODD = ["a\nb\tc\rd  e \u00a0f\u2003\u2003g\n\n", "\n", " \u3000x", "a,b.c!?«d»", "½ ﬁ Ⅷ ㎏ ａｂｃ й ё", "x\u200by<mask> [MASK] <unk>", "  "]


def trained(model, specials):
    """Vocabulary and merges, as the class takes them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    more = {"special_tokens": specials, "show_progress": False, "vocab_size": 500}
    if model == "Unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.train_from_iterator(texts(), trainers.UnigramTrainer(unk_token=specials[3], **more))
        return [tuple(piece) for piece in json.loads(tokenizer.to_str())["model"]["vocab"]], None
    if model == "WordPiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.train_from_iterator(texts(), trainers.WordPieceTrainer(**more))
    else:
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>" if model == "Gemma" else None))
        if model == "Gemma":
            # The pieces of bytes, and merges that may join words.
            more["special_tokens"] = [*specials, *(f"<0x{byte:02X}>" for byte in range(256))]
            tokenizer.normalizer = normalizers.Replace(" ", "▁")
        else:
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            more["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
        tokenizer.train_from_iterator(texts(), trainers.BpeTrainer(**more | {"vocab_size": 700}))
    file = json.loads(tokenizer.to_str())["model"]
    return file["vocab"], [tuple(merge) for merge in file.get("merges", [])]


def saved(name, options, folder):
    """A directory with a model of the family, and the tokenizer."""
    import transformers

    family, specials = CLASSES[name]
    kind = getattr(transformers, name)
    model = {"CamembertTokenizer": "Unigram", "GemmaTokenizer": "Gemma"}.get(name) or kind.model.__name__
    vocab, merges = trained(model, specials)
    parts = {"vocab": vocab} | ({"merges": merges} if merges else {})
    tokenizer = kind(**parts, **options)
    if name == "GemmaTokenizer":  # as mmBERT's: texts begin and end with a token
        from tokenizers import processors

        tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
            single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 1)])
    make(family, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    assert (folder / "tokenizer.json").exists()
    return tokenizer


@pytest.mark.parametrize("name, options", CASES, ids=lambda value: value if isinstance(value, str) else "-".join(value) or "plain")
def test_its_files_are_exported_with_its_ids(name, options, labels_file, monkeypatch, tmp_path):
    import export_model
    import tokenizers

    release = (ROOT / "build/wiretag").exists()
    monkeypatch.setattr(export_model, "WIRETAG_FAKE", worker.binary("release" if release else "fake"))
    folder = tmp_path / "saved"
    saved(name, options, folder)
    lines = tmp_path / "odd.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts()[:20] + ODD))
    # The export compares the worker's ids with those of the file, and of transformers, text by text.
    manifest = exported(checkpoint=folder, labels=labels_file, texts=lines, out=tmp_path / "model.pt")
    wanted = {"Unigram": "unigram", "BPE": "bpe", "WordPiece": "wordpiece"}
    whole = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert manifest["tokenizer"]["type"] == wanted[type(whole.model).__name__]
