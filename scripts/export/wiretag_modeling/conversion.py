"""From the weights of a published BERT to the Classifier, and the published model to compare with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .classifier import Classifier, ClassifierConfig
from .measure import ExportError

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}


# Others need a scale beside them.
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


@dataclass
class BertSettings:
    """What config.json, or the config object of a pickled BertModel, says that matters."""

    vocab_size: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions_max: int
    token_types: int
    activation: str
    layer_norm_eps: float
    pad_id: int

    @classmethod
    def read(cls, config: dict, source: str) -> "BertSettings":
        kind = config.get("model_type", "bert")
        if kind != "bert":
            raise ExportError(
                f"{source} is a {kind} model; only BERT is rebuilt. Trace it to TorchScript with "
                "(ids, mask) and export that file"
            )
        position = config.get("position_embedding_type", "absolute")
        if position != "absolute" or config.get("is_decoder") or config.get("add_cross_attention"):
            raise ExportError(
                f"{source}: only an encoder with absolute positions is rebuilt, this one has "
                f"positions {position}, is_decoder {bool(config.get('is_decoder'))}"
            )
        activation = config.get("hidden_act", "gelu")
        if activation not in ACTIVATIONS:
            raise ExportError(
                f"{source}: the activation {activation!r} is not one of {', '.join(ACTIVATIONS)}"
            )
        try:
            settings = cls(
                vocab_size=int(config["vocab_size"]),
                hidden=int(config["hidden_size"]),
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                intermediate=int(config["intermediate_size"]),
                positions_max=int(config["max_position_embeddings"]),
                token_types=int(config.get("type_vocab_size", 2)),
                activation=activation,
                layer_norm_eps=float(config.get("layer_norm_eps", 1e-12)),
                pad_id=int(config.get("pad_token_id") or 0),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ExportError(f"{source}: the BERT settings lack or garble {error}") from error
        settings._check(source)
        return settings

    def _check(self, source: str) -> None:
        sizes = ("vocab_size", "hidden", "layers", "heads", "intermediate", "positions_max")
        for name in (*sizes, "token_types"):
            if getattr(self, name) <= 0:
                raise ExportError(f"{source}: the BERT settings say {name} {getattr(self, name)}")
        if self.hidden % self.heads != 0:
            raise ExportError(
                f"{source}: the BERT settings say hidden size {self.hidden}, which is not a multiple "
                f"of its {self.heads} heads"
            )


class Weights:
    """Takes tensors by name, and names what is missing or no weight."""

    def __init__(self, tensors: dict[str, Tensor], source: str) -> None:
        # Checkpoints converted from TensorFlow have the older names of LayerNorm.
        self.tensors = {
            name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
                "LayerNorm.beta", "LayerNorm.bias"
            ): tensor
            for name, tensor in tensors.items()
        }
        self.source = source

    def take(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise ExportError(
                f"{self.source} has no tensor {name}; it has {len(self.tensors)}, such as "
                f"{', '.join(list(self.tensors)[:3]) or 'none'}"
            )
        tensor = self.tensors[name]
        if tensor.dtype not in FLOATS:
            raise ExportError(
                f"{self.source}: the tensor {name} is {tensor.dtype}, as of a quantized model, whose "
                "scales are not read; export the model that it was made from"
            )
        return tensor.float()

    def linear(self, source: str, target: str) -> dict[str, Tensor]:
        return {f"{target}.{part}": self.take(f"{source}.{part}") for part in ("weight", "bias")}


def _encoder_state(weights: Weights, settings: BertSettings) -> dict[str, Tensor]:
    table = "bert.embeddings."
    state = {
        "words.weight": weights.take(table + "word_embeddings.weight"),
        "positions.weight": weights.take(table + "position_embeddings.weight")
        + weights.take(table + "token_type_embeddings.weight")[0],
        **weights.linear(table + "LayerNorm", "norm"),
    }
    for index in range(settings.layers):
        source, target = f"bert.encoder.layer.{index}.", f"layers.{index}."
        for part in ("weight", "bias"):
            state[f"{target}qkv.{part}"] = torch.cat(
                [
                    weights.take(f"{source}attention.self.{name}.{part}")
                    for name in ("query", "key", "value")
                ]
            )
        state |= weights.linear(source + "attention.output.dense", target + "attention_output")
        state |= weights.linear(source + "attention.output.LayerNorm", target + "attention_norm")
        state |= weights.linear(source + "intermediate.dense", target + "intermediate")
        state |= weights.linear(source + "output.dense", target + "output")
        state |= weights.linear(source + "output.LayerNorm", target + "output_norm")
    return state


def _lstm_state(weights: Weights, layers: int) -> dict[str, Tensor]:
    state = {}
    for index in range(layers):
        for suffix, direction in (("", "ahead"), ("_reverse", "back")):
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                state[f"head.lstm.{index}.{direction}.{part}"] = weights.take(
                    f"lstm.{part}_l{index}{suffix}"
                )
    return state


def _load(
    config: ClassifierConfig, state: Callable[[], dict[str, Tensor]], source: str
) -> Classifier:
    # Its random initial weights would take seconds and be thrown away.
    with torch.device("meta"):
        model = Classifier(config)
    try:
        model.load_state_dict(state(), strict=True, assign=True)
    except RuntimeError as error:
        raise ExportError(
            f"{source}: the tensors do not have the sizes that its settings say: "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error
    return model.eval()


def bilstm_classifier(
    weights: Weights, settings: BertSettings, lstm_layers: int, pad_to: int
) -> Classifier:
    """The published BiLSTMClassifier: bert, lstm, mean over time, fc."""
    fc = weights.take("fc.weight")
    config = ClassifierConfig(
        vocab_size=settings.vocab_size,
        labels=fc.size(0),
        layers=settings.layers,
        hidden=settings.hidden,
        heads=settings.heads,
        intermediate=settings.intermediate,
        positions_max=settings.positions_max,
        lstm_hidden=fc.size(1) // 2,
        lstm_layers=lstm_layers,
        activation=ACTIVATIONS[settings.activation],
        layer_norm_eps=settings.layer_norm_eps,
        pad_to=pad_to,
        pad_id=settings.pad_id,
    )
    return _load(
        config,
        lambda: _encoder_state(weights, settings)
        | _lstm_state(weights, lstm_layers)
        | weights.linear("fc", "head.fc"),
        weights.source,
    )


def pooler_classifier(weights: Weights, settings: BertSettings, pad_to: int) -> Classifier:
    """BertForSequenceClassification: a tanh layer on [CLS], then a linear layer."""
    config = ClassifierConfig(
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
        pad_to=pad_to,
        pad_id=settings.pad_id,
    )
    return _load(
        config,
        lambda: _encoder_state(weights, settings)
        | weights.linear("bert.pooler.dense", "head.pooler")
        | weights.linear("classifier", "head.fc"),
        weights.source,
    )


# --- the source models, as published ----------------------------------------------------------


class PublishedBiLstm(nn.Module):
    """Transformers' BertModel and torch's own LSTM, one text at a time, as its authors run it."""

    def __init__(self, weights: Weights, settings: BertSettings, lstm: nn.LSTM, pad_to: int):
        super().__init__()
        self.bert = _published_bert(settings, "BertModel")
        self.lstm = lstm
        fc = weights.take("fc.weight")
        self.fc = nn.Linear(fc.size(1), fc.size(0))
        self.pad_to, self.pad_id = pad_to, settings.pad_id
        _adopt(self, weights)

    def forward(self, row: Sequence[int]) -> Tensor:
        ids, mask = padded_alone(row, self.pad_to, self.pad_id)
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.fc(self.lstm(hidden)[0].mean(dim=1))


class PublishedPooler(nn.Module):
    """Transformers' BertForSequenceClassification, one text at a time."""

    def __init__(self, weights: Weights, settings: BertSettings, pad_to: int):
        super().__init__()
        labels = weights.take("classifier.weight").size(0)
        self.model = _published_bert(settings, "BertForSequenceClassification", num_labels=labels)
        self.pad_to, self.pad_id = pad_to, settings.pad_id
        _adopt(self.model, weights)
        self.eval()

    def forward(self, row: Sequence[int]) -> Tensor:
        ids, mask = padded_alone(row, self.pad_to, self.pad_id)
        return self.model(input_ids=ids, attention_mask=mask).logits


def padded_alone(row: Sequence[int], pad_to: int, pad_id: int) -> tuple[Tensor, Tensor]:
    """ids and mask [1, S] of one text; S is its length, or pad_to."""
    ids = F.pad(torch.tensor([list(row)]), [0, max(0, pad_to - len(row))], value=pad_id)
    return ids, (torch.arange(ids.size(1)) < len(row)).long().unsqueeze(0)


def _published_bert(settings: BertSettings, kind: str, **more: int) -> nn.Module:
    import transformers

    config = transformers.BertConfig(
        vocab_size=settings.vocab_size,
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.intermediate,
        max_position_embeddings=settings.positions_max,
        type_vocab_size=settings.token_types,
        hidden_act=settings.activation,
        layer_norm_eps=settings.layer_norm_eps,
        pad_token_id=settings.pad_id,
        attn_implementation="eager",
        **more,
    )
    return getattr(transformers, kind)(config)


def _adopt(model: nn.Module, weights: Weights) -> None:
    """Gives a published model the tensors of the checkpoint, without a copy."""
    wanted = model.state_dict()
    missing = [
        name
        for name in wanted
        if name not in weights.tensors and not name.startswith("bert.pooler.")
    ]
    if missing:
        raise ExportError(f"{weights.source} has no tensor {missing[0]}")
    model.load_state_dict(
        {name: weights.take(name) for name in wanted if name in weights.tensors},
        strict=False,
        assign=True,
    )
    model.eval()
