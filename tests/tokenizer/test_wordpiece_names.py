"""A tokenizer.json of WordPiece with other special tokens than BERT's, as MPNet's: the ids of Hugging Face
`tokenizers`, also where a token is found only behind normalization."""

import random

import json_files as jf
import pytest
from texts import texts_of_code_points

VOCAB = ["<s>", "<pad>", "</s>", "<unk>", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "мир", "##ы", "hello", "a", "##b", ",", "!",
         "<", "s", ">", "[", "unk", "]", "mask", "pad", "/", "<mask>"]
PARTS = ["<s>", "</s>", "<pad>", "<unk>", "[UNK]", "[CLS]", "<mask>", " ", "\t", "a", "b", "<", "s", ">", "[", "]", "/", "≮", "≯", "u", "n",
         "k", "ú", "\u0301", "\u00ad", "\u200b", "\u212a", "UNK", "мир", "東", "!", "\x01", "<u", "nk>", "<UNK>", "≮unk>", "<Mask>", "İ"]
NORMALIZERS = ({}, {"lowercase": False}, {"strip_accents": False}, {"clean_text": False},
               {"lowercase": False, "strip_accents": True, "handle_chinese_chars": False})


def mpnet(normalizer=None, unknown="[UNK]", **tokens):
    """`tokens`: what is changed of an added token, by its name without brackets."""
    def added(content):
        flags = {"single_word": False, "lstrip": content == "<mask>", "rstrip": False, "normalized": False, "special": True}
        return {"id": VOCAB.index(content), "content": content} | flags | tokens.get(content.strip("<>[]").lower(), {})

    return {
        "version": "1.0", "truncation": None, "padding": None, "decoder": None,
        "added_tokens": [added(content) for content in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": True} | (normalizer or {}),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
                           "add_prefix_space": False},
        "model": {"type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": {token: index for index, token in enumerate(VOCAB)}},
    }


def mixed(count):
    source = random.Random("specials")
    return ["".join(source.choices(PARTS, k=source.randrange(1, 15))) for _ in range(count)]


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=str)
def test_texts_with_special_tokens(normalizer, tmp_path):
    for file in (mpnet(normalizer), mpnet(normalizer, unk={"normalized": True}), mpnet(normalizer, unknown="<unk>", mask={"rstrip": True})):
        jf.assert_same(mixed(6000), jf.write(tmp_path, file))


def test_every_code_point_in_a_token_that_is_found_behind_normalization(tmp_path):
    path = jf.write(tmp_path, mpnet(unk={"normalized": True}))
    jf.assert_same(texts_of_code_points(lambda char: f"<u{char}nk>{char}unk><unk{char}"), path)
