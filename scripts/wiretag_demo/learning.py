"""Learning: pretraining by masked words, training, averaging of weights, measuring."""

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wiretag_modeling.classifier import Classifier

from .augment import variant
from .report import Progress
from .texts import CATEGORIES, Text
from .vocabulary import DroppingEncoder

LABEL_OF = {category: index for index, category in enumerate(CATEGORIES)}


@dataclass
class Recipe:
    pretrain_epochs: int = 30
    epochs: int = 40
    batch: int = 32
    tokens_max: int = 160  # of a training variant; the model itself reads up to its positions
    pretrain_rate: float = 1.5e-3
    rate: float = 1.0e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    match_drop: float = 0.12
    mask: float = 0.12  # share of tokens hidden while training the classifier
    average_share: float = 0.3  # weights are averaged over this last share of the steps


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
    return ids, lengths


class Variants:
    """Endless fresh variants of the training texts, in batches of similar length."""

    def __init__(self, texts: list[Text], encoder: DroppingEncoder, recipe: Recipe, seed: int):
        self.texts, self.encoder, self.recipe = texts, encoder, recipe
        self.rng = random.Random(seed)
        self.by_category = {
            category: [text.text for text in texts if text.category == category]
            for category in CATEGORIES
        }

    def epoch(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(ids, lengths, labels) batches that hold every text once."""
        rows = []
        for text in self.texts:
            changed = variant(text.text, self.by_category[text.category], self.rng)
            ids = self.encoder.encode(
                changed, self.recipe.tokens_max, self.recipe.match_drop, self.rng
            )
            rows.append((ids, LABEL_OF[text.category]))
        self.rng.shuffle(rows)
        # Neighbours in length share a batch: less padding; chunks keep the batches mixed.
        chunk = 8 * self.recipe.batch
        batches = []
        for start in range(0, len(rows), chunk):
            part = sorted(rows[start : start + chunk], key=lambda row: len(row[0]))
            batches += [
                part[i : i + self.recipe.batch] for i in range(0, len(part), self.recipe.batch)
            ]
        self.rng.shuffle(batches)
        for batch in batches:
            ids, lengths = pad([row[0] for row in batch])
            yield ids, lengths, torch.tensor([row[1] for row in batch])

    def steps_per_epoch(self) -> int:
        chunk = 8 * self.recipe.batch
        whole, rest = divmod(len(self.texts), chunk)
        return 8 * whole + -(-rest // self.recipe.batch)


def encoder_states(model: Classifier, ids: Tensor, lengths: Tensor) -> Tensor:
    """What the classifier's head is given: the first half of Classifier.forward."""
    position = torch.arange(ids.size(1))
    keys = (position.unsqueeze(0) < lengths.unsqueeze(1)).unsqueeze(1).unsqueeze(1)
    hidden = model.norm(model.words(ids) + model.positions(position))
    hidden = F.dropout(hidden, model.dropout, model.training)
    for layer in model.layers:
        hidden = layer(hidden, keys)
    return hidden


def choose_tokens(ids: Tensor, share: float, mask_id: int) -> Tensor:
    """Bool: which tokens to hide; never the special ones, of which [MASK] is the last."""
    return (torch.rand(ids.shape) < share) & (ids > mask_id)


class MaskedWords(nn.Module):
    """The encoder with its own word table as the output layer: logits of the hidden tokens."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model
        self.bias = nn.Parameter(torch.zeros(model.words.num_embeddings))

    def forward(self, ids: Tensor, lengths: Tensor, hidden: Tensor) -> Tensor:
        states = encoder_states(self.model, ids, lengths)[hidden]
        return F.linear(states, self.model.words.weight, self.bias)


def optimizer_for(model: nn.Module, rate: float, weight_decay: float, steps: int):
    decayed = [p for p in model.parameters() if p.requires_grad and p.dim() > 1]
    others = [p for p in model.parameters() if p.requires_grad and p.dim() <= 1]
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=steps, pct_start=0.15
    )
    return optimizer, schedule


def update(model: nn.Module, loss: Tensor, optimizer, schedule) -> None:
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()


def pretrain(model: Classifier, variants: Variants, recipe: Recipe, mask_id: int) -> None:
    """Masked words: the encoder learns which words go together before it hears of categories."""
    steps = recipe.pretrain_epochs * variants.steps_per_epoch()
    if steps == 0:
        return
    guesser = MaskedWords(model)
    optimizer, schedule = optimizer_for(guesser, recipe.pretrain_rate, 0.01, steps)
    progress = Progress("pretrain", steps)
    guesser.train()
    for _ in range(recipe.pretrain_epochs):
        for ids, lengths, _ in variants.epoch():
            hidden = choose_tokens(ids, 0.2, mask_id)
            hidden[0, 1] = True
            guesses = guesser(ids.masked_fill(hidden, mask_id), lengths, hidden)
            loss = F.cross_entropy(guesses, ids[hidden])
            update(guesser, loss, optimizer, schedule)
            progress.step(f"loss {loss.item():.2f}")


def train(model: Classifier, variants: Variants, recipe: Recipe, mask_id: int) -> Classifier:
    """Trains `model` and returns the average of its last weights, in eval mode."""
    steps = recipe.epochs * variants.steps_per_epoch()
    optimizer, schedule = optimizer_for(model, recipe.rate, recipe.weight_decay, steps)
    averaged = copy.deepcopy(model)
    taken = 0
    progress = Progress("train", steps)
    model.train()
    for _ in range(recipe.epochs):
        for ids, lengths, labels in variants.epoch():
            ids = ids.masked_fill(choose_tokens(ids, recipe.mask, mask_id), mask_id)
            loss = F.cross_entropy(
                model(ids, lengths), labels, label_smoothing=recipe.label_smoothing
            )
            update(model, loss, optimizer, schedule)
            progress.step(f"loss {loss.item():.2f}")
            if progress.done > steps * (1 - recipe.average_share):
                taken += 1
                with torch.no_grad():
                    for mean, now in zip(averaged.parameters(), model.parameters(), strict=True):
                        mean.lerp_(now, 1.0 / taken)
    return averaged.eval()


def predict(model: Classifier, rows: Sequence[Sequence[int]]) -> Tensor:
    """Logits of each row of ids, in order; every row alone, as the worker's promise allows."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(*pad([row])) for row in rows])
