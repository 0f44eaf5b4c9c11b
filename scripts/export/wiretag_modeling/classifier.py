"""The classifier: a BERT encoder, a two-layer bidirectional LSTM, the mean over time, a linear layer.

With another head, embedding or bias of attention it is one of BERT's relatives (families.py).
One class serves training, export and inference, so that what was trained is what runs:

    config = ClassifierConfig(vocab_size=8000, labels=11, layers=4, hidden=256, heads=4,
                              intermediate=1024, lstm_hidden=128)
    model = Classifier(config)                         # random weights
    logits = model(ids, lengths)                       # ids int64 [B, S], lengths int64 [B]
    loss = F.cross_entropy(logits, targets); loss.backward()
    model.eval(); torch.jit.script(model)              # write_bundle() does this

`ids` are WordPiece ids with [CLS] and [SEP], padded with any valid id; `lengths` counts each row's
real ids (1 or more). S must not exceed config.positions_max. In training mode dropout is active;
call model.eval() before measuring.

Batch invariance (padding "exact", pad_to = 0): positions past a row's length influence nothing.
Attention masks them as keys; the forward LSTM meets them only after the last real position; the
backward LSTM runs forward over rows that were reversed within their own length, so that the padding
comes last there too; and the mean leaves them out. Reversing by index_select is faster than packed
sequences and, other than these, gives a row the same bits whatever its neighbours at equal S.

Padding "padded-512" (pad_to = 512) reproduces a model that was trained and scored on texts padded to
512: ids are padded with config.pad_id to 512, attention masks the padding, but the LSTM and the mean
read all 512 positions.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS = ("gelu", "gelu_tanh", "relu")
HEADS = ("bilstm", "pooler")
HEAD_ACTIVATIONS = ("tanh", "gelu", "relu")


@dataclass
class ClassifierConfig:
    vocab_size: int
    labels: int
    layers: int = 4
    hidden: int = 256
    heads: int = 4
    intermediate: int = 1024
    positions_max: int = 512
    lstm_hidden: int = 128
    lstm_layers: int = 2
    activation: str = "gelu"  # one of ACTIVATIONS
    layer_norm_eps: float = 1e-12
    dropout: float = 0.1  # in training mode only
    head: str = "bilstm"  # or "pooler": a layer on the first token, as BertForSequenceClassification
    head_activation: str = "tanh"  # of the pooler: one of HEAD_ACTIVATIONS
    embedding: int = 0  # size of the embeddings where a projection follows, as in ELECTRA; 0: hidden
    unplaced_id: int = -1  # a token that has no position and is not counted, as padding in RoBERTa
    relative_bias: bool = False  # attention's scores depend on the distance too, as in MPNet
    pad_to: int = 0  # 0: exact; 512: padded-512
    pad_id: int = 0

    def __post_init__(self) -> None:
        if self.hidden % self.heads != 0:
            raise ValueError(f"hidden={self.hidden} is not a multiple of heads={self.heads}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r}: one of {', '.join(ACTIVATIONS)}")
        if self.head not in HEADS:
            raise ValueError(f"head={self.head!r}: one of {', '.join(HEADS)}")
        if self.head_activation not in HEAD_ACTIVATIONS:
            raise ValueError(
                f"head_activation={self.head_activation!r}: one of {', '.join(HEAD_ACTIVATIONS)}"
            )
        self.embedding = self.embedding or self.hidden


class TextModel(nn.Module):
    """What write_bundle() knows to depend on nothing but an article's own ids. Has config.positions_max,
    words (an nn.Embedding), pad_to and pad_id."""


def activated(x: Tensor, activation: str) -> Tensor:
    """One of ACTIVATIONS, or tanh."""
    if activation == "gelu":
        return F.gelu(x)
    elif activation == "gelu_tanh":
        return F.gelu(x, approximate="tanh")
    elif activation == "tanh":
        return torch.tanh(x)
    else:
        return F.relu(x)


class EncoderLayer(nn.Module):
    """One post-norm BERT layer. `mask`: bool [B, 1, 1, S], the positions that may be attended to, or float
    [B, heads, S, S], what is added to the scores."""

    heads: Final[int]
    dropout: Final[float]
    activation: Final[str]

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.dropout = config.dropout
        self.activation = config.activation
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden)
        self.attention_output = nn.Linear(config.hidden, config.hidden)
        self.attention_norm = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)
        self.intermediate = nn.Linear(config.hidden, config.intermediate)
        self.output = nn.Linear(config.intermediate, config.hidden)
        self.output_norm = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        rows, width, size = hidden.size(0), hidden.size(1), hidden.size(2)
        dropout = self.dropout if self.training else 0.0
        qkv = self.qkv(hidden).view(rows, width, 3, self.heads, size // self.heads)
        qkv = qkv.permute(2, 0, 3, 1, 4)
        context = F.scaled_dot_product_attention(
            qkv[0], qkv[1], qkv[2], attn_mask=mask, dropout_p=dropout
        )
        context = self.attention_output(context.transpose(1, 2).reshape(rows, width, size))
        context = F.dropout(context, self.dropout, self.training)
        return self.feed_forward(self.attention_norm(hidden + context))

    def feed_forward(self, hidden: Tensor) -> Tensor:
        inner = activated(self.intermediate(hidden), self.activation)
        inner = F.dropout(self.output(inner), self.dropout, self.training)
        return self.output_norm(hidden + inner)


class RelativeBias(nn.Module):
    """What attention adds to a score for the distance of its key and its query: float [1, heads, S, S]."""

    positions_max: Final[int]

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.positions_max = config.positions_max
        # A column a distance key - query, from 1 - positions_max on.
        self.table = nn.Parameter(torch.zeros(config.heads, 2 * config.positions_max - 1))

    def forward(self, width: int) -> Tensor:
        near = self.table[:, self.positions_max - width : self.positions_max + width - 1]
        # A query sees S columns in a row; the last query begins with the first of them. flip copies; the
        # worker reads the rows backwards instead (reversed_rows_of in torch_graph.h).
        return near.unfold(1, width, 1).flip(1).unsqueeze(0)


class OneDirection(nn.Module):
    """An LSTM layer that reads [B, S, input] from the first position to the last."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(4 * hidden_size))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        start = torch.zeros(
            [1, inputs.size(0), self.weight_hh.size(1)], dtype=inputs.dtype, device=inputs.device
        )
        weights = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        return torch.lstm(
            inputs, [start, start], weights, True, 1, 0.0, self.training, False, True
        )[0]


class BidirectionalLayer(nn.Module):
    """Both directions side by side; `mirror` int64 [B * S] reverses every row within its length."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.ahead = OneDirection(input_size, hidden_size)
        self.back = OneDirection(input_size, hidden_size)

    def forward(self, inputs: Tensor, mirror: Tensor) -> Tensor:
        rows, width = inputs.size(0), inputs.size(1)
        mirrored = inputs.reshape(rows * width, -1).index_select(0, mirror)
        back = self.back(mirrored.view(rows, width, -1))
        back = back.reshape(rows * width, -1).index_select(0, mirror).view(rows, width, -1)
        return torch.cat([self.ahead(inputs), back], dim=-1)


def output_layer(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The last layer, always in fp32: logits rounded to bf16 would differ by up to 0.03."""
    return F.linear(features.float(), weight.float(), bias.float())


class BiLstmHead(nn.Module):
    """LSTM layers, the mean over time, a linear layer."""

    pad_to: Final[int]
    dropout: Final[float]

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.pad_to = config.pad_to
        self.dropout = config.dropout
        sizes = [config.hidden] + [2 * config.lstm_hidden] * (config.lstm_layers - 1)
        self.lstm = nn.ModuleList([BidirectionalLayer(size, config.lstm_hidden) for size in sizes])
        self.fc = nn.Linear(2 * config.lstm_hidden, config.labels)

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        rows, width = hidden.size(0), hidden.size(1)
        if self.pad_to > 0:
            lengths = torch.full_like(lengths, width)
        last = (lengths - 1).unsqueeze(1)
        position = torch.arange(width, device=hidden.device).unsqueeze(0)
        real = position <= last
        mirror = torch.where(real, last - position, position)
        row_start = torch.arange(rows, device=hidden.device).unsqueeze(1) * width
        mirror = (mirror + row_start).reshape(-1)
        for layer in self.lstm:
            hidden = layer(hidden, mirror)
        hidden = hidden.float().masked_fill(~real.unsqueeze(2), 0.0)
        mean = hidden.sum(dim=1) / lengths.unsqueeze(1).float()
        mean = F.dropout(mean, self.dropout, self.training)
        return output_layer(mean, self.fc.weight, self.fc.bias)


class PoolerHead(nn.Module):
    """The head of a sequence classification: a layer on the first token, then a linear layer."""

    dropout: Final[float]
    activation: Final[str]

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.activation = config.head_activation
        self.pooler = nn.Linear(config.hidden, config.hidden)
        self.fc = nn.Linear(config.hidden, config.labels)

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        pooled = activated(self.pooler(hidden[:, 0]), self.activation)
        pooled = F.dropout(pooled, self.dropout, self.training)
        return output_layer(pooled, self.fc.weight, self.fc.bias)


class Classifier(TextModel):
    """forward(ids int64 [B, S], lengths int64 [B]) -> logits float32 [B, labels]."""

    pad_to: Final[int]
    pad_id: Final[int]
    unplaced_id: Final[int]
    dropout: Final[float]

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.unplaced_id = config.unplaced_id
        self.pad_to = config.pad_to
        self.pad_id = config.pad_id
        self.dropout = config.dropout
        self.words = nn.Embedding(config.vocab_size, config.embedding)
        # BERT's token type 0 is part of every position here: one table less to read.
        # Row 0 is that of tokens without a position, where there are such.
        rows = config.positions_max + (config.unplaced_id >= 0)
        self.positions = nn.Embedding(rows, config.embedding)
        self.norm = nn.LayerNorm(config.embedding, eps=config.layer_norm_eps)
        projected = config.embedding != config.hidden
        self.projection = nn.Linear(config.embedding, config.hidden) if projected else None
        self.bias = RelativeBias(config) if config.relative_bias else None
        self.layers = nn.ModuleList([EncoderLayer(config) for _ in range(config.layers)])
        self.head = BiLstmHead(config) if config.head == "bilstm" else PoolerHead(config)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
                if isinstance(module, nn.Linear):
                    nn.init.zeros_(module.bias)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        if self.pad_to > ids.size(1):
            ids = F.pad(ids, [0, self.pad_to - ids.size(1)])
        position = torch.arange(ids.size(1), device=ids.device)
        real = position.unsqueeze(0) < lengths.unsqueeze(1)
        ids = ids.masked_fill(~real, self.pad_id)
        if self.unplaced_id >= 0:
            placed = ids != self.unplaced_id
            hidden = self.words(ids) + self.positions(placed.cumsum(1) * placed)
        else:
            hidden = self.words(ids) + self.positions(position)
        hidden = self.norm(hidden)
        hidden = F.dropout(hidden, self.dropout, self.training)
        if self.projection is not None:
            hidden = self.projection(hidden)
        mask = real.unsqueeze(1).unsqueeze(1)
        if self.bias is not None:
            mask = self.bias(ids.size(1)).masked_fill(~mask, float("-inf"))
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return self.head(hidden, lengths)
