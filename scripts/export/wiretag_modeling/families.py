"""The families of encoders that a Hugging Face directory may hold: their settings, and where their weights are.

    family = family_of(config, "my-bert/config.json")     # by model_type
    settings = EncoderSettings.read(config, "my-bert", family)

They are one encoder under several names. What differs is written down here, as data: the names of settings and
tensors, the first position, whether there are token types, and the activation of the head.
"""

import json
from dataclasses import dataclass, field

from .measure import ExportError

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
TO_TORCHSCRIPT = "Trace the model to TorchScript with (ids, mask) and export that file"

# Modules of classifier.EncoderLayer and where a BERT layer has their weights; qkv has three.
BERT_LAYER = {
    "qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attention_output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "intermediate": "intermediate.dense",
    "output": "output.dense",
    "output_norm": "output.LayerNorm",
}
DISTILBERT_LAYER = {
    "qkv": ("attention.q_lin", "attention.k_lin", "attention.v_lin"),
    "attention_output": "attention.out_lin",
    "attention_norm": "sa_layer_norm",
    "intermediate": "ffn.lin1",
    "output": "ffn.lin2",
    "output_norm": "output_layer_norm",
}
MPNET_LAYER = BERT_LAYER | {
    "qkv": ("attention.attn.q", "attention.attn.k", "attention.attn.v"),
    "attention_output": "attention.attn.o",
    "attention_norm": "attention.LayerNorm",
}
DISTILBERT_KEYS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
}


@dataclass(frozen=True)
class Family:
    """One model_type. The defaults are BERT's."""

    architecture: str  # the class of the sequence classification
    base: str = "bert."  # in front of the encoder's tensors
    layers: str = "encoder.layer."
    layer: dict = field(default_factory=lambda: BERT_LAYER)
    keys: dict = field(default_factory=dict)  # settings that have another name
    head: tuple[str, str] = ("classifier.dense", "classifier.out_proj")
    head_activation: str = "tanh"
    pad_id: int = 0  # where config.json has none
    # A token that has its own row of the position table and is not counted; the first position is the
    # next row. None: there is none. "pad": the padding.
    unplaced: int | str | None = None
    token_types: bool = True
    layer_norm_eps: float | None = None  # None: a setting
    own_embedding_size: bool = False  # embedding_size, with a projection where it differs
    relative_bias: bool = False  # scores depend on the distance too


def _roberta(name: str) -> Family:
    return Family(f"{name}ForSequenceClassification", "roberta.", pad_id=1, unplaced="pad")


FAMILIES = {
    "bert": Family("BertForSequenceClassification", head=("bert.pooler.dense", "classifier")),
    "roberta": _roberta("Roberta"),
    "xlm-roberta": _roberta("XLMRoberta"),
    "camembert": _roberta("Camembert"),
    "distilbert": Family(
        "DistilBertForSequenceClassification",
        "distilbert.",
        "transformer.layer.",
        DISTILBERT_LAYER,
        DISTILBERT_KEYS,
        head=("pre_classifier", "classifier"),
        head_activation="relu",
        token_types=False,
        layer_norm_eps=1e-12,
    ),
    "electra": Family(
        "ElectraForSequenceClassification",
        "electra.",
        head_activation="gelu",
        own_embedding_size=True,
    ),
    "mpnet": Family(
        "MPNetForSequenceClassification",
        "mpnet.",
        layer=MPNET_LAYER,
        pad_id=1,
        unplaced=1,
        token_types=False,
        relative_bias=True,
    ),
    # Rebuilt by deberta.py and modern.py.
    "deberta-v2": Family(
        "DebertaV2ForSequenceClassification",
        "deberta.",
        head=("pooler.dense", "classifier"),
        token_types=False,
    ),
    "modernbert": Family(
        "ModernBertForSequenceClassification", "model.", head=("head.dense", "classifier")
    ),
}


def family_of(config: dict, source: str) -> Family:
    """By model_type and architectures, which must agree: other heads have tensors of the same names."""
    kind = config.get("model_type", "bert")
    if kind not in FAMILIES:
        raise ExportError(
            f"{source}: model_type is {json.dumps(kind)}; rebuilt are {', '.join(FAMILIES)}. "
            f"{TO_TORCHSCRIPT}"
        )
    family = FAMILIES[kind]
    kinds = config.get("architectures") or [family.architecture]
    if kinds != [family.architecture]:
        raise ExportError(
            f"{source}: architectures is {json.dumps(kinds)}, and of {kind} only "
            f"{family.architecture} is rebuilt. {TO_TORCHSCRIPT}"
        )
    return family


@dataclass
class EncoderSettings:
    """What config.json, or the config object of a pickled BertModel, says that matters."""

    vocab_size: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    unplaced_id: int  # see classifier.ClassifierConfig
    positions_max: int  # of tokens that are counted
    token_types: int
    embedding: int
    activation: str
    layer_norm_eps: float
    pad_id: int

    @classmethod
    def read(
        cls, config: dict, source: str, family: Family = FAMILIES["bert"]
    ) -> "EncoderSettings":
        position = config.get("position_embedding_type", "absolute")
        if position != "absolute" or config.get("is_decoder") or config.get("add_cross_attention"):
            raise ExportError(
                f"{source}: only an encoder with absolute positions is rebuilt, this one has "
                f"position_embedding_type {position}, is_decoder {bool(config.get('is_decoder'))}"
            )

        def setting(name: str, default: object = None) -> object:
            for key in (family.keys.get(name, name), name):
                if key in config:
                    return config[key]
            if default is None:
                raise KeyError(name)
            return default

        activation = setting("hidden_act", "gelu")
        if activation not in ACTIVATIONS:
            raise ExportError(
                f"{source}: the activation {activation!r} is not one of {', '.join(ACTIVATIONS)}"
            )
        try:
            hidden, pad_id = int(setting("hidden_size")), config.get("pad_token_id", family.pad_id)
            pad_id = int(family.pad_id if pad_id is None else pad_id)
            epsilon = family.layer_norm_eps or float(setting("layer_norm_eps", 1e-12))
            unplaced = {None: -1, "pad": pad_id}.get(family.unplaced, family.unplaced)
            settings = cls(
                vocab_size=int(setting("vocab_size")),
                hidden=hidden,
                layers=int(setting("num_hidden_layers")),
                heads=int(setting("num_attention_heads")),
                intermediate=int(setting("intermediate_size")),
                unplaced_id=unplaced,
                positions_max=int(setting("max_position_embeddings")) - (unplaced + 1),
                token_types=int(setting("type_vocab_size", 2)) if family.token_types else 1,
                embedding=int(setting("embedding_size")) if family.own_embedding_size else hidden,
                activation=activation,
                layer_norm_eps=epsilon,
                pad_id=pad_id,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ExportError(f"{source}: the settings lack or garble {error}") from error
        settings._check(source)
        return settings

    def _check(self, source: str) -> None:
        sizes = ("vocab_size", "hidden", "layers", "heads", "intermediate", "positions_max")
        for name in (*sizes, "token_types", "embedding"):
            if getattr(self, name) <= 0:
                raise ExportError(f"{source}: the settings say {name} {getattr(self, name)}")
        if self.hidden % self.heads != 0:
            raise ExportError(
                f"{source}: the settings say hidden size {self.hidden}, which is not a multiple "
                f"of its {self.heads} heads"
            )
        if not 0 <= self.pad_id < self.vocab_size:
            raise ExportError(f"{source}: the settings say pad_token_id {self.pad_id}")
