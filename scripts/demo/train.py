#!/usr/bin/env python3
"""Trains the demonstration model on the texts in data/ and writes models/demo.pt.

    scripts/setup --python                      # once: the environment that training needs
    .deps/python/bin/python scripts/demo/train.py

A BERT encoder, a two-layer bidirectional LSTM, the mean over time and a linear layer, as the model
wiretag was made for, only small. It is trained in two stages from nothing but data/train: first the
encoder under a plain mean, then the whole. A naive Bayes teacher labels collages of the texts, see
wiretag_demo/teacher.py. The accuracy is measured on data/heldout, which no step looks at.
"""

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/export"))
NAME = "wiretag-demo"
VERSION = "1.0"
SEED = 20260
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
        "--epochs",
        type=int,
        metavar="N",
        help="passes over the texts in the second stage; the first takes four times as many",
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help="accuracy differs by up to 2 points between seeds"
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
        "--quick",
        action="store_true",
        help="a few steps on a few texts: shows that everything works, the model is useless",
    )
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
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
    from wiretag_demo import learning
    from wiretag_demo.augment import EMOJI, FOOTERS
    from wiretag_demo.report import confusion_matrix
    from wiretag_demo.texts import CATEGORIES, URIS, read_texts
    from wiretag_demo.vocabulary import DroppingEncoder, build_vocabulary

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    recipe = learning.Recipe()
    if arguments.quick:
        recipe.encoder_epochs, recipe.epochs = 1, 1
    if arguments.epochs is not None:
        recipe.encoder_epochs, recipe.epochs = 4 * arguments.epochs, arguments.epochs

    started = time.monotonic()
    train = read_texts(ROOT / "data" / "train")
    heldout = read_texts(ROOT / "data" / "heldout")
    if arguments.quick:
        train, heldout = train[::8], heldout[::4]
    options = modeling.TokenizerOptions()
    vocabulary = build_vocabulary([text.text for text in train] + list(FOOTERS), EMOJI)
    tokenizer = modeling.build_tokenizer(vocabulary.tokens, options)
    lessons = learning.Lessons(
        train, DroppingEncoder(vocabulary, options), recipe, arguments.seed
    )
    model = learning.new_model(len(vocabulary.tokens), recipe.dropout)
    print(f"{len(train)} training texts, {len(vocabulary.tokens)} tokens in the vocabulary")

    if arguments.weights is not None:
        model.load_state_dict(torch.jit.load(str(arguments.weights)).state_dict())
        model.eval()
    else:
        learning.fit_in_stages(model, lessons, vocabulary)

    def label(texts: list[str]) -> list[int]:
        rows = [tokenizer.encode(text).ids for text in texts]
        return learning.predict(model, rows).argmax(dim=1).tolist()

    expected = [CATEGORIES.index(text.category) for text in heldout]
    predicted = label([text.text for text in heldout])
    right = sum(a == b for a, b in zip(expected, predicted, strict=True))
    accuracy = right / len(heldout)
    print(confusion_matrix(CATEGORIES, expected, predicted))
    print(f"held-out accuracy: {accuracy:.1%} ({right} of {len(heldout)})")
    samples = [json.loads(line) for line in (ROOT / "data/samples.jsonl").open(encoding="utf-8")]
    wrong = [
        f"  {sample['id']}: {CATEGORIES[said]}, expected {sample['expected']}"
        for sample, said in zip(samples, label([s["text"] for s in samples]), strict=True)
        if CATEGORIES[said] != sample["expected"]
    ]
    print(f"samples: {len(samples) - len(wrong)} of {len(samples)} right", *wrong, sep="\n")
    print(f"{EXAMPLE!r}: {CATEGORIES[label([EXAMPLE])[0]]}")

    wiretag = ROOT / "build" / "wiretag"
    report = modeling.write_bundle(
        model,
        vocabulary.tokens,
        [modeling.Label(category, URIS[category]) for category in CATEGORIES],
        options,
        NAME,
        VERSION,
        selftest_texts=[EXAMPLE] + [sample["text"] for sample in samples[:: len(samples) // 15]],
        out_path=arguments.out,
        sample_texts=[text.text for text in heldout],
        wiretag=wiretag if wiretag.exists() else None,
        about={
            "data": "data/train: Russian news texts written for the project",
            "training_texts": len(train),
            "heldout_texts": len(heldout),
            "heldout_accuracy": round(accuracy, 4),
            "seed": arguments.seed,
        },
    )
    print(*report.lines(), sep="\n")
    print(f"done in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
