"""Small models as their authors publish them, with a vocabulary, labels and articles."""

import random

import pytest
from exporting import LABELS, LETTERS, VOCAB, bert_config, spread


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Models this small only lose by more, and lose a lot on a busy machine."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def articles():
    """Articles of many lengths: 5 to more than 512 tokens."""
    rng = random.Random(6)
    texts = []
    for words in (1, 2, 3, 5, 8, 13, 21, 34, 55, 90, 200, 4, 6, 10, 40, 70):
        texts.append(
            " ".join(
                "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 7))) for _ in range(words)
            )
            + "."
        )
    return texts


@pytest.fixture(scope="session")
def rows(articles):
    from wiretag_modeling import TokenizerOptions, build_tokenizer

    tokenizer = build_tokenizer(VOCAB, TokenizerOptions())
    return [tokenizer.encode(text).ids for text in articles]


@pytest.fixture(scope="session")
def vocab_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    path.write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def labels_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    path.write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """(model, the pickle it was saved to)."""
    import torch
    from random_model import published_class, save_published

    torch.manual_seed(1)
    model = spread(published_class()(bert_config(), len(LABELS), lstm_hidden=16))
    path = tmp_path_factory.mktemp("published") / "model.pth"
    save_published(model, path)
    return model, path
