"""Draws evaluated panels as one SVG, in the colours of the live page (src/observe/page/page.css)."""

import math
from html import escape

COLOURS = {
    "light": {"paper": "#faf9f6", "ink": "#1b1d1f", "quiet": "#5b6066", "rule": "#e2dfd7",
              "lines": ["#0f6b67", "#d17a33", "#3a6db5", "#ab5288", "#8273c4", "#bf9a1f", "#4f9fc0", "#b2524a", "#7d8f3a"],
              "rest": "#bdb9ae"},
    "dark": {"paper": "#131517", "ink": "#e8e6e1", "quiet": "#9ba1a7", "rule": "#2a2e32",
             "lines": ["#5fb8b1", "#e6a063", "#739fe0", "#d482b2", "#a799e4", "#d9bb55", "#84c5df", "#d98078", "#aebd6a"],
             "rest": "#565b60"},
}
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif"
WIDTH, EDGE, GAP, COLUMNS = 1200, 36, 44, 3
HEAD, NUMBER_HEIGHT = 84, 96
GRAPH_HEIGHT, PLOT_HEIGHT, PLOT_LEFT, LEGEND_MAX = 290, 150, 44, 6
COLUMN = (WIDTH - 2 * EDGE - (COLUMNS - 1) * GAP) / COLUMNS


def short(number, unit):
    """A number as an axis or a legend shows it."""
    if unit == "percentunit":
        return f"{number * 100:.3g} %"
    if unit == "s":
        if number == 0:
            return "0 s"
        for factor, name, below in ((1e6, "µs", 1e-3), (1e3, "ms", 1), (1, "s", 120), (1 / 60, "min", math.inf)):
            if number < below:
                return f"{number * factor:.3g} {name}"
    digits = f"{number / 1000:.3g}k" if number >= 1000 else f"{number:.3g}"
    return digits + ("/s" if unit == "reqps" else "")


def ticks(highest, unit):
    """About four round numbers from 0 to at least `highest`."""
    if highest <= 0:
        return [0, 1]
    scale = 60 if unit == "s" and highest > 120 else 1
    rough = highest / scale / 3
    power = 10 ** math.floor(math.log10(rough))
    step = scale * power * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return [step * count for count in range(math.ceil(highest / step - 1e-9) + 1)]


class Drawing:
    def __init__(self, scheme):
        self.colours = COLOURS[scheme]
        self.parts = []

    def text(self, x, y, words, size=12, colour="quiet", weight=400, anchor="start"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{self.colours[colour]}" '
                          f'font-weight="{weight}" text-anchor="{anchor}">{escape(words)}</text>')

    def rule(self, x1, y, x2, colour="rule"):
        self.parts.append(f'<path d="M{x1:.1f} {y:.1f}H{x2:.1f}" stroke="{self.colours[colour]}"/>')

    def colour(self, index):
        lines = self.colours["lines"]
        return lines[index] if index < len(lines) else self.colours["rest"]

    def begin_panel(self, panel):
        queries = "\n".join(query for query, _ in panel.queries)
        self.parts.append(f'<g data-panel="{escape(panel.title)}"><title>{escape(panel.title)}</title>'
                          f"<desc>{escape(queries)}</desc>")

    def end_panel(self):
        self.parts.append("</g>")


def draw_number(drawing, panel, x, y):
    drawing.begin_panel(panel)
    drawing.text(x, y, panel.title, 13)
    last = panel.lines[0][1][-1][1] if panel.lines and panel.lines[0][1] else None
    drawing.text(x, y + 36, "–" if last is None else short(last, panel.unit), 30, "ink", 600)
    drawing.end_panel()


def path(points, place):
    """A line, broken where points are missing. The middle of a level stretch is left out."""
    step = min((b[0] - a[0] for a, b in zip(points, points[1:])), default=1)
    corners = []  # of [begins anew, x, y]
    before = None
    for moment, number in points:
        broken = before is None or moment - before > 1.5 * step
        x, y = (f"{one:.1f}" for one in place(moment, number))
        level = len(corners) > 1 and not broken and not corners[-1][0] and y == corners[-1][2] == corners[-2][2]
        if level:
            corners[-1][1] = x
        else:
            corners.append([broken, x, y])
        before = moment
    return "".join(f"{'M' if broken else 'L'}{x} {y}" for broken, x, y in corners)


def draw_graph(drawing, panel, x, y, seconds):
    drawing.begin_panel(panel)
    drawing.text(x, y, panel.title, 14, "ink", 600)
    top, bottom, left, right = y + 22, y + 22 + PLOT_HEIGHT, x + PLOT_LEFT, x + COLUMN
    marks = ticks(max((number for _, points in panel.lines for _, number in points), default=0), panel.unit)

    def place(moment, number):
        return left + (right - left) * moment / seconds, bottom - (bottom - top) * number / marks[-1]

    for mark in marks:
        _, at = place(0, mark)
        drawing.rule(left, at, right)
        drawing.text(left - 8, at + 4, short(mark, panel.unit), 11, anchor="end")
    for minute in range(math.floor(seconds / 60) + 1):
        at, _ = place(minute * 60, 0)
        drawing.text(at, bottom + 16, f"{minute} min" if minute else "0", 11, anchor="middle")
    for index, (_, points) in reversed(list(enumerate(panel.lines))):
        if points:
            drawing.parts.append(f'<path d="{path(points, place)}" fill="none" stroke="{drawing.colour(index)}" '
                                 'stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"/>')
    draw_legend(drawing, panel, x, bottom + 38)
    drawing.end_panel()


def draw_legend(drawing, panel, x, y):
    """Names in the order of the lines; the rest by their number."""
    shown = [name for name, _ in panel.lines]
    if len(shown) > LEGEND_MAX + 1:
        shown = [*shown[:LEGEND_MAX], f"{len(shown) - LEGEND_MAX} more"]
    at = x
    for index, name in enumerate(shown):
        width = 30 + 6.6 * len(name)
        if at + width > x + COLUMN + 8:
            at, y = x, y + 18
        drawing.parts.append(f'<path d="M{at:.1f} {y - 4:.1f}h10" stroke="{drawing.colour(index)}" stroke-width="3" '
                             'stroke-linecap="round"/>')
        drawing.text(at + 16, y, name, 11.5)
        at += width


def draw(scheme, caption, numbers, graphs, seconds):
    """The SVG as text."""
    drawing = Drawing(scheme)
    rows = math.ceil(len(graphs) / COLUMNS)
    height = HEAD + NUMBER_HEIGHT + rows * GRAPH_HEIGHT + 10
    drawing.text(EDGE, 44, "wiretag", 20, "ink", 700)
    drawing.text(WIDTH - EDGE, 44, caption, 13, anchor="end")
    drawing.rule(EDGE, 62, WIDTH - EDGE)
    for index, panel in enumerate(numbers):
        draw_number(drawing, panel, EDGE + index * (WIDTH - 2 * EDGE) / len(numbers), HEAD + 10)
    drawing.rule(EDGE, HEAD + 68, WIDTH - EDGE)
    for index, panel in enumerate(graphs):
        draw_graph(drawing, panel, EDGE + index % COLUMNS * (COLUMN + GAP),
                   HEAD + NUMBER_HEIGHT + 10 + index // COLUMNS * GRAPH_HEIGHT, seconds)
    body = "\n".join(drawing.parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="The main panels of the dashboard over a recorded run" font-family="{FONT}">\n'
            f'<rect width="{WIDTH}" height="{height}" fill="{drawing.colours["paper"]}"/>\n{body}\n</svg>\n')
