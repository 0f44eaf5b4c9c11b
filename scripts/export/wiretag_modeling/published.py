"""The models as their authors run them, by transformers and torch, to compare an export with."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .conversion import Weights
from .families import EncoderSettings
from .measure import ExportError

# Settings of config.json that say how to load, to train or to return, not what the model computes.
NOT_THE_MODEL = (
    "architectures",
    "attn_implementation",
    "auto_map",
    "chunk_size_feed_forward",
    "dtype",
    "id2label",
    "label2id",
    "model_type",
    "output_attentions",
    "output_hidden_states",
    "problem_type",
    "return_dict",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "use_cache",
    "use_return_dict",
)


def published_config(config: dict, **more: object) -> object:
    """The settings of a config.json as transformers understands them."""
    import transformers

    settings = {k: v for k, v in config.items() if k not in NOT_THE_MODEL}
    return transformers.AutoConfig.for_model(config.get("model_type", "bert"), **settings | more)


class PublishedBiLstm(nn.Module):
    """Transformers' BertModel and torch's own LSTM, one text at a time, as its authors run it."""

    def __init__(self, weights: Weights, settings: EncoderSettings, lstm: nn.LSTM, pad_to: int):
        super().__init__()
        self.bert = _published_bert(settings)
        self.lstm = lstm
        fc = weights.take("fc.weight")
        self.fc = nn.Linear(fc.size(1), fc.size(0))
        self.pad_to, self.pad_id = pad_to, settings.pad_id
        _adopt(self, weights)

    def forward(self, row: Sequence[int]) -> Tensor:
        ids, mask = padded_alone(row, self.pad_to, self.pad_id)
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.fc(self.lstm(hidden)[0].mean(dim=1))


class PublishedSequence(nn.Module):
    """Transformers' own sequence classification of a config.json, one text at a time."""

    def __init__(self, weights: Weights, config: dict, labels: int, pad_to: int, pad_id: int):
        super().__init__()
        import transformers

        made = published_config(config, num_labels=labels, attn_implementation="eager")
        kind = transformers.AutoModelForSequenceClassification
        self.model = kind.from_config(made, dtype=torch.float32)
        self.pad_to, self.pad_id = pad_to, pad_id
        _adopt(self.model, weights)

    def forward(self, row: Sequence[int]) -> Tensor:
        ids, mask = padded_alone(row, self.pad_to, self.pad_id)
        return self.model(input_ids=ids, attention_mask=mask).logits


def padded_alone(row: Sequence[int], pad_to: int, pad_id: int) -> tuple[Tensor, Tensor]:
    """ids and mask [1, S] of one text; S is its length, or pad_to."""
    ids = F.pad(torch.tensor([list(row)]), [0, max(0, pad_to - len(row))], value=pad_id)
    return ids, (torch.arange(ids.size(1)) < len(row)).long().unsqueeze(0)


def _published_bert(settings: EncoderSettings) -> nn.Module:
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
    )
    return transformers.BertModel(config)


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
