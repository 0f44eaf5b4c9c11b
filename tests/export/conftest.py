"""Small models as their authors publish them, with a vocabulary, labels and articles."""

import random
import sys

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
def published_class():
    """The published architecture, as a class of the script that trained it."""
    import torch
    import transformers

    class BiLSTMClassifier(torch.nn.Module):
        def __init__(self, config, labels, lstm_hidden=16):
            super().__init__()
            self.bert = transformers.BertModel(config)
            self.lstm = torch.nn.LSTM(
                config.hidden_size, lstm_hidden, num_layers=2, bidirectional=True, batch_first=True
            )
            self.dropout = torch.nn.Dropout(0.1)
            self.fc = torch.nn.Linear(2 * lstm_hidden, labels)

        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask)[0]
            return self.fc(self.dropout(torch.mean(self.lstm(hidden)[0], dim=1)))

    BiLSTMClassifier.__module__ = "__main__"
    BiLSTMClassifier.__qualname__ = "BiLSTMClassifier"
    return BiLSTMClassifier


@pytest.fixture(scope="session")
def save_published(published_class):
    """Saves a whole module as its authors do, from a script's own class."""
    import torch

    def save(model, path):
        main = sys.modules["__main__"]
        main.BiLSTMClassifier = published_class
        try:
            torch.save(model, path)
        finally:
            del main.BiLSTMClassifier
        return path

    return save


@pytest.fixture(scope="session")
def published(published_class, save_published, tmp_path_factory):
    """(model, the pickle it was saved to)."""
    import torch

    torch.manual_seed(1)
    model = spread(published_class(bert_config(), len(LABELS)))
    return model, save_published(model, tmp_path_factory.mktemp("published") / "model.pth")
