#!/usr/bin/env python3
"""Trains the demonstration model and writes models/demo.pt.

    scripts/setup --python                      # once: the environment that training needs
    .deps/python/bin/python scripts/demo/train.py --posts posts.jsonl

A BERT encoder, a two-layer bidirectional LSTM, the mean over time and a linear layer, as the model
wiretag was made for, only small. Three stages: the encoder guesses hidden words of real posts; then
it learns the categories of the texts in data/train under a plain mean; then the whole does. A naive
Bayes teacher labels collages of the texts and passages of the posts, see wiretag_demo/teacher.py.
The accuracy is measured on data/heldout, which no step looks at.

The posts are no part of the project: JSON lines {"id","text","category"}, by default those of
../shared/data, if it is there. Nothing of them but word pieces and weights goes into the bundle.
Without posts the first stage is left out, and the model is worse.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/export"))
NAME = "wiretag-demo"
VERSION = "2.0"
SEED = 20260
POSTS = ROOT.parent / "shared/data/posts-ru-12000.jsonl"
EXAMPLE = "В Париже завершилась церемония завершения Олимпийский игр"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "models" / "demo.pt",
        help="the bundle to write (default: models/demo.pt)",
    )
    parser.add_argument(
        "--posts",
        type=Path,
        metavar="FILE",
        help="real posts to pre-train on (default: ../shared/data/posts-ru-12000.jsonl, if there)",
    )
    parser.add_argument(
        "--encoder",
        type=Path,
        metavar="FILE",
        default=ROOT / "build" / "demo-encoder.pt",
        help="the pre-trained encoder: used if it is there, else written (default: "
        "build/demo-encoder.pt); a run that was stopped goes on from FILE.part",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="passes over the texts in the last stage; the one before takes twice as many",
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help="accuracy differs by a point or two between seeds"
    )
    parser.add_argument(
        "--threads", type=int, default=2, help="processor threads to train with (default: 2)"
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="BUNDLE",
        help="take them from an earlier bundle instead of training: to measure its bounds again",
    )
    parser.add_argument(
        "--validate",
        action="store_true",
        help="to choose settings by: keep a tenth of data/train back and measure on that, not on "
        "data/heldout; writes no bundle",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few steps on a few texts: shows that everything works, the model is useless",
    )
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    # Threads that wait for each other asleep: spinning costs half of a processor that others use too.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import torch

        import wiretag_modeling as modeling
    except ModuleNotFoundError as missing:
        print(
            f"train.py: {missing}; install what training needs with scripts/setup --python, "
            "then call .deps/python/bin/python scripts/demo/train.py",
            file=sys.stderr,
        )
        return 1
    from wiretag_demo import learning, pretraining, stages
    from wiretag_demo.posts import read_posts
    from wiretag_demo.report import confusion_matrix
    from wiretag_demo.texts import CATEGORIES, URIS, read_texts
    from wiretag_demo.vocabulary import OPTIONS

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    recipe, first = learning.Recipe(), pretraining.PretrainingRecipe()
    if arguments.quick:
        recipe.encoder_epochs, recipe.epochs, first.epochs = 1, 1, 1
    if arguments.epochs is not None:
        recipe.encoder_epochs, recipe.epochs = 2 * arguments.epochs, arguments.epochs

    started = time.monotonic()
    train = read_texts(ROOT / "data" / "train")
    heldout = read_texts(ROOT / "data" / "heldout")
    if arguments.validate:
        train, heldout = [t for i, t in enumerate(train) if i % 10 != 4], train[4::10]
    if arguments.quick:
        train, heldout = train[::16], heldout[::4]
    print(f"{len(train)} training texts")

    posts = []
    path = arguments.posts or POSTS
    if arguments.weights is None and (arguments.posts is not None or POSTS.exists()):
        try:
            posts = read_posts(path)
        except (OSError, ValueError) as error:
            print(f"train.py: the posts cannot be read: {error}", file=sys.stderr)
            return 1
        if arguments.quick:
            posts = posts[::50]
        print(f"{len(posts)} posts to pre-train on, of {path}")
    elif arguments.weights is None:
        print(
            f"train.py: no posts at {path}: the encoder starts from nothing, and the model will be "
            "worse. Name a file with --posts",
            file=sys.stderr,
        )

    if arguments.weights is not None:
        model, tokens = stages.from_bundle(arguments.weights)
    else:
        encoder_path = None if arguments.quick else arguments.encoder
        model, tokens, twin_of = stages.begin(posts, train, first, recipe.dropout, encoder_path)
        print(f"{len(tokens)} tokens in the vocabulary")
        torch.manual_seed(arguments.seed)
        stages.finish(model, tokens, twin_of, train, posts, recipe, arguments.seed)
    tokenizer = modeling.build_tokenizer(tokens, OPTIONS)

    def label(texts: list[str]) -> list[int]:
        rows = [tokenizer.encode(text).ids for text in texts]
        return learning.predict(model, rows).argmax(dim=1).tolist()

    expected = [CATEGORIES.index(text.category) for text in heldout]
    predicted = label([text.text for text in heldout])
    right = sum(a == b for a, b in zip(expected, predicted, strict=True))
    accuracy = right / len(heldout)
    print(confusion_matrix(CATEGORIES, expected, predicted))
    print(f"held-out accuracy: {accuracy:.1%} ({right} of {len(heldout)})")
    print(*stages.decoration_report([text.text for text in heldout], label), sep="\n")
    if arguments.validate:
        return 0
    samples = [json.loads(line) for line in (ROOT / "data/samples.jsonl").open(encoding="utf-8")]
    wrong = [
        f"  {sample['id']}: {CATEGORIES[said]}, expected {sample['expected']}"
        for sample, said in zip(samples, label([s["text"] for s in samples]), strict=True)
        if CATEGORIES[said] != sample["expected"]
    ]
    print(f"samples: {len(samples) - len(wrong)} of {len(samples)} right", *wrong, sep="\n")
    print(f"{EXAMPLE!r}: {CATEGORIES[label([EXAMPLE])[0]]}")

    wiretag = ROOT / "build" / "wiretag"
    about = {
        "data": "data/train: Russian news texts written for the project",
        "training_texts": len(train),
        "pretraining": f"{len(posts)} Russian posts, NKTKLN/telegram-news-classifier, CC BY 4.0"
        if posts
        else "none",
        "heldout_texts": len(heldout),
        "heldout_accuracy": round(accuracy, 4),
        "seed": arguments.seed,
    }
    if arguments.weights is not None:
        about |= stages.about_of(arguments.weights)
    report = modeling.write_bundle(
        model,
        tokens,
        [modeling.Label(category, URIS[category]) for category in CATEGORIES],
        OPTIONS,
        NAME,
        VERSION,
        selftest_texts=[EXAMPLE] + [sample["text"] for sample in samples[:: len(samples) // 15]],
        out_path=arguments.out,
        sample_texts=[text.text for text in heldout],
        wiretag=wiretag if wiretag.exists() else None,
        about=about,
    )
    print(*report.lines(), sep="\n")
    print(f"done in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
