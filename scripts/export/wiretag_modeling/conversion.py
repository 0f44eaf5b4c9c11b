"""From the weights of a published encoder to the Classifier."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .classifier import Classifier, ClassifierConfig, TextModel
from .directory_files import ADAPTER
from .families import ACTIVATIONS, FAMILIES, EncoderSettings, Family
from .measure import ExportError

# Others need a scale beside them.
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
# In front of the names of a model that was saved inside DataParallel, or compiled.
WRAPPERS = ("module.", "_orig_mod.")


def _own_name(name: str) -> str:
    """Checkpoints converted from TensorFlow have the older names of LayerNorm."""
    while name.startswith(WRAPPERS):
        name = name.partition(".")[2]
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
        "LayerNorm.beta", "LayerNorm.bias"
    )


class Weights:
    """Takes tensors by name, and names what is missing or no weight."""

    def __init__(self, tensors: dict[str, Tensor], source: str) -> None:
        self.tensors = {_own_name(name): tensor for name, tensor in tensors.items()}
        self.source = source

    def take(self, name: str) -> Tensor:
        if name not in self.tensors:
            adapted = any(n.startswith("base_model.") or ".lora_" in n for n in self.tensors)
            raise ExportError(
                f"{self.source} has no tensor {name}; it has {len(self.tensors)}, such as "
                f"{', '.join(list(self.tensors)[:3]) or 'none'}{'; ' + ADAPTER if adapted else ''}"
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


def _mpnet_buckets(positions: int) -> Tensor:
    """The row of MPNet's table for each distance of key and query, from 1 - positions on: exact up to 7,
    then by logarithm up to 128; transformers has the numbers in its code too."""
    distance = torch.arange(1 - positions, positions)
    far = distance.abs()
    steps = (far.float() / 8).log() / math.log(128 / 8) * 8
    bucket = torch.where(far < 8, far, torch.clamp(8 + steps.clamp(min=0).long(), max=15))
    return bucket + 16 * (distance > 0)


def _embeddings_state(
    weights: Weights, settings: EncoderSettings, family: Family
) -> dict[str, Tensor]:
    table = family.base + "embeddings."
    positions = weights.take(table + "position_embeddings.weight")[max(settings.unplaced_id, 0) :]
    if family.token_types:
        positions = positions + weights.take(table + "token_type_embeddings.weight")[0]
    state = {
        "words.weight": weights.take(table + "word_embeddings.weight"),
        "positions.weight": positions,
        **weights.linear(table + "LayerNorm", "norm"),
    }
    if settings.embedding != settings.hidden:
        state |= weights.linear(family.base + "embeddings_project", "projection")
    if family.relative_bias:
        name = family.base + "encoder.relative_attention_bias.weight"
        if weights.take(name).size(0) < 32:
            raise ExportError(f"{weights.source}: {name} has no row for each of 32 buckets")
        rows = weights.take(name)[_mpnet_buckets(settings.positions_max)]
        state["bias.table"] = rows.t().contiguous()
    return state


def _encoder_state(
    weights: Weights, settings: EncoderSettings, family: Family
) -> dict[str, Tensor]:
    state = _embeddings_state(weights, settings, family)
    for index in range(settings.layers):
        source, target = f"{family.base}{family.layers}{index}.", f"layers.{index}."
        for module, names in family.layer.items():
            if module == "qkv":
                for part in ("weight", "bias"):
                    state[f"{target}qkv.{part}"] = torch.cat(
                        [weights.take(f"{source}{name}.{part}") for name in names]
                    )
            else:
                state |= weights.linear(source + names, target + module)
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


def load_into(
    make: Callable[[], TextModel], state: Callable[[], dict[str, Tensor]], source: str
) -> TextModel:
    """Makes the model and gives it the tensors of `state`, without a copy."""
    # Its random initial weights would take seconds and be thrown away.
    with torch.device("meta"):
        model = make()
    try:
        model.load_state_dict(state(), strict=True, assign=True)
    except RuntimeError as error:
        raise ExportError(
            f"{source}: the tensors do not have the sizes that its settings say: "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error
    return model.eval()


def _config(settings: EncoderSettings, labels: int, pad_to: int, **more: object) -> ClassifierConfig:
    return ClassifierConfig(
        vocab_size=settings.vocab_size,
        labels=labels,
        layers=settings.layers,
        hidden=settings.hidden,
        heads=settings.heads,
        intermediate=settings.intermediate,
        positions_max=settings.positions_max,
        activation=ACTIVATIONS[settings.activation],
        layer_norm_eps=settings.layer_norm_eps,
        pad_to=pad_to,
        pad_id=settings.pad_id,
        **more,
    )


def bilstm_classifier(
    weights: Weights, settings: EncoderSettings, lstm_layers: int, pad_to: int
) -> Classifier:
    """The published BiLSTMClassifier: bert, lstm, mean over time, fc."""
    fc = weights.take("fc.weight")
    config = _config(
        settings, fc.size(0), pad_to, lstm_hidden=fc.size(1) // 2, lstm_layers=lstm_layers
    )
    return load_into(
        lambda: Classifier(config),
        lambda: _encoder_state(weights, settings, FAMILIES["bert"])
        | _lstm_state(weights, lstm_layers)
        | weights.linear("fc", "head.fc"),
        weights.source,
    )


def sequence_classifier(
    weights: Weights, settings: EncoderSettings, family: Family, pad_to: int
) -> Classifier:
    """A sequence classification of transformers: a layer on the first token, then the logits."""
    dense, last = family.head
    config = _config(
        settings,
        weights.take(f"{last}.weight").size(0),
        pad_to,
        head="pooler",
        head_activation=family.head_activation,
        embedding=settings.embedding,
        unplaced_id=settings.unplaced_id,
        relative_bias=family.relative_bias,
    )
    return load_into(
        lambda: Classifier(config),
        lambda: _encoder_state(weights, settings, family)
        | weights.linear(dense, "head.pooler")
        | weights.linear(last, "head.fc"),
        weights.source,
    )
