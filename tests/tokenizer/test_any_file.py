"""Whatever a tokenizer.json has, wiretag's ids are those of Hugging Face `tokenizers`, or it names what it does not
take. The files are put together at random: combinations that no family has, and that somebody will bring."""

import collections
import json

import hugging_face as hf
import pytest
import tokenizers
from random_files import random_file

FILES, TEXTS = 150, 40
ENDLESS = {8452}  # `tokenizers` takes all memory there is for a single blank
GROUPS = [*range(3), *(pytest.param(group, marks=pytest.mark.long) for group in range(3, 60))]


def reference_ids(file, texts, limit):
    """None: `tokenizers` does not take the file, or panics."""
    try:
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(file))
        tokenizer.no_truncation()
        if limit:
            tokenizer.enable_truncation(limit)
        return [tokenizer.encode(text).ids for text in texts]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # its panics are of no narrower kind
        return None


def outcome(seed, path):
    file, texts, limit = random_file(seed, TEXTS)
    path.write_text(json.dumps(file, ensure_ascii=seed % 2 == 0), encoding="utf-8")
    try:
        own = hf.library_ids(texts, path, limit)
    except hf.Refused as refusal:
        status, message = refusal.args
        assert status == 1 and f"{path}: " in message and "(byte " in message, (seed, refusal)
        return "refused"
    wanted = None if seed in ENDLESS else reference_ids(file, texts, limit)
    if wanted is None:
        return "no reference"
    try:
        hf.assert_same(texts, own, wanted)
    except AssertionError as difference:
        raise AssertionError(f"file {seed}, limit {limit}: {difference}") from None
    return "same"


@pytest.mark.parametrize("group", GROUPS)
def test_ids_are_the_same_or_the_file_is_refused_by_its_key(group, tmp_path):
    seeds = range(group * FILES, (group + 1) * FILES)
    outcomes = collections.Counter(outcome(seed, tmp_path / "tokenizer.json") for seed in seeds)
    assert outcomes["same"] > FILES / 3, outcomes
