"""The page of a comparison: whole without script or resource, and nothing of the feed or a bundle is more than text."""

import functools
import html
import html.parser
import http.server
import os
import threading

import browser
import fake
import pytest
from client import Record, article
from test_compare import PARTITIONS, candidate, compare, reference, result


class Elements(html.parser.HTMLParser):
    """The names, attributes and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.names, self.attributes, self.rows, self.in_cell = [], [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.in_cell:
            self.rows[-1][-1] += data


EVIL = "<script>alert('1')</script><img src=x onerror=\"alert(2)\"> & матч"


@pytest.fixture(scope="module")
def page_of(module_lab):
    """A page of articles, ids, labels and a bundle's name that mean harm, with what it should show."""
    flow = module_lab.flow(PARTITIONS)
    labels = ["</td><script>alert(3)</script>", '"quoted" & <b>bold</b>', *fake.LABELS[2:]]
    a, b = reference(module_lab, labels[:9]), candidate(module_lab, labels)
    texts = [f"{EVIL} {number}" for number in range(400)]
    flow.produce([Record(article(text, f"<i>{number}</i>"), partition=number % PARTITIONS) for number, text in enumerate(texts)])
    path = module_lab.directory / "index.html"
    found = result(compare(module_lab, flow, a, b, "--html", path))
    return found, path, labels


def test_the_page_shows_the_matrix_and_nothing_of_the_feed_is_more_than_text(page_of):
    found, path, labels = page_of
    page = path.read_text(encoding="utf-8")
    elements = Elements(page)
    assert not {"script", "img", "i", "b", "link", "iframe", "object"} & set(elements.names)
    assert not [name for name in elements.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert EVIL in html.unescape(page) and "<i>" in html.unescape(page)
    head = next(row for row in elements.rows if row and row[0] == "" and set(row[1:]) <= set(labels))
    shown = {(row[0], name): int(cell) for row in elements.rows if len(row) == len(head) and row[0] in labels
             for name, cell in zip(head[1:], row[1:]) if cell != "·"}
    assert shown == {(pair["a"], pair["b"]): pair["articles"] for pair in found["pairs"]}
    assert list(path.parent.glob("index.html.part")) == []


@pytest.mark.parametrize("scheme", browser.SCHEMES)
@pytest.mark.parametrize("size", browser.SIZES)
def test_the_page_is_whole_on_every_screen_and_asks_for_nothing(chromium, page_of, size, scheme):
    _, path, _ = page_of

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass
    handler = functools.partial(Quiet, directory=path.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        view = browser.View(chromium, server.server_port, size, scheme)
        try:
            assert [request for request in view.requests if not request.endswith("/favicon.ico")] == [view.origin + "/"]
            assert [complaint for complaint in view.complaints if "404" not in complaint] == []
            assert view.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            assert view.page.evaluate("getComputedStyle(document.body).backgroundColor") in (
                "rgb(250, 249, 246)" if scheme == "light" else "rgb(19, 21, 23)")
            assert view.accessibility_findings() == []
            if "SHOTS" in os.environ:
                view.page.screenshot(path=f"{os.environ['SHOTS']}/compare-{size}-{scheme}.png", full_page=True)
        finally:
            view.close()
            server.shutdown()
