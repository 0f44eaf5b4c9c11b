"""What the training shows: a progress bar and a confusion matrix, in plain text."""

import sys
import time
from collections.abc import Sequence


class Progress:
    """A bar on a terminal, a line every tenth otherwise; on stderr."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self.started = time.monotonic()
        self.tenth = 0
        self.skipped = 0
        self.terminal = sys.stderr.isatty()

    def skip(self, steps: int) -> None:
        """Steps that an earlier run has made."""
        self.done, self.skipped = steps, steps
        self.tenth = int(10 * steps / self.total)

    def step(self, note: str = "") -> None:
        self.done += 1
        share = self.done / self.total
        spent = time.monotonic() - self.started
        left = spent * (self.total - self.done) / (self.done - self.skipped)
        line = f"{self.title} {self.done}/{self.total}  {spent:4.0f} s, {left:4.0f} s left  {note}"
        if self.terminal:
            bar = ("#" * int(20 * share)).ljust(20, ".")
            end = "\n" if self.done == self.total else ""
            print(f"\r[{bar}] {line}\x1b[K", end=end, file=sys.stderr, flush=True)
        elif int(10 * share) > self.tenth:
            self.tenth = int(10 * share)
            print(line, file=sys.stderr, flush=True)


def confusion_matrix(
    labels: Sequence[str], expected: Sequence[int], predicted: Sequence[int]
) -> str:
    """Rows: the texts' categories; columns: what the model said; recall at the end of each row."""
    counts = [[0] * len(labels) for _ in labels]
    for row, column in zip(expected, predicted, strict=True):
        counts[row][column] += 1
    width = max(len(label) for label in labels)
    lines = [" " * width + "".join(f" {label[:4]:>4}" for label in labels) + "  recall"]
    for index, label in enumerate(labels):
        cells = "".join(f" {count or '.':>4}" for count in counts[index])
        recall = counts[index][index] / max(sum(counts[index]), 1)
        lines.append(f"{label:>{width}}{cells}  {recall:6.0%}")
    return "\n".join(lines)
