"""ModernBERT: norms before each part, rotated positions, gated feed-forward steps, windows in most layers.

    model = modern_classifier(weights, config, "my-modernbert", pad_to=0)
    logits = model(ids, lengths)
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .classifier import TextModel, activated, output_layer
from .conversion import Weights, load_into
from .families import ACTIVATIONS
from .measure import ExportError
from .published import published_config

# Added to scores outside of a window: large enough to leave nothing, small enough for fp16. Not infinite,
# because padding far behind an article has no key at all in its window.
OUTSIDE = -30000.0


@dataclass
class ModernConfig:
    vocab_size: int
    labels: int
    hidden: int
    heads: int
    intermediate: int
    local: list[bool]  # for each layer: attention within the window only
    window: int  # positions to either side
    positions_max: int
    activation: str
    head_activation: str
    norm_eps: float
    norm_bias: bool
    attention_bias: bool
    mlp_bias: bool
    head_bias: bool
    mean: bool  # the head reads the mean of all positions, not the first
    pad_to: int
    pad_id: int


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    half = x.size(3) // 2
    turned = torch.cat([-x[:, :, :, half:], x[:, :, :, :half]], dim=3)
    return x * cosine + turned * sine


class ModernLayer(nn.Module):
    """`masks`: of layers that are not local and of those that are; `turns` [2, 2, S, size]: for both, the
    cosines and sines of each position."""

    heads: Final[int]
    activation: Final[str]
    local: Final[bool]

    def __init__(self, config: ModernConfig, index: int) -> None:
        super().__init__()
        self.heads, self.activation = config.heads, config.activation
        self.local = config.local[index]
        hidden, inner = config.hidden, config.intermediate
        # The first layer reads what the embeddings have normed.
        self.attention_norm = _norm(config) if index > 0 else nn.Identity()
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=config.attention_bias)
        self.attention_output = nn.Linear(hidden, hidden, bias=config.attention_bias)
        self.norm = _norm(config)
        self.inner = nn.Linear(hidden, inner, bias=config.mlp_bias)
        self.gate = nn.Linear(hidden, inner, bias=config.mlp_bias)
        self.output = nn.Linear(inner, hidden, bias=config.mlp_bias)

    def forward(self, hidden: Tensor, everywhere: Tensor, near: Tensor, turns: Tensor) -> Tensor:
        count, width, size = hidden.size(0), hidden.size(1), hidden.size(2)
        qkv = self.qkv(self.attention_norm(hidden))
        qkv = qkv.view(count, width, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        mask = near if self.local else everywhere
        turn = turns[1] if self.local else turns[0]
        query, key = rotated(qkv[0], turn[0], turn[1]), rotated(qkv[1], turn[0], turn[1])
        context = F.scaled_dot_product_attention(query, key, qkv[2], attn_mask=mask)
        hidden = hidden + self.attention_output(context.transpose(1, 2).reshape(count, width, size))
        normed = self.norm(hidden)
        return hidden + self.output(activated(self.inner(normed), self.activation) * self.gate(normed))


def _norm(config: ModernConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.hidden, eps=config.norm_eps, bias=config.norm_bias)


class ModernBert(TextModel):
    """forward(ids int64 [B, S], lengths int64 [B]) -> logits float32 [B, labels]."""

    pad_to: Final[int]
    pad_id: Final[int]
    window: Final[int]
    outside: Final[float]
    mean: Final[bool]
    head_activation: Final[str]

    def __init__(self, config: ModernConfig) -> None:
        super().__init__()
        self.config = config
        self.pad_to, self.pad_id, self.mean = config.pad_to, config.pad_id, config.mean
        self.window, self.outside = config.window, OUTSIDE
        self.head_activation = config.head_activation
        self.words = nn.Embedding(config.vocab_size, config.hidden)
        self.embedding_norm = _norm(config)
        size = config.hidden // config.heads
        self.turns = nn.Parameter(torch.zeros(2, 2, config.positions_max, size))
        self.layers = nn.ModuleList([ModernLayer(config, i) for i in range(len(config.local))])
        self.norm = _norm(config)
        self.dense = nn.Linear(config.hidden, config.hidden, bias=config.head_bias)
        self.dense_norm = _norm(config)
        self.fc = nn.Linear(config.hidden, config.labels)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        if self.pad_to > ids.size(1):
            ids = F.pad(ids, [0, self.pad_to - ids.size(1)])
        position = torch.arange(ids.size(1), device=ids.device)
        real = position.unsqueeze(0) < lengths.unsqueeze(1)
        ids = ids.masked_fill(~real, self.pad_id)
        hidden = self.embedding_norm(self.words(ids))
        keys = real.unsqueeze(1).unsqueeze(1)
        low = position.unsqueeze(1) - self.window
        inside = (position.unsqueeze(0) >= low).logical_and(position.unsqueeze(0) <= low + 2 * self.window)
        near = torch.zeros([1], dtype=hidden.dtype, device=ids.device).masked_fill(~inside, self.outside)
        near = near.unsqueeze(0).unsqueeze(0).masked_fill(~keys, float("-inf"))
        turns = self.turns[:, :, : ids.size(1)]
        for layer in self.layers:
            hidden = layer(hidden, keys, near, turns)
        hidden = self.norm(hidden)
        if self.mean:
            hidden = hidden.float().masked_fill(~real.unsqueeze(2), 0.0)
            pooled = (hidden.sum(dim=1) / lengths.unsqueeze(1).float()).to(self.dense.weight.dtype)
        else:
            pooled = hidden[:, 0]
        pooled = self.dense_norm(activated(self.dense(pooled), self.head_activation))
        return output_layer(pooled, self.fc.weight, self.fc.bias)


def _activation(name: str, key: str, source: str) -> str:
    if name not in ACTIVATIONS:
        raise ExportError(f"{source}: {key} is {name!r}; rebuilt are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def _turns(settings: object, positions: int, source: str) -> Tensor:
    """Cosines and sines by position, for both kinds of layers."""
    size = settings.hidden_size // settings.num_attention_heads
    tables = []
    for kind in ("full_attention", "sliding_attention"):
        rope = settings.rope_parameters[kind] or {}
        if rope.get("rope_type", "default") != "default":
            raise ExportError(f"{source}: rope_type is {rope['rope_type']}; only default is rebuilt")
        theta = float(rope["rope_theta"])
        frequencies = 1.0 / (theta ** (torch.arange(0, size, 2, dtype=torch.float) / size))
        angles = torch.arange(positions).float().unsqueeze(1) * frequencies
        angles = torch.cat([angles, angles], dim=1)
        tables.append(torch.stack([angles.cos(), angles.sin()]))
    return torch.stack(tables)


def modern_classifier(weights: Weights, config: dict, source: str, pad_to: int) -> ModernBert:
    """ModernBertForSequenceClassification."""
    settings = published_config(config)  # older directories have other keys; transformers knows them
    turns = _turns(settings, settings.max_position_embeddings, source)
    if settings.classifier_pooling not in ("cls", "mean"):
        raise ExportError(f"{source}: classifier_pooling is {settings.classifier_pooling!r}")
    made = ModernConfig(
        vocab_size=settings.vocab_size,
        labels=weights.take("classifier.weight").size(0),
        hidden=settings.hidden_size,
        heads=settings.num_attention_heads,
        intermediate=settings.intermediate_size,
        local=[kind == "sliding_attention" for kind in settings.layer_types],
        window=settings.local_attention // 2,
        positions_max=settings.max_position_embeddings,
        activation=_activation(settings.hidden_activation, "hidden_activation", source),
        head_activation=_activation(settings.classifier_activation, "classifier_activation", source),
        norm_eps=settings.norm_eps,
        norm_bias=settings.norm_bias,
        attention_bias=settings.attention_bias,
        mlp_bias=settings.mlp_bias,
        head_bias=settings.classifier_bias,
        mean=settings.classifier_pooling == "mean",
        pad_to=pad_to,
        pad_id=settings.pad_token_id or 0,
    )
    return load_into(lambda: ModernBert(made), lambda: _state(weights, made, turns), weights.source)


def _state(weights: Weights, config: ModernConfig, turns: Tensor) -> dict[str, Tensor]:
    def layer(source: str, target: str, bias: bool) -> dict[str, Tensor]:
        parts = ("weight", "bias") if bias else ("weight",)
        return {f"{target}.{part}": weights.take(f"{source}.{part}") for part in parts}

    norm = config.norm_bias
    state = {
        "words.weight": weights.take("model.embeddings.tok_embeddings.weight"),
        "turns": turns,
        **layer("model.embeddings.norm", "embedding_norm", norm),
        **layer("model.final_norm", "norm", norm),
        **layer("head.dense", "dense", config.head_bias),
        **layer("head.norm", "dense_norm", norm),
        **layer("classifier", "fc", True),
    }
    for index in range(len(config.local)):
        source, target = f"model.layers.{index}.", f"layers.{index}."
        if index > 0:
            state |= layer(source + "attn_norm", target + "attention_norm", norm)
        state |= layer(source + "attn.Wqkv", target + "qkv", config.attention_bias)
        state |= layer(source + "attn.Wo", target + "attention_output", config.attention_bias)
        state |= layer(source + "mlp_norm", target + "norm", norm)
        state |= layer(source + "mlp.Wo", target + "output", config.mlp_bias)
        for name, tensor in layer(source + "mlp.Wi", "both", config.mlp_bias).items():
            part = name.removeprefix("both.")
            state[f"{target}inner.{part}"], state[f"{target}gate.{part}"] = tensor.chunk(2)
    return state
