"""DeBERTa-v2 and v3: BERT layers whose attention also scores where a key stands from a query, by its content.

    model = deberta_classifier(weights, config, "my-deberta", pad_to=0)
    logits = model(ids, lengths)

A score is (q·k + q·K[d] + k·Q[d]) / sqrt(3 size), where K and Q are the layer's own projections of a table of
distances d = bucket(query - key): constant, so that they are computed once, here. Per head they are two linear
layers, from which gather takes each pair's number. The sum goes to attention as a bias (classifier.py).
"""

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .classifier import ClassifierConfig, EncoderLayer, PoolerHead, TextModel
from .conversion import Weights, load_into
from .families import ACTIVATIONS, BERT_LAYER, FAMILIES, EncoderSettings
from .measure import ExportError

HEAD_ACTIVATIONS = ("gelu", "tanh", "relu")


def buckets_of(positions: int, span: int, distance_max: int, by_logarithm: bool) -> Tensor:
    """The row of the table for each distance query - key, from 1 - positions on: exact up to half of the
    span, then by logarithm up to `distance_max`."""
    distance = torch.arange(1 - positions, positions)
    if by_logarithm:
        half = span // 2
        far = distance.abs().clamp(min=half).float()
        steps = (far / half).log() / torch.tensor((distance_max - 1) / half).log() * (half - 1)
        bucket = (steps.ceil().long() + half) * distance.sign()
        distance = torch.where(distance.abs() <= half, distance, bucket)
    return (distance + span).clamp(0, 2 * span - 1)


class DisentangledLayer(EncoderLayer):
    """`rows` int64 [S, S]: the row of the table for query and key. `keys` bool [B, 1, 1, S]."""

    by_query: Final[bool]
    by_key: Final[bool]

    def __init__(self, config: ClassifierConfig, rows: int, by_query: bool, by_key: bool) -> None:
        super().__init__(config)
        self.by_query, self.by_key = by_query, by_key
        size = config.hidden // config.heads
        self.key_table = nn.ModuleList(
            [nn.Linear(size, rows, bias=False) for _ in range(config.heads if by_query else 0)]
        )
        self.query_table = nn.ModuleList(
            [nn.Linear(size, rows, bias=False) for _ in range(config.heads if by_key else 0)]
        )

    def attend(self, query: Tensor, key: Tensor, value: Tensor, rows: Tensor, keys: Tensor) -> Tensor:
        count, width = query.size(0), query.size(2)
        some: list[Tensor] = []
        if self.by_query:
            index = rows.unsqueeze(0).expand([count, width, width])
            for head, table in enumerate(self.key_table):
                some.append(table(query[:, head]).gather(2, index).unsqueeze(1))
        others: list[Tensor] = []
        if self.by_key:
            index = rows.transpose(0, 1).unsqueeze(0).expand([count, width, width])
            for head, table in enumerate(self.query_table):
                scores = table(key[:, head]).gather(2, index)
                others.append(scores.transpose(1, 2).unsqueeze(1))
        if self.by_query and self.by_key:
            bias = torch.cat(some, 1) + torch.cat(others, 1)
        else:
            bias = torch.cat(some + others, 1)
        mask = bias.masked_fill(~keys, float("-inf"))
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)

    def forward(self, hidden: Tensor, rows: Tensor, keys: Tensor) -> Tensor:  # type: ignore[override]
        count, width, size = hidden.size(0), hidden.size(1), hidden.size(2)
        qkv = self.qkv(hidden).view(count, width, 3, self.heads, size // self.heads)
        qkv = qkv.permute(2, 0, 3, 1, 4)
        context = self.attend(qkv[0], qkv[1], qkv[2], rows, keys)
        context = self.attention_output(context.transpose(1, 2).reshape(count, width, size))
        return self.feed_forward(self.attention_norm(hidden + context))


class Deberta(TextModel):
    """forward(ids int64 [B, S], lengths int64 [B]) -> logits float32 [B, labels]."""

    pad_to: Final[int]
    pad_id: Final[int]

    def __init__(self, config: ClassifierConfig, rows: int, c2p: bool, p2c: bool, placed: bool) -> None:
        super().__init__()
        self.config = config
        self.pad_to, self.pad_id = config.pad_to, config.pad_id
        self.words = nn.Embedding(config.vocab_size, config.embedding)
        self.positions = nn.Embedding(config.positions_max, config.embedding) if placed else None
        self.token_type = nn.Parameter(torch.zeros(config.embedding))
        projected = config.embedding != config.hidden
        self.projection = nn.Linear(config.embedding, config.hidden, bias=False) if projected else None
        self.norm = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)
        self.register_buffer("buckets", torch.zeros(2 * config.positions_max - 1, dtype=torch.int64))
        self.layers = nn.ModuleList(
            [DisentangledLayer(config, rows, c2p, p2c) for _ in range(config.layers)]
        )
        self.head = PoolerHead(config)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        if self.pad_to > ids.size(1):
            ids = F.pad(ids, [0, self.pad_to - ids.size(1)])
        width = ids.size(1)
        position = torch.arange(width, device=ids.device)
        real = position.unsqueeze(0) < lengths.unsqueeze(1)
        ids = ids.masked_fill(~real, self.pad_id)
        hidden = self.words(ids) + self.token_type
        if self.positions is not None:
            hidden = hidden + self.positions(position)
        if self.projection is not None:
            hidden = self.projection(hidden)
        hidden = self.norm(hidden)
        distance = position.unsqueeze(1) - position.unsqueeze(0) + (self.buckets.size(0) // 2)
        rows = self.buckets.index_select(0, distance.reshape(-1)).view(width, width)
        keys = real.unsqueeze(1).unsqueeze(1)
        for layer in self.layers:
            hidden = layer(hidden, rows, keys)
        return self.head(hidden, lengths)


class _Settings:
    """What of config.json is DeBERTa's own. Refuses by name what is not rebuilt."""

    def __init__(self, config: dict, source: str, positions: int, hidden: int) -> None:
        if not config.get("relative_attention", False):
            raise ExportError(f"{source}: relative_attention is false; only DeBERTa with it is rebuilt")
        if config.get("conv_kernel_size", 0) > 0:
            raise ExportError(
                f"{source}: conv_kernel_size is {config['conv_kernel_size']}; a DeBERTa with a "
                "convolution is not rebuilt. Trace it to TorchScript with (ids, mask) and export that file"
            )
        kinds = config.get("pos_att_type") or []
        kinds = kinds.lower().split("|") if isinstance(kinds, str) else kinds
        self.c2p, self.p2c = ("c2p" in map(str.strip, kinds)), ("p2c" in map(str.strip, kinds))
        if not (self.c2p or self.p2c) or config.get("attention_head_size"):
            raise ExportError(
                f"{source}: pos_att_type is {kinds}, attention_head_size "
                f"{config.get('attention_head_size')}; rebuilt are c2p, p2c and both, with heads that "
                "share the hidden size"
            )
        self.shared = bool(config.get("share_att_key", False))
        self.distance_max = int(config.get("max_relative_positions", -1))
        self.distance_max = self.distance_max if self.distance_max > 0 else positions
        buckets = int(config.get("position_buckets", -1))
        self.by_logarithm = buckets > 0
        self.span = buckets if self.by_logarithm else self.distance_max
        self.normed = "layer_norm" in str(config.get("norm_rel_ebd", "none")).lower()
        self.embedding = int(config.get("embedding_size", hidden))
        self.typed = int(config.get("type_vocab_size", 0)) > 0
        self.placed = bool(config.get("position_biased_input", True))
        self.head = config.get("pooler_hidden_act", "gelu")
        if self.head not in HEAD_ACTIVATIONS:
            raise ExportError(
                f"{source}: pooler_hidden_act is {self.head!r}; rebuilt are {', '.join(HEAD_ACTIVATIONS)}"
            )


def deberta_classifier(
    weights: Weights, config: dict, source: str, pad_to: int
) -> Deberta:
    """DebertaV2ForSequenceClassification."""
    settings = EncoderSettings.read(config, source, FAMILIES["deberta-v2"])
    own = _Settings(config, source, settings.positions_max, settings.hidden)
    made = ClassifierConfig(
        vocab_size=settings.vocab_size,
        labels=weights.take("classifier.weight").size(0),
        layers=settings.layers,
        hidden=settings.hidden,
        heads=settings.heads,
        intermediate=settings.intermediate,
        positions_max=settings.positions_max,
        activation=ACTIVATIONS[settings.activation],
        layer_norm_eps=settings.layer_norm_eps,
        head="pooler",
        head_activation=own.head,
        embedding=own.embedding,
        pad_to=pad_to,
        pad_id=settings.pad_id,
    )
    return load_into(
        lambda: Deberta(made, 2 * own.span, own.c2p, own.p2c, own.placed),
        lambda: _state(weights, settings, own),
        weights.source,
    )


def _state(weights: Weights, settings: EncoderSettings, own: _Settings) -> dict[str, Tensor]:
    table = "deberta.embeddings."
    state = {
        "words.weight": weights.take(table + "word_embeddings.weight"),
        "token_type": torch.zeros(own.embedding),
        "buckets": buckets_of(
            settings.positions_max, own.span, own.distance_max, own.by_logarithm
        ),
        **weights.linear(table + "LayerNorm", "norm"),
        **weights.linear("pooler.dense", "head.pooler"),
        **weights.linear("classifier", "head.fc"),
    }
    if own.placed:
        state["positions.weight"] = weights.take(table + "position_embeddings.weight")
    if own.typed:
        state["token_type"] = weights.take(table + "token_type_embeddings.weight")[0]
    if own.embedding != settings.hidden:
        state["projection.weight"] = weights.take(table + "embed_proj.weight")
    distances = weights.take("deberta.encoder.rel_embeddings.weight")[: 2 * own.span]
    if own.normed:
        norm = weights.linear("deberta.encoder.LayerNorm", "norm")
        distances = F.layer_norm(
            distances,
            [settings.hidden],
            norm["norm.weight"],
            norm["norm.bias"],
            settings.layer_norm_eps,
        )
    for index in range(settings.layers):
        state |= _layer_state(weights, settings, own, distances, index)
    return state


def _layer_state(
    weights: Weights, settings: EncoderSettings, own: _Settings, distances: Tensor, index: int
) -> dict[str, Tensor]:
    source, target = f"deberta.encoder.layer.{index}.", f"layers.{index}."
    attention = source + "attention.self."
    size = settings.hidden // settings.heads
    # Attention divides by sqrt(size); the rest of the scale goes into the queries.
    rest = 1.0 / math.sqrt(1 + own.c2p + own.p2c)
    state = {}
    for part in ("weight", "bias"):
        query, key, value = (
            weights.take(f"{attention}{name}.{part}") for name in ("query_proj", "key_proj", "value_proj")
        )
        state[f"{target}qkv.{part}"] = torch.cat([query * rest, key, value])
    for module, name in BERT_LAYER.items():
        if module != "qkv":
            state |= weights.linear(source + name, target + module)

    def projected(own_name: str, shared_name: str) -> Tensor:
        name = attention + (shared_name if own.shared else own_name)
        rows = F.linear(distances, weights.take(f"{name}.weight"), weights.take(f"{name}.bias"))
        return rows.view(-1, settings.heads, size) / math.sqrt(size)

    if own.c2p:
        rows = projected("pos_key_proj", "key_proj")
        for head in range(settings.heads):
            state[f"{target}key_table.{head}.weight"] = rows[:, head].contiguous()
    if own.p2c:
        rows = projected("pos_query_proj", "query_proj") * rest
        for head in range(settings.heads):
            state[f"{target}query_table.{head}.weight"] = rows[:, head].contiguous()
    return state
