#!/usr/bin/env python3
"""Writes a model of the published architecture with random weights, for tests and measurements.

    .deps/python/bin/python scripts/export/random_model.py --out model.pth --vocab vocab.txt

It is saved as its authors save theirs: the whole BiLSTMClassifier by torch.save, which
export_model.py turns into a bundle. Full size unless told otherwise: 12 layers of 768, 119,547
tokens, 726 MB. The vocabulary is made up too: the words and pieces of the texts in data/train,
scattered among tokens that no text has. It labels articles at random, but always in the same way.
"""

import argparse
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PIECES_MAX = 8000
# Larger weights than training starts from: texts get logits that differ, as in a trained model.
SPREAD = 2.5


def published_class() -> type:
    """The published architecture, as a class of the script that trained it."""
    import torch
    import transformers

    class BiLSTMClassifier(torch.nn.Module):
        def __init__(self, config, labels, lstm_hidden=256):
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


def save_published(model: object, path: Path) -> None:
    """Saves a whole module as its authors do, from a script's own class."""
    import torch

    main = sys.modules["__main__"]
    main.BiLSTMClassifier = type(model)
    try:
        torch.save(model, path)
    finally:
        del main.BiLSTMClassifier


def random_model(tokens: int, layers: int, hidden: int, labels: int, seed: int) -> object:
    """In eval mode; the last layer is balanced, so that texts differ in their labels."""
    import torch
    import transformers

    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=tokens,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        intermediate_size=4 * hidden,
    )
    model = published_class()(config, labels).eval()
    rng = random.Random(seed)
    rows = [[2, *(rng.randrange(5, tokens) for _ in range(4 * n)), 3] for n in range(4, 20)]
    with torch.inference_mode():
        for parameter in model.bert.parameters():
            if parameter.dim() > 1:
                parameter.mul_(SPREAD)
        for parameter in model.lstm.parameters():
            parameter.mul_(SPREAD)
        logits = [model(torch.tensor([row]), torch.ones(1, len(row))) for row in rows]
        spread = torch.cat(logits)
        model.fc.bias.sub_(spread.mean(0)).div_(spread.std())
        model.fc.weight.div_(spread.std())
    return model


def random_vocabulary(tokens: int, seed: int) -> list[str]:
    """The pieces of real texts at random ids, after the special tokens."""
    from tokenizers import BertWordPieceTokenizer

    texts = [p.read_text(encoding="utf-8") for p in sorted((ROOT / "data/train").glob("*.txt"))]
    learned = BertWordPieceTokenizer(lowercase=False)
    learned.train_from_iterator(
        texts, vocab_size=min(tokens, PIECES_MAX), min_frequency=2, show_progress=False
    )
    pieces = sorted(set(learned.get_vocab()) - set(SPECIAL_TOKENS))
    pieces = pieces[: tokens - len(SPECIAL_TOKENS)]
    pieces += [f"[unused{n}]" for n in range(tokens - len(SPECIAL_TOKENS) - len(pieces))]
    random.Random(seed).shuffle(pieces)
    return [*SPECIAL_TOKENS, *pieces]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the pickle")
    parser.add_argument(
        "--vocab", type=Path, required=True, metavar="FILE", help="its vocab.txt, written too"
    )
    parser.add_argument("--tokens", type=int, default=119547, metavar="N")
    parser.add_argument("--layers", type=int, default=12, metavar="N")
    parser.add_argument("--hidden", type=int, default=768, metavar="N", help="64 x heads")
    parser.add_argument("--labels", type=int, default=11, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    if arguments.hidden % 64 != 0 or arguments.tokens < 200:
        parser.error("--hidden is a multiple of 64, --tokens 200 or more")
    vocabulary = random_vocabulary(arguments.tokens, arguments.seed)
    arguments.vocab.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    model = random_model(
        arguments.tokens, arguments.layers, arguments.hidden, arguments.labels, arguments.seed
    )
    save_published(model, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
