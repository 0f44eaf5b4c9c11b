"""The live page in a real browser: it shows what the worker does, and nothing of the feed is more than text."""

import re
import time

import browser
import client
import pytest
import tunnel
import worker
from client import Record, article

EVIL = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>"
LABEL = "<b class=evil>sport & \"culture\"</b>"
LABELS = [LABEL, "politics", "‮economy", "наука"]
DESCRIBED = {"task": "single-label", "labels": [{"name": name} for name in LABELS]}


@pytest.fixture
def view(chromium):
    """Opens windows that are closed when the test ends."""
    opened = []

    def open_view(*arguments, **options):
        opened.append(browser.View(chromium, *arguments, **options))
        return opened[-1]
    yield open_view
    for one in opened:
        one.close()


def start(lab, flow, texts=True, **changes):
    running = lab.run(flow, lab.model(described=DESCRIBED), http={"listen": "127.0.0.1:0", "texts": texts}, **changes)
    running.wait_ready()
    running.http("/healthz")
    return running


def feed(flow, text, id="42", count=1, key=b"key", headers=None):
    flow.produce([Record(article(text, id=id), key, partition=0, headers=headers)] * count)


def test_whatever_the_feed_has_is_shown_as_text(lab, view):
    flow = lab.flow()
    running = start(lab, flow)
    seen = view(running.port, motion="no-preference")
    seen.wait_text("#status-text", "Waiting for articles")
    feed(flow, f"матч {EVIL}", id=f"id {EVIL}", headers=[("title", EVIL.encode()), ("traceparent", EVIL.encode())])
    seen.wait_text("#items .text", EVIL)
    seen.wait_text("#items .id", f"id {EVIL}")
    # A key that stands in for the id, and a broken value that the message quotes.
    flow.produce([Record(b'{"text": "2"}', f"key {EVIL}".encode(), partition=0),
                  Record(f"{EVIL} no JSON".encode(), b"key", partition=0)])
    seen.wait_text("#items .id", f"key {EVIL}")
    seen.wait_text("#failures", "json-invalid")
    # Every label, among them the one that is HTML.
    for number in range(40):
        feed(flow, f"слово {number}")
    seen.wait_text("#legend bdi", LABEL)
    seen.wait_text("#shares", "")
    assert LABEL in seen.page.locator("#shares").get_attribute("aria-label")
    assert seen.page.evaluate("window.hacked") is None
    assert seen.page.locator("main img, main b.evil, main script, header script").count() == 0
    assert seen.complaints == []
    assert {url.split("?")[0] for url in seen.requests} == {seen.origin + "/", seen.origin + "/events"}


def test_the_policy_stops_a_script_that_gets_in_all_the_same(lab, view):
    running = start(lab, lab.flow())
    seen = view(running.port)
    seen.page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.hacked = 1';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src="data:image/png,x" onerror="window.hacked = 2">');
    }""")
    client.wait_for("the policy's complaints", lambda: seen.complaints)
    assert seen.page.evaluate("window.hacked") is None
    assert all("Content Security Policy" in complaint or "ERR_" in complaint for complaint in seen.complaints), seen.complaints


def test_without_http_texts_no_word_of_an_article_leaves_the_worker(lab, view):
    flow = lab.flow()
    running = start(lab, flow, texts=False)
    seen = view(running.port)
    seen.page.evaluate("""() => {
        window.events = '';
        const stream = new EventSource('events');
        stream.addEventListener('state', (event) => { window.events += event.data; });
    }""")
    seen.wait_text("#status-text", "Waiting for articles")
    feed(flow, "тайна", id="id-7")
    flow.produce([Record("тайна no JSON".encode(), b"key", partition=0)])
    seen.wait_text("#items .id", "id-7")
    seen.wait_text("#failures", "json-invalid")
    client.wait_for("both in the events", lambda: seen.page.evaluate(
        "window.events.includes('id-7') && window.events.includes('json-invalid')"), 30)
    assert "тайна" not in seen.page.evaluate("window.events")
    assert seen.page.locator("#items .text").count() == 0


def test_a_shadow_is_shown_with_the_labels_on_which_it_differs(lab, view):
    flow = lab.flow()
    shadow = lab.model(described={"task": "single-label", "labels": [{"name": EVIL}]})
    running = start(lab, flow, model={"shadow": {"path": str(shadow)}})
    seen = view(running.port)
    seen.wait_text("#shadow-note", "fake 1")
    for number in range(20):
        feed(flow, f"слово {number}")
    seen.wait_text("#shadow-note", "fake 1  0 % agree of 20")
    seen.wait_text("#pairs td", EVIL)
    seen.wait_text("#pairs td", LABEL)
    assert seen.page.locator("#pairs tbody tr").count() <= 4
    assert seen.page.evaluate("window.hacked") is None
    assert seen.accessibility_findings() == []
    assert seen.complaints == []


def test_without_a_shadow_there_is_no_word_of_one(lab, view):
    running = start(lab, lab.flow())
    seen = view(running.port)
    seen.wait_text("#status-text", "Waiting for articles")
    assert seen.page.locator("#shadow").is_hidden()
    assert not any(url.endswith("/shadow") for url in seen.requests)


@pytest.mark.parametrize("size", browser.SIZES)
@pytest.mark.parametrize("scheme", browser.SCHEMES)
def test_everybody_can_read_it(lab, view, size, scheme):
    flow = lab.flow(3)
    running = start(lab, flow)
    seen = view(running.port, size=size, scheme=scheme)
    long = "Очень длинное_слово" * 12
    feed(flow, long, id=long, count=30)
    flow.produce([Record(b"bad", b"key", partition=2)])
    seen.wait_text("#items .id", "Очень")
    seen.wait_text("#reasons", "json-invalid")
    seen.wait_text("#legend", "%")
    seen.wait_text("#model", "fake")
    widths = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1], "it scrolls sideways"
    assert seen.accessibility_findings() == []
    background = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in re.findall(r"\d+", background)[:3]) > 3 * 128
    assert light == (scheme == "light")
    assert seen.complaints == []


def test_it_is_used_by_keyboard_alone(lab, view):
    flow = lab.flow()
    running = start(lab, flow)
    seen = view(running.port)
    seen.wait_text("#status-text", "Waiting for articles")

    def tab():
        seen.page.keyboard.press("Tab")
        focused = seen.page.evaluate("document.activeElement.id || document.activeElement.className")
        outlined = seen.page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle !== 'none' || document.activeElement.className === 'skip'")
        assert outlined, f"nobody sees that {focused} has the focus"
        return focused

    assert [tab() for _ in range(4)] == ["skip", "pause", "theme", "scroll"]
    seen.page.locator("#pause").focus()
    seen.page.keyboard.press("Space")
    assert seen.page.locator("#pause").get_attribute("aria-pressed") == "true"
    seen.page.locator("#theme").focus()
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
    feed(flow, "новость")
    client.wait_for("the label", lambda: running.metrics()['wiretag_records_total{outcome="labelled"}'] == 1, 60)
    time.sleep(2.5)  # two events at least
    assert seen.page.locator("#items li").count() == 0, "it is paused"
    seen.page.locator("#pause").press("Enter")
    feed(flow, "новость", id="after")
    seen.wait_text("#items .id", "after")
    seen.page.reload()
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark", "the theme is remembered"


def test_it_says_why_nothing_moves_and_comes_back_by_itself(lab, view):
    flow = lab.flow()
    config = flow.config(http={"listen": "127.0.0.1:0"}, model={"path": str(lab.model(described=DESCRIBED))})
    config["kafka"]["common"]["bootstrap.servers"] = "127.0.0.1:1"
    running = lab.start(config, build=worker.fake_build())
    running.http("/healthz")
    seen = view(running.port)
    seen.wait_text("#status-text", "Not ready")
    seen.wait_text("#reason", "broker")
    running.kill()
    seen.wait_text("#status-text", "No connection")
    config["http"]["listen"] = f"127.0.0.1:{running.port}"
    config["kafka"]["common"]["bootstrap.servers"] = flow.bootstrap
    lab.start(config, build=worker.fake_build()).wait_ready()
    seen.wait_text("#status-text", "Waiting for articles")
    assert seen.page.locator("#reason").is_hidden()


def test_a_connection_that_dies_without_a_word_is_replaced(lab, view):
    """Behind a laptop's sleep or a tunnel that is lost the browser is told nothing."""
    running = start(lab, lab.flow())
    with tunnel.Tunnel(running.port) as way:
        seen = view(way.port)
        seen.wait_text("#status-text", "Waiting for articles")
        way.silence()
        seen.wait_text("#status-text", "No news for")
        seen.wait_text("#status-text", "Waiting for articles")
        assert seen.complaints == []


def test_it_can_be_turned_off(lab):
    running = lab.run(lab.flow(), http={"listen": "127.0.0.1:0", "page": False})
    running.wait_log("metrics and health")
    assert running.http("/")[0] == 404
    assert running.http("/events")[0] == 404
    assert running.http("/metrics")[0] == 200
