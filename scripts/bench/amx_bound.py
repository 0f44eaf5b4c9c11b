#!/usr/bin/env python3
"""Counts the tile instructions of an article by the kernel set for AMX, and says how fast they can be at most.

    scripts/bench/amx_bound.py [--shapes 1x64,1x128,8x128,4x160,1x512]

No processor with AMX is needed. The model is that of peers.py (12 layers, BiLSTM head); shapes are articles x tokens.
The counts follow from how the kernels cut products into tiles; tests/speed/test_amx_bound.py compares them with those
of the compiled kernels. The bound follows from rates that Intel publishes: 2,048 operations on bytes or 1,024 on bf16
for each cycle and core, which is 16 cycles for a product of full tiles; a load of a tile takes 8 beside it.

Not counted is what is computed between the products: rounding, softmax, GELU, norms, the LSTM's cells. So a worker is
slower than this.
"""

import argparse
import math

# As in tiles_amx.h, kernels.h, matrix.h and matrix.c.
SQUARE, PANEL, TILE_ROWS, PASS_ROWS, BLOCK_STEPS, TILE_BYTES, LSTM_ARTICLES = 16, 64, 32, 96, 1024, 1024, 6
PER_WORD = {"int8": 4, "bf16": 2}
DOT_CYCLES, LOAD_CYCLES = 16, 8
OPERATIONS_PER_CYCLE = {"int8": 2048, "bf16": 1024}
LAYERS, HIDDEN, HEADS, INNER, LSTM = 12, 768, 12, 3072, 256


class Count:
    """Tile instructions, and operations (multiplications and additions) that were asked for."""

    def __init__(self):
        self.loads = self.stores = self.zeros = self.dots = 0

    def add(self, other, times=1):
        for name in vars(self):
            setattr(self, name, getattr(self, name) + times * getattr(other, name))

    @property
    def instructions(self):
        return self.loads + self.stores + self.zeros + self.dots

    @property
    def moved_bytes(self):
        return TILE_BYTES * (self.loads + self.stores)

    @property
    def cycles(self):
        """The least: products and loads run beside each other."""
        return max(DOT_CYCLES * self.dots, LOAD_CYCLES * self.loads)


def up(count, step):
    return -(-count // step) * step


def tiles(rows, columns, steps, block_steps, starts):
    """Products of `rows` rows and `columns` columns, a multiple of PANEL. starts: the first sums are loaded."""
    count = Count()
    halves = columns // (2 * SQUARE)
    for first in range(0, rows, TILE_ROWS):
        squares = math.ceil(min(TILE_ROWS, rows - first) / SQUARE)
        for done in range(0, steps, block_steps):
            turns = min(block_steps, steps - done) // SQUARE
            if starts or done > 0:
                count.loads += halves * 2 * squares
            else:
                count.zeros += halves * 4
            count.loads += halves * turns * (2 + squares)
            count.dots += halves * turns * 2 * squares
            count.stores += halves * 2 * squares
    return count


def linear(rows, inputs, outputs, precision):
    count = Count()
    steps = up(math.ceil(inputs / PER_WORD[precision]), SQUARE)
    for first in range(0, rows, PASS_ROWS):
        count.add(tiles(min(PASS_ROWS, rows - first), up(outputs, PANEL), steps, BLOCK_STEPS, precision == "int8"))
    return count


def attention(tokens, size):
    """One head, which is in bf16 beside int8 too: scores, then context."""
    count = Count()
    for columns, numbers in (tokens, size), (size, tokens):
        steps = up(math.ceil(numbers / PER_WORD["bf16"]), SQUARE)
        count.add(tiles(tokens, up(columns, PANEL), steps, steps, False))
    return count


def lstm(articles, tokens, inputs, precision):
    """One direction of one layer: the inputs' part at once, the state's position by position."""
    count = Count()
    for first in range(0, articles, LSTM_ARTICLES):
        rows = min(LSTM_ARTICLES, articles - first)
        count.add(linear(rows * tokens, inputs, 4 * LSTM, precision))
        count.add(linear(rows, LSTM, 4 * LSTM, precision), tokens)
    return count


def model(articles, tokens, precision):
    """(what all the model's products take, what its LSTM takes of it, the cycles that the published rates allow)."""
    rows = articles * tokens
    count, head = Count(), Count()
    count.add(linear(rows, HIDDEN, HIDDEN, precision), 4 * LAYERS)
    count.add(linear(rows, HIDDEN, INNER, precision), LAYERS)
    count.add(linear(rows, INNER, HIDDEN, precision), LAYERS)
    count.add(attention(tokens, HIDDEN // HEADS), LAYERS * HEADS * articles)
    head.add(lstm(articles, tokens, HIDDEN, precision), 2)
    head.add(lstm(articles, tokens, 2 * LSTM, precision), 2)
    count.add(head)
    layers = 2 * rows * LAYERS * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * INNER)
    layers += 2 * rows * 2 * 4 * LSTM * (HIDDEN + 2 * LSTM + 2 * LSTM)
    attended = 4 * articles * tokens * tokens * HIDDEN * LAYERS
    return count, head, layers / OPERATIONS_PER_CYCLE[precision] + attended / OPERATIONS_PER_CYCLE["bf16"]


def print_table(shapes):
    print("| precision | shape | tile instructions | of them multiply | moved | at least | of it the LSTM "
          "| of the published rate |")
    print("|---|---|---|---|---|---|---|---|")
    for precision in PER_WORD:
        for shape in shapes:
            articles, tokens = (int(side) for side in shape.split("x"))
            count, head, ideal = model(articles, tokens, precision)
            print(f"| {precision} | {shape} | {count.instructions / articles / 1e6:.2f} M "
                  f"| {100 * count.dots / count.instructions:.0f} % | {count.moved_bytes / articles / 1e6:,.0f} MB "
                  f"| {count.cycles / articles / 1e6:.1f} M cycles | {100 * head.cycles / count.cycles:.0f} % "
                  f"| {ideal / count.cycles:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default="1x64,1x128,8x128,4x160,1x512", help="articles x tokens, comma separated")
    print_table(parser.parse_args().shapes.split(","))


if __name__ == "__main__":
    main()
