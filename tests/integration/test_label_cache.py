"""model.cache_bytes_max: an article that comes again gets the very label that the model gave, without the model."""

import signal

import checks
import pytest
from client import Record, article
from test_metrics import HTTP
from test_reload import Bundles, replacements
from test_windows import LONG, TOKENS_MAX, texts_of

CACHE = {"cache_bytes_max": 1 << 20}


def without_source(body):
    return {key: value for key, value in body.items() if key != "source"}


def twice(flow, texts, running):
    """The texts, then all of them again: what came out of both, in order."""
    flow.produce([Record(article(text, id=str(number)), b"key") for number, text in enumerate(texts)])
    checks.settled(flow)
    before = running.idle_metrics()
    flow.produce([Record(article(text, id=str(number)), b"key") for number, text in enumerate(texts)])
    labels, dead_letters = checks.settled(flow)
    assert dead_letters == [] and len(labels) == 2 * len(texts)
    bodies = [without_source(message.json()) for message in labels]
    return bodies[:len(texts)], bodies[len(texts):], before, running.idle_metrics()


@pytest.mark.parametrize("long", [{}, LONG])
def test_an_article_that_comes_again_has_the_very_same_label_without_the_model(lab, long, guarantee):
    flow, texts = lab.flow(), list(dict.fromkeys(texts_of(120, 8)))
    running = lab.run(flow, lab.model(tokens_max=TOKENS_MAX), http=HTTP, model=CACHE, input=long)
    first, again, before, after = twice(flow, texts, running)
    assert again == first
    rows = after['wiretag_cache_lookups_total{result="hit"}'] - before['wiretag_cache_lookups_total{result="hit"}']
    assert rows == sum(body.get("windows", 1) for body in again)
    for series in ("wiretag_tokens_total", "wiretag_batches_total", 'wiretag_cache_lookups_total{result="miss"}'):
        assert after[series] == before[series], series
    assert 0 < after["wiretag_cache_bytes"] <= CACHE["cache_bytes_max"]
    assert running.stop() == 0


def test_of_many_that_wait_at_once_the_same_are_labelled_once(lab):
    """All are tokenized before the model has labelled the first."""
    flow, model = lab.flow(), lab.model(sleep_us_per_call=100_000)
    texts = [f"новость {number % 8}" for number in range(200)]
    places = flow.produce([Record(article(text), b"key") for text in texts])
    running = lab.run(flow, model, http=HTTP, model={**CACHE, "replicas": 1}, batch={"articles_max": 8})
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    for message, text in zip(labels, texts):
        checks.assert_labelled(message, text, model)
    metrics = running.idle_metrics()
    hits, misses = (metrics[f'wiretag_cache_lookups_total{{result="{result}"}}'] for result in ("hit", "miss"))
    assert hits + misses == len(texts) and misses == 8
    assert running.stop() == 0


def test_it_is_off_unless_it_is_given_memory(lab):
    flow, texts = lab.flow(), [f"новость {number}" for number in range(40)]
    running = lab.run(flow, lab.model(), http=HTTP)
    first, again, before, after = twice(flow, texts, running)
    assert again == first and after["wiretag_cache_bytes"] == 0
    assert after["wiretag_tokens_total"] == 2 * before["wiretag_tokens_total"]
    assert after['wiretag_cache_lookups_total{result="hit"}'] == 0
    assert running.stop() == 0


def test_a_reload_empties_it(lab):
    flow, bundles = lab.flow(), Bundles(lab.directory)
    text = "новость о матче"
    for number in range(1, 4):
        model = bundles.place()
        if number == 1:
            running = lab.run(flow, bundles.path, http=HTTP, model=CACHE).wait_ready()
        else:
            running.signal(signal.SIGHUP)
            replacements(running, number - 1)
        for more in (1, 2):
            flow.produce([article(text)])
            message = flow.labels(2 * number - 2 + more)[-1]
            assert bundles.of(message) is model
            checks.assert_labelled(message, text, model)
    lookups = running.idle_metrics()
    assert (lookups['wiretag_cache_lookups_total{result="hit"}'], lookups['wiretag_cache_lookups_total{result="miss"}']) == (3, 3)
    assert running.stop() == 0
