#!/usr/bin/env python3
"""Measures what is lost where long articles are cut, and what windows (input.long) make of them.

    python3 scripts/export/measure_windows.py --posts posts.jsonl

Real articles whose subject is known throughout are rare, so they are joined of real posts, one
{"id","text","category"} a line. A post has a subject for sure if two judges agree: the rough label that it comes with,
and the model's label for the post alone. Of such posts, the same for the same seed, come articles in which the subject

  throughout     is that of every post
  late           comes after a beginning about one other subject, as long as the model accepts
  early          is that of the beginning, as long as the model accepts, and all others follow in turn
  scattered      is that of three posts of five, at random places; the others are of all other subjects

Always the subject has the largest share of the tokens, and counted is how often it is the label: of the beginning
(cut), and of the mean of the windows. Then the same for the posts that are themselves longer than the model accepts,
by their rough label. Runs the worker's program, on the CPU, in fp32.
"""

import argparse
import collections
import json
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POSTS = ROOT.parent / "shared" / "data" / "posts-ru-12000.jsonl"
# The rough labels that say what a category of the demonstration model says.
SUBJECTS = {
    "political": {"politics", "conflicts"},
    "business": {"economy"},
    "finances": {"economy"},
    "science": {"science"},
    "weather": {"climate"},
}
WAYS = ("throughout", "late", "early", "scattered")
# Articles that are joined have so many times the tokens that the model accepts.
SIZES = (2, 3, 5)
# A post shorter than this says little; a longer one than so much of the model's limit leaves no choice.
TOKENS_MIN = 25
SHARE_MAX = 0.5


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def labels(arguments: argparse.Namespace, texts: list[str], *options: str) -> list[dict]:
    """What the worker's program says of each text."""
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts))
    command = [arguments.wiretag, "classify", "--model", arguments.model, "--device", "cpu", "--precision", "fp32"]
    done = subprocess.run([*command, *options], input=lines, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"measure_windows.py: {done.stderr.strip() or 'a text could not be labelled'}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def both(arguments: argparse.Namespace, texts: list[str]) -> tuple[list[dict], list[dict]]:
    return labels(arguments, texts), labels(arguments, texts, "--long", "windows")


# --- articles --------------------------------------------------------------------------------------


class Pool:
    """Posts of sure subjects, (text, tokens), by category."""

    def __init__(self, posts: list[dict], answers: list[dict], tokens_max: int) -> None:
        self.posts = collections.defaultdict(list)
        for post, answer in zip(posts, answers, strict=True):
            fits = TOKENS_MIN <= answer["tokens"] <= SHARE_MAX * tokens_max and not answer["truncated"]
            if fits and answer["category"] in SUBJECTS.get(post["category"], ()):
                self.posts[answer["category"]].append((post["text"].strip(), answer["tokens"] - 2))
        self.subjects = sorted(self.posts)

    def draw(self, dice: random.Random, subject: str, tokens: int) -> list[tuple[str, int]]:
        """Different posts of a subject, of so many tokens or a few more."""
        drawn: list[tuple[str, int]] = []
        for post in dice.sample(self.posts[subject], len(self.posts[subject])):
            if sum(count for _, count in drawn) >= tokens:
                break
            drawn.append(post)
        return drawn

    def others(self, dice: random.Random, subject: str, tokens: int) -> list[tuple[str, int]]:
        """Posts of all other subjects in turn."""
        rest = [name for name in self.subjects if name != subject]
        drawn = [self.draw(dice, name, tokens // len(rest) + SIZES[-1]) for name in rest]
        mixed = [post for turn in zip(*drawn) for post in turn]
        while mixed and sum(count for _, count in mixed) > tokens:
            mixed.pop()
        return mixed

    def article(self, dice: random.Random, way: str, subject: str, tokens_max: int, size: int) -> str:
        whole = size * tokens_max
        if way == "throughout":
            posts = self.draw(dice, subject, whole)
        elif way == "late":
            other = dice.choice([name for name in self.subjects if name != subject])
            posts = self.draw(dice, other, tokens_max)
            posts += self.draw(dice, subject, whole - sum(count for _, count in posts))
        elif way == "early":
            posts = self.draw(dice, subject, tokens_max)
            posts += self.others(dice, subject, whole - sum(count for _, count in posts))
        else:
            posts = self.draw(dice, subject, whole * 3 // 5) + self.others(dice, subject, whole * 2 // 5)
            dice.shuffle(posts)
        return "\n\n".join(text for text, _ in posts)


# --- what comes out ------------------------------------------------------------------------------


def share(right: int, count: int) -> str:
    return f"{100 * right / count:.1f} %" if count else "-"


def report_joined(arguments: argparse.Namespace, pool: Pool, tokens_max: int) -> None:
    print("| subject | tokens | articles | the model accepts | cut | windows | same label |")
    print("|---|---|---|---|---|---|---|")
    for way in WAYS:
        for size in SIZES:
            dice = random.Random(f"{arguments.seed} {way} {size}")
            subjects = [pool.subjects[number % len(pool.subjects)] for number in range(arguments.articles)]
            texts = [pool.article(dice, way, subject, tokens_max, size) for subject in subjects]
            cut, windows = both(arguments, texts)
            read = sum(answer["tokens"] for answer in windows)
            right = [
                sum(answer["category"] == subject for answer, subject in zip(answers, subjects, strict=True))
                for answers in (cut, windows)
            ]
            same = sum(one["category"] == other["category"] for one, other in zip(cut, windows, strict=True))
            count = len(texts)
            print(f"| {way} | {read / count:.0f} | {count} | {share(sum(a['tokens'] for a in cut), read)} "
                  f"| {share(right[0], count)} | {share(right[1], count)} | {share(same, count)} |",
                  flush=True)  # fmt: skip


def report_real(arguments: argparse.Namespace, posts: list[dict], answers: list[dict]) -> None:
    long = [post for post, answer in zip(posts, answers, strict=True) if answer["truncated"]]
    cut, windows = both(arguments, [post["text"] for post in long])
    same = sum(one["category"] == other["category"] for one, other in zip(cut, windows, strict=True))
    print(f"\nPosts longer than the model accepts: {len(long)} of {len(posts)}, "
          f"{sum(a['tokens'] for a in windows) / max(1, len(long)):.0f} tokens in the mean; "
          f"the same label cut and in windows: {share(same, len(long))}")  # fmt: skip
    known = [number for number, post in enumerate(long) if post["category"] in SUBJECTS]
    right = [
        sum(answers[n]["category"] in SUBJECTS[long[n]["category"]] for n in known)
        for answers in (cut, windows)
    ]
    shares = [share(fitting, len(known)) for fitting in right]
    print(f"Of the {len(known)} with a rough label that is a category: cut {shares[0]}, windows {shares[1]} fit it")


def read_posts(path: Path, count: int) -> list[dict]:
    with path.open(encoding="utf-8") as lines:
        posts = [post for post in map(json.loads, lines) if post["text"].strip()]
    return posts[:count] if count > 0 else posts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=Path, default=POSTS, metavar="FILE",
                        help="posts with rough labels, JSON lines (models/README.md says which)")  # fmt: skip
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "demo.pt", metavar="BUNDLE",
                        help="with the demonstration model's categories (default: models/demo.pt)")  # fmt: skip
    parser.add_argument("--wiretag", type=Path, default=ROOT / "build" / "wiretag", metavar="FILE",
                        help="the worker's program (default: build/wiretag)")  # fmt: skip
    parser.add_argument("--articles", type=int, default=100, metavar="N", help="articles a row (default 100)")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="reads so many posts (default: all)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the articles (default 1)")
    arguments = parser.parse_args()
    for path, remedy in ((arguments.posts, "name posts with --posts FILE"), (arguments.wiretag, "run scripts/build")):
        if not path.exists():
            print(f"measure_windows.py: {path} is not there; {remedy}", file=sys.stderr)
            return 1
    posts = read_posts(arguments.posts, arguments.count)
    say(f"labelling {len(posts)} posts alone")
    answers = labels(arguments, [post["text"] for post in posts])
    tokens_max = max(answer["tokens"] for answer in answers)
    pool = Pool(posts, answers, tokens_max)
    print("Posts of a sure subject: " + ", ".join(f"{name} {len(pool.posts[name])}" for name in pool.subjects) + "\n")
    report_joined(arguments, pool, tokens_max)
    report_real(arguments, posts, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
