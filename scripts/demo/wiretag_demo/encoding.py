"""What every stage of the training does with rows of ids: pad them, run the encoder alone."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from wiretag_modeling.classifier import Classifier


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
    return ids, lengths


def encode_hidden(model: Classifier, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The last layer's vectors [B, S, hidden], and which positions are real, bool [B, S]."""
    position = torch.arange(ids.size(1))
    real = position.unsqueeze(0) < lengths.unsqueeze(1)
    hidden = model.norm(model.words(ids) + model.positions(position))
    hidden = F.dropout(hidden, model.dropout, model.training)
    for layer in model.layers:
        hidden = layer(hidden, real.unsqueeze(1).unsqueeze(1))
    return hidden, real
