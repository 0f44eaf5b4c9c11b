"""Pre-training: the encoder learns to guess hidden words of real posts, and the posts' rough labels.

What it learns is which words keep company. The posts' own labels are of another scheme and often
wrong; guessing them beside the words makes the mean over a post say what the post is about.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wiretag_modeling.classifier import Classifier

from .encoding import encode_hidden, pad
from .posts import Post
from .report import Progress
from .vocabulary import DroppingEncoder


@dataclass
class PretrainingRecipe:
    epochs: int = 9
    batch: int = 48
    tokens_max: int = 96  # of a passage; a post gives another passage in each epoch
    rate: float = 3e-3
    weight_decay: float = 0.02
    dropout: float = 0.05
    mask: float = 0.2  # share of words hidden
    shown: float = 0.15  # of the hidden words, the share that stays in place
    others: int = 3000  # wrong tokens that a hidden one is told from, drawn anew for each batch
    rough_weight: float = 0.3  # of guessing the posts' rough labels
    match_drops: tuple[float, ...] = (0.0, 0.15)  # the posts are encoded once with each


class WordGuesser(nn.Module):
    """The classifier's encoder under a layer that guesses words and one that guesses rough labels."""

    def __init__(self, model: Classifier, rough_labels: int) -> None:
        super().__init__()
        self.model = model
        size = model.config.hidden
        self.turn = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)
        self.bias = nn.Parameter(torch.zeros(model.config.vocab_size))
        self.rough = nn.Linear(size, rough_labels)

    def forward(
        self, ids: Tensor, lengths: Tensor, places: Tensor, candidates: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits of `candidates` at the flat `places`, and of the rough labels for each row."""
        hidden, real = encode_hidden(self.model, ids, lengths)
        found = self.norm(F.gelu(self.turn(hidden.reshape(-1, hidden.size(2))[places])))
        logits = found @ self.model.words.weight[candidates].t() + self.bias[candidates]
        mean = hidden.masked_fill(~real.unsqueeze(2), 0.0).sum(dim=1) / lengths.unsqueeze(1)
        return logits, self.rough(mean)


class Passages:
    """Batches of passages of the posts, of similar length, in another order in each epoch."""

    def __init__(
        self, posts: Sequence[Post], encoder: DroppingEncoder, recipe: PretrainingRecipe, seed: int
    ) -> None:
        self.recipe = recipe
        rng = random.Random(seed)
        self.categories = sorted({post.category for post in posts})
        self.rough = [self.categories.index(post.category) for post in posts]
        self.readings = [
            [encoder.encode(post.text, 1 << 20, drop, rng)[1:-1] for post in posts]
            for drop in recipe.match_drops
        ]
        self.ends = (encoder.ids["[CLS]"], encoder.ids["[SEP]"])

    def steps_per_epoch(self) -> int:
        return -(-len(self.rough) // self.recipe.batch)

    def epoch(self, number: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(ids, lengths, rough labels)."""
        rng = random.Random(f"{seed} {number}")
        reading = self.readings[number % len(self.readings)]
        most = self.recipe.tokens_max - 2
        rows = []
        for pieces, rough in zip(reading, self.rough, strict=True):
            # Half the passages begin as the post does: there is its subject.
            spare = max(len(pieces) - most, 0)
            start = rng.randint(0, spare) if rng.random() < 0.5 else 0
            rows.append(([self.ends[0], *pieces[start : start + most], self.ends[1]], rough))
        rng.shuffle(rows)
        rows.sort(key=lambda row: len(row[0]) + 24 * rng.random())
        size = self.recipe.batch
        batches = [rows[i : i + size] for i in range(0, len(rows), size)]
        rng.shuffle(batches)
        for batch in batches:
            yield *pad([row[0] for row in batch]), torch.tensor([row[1] for row in batch])


class Hider:
    """Chooses words to hide: a word's first piece and those that go on are hidden together."""

    def __init__(self, tokens: Sequence[str], recipe: PretrainingRecipe) -> None:
        self.recipe = recipe
        self.goes_on = torch.tensor([token.startswith("##") for token in tokens])
        self.mask_id = tokens.index("[MASK]")  # the last of the special tokens

    def hide(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The ids with hidden ones replaced, and which are to be guessed."""
        word = (~self.goes_on[ids]).long().cumsum(dim=1)
        chosen = torch.rand(ids.shape).gather(1, word - 1) < self.recipe.mask
        chosen &= ids > self.mask_id
        covered = chosen & (torch.rand(ids.shape) >= self.recipe.shown)
        return ids.masked_fill(covered, self.mask_id), chosen


def pretrain(
    model: Classifier,
    tokens: Sequence[str],
    posts: Sequence[Post],
    recipe: PretrainingRecipe,
    seed: int,
    progress_path: Path | None,
) -> float:
    """Pre-trains the encoder in place; returns the loss per hidden piece in the last epoch.

    After each epoch everything is written to `progress_path`, and a file there is gone on from;
    None: nothing is kept.
    """
    torch.manual_seed(seed)
    passages = Passages(posts, DroppingEncoder(tokens), recipe, seed)
    guesser = WordGuesser(model, len(passages.categories))
    model.dropout = recipe.dropout
    for layer in model.layers:
        layer.dropout = recipe.dropout
    hider = Hider(tokens, recipe)
    learning = [p for name, p in guesser.named_parameters() if not name.startswith("model.head.")]
    optimizer = torch.optim.AdamW(
        learning, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay
    )
    steps = recipe.epochs * passages.steps_per_epoch()
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=recipe.rate, total_steps=steps, pct_start=0.1
    )
    progress = Progress("hidden words", steps)
    parts = {"guesser": guesser, "optimizer": optimizer, "schedule": schedule}
    done = 0
    loss_mean = float("nan")
    if progress_path is not None and progress_path.exists():
        state = torch.load(progress_path)
        done, loss_mean = state["epochs"], state["loss"]
        for name, part in parts.items():
            part.load_state_dict(state[name])
        progress.skip(done * passages.steps_per_epoch())
    guesser.train()
    for number in range(done, recipe.epochs):
        torch.manual_seed(seed + number)
        loss_sum = count = 0
        for ids, lengths, rough in passages.epoch(number, seed):
            covered, chosen = hider.hide(ids)
            places = chosen.flatten().nonzero().squeeze(1)
            if len(places) == 0:
                continue
            drawn = torch.randint(hider.mask_id + 1, len(tokens), (recipe.others,))
            candidates, at = torch.unique(
                torch.cat([ids.flatten()[places], drawn]), return_inverse=True
            )
            logits, rough_logits = guesser(covered, lengths, places, candidates)
            words_loss = F.cross_entropy(logits, at[: len(places)])
            loss = words_loss + recipe.rough_weight * F.cross_entropy(rough_logits, rough)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            schedule.step()
            loss_sum += words_loss.item() * len(places)
            count += len(places)
            progress.step(f"loss {words_loss.item():.2f}")
        loss_mean = loss_sum / count
        print(f"pre-training, epoch {number + 1}: loss {loss_mean:.3f} a hidden piece", flush=True)
        if progress_path is not None:
            whole = {name: part.state_dict() for name, part in parts.items()}
            whole |= {"epochs": number + 1, "loss": loss_mean}
            beside = progress_path.with_suffix(".new")
            torch.save(whole, beside)
            beside.replace(progress_path)
    guesser.eval()
    return loss_mean
