"""The pictures of the dashboard show the dashboard: its queries, over the recorded run that lies beside them."""

import re
import xml.etree.ElementTree as ElementTree

import board
import prometheus_server
import pytest
from wiretag_board import drawing, panels

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = {scheme: panels.ROOT / "docs" / "images" / f"board-{scheme}.svg" for scheme in drawing.COLOURS}
OPERATIONS = (panels.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def shown(path):
    """{title: queries} of a picture."""
    groups = ElementTree.parse(path).iter(f"{SVG}g")
    return {group.find(f"{SVG}title").text: group.find(f"{SVG}desc").text for group in groups}


@pytest.mark.parametrize("scheme", PICTURES)
def test_a_picture_has_the_boards_queries_and_draws_something_for_each(scheme):
    wanted = {panel.title: "\n".join(query for query, _ in panel.queries)
              for panel in panels.read([*panels.NUMBERS, *panels.GRAPHS])}
    assert shown(PICTURES[scheme]) == wanted, "the board has changed: scripts/tools/board.py draw"
    for group in ElementTree.parse(PICTURES[scheme]).iter(f"{SVG}g"):
        texts = [text.text for text in group.iter(f"{SVG}text")]
        lines = [path for path in group.iter(f"{SVG}path") if path.get("stroke-width") == "1.8"]
        assert lines or (len(texts) == 2 and re.fullmatch(r"[\d.]+( ?\S+)?", texts[1])), group.get("data-panel")


def test_the_page_for_operators_shows_both():
    assert all(f"images/{path.name}" in OPERATIONS for path in PICTURES.values())


def test_a_picture_asks_for_nothing_from_elsewhere():
    for path in PICTURES.values():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script|<image|href|url\(|@import", text)


def test_the_pictures_are_what_the_recorded_run_gives():
    """Drawn again by a Prometheus: the same panels, lines and legends; its versions may differ in the last digit."""
    if prometheus_server.find("prometheus") is None or prometheus_server.find("promtool") is None:
        pytest.skip("NOT PROVEN HERE: Prometheus is not there (scripts/setup --test)")
    for scheme, picture in board.draw().items():
        kept = PICTURES[scheme].read_text(encoding="utf-8")
        assert re.sub(r"[\d.]+", "0", picture) == re.sub(r"[\d.]+", "0", kept), "scripts/tools/board.py draw"


@pytest.mark.parametrize("number, unit, text", [
    (0, "s", "0 s"), (0.0000345, "s", "34.5 µs"), (0.0512, "s", "51.2 ms"), (119, "s", "119 s"), (300, "s", "5 min"),
    (0.0122, "percentunit", "1.22 %"), (52, "reqps", "52/s"), (2400, "none", "2.4k"), (2, "none", "2")])
def test_numbers_are_short_and_have_their_unit(number, unit, text):
    assert drawing.short(number, unit) == text


@pytest.mark.parametrize("highest, unit, marks", [
    (0, "none", [0, 1]), (52, "reqps", [0, 20, 40, 60]), (1.25, "s", [0, 0.5, 1, 1.5]), (300, "s", [0, 120, 240, 360])])
def test_an_axis_has_a_few_round_numbers(highest, unit, marks):
    assert drawing.ticks(highest, unit) == pytest.approx(marks)


def test_a_line_is_broken_where_points_are_missing_and_short_where_it_is_level():
    assert drawing.path([(0, 1), (1, 1), (2, 1), (3, 2), (9, 2)], lambda x, y: (x, y)) == "M0.0 1.0L2.0 1.0L3.0 2.0M9.0 2.0"
