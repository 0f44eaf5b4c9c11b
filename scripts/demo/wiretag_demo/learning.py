"""Learning the categories: variants, collages and passages of posts, two stages, averaging, measuring."""

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wiretag_modeling.classifier import Classifier, ClassifierConfig

from .augment import collage, decorate, passage, variant
from .encoding import encode_hidden, pad
from .posts import Post
from .report import Progress
from .teacher import Teacher
from .texts import CATEGORIES, Text
from .vocabulary import OPTIONS, DroppingEncoder

# A row as it is, the same decorated, and the target of both.
Pair = tuple[list[int], list[int], list[float]]
LABEL_OF = {category: index for index, category in enumerate(CATEGORIES)}


@dataclass
class Recipe:
    encoder_epochs: int = 5  # without the LSTM
    epochs: int = 3  # the whole model
    pairs: int = 32  # in a batch: each row as it is, and with emoji, links and footers put in
    tokens_max: int = 128  # of a training variant; the model itself reads up to its positions
    encoder_rate: float = 3e-3
    rate: float = 2e-3
    weight_decay: float = 0.05
    teacher_weight: float = 0.3  # of the teacher's opinion beside a text's own category
    pair_weight: float = 1.0  # of the difference within a pair
    dropout: float = 0.2
    match_drop: float = 0.1
    mask: float = 0.15  # share of tokens hidden
    average_share: float = 0.3  # weights are averaged over this last share of the steps


class Lessons:
    """Endless fresh variants, collages and passages of posts in pairs, in batches of similar length."""

    def __init__(
        self,
        texts: list[Text],
        posts: Sequence[Post],
        encoder: DroppingEncoder,
        recipe: Recipe,
        seed: int,
    ) -> None:
        self.texts, self.posts, self.encoder, self.recipe = texts, posts, encoder, recipe
        self.rng = random.Random(seed)
        self.teacher = Teacher(texts)
        self.all = [text.text for text in texts]
        self.by_category = {
            category: [text.text for text in texts if text.category == category]
            for category in CATEGORIES
        }

    def _pair(self, text: str, target: list[float]) -> Pair:
        recipe = self.recipe
        return (
            self.encoder.encode(text, recipe.tokens_max, recipe.match_drop, self.rng),
            self.encoder.encode(
                decorate(text, self.rng), recipe.tokens_max, recipe.match_drop, self.rng
            ),
            target,
        )

    def _of_many(self) -> str:
        """A text of no one category: a passage of a post or a collage."""
        if self.posts and self.rng.random() < 0.5:
            return passage(self.rng.choice(self.posts).text, self.rng)
        return collage(self.all, self.rng)

    def epoch(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(ids, lengths, target probabilities) batches that hold a variant of every text once.

        The first half of a batch's rows is as it is, the second the same, decorated: what is put in
        says nothing about the target.
        """
        pairs = []
        weight = self.recipe.teacher_weight
        for text in self.texts:
            changed = variant(text.text, self.by_category[text.category], self.rng)
            target = [weight * p for p in self.teacher.probabilities(changed)]
            target[LABEL_OF[text.category]] += 1.0 - weight
            pairs.append(self._pair(changed, target))
            mixed = self._of_many()
            pairs.append(self._pair(mixed, self.teacher.probabilities(mixed)))
        self.rng.shuffle(pairs)
        # Neighbours in length share a batch: less padding; chunks keep the batches mixed.
        size = self.recipe.pairs
        batches = []
        for start in range(0, len(pairs), 8 * size):
            part = sorted(pairs[start : start + 8 * size], key=lambda pair: len(pair[1]))
            batches += [part[i : i + size] for i in range(0, len(part), size)]
        self.rng.shuffle(batches)
        for batch in batches:
            ids, lengths = pad([pair[0] for pair in batch] + [pair[1] for pair in batch])
            yield ids, lengths, torch.tensor([pair[2] for pair in batch] * 2)

    def steps_per_epoch(self) -> int:
        whole, rest = divmod(2 * len(self.texts), 8 * self.recipe.pairs)
        return 8 * whole + -(-rest // self.recipe.pairs)


class EncoderWithMean(nn.Module):
    """The classifier's encoder under a mean and a linear layer: what the first stage trains."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model
        self.fc = nn.Linear(model.config.hidden, model.config.labels)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        hidden, real = encode_hidden(self.model, ids, lengths)
        hidden = hidden.masked_fill(~real.unsqueeze(2), 0.0)
        mean = hidden.sum(dim=1) / lengths.unsqueeze(1).float()
        return self.fc(F.dropout(mean, self.model.dropout, self.training))


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
            logits = model(ids.masked_fill(hidden, mask_id), lengths)
            plain, decorated = F.log_softmax(logits, dim=1).chunk(2)
            apart = F.kl_div(decorated, plain.detach(), log_target=True, reduction="batchmean")
            loss = F.cross_entropy(logits, targets) + recipe.pair_weight * apart
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


def grown(
    model: Classifier, tokens: Sequence[str], more: Sequence[str], dropout: float
) -> Classifier:
    """`model` with the vocabulary `more`, which holds all of `tokens`.

    A new token's row is the mean of the rows of the pieces that it was cut into before.
    """
    whole = new_model(len(more), dropout)
    encoder = DroppingEncoder(tokens, OPTIONS)
    cuts = [
        [encoder.ids[token]]
        if token in encoder.ids
        else encoder.pieces(token.removeprefix("##"), 0.0, random.Random(0))
        for token in more
    ]
    state = model.state_dict()
    rows = torch.stack([state["words.weight"][torch.tensor(cut)].mean(dim=0) for cut in cuts])
    whole.load_state_dict(state | {"words.weight": rows})
    return whole


def fit_in_stages(model: Classifier, lessons: Lessons, mask_id: int) -> None:
    """Trains the encoder, then the whole."""
    recipe = lessons.recipe
    encoder = EncoderWithMean(model)
    fit("encoder", encoder, lessons, recipe.encoder_epochs, recipe.encoder_rate, mask_id)
    fit("whole", model, lessons, recipe.epochs, recipe.rate, mask_id)


def predict(model: nn.Module, rows: Sequence[Sequence[int]]) -> Tensor:
    """Logits of each row of ids, in order; every row alone, as the worker's promise allows."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(*pad([row])) for row in rows])
