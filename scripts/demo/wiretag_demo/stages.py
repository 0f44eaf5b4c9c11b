"""The stages in a row: pre-training or what an earlier run left of it, then the categories."""

import json
import random
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from wiretag_modeling.classifier import Classifier

from .augment import EMOJI, FOOTERS, LINK, decorate, link
from .learning import Lessons, Recipe, fit_in_stages, grown, new_model
from .posts import Post
from .pretraining import PretrainingRecipe, pretrain
from .texts import Text
from .vocabulary import OPTIONS, POSTS_SIZE, DroppingEncoder, build_vocabulary, with_twins

# Pre-training has a seed of its own: --seed then shows what the categories alone owe to chance.
PRETRAINING_SEED = 20260


def begin(
    posts: Sequence[Post],
    train: Sequence[Text],
    recipe: PretrainingRecipe,
    dropout: float,
    encoder_path: Path | None,
) -> tuple[Classifier, list[str], list[int]]:
    """A model whose encoder knows the words of the posts, its vocabulary, and the twin of each token.

    What pre-training gives lies in `encoder_path` and is used again; None: neither read nor kept.
    """
    own = [text.text for text in train] + [footer.replace(LINK, "") for footer in FOOTERS]
    if not posts:
        tokens, twin_of = with_twins(build_vocabulary(own, EMOJI), own)
        return new_model(len(tokens), dropout), tokens, twin_of
    if encoder_path is not None and encoder_path.exists():
        print(f"the encoder is the one of {encoder_path}")
        state = torch.load(encoder_path)
        tokens = state["tokens"]
        model = new_model(len(tokens), dropout)
        model.load_state_dict(state["model"])
    else:
        tokens = build_vocabulary([post.text for post in posts], EMOJI, POSTS_SIZE)
        torch.manual_seed(PRETRAINING_SEED)
        model = new_model(len(tokens), recipe.dropout)
        part = None if encoder_path is None else encoder_path.with_suffix(".part")
        if encoder_path is not None:
            encoder_path.parent.mkdir(parents=True, exist_ok=True)
        pretrain(model, tokens, posts, recipe, PRETRAINING_SEED, part)
        if encoder_path is not None:
            torch.save({"tokens": tokens, "model": model.state_dict()}, encoder_path)
    more = build_vocabulary(own, EMOJI, known=tokens)
    more, twin_of = with_twins(more, own + [post.text for post in posts])
    return grown(model, tokens, more, dropout), more, twin_of


def finish(
    model: Classifier,
    tokens: Sequence[str],
    twin_of: Sequence[int],
    train: list[Text],
    posts: Sequence[Post],
    recipe: Recipe,
    seed: int,
) -> None:
    """Teaches the categories; every token then gets the row that its twin learned."""
    lessons = Lessons(train, posts, DroppingEncoder(tokens, OPTIONS, twin_of), recipe, seed)
    fit_in_stages(model, lessons, tokens.index("[MASK]"))
    with torch.no_grad():
        model.words.weight.copy_(model.words.weight[torch.tensor(twin_of)])


def _extra(bundle: Path, name: str) -> str:
    with zipfile.ZipFile(bundle) as archive:
        found = next(n for n in archive.namelist() if n.endswith(f"extra/{name}"))
        return archive.read(found).decode()


def from_bundle(bundle: Path) -> tuple[Classifier, list[str]]:
    """The weights and the vocabulary of an earlier bundle."""
    tokens = _extra(bundle, "vocab.txt").split("\n")[:-1]
    model = new_model(len(tokens), 0.0)
    model.load_state_dict(torch.jit.load(str(bundle)).state_dict())
    model.eval()
    return model, tokens


def about_of(bundle: Path) -> dict:
    """What an earlier bundle says of its training."""
    return json.loads(_extra(bundle, "wiretag.json")).get("about", {})


def decoration_report(texts: Sequence[str], label: Callable[[list[str]], list[int]]) -> list[str]:
    """How many labels change when something is put into the texts that says nothing."""
    rng = random.Random(1)
    plain = label(list(texts))
    ways = {
        "a link behind": lambda text: f"{text} {link(rng)}",
        "an emoji before": lambda text: f"{rng.choice(EMOJI)} {text}",
        "an emoji glued on": lambda text: f"{rng.choice(EMOJI)}{text}",
        "everything channels put": lambda text: decorate(text, rng),
    }
    lines = []
    for name, way in ways.items():
        changed = sum(a != b for a, b in zip(plain, label([way(t) for t in texts]), strict=True))
        lines.append(f"labels changed by {name}: {changed} of {len(texts)}")
    return lines
