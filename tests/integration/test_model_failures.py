"""A model that fails on an article, on a large batch, or for good: only what must suffer does."""

import checks
import client
import pytest
from client import Record, article
from fake import NOT_A_NUMBER, POISON


def texts_with(word, at, count=64):
    return [f"новость {number}" + (f" {word}" if number in at else "") for number in range(count)]


def test_one_poisonous_article_in_a_full_batch_costs_the_other_63_nothing(lab):
    flow, model = lab.flow(), lab.model(fail_on_token=POISON)
    texts = texts_with(POISON, {37})
    places = flow.produce([Record(article(text), b"key") for text in texts])
    # A wait long enough that all 64 run together.
    running = lab.run(flow, model, batch={"wait_ms_max": 2000}, http={"listen": "127.0.0.1:0"})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places[:37] + places[38:])
    checks.assert_in_order(labels)
    for message in labels:
        checks.assert_labelled(message, texts[checks.source_of(message)[1]], model)
    letter, = dead_letters
    assert letter.value == article(texts[37]) and letter.key == b"key"
    assert letter.header("wiretag.error.code") == "model-failed"
    assert letter.header("wiretag.error.stage") == "infer"
    # 64 together, then halves of 32, 16, 8, 4, 2 and 1 that hold it: the poison really had neighbours.
    metrics = running.metrics()
    assert metrics["wiretag_batches_total"] == 1
    assert metrics["wiretag_batch_failures_total"] == 7


def test_an_article_of_poison_only_is_a_dead_letter_however_many_there_are(lab):
    flow, model = lab.flow(), lab.model(fail_on_token=POISON)
    at = {number for number in range(300) if number % 3 != 0}
    texts = texts_with(POISON, at, 300)
    places = flow.produce([article(text) for text in texts])
    lab.run(flow, model)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, [place for number, place in enumerate(places) if number not in at])
    checks.assert_each_once(dead_letters, [places[number] for number in sorted(at)])
    checks.assert_in_order(labels)
    checks.assert_in_order(dead_letters)


def test_logits_that_are_not_finite_make_a_dead_letter_of_that_article_alone(lab):
    flow, model = lab.flow(), lab.model(nan_on_token=NOT_A_NUMBER)
    texts = texts_with(NOT_A_NUMBER, {5, 6, 63})
    places = flow.produce([article(text) for text in texts])
    lab.run(flow, model, batch={"wait_ms_max": 1000})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places[:5] + places[7:63])
    checks.assert_each_once(dead_letters, [places[5], places[6], places[63]])
    for letter in dead_letters:
        assert letter.value == article(texts[checks.source_of(letter)[1]])
        assert letter.header("wiretag.error.code") == "logits-not-finite"
        assert letter.header("wiretag.error.stage") == "infer"


def test_a_device_with_too_little_memory_gets_smaller_batches_and_everything_is_labelled(lab):
    flow, model = lab.flow(2), lab.model(memory_tokens_max=160)
    texts = texts_with("", set(), 500)
    places = flow.produce([Record(article(text), partition=number % 2) for number, text in enumerate(texts)])
    text_at = dict(zip(places, texts))
    running = lab.run(flow, model, batch={"tokens_max": 1024}, http={"listen": "127.0.0.1:0"})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    for message in labels:
        checks.assert_labelled(message, text_at[checks.source_of(message)], model)
    assert "out of device memory for a batch of" in running.stderr
    # It is remembered: not every batch fails first.
    metrics = running.metrics()
    assert metrics["wiretag_batch_failures_total"] < metrics["wiretag_batches_total"] / 2


def test_an_article_too_large_for_the_device_is_a_dead_letter(lab):
    flow, model = lab.flow(), lab.model(memory_tokens_max=100)
    places = flow.produce([article("мяч"), article("мяч " * 100), article("мяч")])
    lab.run(flow, model)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, [places[0], places[2]])
    checks.assert_each_once(dead_letters, [places[1]])
    assert dead_letters[0].header("wiretag.error.code") == "device-memory"


def test_a_model_that_fails_on_everything_costs_no_record_and_floods_no_dead_letters(lab):
    """What it failed on is kept, and labelled by the next worker, whose model is well."""
    flow, sick = lab.flow(), lab.model(fail_after_calls=12)
    places = flow.produce([article(f"новость {number}") for number in range(400)])
    running = lab.run(flow, sick, batch={"articles_max": 16}, http={"listen": "127.0.0.1:0"})
    client.wait_for("the worker to be unready", lambda: running.http("/readyz")[0] == 503
                    and running.metrics()["wiretag_sick_replicas"] >= 1, 60)
    assert running.stop() == 0
    lab.run(flow, lab.model())
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    assert not dead_letters


@pytest.mark.parametrize("policy", ["skip", "stop"])
def test_the_policy_for_bad_records_holds_for_poison_too(lab, policy):
    flow, model = lab.flow(), lab.model(fail_on_token=POISON)
    places = flow.produce([article(text) for text in texts_with(POISON, {20})])
    running = lab.run(flow, model, on_error=policy, dead_letter=None)
    if policy == "stop":
        assert running.wait_exit() == 1
        assert flow.committed() == {0: 20}
        checks.assert_each_once(flow.labels(), places[:20])
    else:
        labels, _ = checks.settled(flow)
        checks.assert_each_once(labels, places[:20] + places[21:])


def test_labels_do_not_depend_on_what_an_article_was_batched_with(lab):
    """Lengths from 3 tokens to the limit, together and alone."""
    flow, model = lab.flow(), lab.model(tokens_max=64)
    texts = [f"{number} " + "мяч " * (number % 40) for number in range(200)]
    places = flow.produce([article(text) for text in texts])
    lab.run(flow, model, batch={"tokens_max": 4096, "wait_ms_max": 200})
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    for message in labels:
        checks.assert_labelled(message, texts[checks.source_of(message)[1]], model)
    assert {message.json()["truncated"] for message in labels} == {True, False}
