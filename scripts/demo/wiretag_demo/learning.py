"""Learning: batches of variants and collages, two stages, averaging of weights, measuring."""

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wiretag_modeling.classifier import Classifier, ClassifierConfig

from .augment import collage, variant
from .report import Progress
from .teacher import Teacher
from .texts import CATEGORIES, Text
from .vocabulary import DroppingEncoder, Vocabulary

LABEL_OF = {category: index for index, category in enumerate(CATEGORIES)}


@dataclass
class Recipe:
    encoder_epochs: int = 16  # without the LSTM: three times as fast
    epochs: int = 4  # the whole model
    batch: int = 32
    tokens_max: int = 128  # of a training variant; the model itself reads up to its positions
    encoder_rate: float = 3e-3
    rate: float = 1.5e-3
    weight_decay: float = 0.05
    collages: int = 2  # for each text, in each epoch
    teacher_weight: float = 0.3  # of the teacher's opinion beside a text's own category
    dropout: float = 0.2
    match_drop: float = 0.1
    mask: float = 0.15  # share of tokens hidden
    average_share: float = 0.3  # weights are averaged over this last share of the steps


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
    return ids, lengths


class Lessons:
    """Endless fresh variants and collages of the training texts, in batches of similar length."""

    def __init__(self, texts: list[Text], encoder: DroppingEncoder, recipe: Recipe, seed: int):
        self.texts, self.encoder, self.recipe = texts, encoder, recipe
        self.rng = random.Random(seed)
        self.teacher = Teacher(texts)
        self.all = [text.text for text in texts]
        self.by_category = {
            category: [text.text for text in texts if text.category == category]
            for category in CATEGORIES
        }

    def _row(self, text: str, target: list[float]) -> tuple[list[int], list[float]]:
        recipe = self.recipe
        return self.encoder.encode(text, recipe.tokens_max, recipe.match_drop, self.rng), target

    def epoch(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(ids, lengths, target probabilities) batches that hold every text once."""
        rows = []
        weight = self.recipe.teacher_weight
        for text in self.texts:
            changed = variant(text.text, self.by_category[text.category], self.rng)
            target = [weight * p for p in self.teacher.probabilities(changed)]
            target[LABEL_OF[text.category]] += 1.0 - weight
            rows.append(self._row(changed, target))
            for _ in range(self.recipe.collages):
                mixed = collage(self.all, self.rng)
                rows.append(self._row(mixed, self.teacher.probabilities(mixed)))
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
        rows = len(self.texts) * (1 + self.recipe.collages)
        whole, rest = divmod(rows, 8 * self.recipe.batch)
        return 8 * whole + -(-rest // self.recipe.batch)


class EncoderWithMean(nn.Module):
    """The classifier's encoder under a mean and a linear layer: what the first stage trains."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model
        self.fc = nn.Linear(model.config.hidden, model.config.labels)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        model = self.model
        position = torch.arange(ids.size(1))
        real = position.unsqueeze(0) < lengths.unsqueeze(1)
        hidden = model.norm(model.words(ids) + model.positions(position))
        hidden = F.dropout(hidden, model.dropout, self.training)
        for layer in model.layers:
            hidden = layer(hidden, real.unsqueeze(1).unsqueeze(1))
        hidden = hidden.masked_fill(~real.unsqueeze(2), 0.0)
        mean = hidden.sum(dim=1) / lengths.unsqueeze(1).float()
        return self.fc(F.dropout(mean, model.dropout, self.training))


def fit(
    title: str, model: nn.Module, lessons: Lessons, epochs: int, rate: float, mask_id: int
) -> None:
    """Trains `model` in place and leaves it with the average of its last weights, in eval mode."""
    recipe = lessons.recipe
    steps = epochs * lessons.steps_per_epoch()
    if steps == 0:
        return
    learning = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learning if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learning if p.dim() <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=steps, pct_start=0.15
    )
    averaged = copy.deepcopy(model)
    taken = 0
    progress = Progress(title, steps)
    model.train()
    for _ in range(epochs):
        for ids, lengths, targets in lessons.epoch():
            # Hidden tokens: no word may be needed. Special tokens come first, [MASK] the last.
            hidden = (torch.rand(ids.shape) < recipe.mask) & (ids > mask_id)
            loss = F.cross_entropy(model(ids.masked_fill(hidden, mask_id), lengths), targets)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            schedule.step()
            progress.step(f"loss {loss.item():.2f}")
            if progress.done > steps * (1 - recipe.average_share):
                taken += 1
                with torch.no_grad():
                    for mean, now in zip(averaged.parameters(), model.parameters(), strict=True):
                        mean.lerp_(now, 1.0 / taken)
    model.load_state_dict(averaged.state_dict())
    model.eval()


def new_model(vocab_size: int, dropout: float) -> Classifier:
    """Small enough for a bundle that is kept in the repository; most of it is the word table."""
    model = Classifier(
        ClassifierConfig(
            vocab_size=vocab_size,
            labels=len(CATEGORIES),
            layers=2,
            hidden=96,
            heads=4,
            intermediate=384,
            lstm_hidden=64,
            dropout=dropout,
        )
    )
    # Texts longer than the training's meet positions that never learned: those add nothing.
    nn.init.zeros_(model.positions.weight)
    return model


def fit_in_stages(model: Classifier, lessons: Lessons, vocabulary: Vocabulary) -> None:
    """Trains the encoder, then the whole; every token then gets the row its canonical twin learned."""
    recipe = lessons.recipe
    mask_id = vocabulary.tokens.index("[MASK]")
    encoder = EncoderWithMean(model)
    fit("encoder", encoder, lessons, recipe.encoder_epochs, recipe.encoder_rate, mask_id)
    fit("whole", model, lessons, recipe.epochs, recipe.rate, mask_id)
    with torch.no_grad():
        model.words.weight.copy_(model.words.weight[torch.tensor(vocabulary.twin_of)])


def predict(model: nn.Module, rows: Sequence[Sequence[int]]) -> Tensor:
    """Logits of each row of ids, in order; every row alone, as the worker's promise allows."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(*pad([row])) for row in rows])
