"""Models that a user may bring as TorchScript."""

import torch
from torch import Tensor, nn


class MaskedMean(nn.Module):
    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 16)
        self.fc = nn.Linear(16, labels)

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.unsqueeze(2).to(self.words.weight.dtype)
        return self.fc((self.words(ids) * mask).sum(1) / mask.sum(1))


class LengthMean(nn.Module):
    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 16)
        self.fc = nn.Linear(16, labels)

    def forward(self, ids: Tensor, n: Tensor) -> Tensor:
        if n.dim() != 1:
            raise ValueError("n must be one number a row")
        real = (torch.arange(ids.size(1)).unsqueeze(0) < n.unsqueeze(1)).unsqueeze(2)
        total = (self.words(ids) * real.to(self.words.weight.dtype)).sum(1)
        return self.fc(total / n.unsqueeze(1))


class CarelessMean(nn.Module):
    """Ignores its mask, so that padding changes its logits."""

    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 16)
        self.fc = nn.Linear(16, labels)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.fc(self.words(ids).mean(1))


class Ambiguous(nn.Module):
    """Takes a second argument of any shape under a name that says nothing."""

    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 16)
        self.fc = nn.Linear(16, labels)

    def forward(self, ids: Tensor, other: Tensor) -> Tensor:
        return self.fc(self.words(ids).mean(1))


class ThreeInputs(Ambiguous):
    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:  # type: ignore
        return self.fc(self.words(ids).mean(1))


class ListOfInputs(Ambiguous):
    def forward(self, inputs: list[Tensor]) -> Tensor:  # type: ignore
        return self.fc(self.words(inputs[0]).mean(1))


class ListInTheSecondPlace(Ambiguous):
    def forward(self, ids: Tensor, lengths: list[Tensor]) -> Tensor:  # type: ignore
        return self.fc(self.words(ids).mean(1)) + lengths[0].sum()


class GivesNan(Ambiguous):
    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:  # type: ignore
        return self.fc(self.words(ids).mean(1)) / 0.0 * 0.0


class MeanOverBatch(MaskedMean):
    """What an article gets depends on its neighbours, also where none is padded."""

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.unsqueeze(2).to(self.words.weight.dtype)
        logits = self.fc((self.words(ids) * mask).sum(1) / mask.sum(1))
        return logits - 0.5 * logits.mean(0, keepdim=True)


class OneAtATime(MaskedMean):
    """Takes no batch, as what was traced with a single text may not."""

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.fc(self.words(ids.view(1, attention_mask.size(1))).mean(1))


class TokenTypesSecond(Ambiguous):
    def forward(self, input_ids: Tensor, token_type_ids: Tensor) -> Tensor:  # type: ignore
        return self.fc((self.words(input_ids) + token_type_ids.unsqueeze(2)).mean(1))


class OwnAttention(nn.Module):
    """Attention by plain products: an operator of libtorch stays in the graph."""

    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 48)
        self.query = nn.Linear(48, 48)
        self.key = nn.Linear(48, 48)
        self.fc = nn.Linear(48, labels)

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.words(ids)
        scores = torch.matmul(self.query(hidden), self.key(hidden).transpose(1, 2)) * 0.02
        scores = scores.masked_fill(attention_mask.unsqueeze(1) == 0, -1e9)
        return self.fc(torch.matmul(scores.softmax(-1), hidden)[:, 0])


class OneBias(nn.Module):
    """A linear layer whose bias is one number, spread over its outputs."""

    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 64)
        self.wide = nn.Linear(64, 4096)
        self.bias = nn.Parameter(torch.full((1,), 0.5))
        self.fc = nn.Linear(4096, labels)

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.unsqueeze(2).to(self.words.weight.dtype)
        mean = (self.words(ids) * mask).sum(1) / mask.sum(1)
        return self.fc(torch.tanh(nn.functional.linear(mean, self.wide.weight, self.bias)))


class NormOfScalarSum(nn.Module):
    """A layer norm of a linear layer and a number: what looks like a residual is none."""

    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 64)
        self.linear = nn.Linear(64, 64)
        self.norm = nn.LayerNorm(64)
        self.fc = nn.Linear(64, labels)

    def mean(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.unsqueeze(2).to(self.words.weight.dtype)
        return (self.words(ids) * mask).sum(1) / mask.sum(1)

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.fc(self.norm(self.linear(self.mean(ids, attention_mask)) + 1.0))


class ResidualInPlace(NormOfScalarSum):
    """What the linear layer read is written to before the norm of its sum is taken."""

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        mean = self.mean(ids, attention_mask)
        total = self.linear(mean) + mean
        mean.mul_(3.0)
        return self.fc(self.norm(total) + mean)


class ResidualInPlaceSometimes(NormOfScalarSum):
    """The same, within a branch."""

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        mean = self.mean(ids, attention_mask)
        total = self.linear(mean) + mean
        if ids.size(1) > 1:
            mean.mul_(3.0)
        return self.fc(self.norm(total) + mean)


class ManyLabels(nn.Module):
    """Its only product gives the logits: in no precision do they differ from fp32."""

    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 64)
        self.fc = nn.Linear(64, labels)

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.unsqueeze(2).to(self.words.weight.dtype)
        logits = self.fc((self.words(ids) * mask).sum(1) / mask.sum(1))
        if ids.size(1) > 2:
            logits = logits - logits.mean(1, keepdim=True)
        return logits


class Positions(nn.Module):
    """Knows 2,000 positions."""

    def __init__(self, tokens: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, 16)
        self.positions = nn.Embedding(2000, 16)
        self.fc = nn.Linear(16, labels)

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.words(ids) + self.positions(torch.arange(ids.size(1)))
        mask = attention_mask.unsqueeze(2).to(hidden.dtype)
        return self.fc((hidden * mask).sum(1) / mask.sum(1))
