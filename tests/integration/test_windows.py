"""input.long windows: long articles are read in overlapping windows, and come out once with the weighted mean. What a
window holds is Hugging Face's answer: a truncation with a stride, and its overflowing parts."""

import math
import random
import subprocess

import checks
import client
import fake
import pytest
import ranges
import worker
from broker import ROOT
from client import Record, article
from test_cli import lines
from test_cli import run as run_command
from test_explain import explain
from test_explain import run as explain_text
from test_metrics import HTTP

TOKENS_MAX, OVERLAP, WINDOWS_MAX = 40, 7, 5
LONG = {"long": "windows", "window_overlap": OVERLAP, "windows_max": WINDOWS_MAX}
WORDS = "матч выборы рынок погода театр суд наука дорога".split()


def windows_of(model, text):
    """([ids of each window], whether there were more)."""
    tokenizer = model._tokenizer
    tokenizer.enable_truncation(TOKENS_MAX, stride=OVERLAP)
    try:
        whole = tokenizer.encode(text)
    finally:
        tokenizer.no_truncation()
    parts = [part.ids for part in [whole, *whole.overflowing]]
    return parts[:WINDOWS_MAX], len(parts) > WINDOWS_MAX


def assert_read_whole(body, text, model, behind=("source",)):
    """The record of a text: mean of the windows' logits by the tokens that no earlier window has."""
    windows, truncated = windows_of(model, text)
    own = [len(ids) - 2 - (OVERLAP if number > 0 else 0) for number, ids in enumerate(windows)]
    rows = [fake.logits(ids) for ids in windows]
    mean = [sum(weight * row[label] for weight, row in zip(own, rows)) / sum(own) for label in range(len(fake.LABELS))]
    exponentials = [math.exp(value - max(mean)) for value in mean]
    scores = sorted(((label, value / sum(exponentials)) for label, value in zip(fake.LABELS, exponentials)),
                    key=lambda pair: -pair[1])[:3]
    assert list(body) == ["id", "category", "score", "scores", "model", "tokens", "truncated", "windows", *behind]
    assert body["category"] == scores[0][0], text[:60]
    assert list(body["scores"].items()) == [(label, pytest.approx(score, rel=1e-5)) for label, score in scores]
    assert (body["tokens"], body["truncated"], body["windows"]) == (sum(own) + 2, truncated, len(windows))


def texts_of(count, seed, poison=()):
    """Articles of one to seven windows; those in `poison` are long, with the poison anywhere."""
    dice = random.Random(seed)
    texts = []
    for number in range(count):
        words = [dice.choice(WORDS) for _ in range(dice.choice([1, 4, 8, 9, 15, 25, 50]))]
        if number in poison:
            words = [dice.choice(WORDS) for _ in range(20)]
            words[dice.randrange(20)] = fake.POISON
        texts.append(" ".join(words))
    return texts


def test_long_articles_are_labelled_by_the_mean_of_their_windows(lab):
    flow, model = lab.flow(), lab.model(tokens_max=TOKENS_MAX)
    texts = texts_of(300, 1)
    places = flow.produce([Record(article(text), b"key") for text in texts])
    running = lab.run(flow, model, input=LONG, http=HTTP)
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, places)
    checks.assert_in_order(labels)
    assert dead_letters == []
    counts = [0] * 8
    for message, text in zip(labels, texts):
        assert_read_whole(message.json(), text, model)
        counts[message.json()["windows"]] += 1
    assert all(counts[1:WINDOWS_MAX + 1])
    metrics = running.idle_metrics()
    assert metrics["wiretag_article_windows_count"] == len(texts)
    assert metrics["wiretag_article_windows_sum"] == sum(number * count for number, count in enumerate(counts))
    assert metrics["wiretag_truncated_articles_total"] == sum(message.json()["truncated"] for message in labels) > 0
    client.wait_for("no bytes in flight", lambda: running.metrics()["wiretag_in_flight_bytes"] == 0)


def test_a_replay_that_is_killed_reads_long_articles_whole(lab):
    """What the worker had cut, labelled once more."""
    flow, model = lab.flow(2), lab.model(tokens_max=TOKENS_MAX, sleep_us_per_call=5000)
    texts = texts_of(200, 9)
    places = flow.produce([article(text) for text in texts])
    text_at = dict(zip(places, texts))
    lab.run(flow, model)
    labels, _ = checks.settled(flow)
    checks.assert_each_once(labels, places)
    assert any(message.json()["truncated"] for message in labels) and not any("windows" in message.json() for message in labels)
    lab.workers[-1].stop()
    output = lab.topic("again", 1)
    first = ranges.replay(lab, flow, "earliest", "latest", "--output", output, bundle=model, input=LONG, batch={"articles_max": 4})
    client.wait_for("labels of the replay", lambda: len(client.read_all(flow.bootstrap, output)) >= 30, 60)
    first.kill()
    ranges.finish(ranges.replay(lab, flow, "earliest", "latest", "--output", output, bundle=model, input=LONG))
    again = client.read_all(flow.bootstrap, output)
    checks.assert_each_once(again, places)
    for message in again:
        assert_read_whole(message.json(), text_at[checks.source_of(message)], model)


def test_a_poison_window_is_one_dead_letter_of_its_article(lab):
    flow, model = lab.flow(), lab.model(tokens_max=TOKENS_MAX, fail_on_token=fake.POISON)
    poison = set(range(5, 120, 9))
    texts = texts_of(120, 2, poison)
    places = flow.produce([article(text) for text in texts])
    lab.run(flow, model, input=LONG, batch={"wait_ms_max": 500})
    labels, dead_letters = checks.settled(flow)
    checks.assert_each_once(labels, [place for number, place in enumerate(places) if number not in poison])
    checks.assert_each_once(dead_letters, [places[number] for number in sorted(poison)])
    checks.assert_in_order(labels)
    checks.assert_in_order(dead_letters)
    for message in labels:
        assert_read_whole(message.json(), texts[checks.source_of(message)[1]], model)
    for letter in dead_letters:
        text = texts[checks.source_of(letter)[1]]
        windows, _ = windows_of(model, text)
        poisoned = [number for number, ids in enumerate(windows) if fake.VOCABULARY.index(fake.POISON) in ids]
        assert letter.value == article(text)
        assert letter.header("wiretag.error.code") == "model-failed"
        assert letter.header("wiretag.error.message").startswith(f"window {poisoned[0] + 1} of {len(windows)}: ")


def test_killed_in_the_middle_of_articles_each_comes_out_once(lab):
    flow, model = lab.flow(2), lab.model(tokens_max=TOKENS_MAX, sleep_us_per_call=15000, fail_on_token=fake.POISON)
    poison = set(range(7, 900, 100))
    texts = texts_of(900, 3, poison)
    places = flow.produce([Record(article(text), partition=number % 2) for number, text in enumerate(texts)])
    text_at = dict(zip(places, texts))
    changes = {"input": LONG, "delivery": {"guarantee": "exactly-once"}, "batch": {"articles_max": 3}}

    def published():
        return sum(client.end_offsets(flow.bootstrap, flow.output).values())
    for _ in range(2):
        before = published()
        running = lab.run(flow, model, **changes)
        client.wait_for("progress", lambda: published() >= before + 60, 90, 0.02)
        running.kill()
    assert flow.lag() > 0, "it was to be killed in the middle"
    lab.run(flow, model, **changes)
    labels, dead_letters = checks.settled(flow, 120)
    good = [place for number, place in enumerate(places) if number not in poison]
    checks.assert_each_once(labels, good)
    checks.assert_each_once(dead_letters, [places[number] for number in sorted(poison)])
    checks.assert_in_order(labels)
    for message in labels:
        assert_read_whole(message.json(), text_at[checks.source_of(message)], model)


def test_a_worker_that_stops_drains_articles_of_several_windows(lab):
    flow, model = lab.flow(), lab.model(tokens_max=TOKENS_MAX, sleep_us_per_call=10000)
    texts = texts_of(400, 4)
    places = flow.produce([article(text) for text in texts])
    first = lab.run(flow, model, input=LONG, batch={"articles_max": 4})
    client.wait_for("progress", lambda: sum(client.end_offsets(flow.bootstrap, flow.output).values()) >= 40, 60, 0.02)
    assert first.stop() == 0
    assert flow.lag() > 0, "it was to be stopped in the middle"
    assert flow.lag() + len(flow.labels()) == len(texts)
    lab.run(flow, model, input=LONG)
    labels, dead_letters = checks.settled(flow)
    assert dead_letters == []
    checks.assert_delivered(flow, labels, places)
    checks.assert_in_order(labels)


def test_explain_shows_the_windows_and_agrees(lab):
    flow, model = lab.flow(), lab.model(tokens_max=TOKENS_MAX)
    text = " ".join(WORDS * 3)
    flow.produce([article(text), article(" ".join(WORDS * 20))])
    lab.run(flow, model, input=LONG)
    first, second = flow.labels(2)
    body = explain(flow, model, f"{flow.input}:0:0", input=LONG)
    windows, _ = windows_of(model, text)
    assert body["article"]["windows"] == len(windows) == first.json()["windows"] > 1
    assert [token["id"] for token in body["article"]["tokens"]] == model._tokenizer.encode(text).ids
    assert body["published"][0]["agrees"] and body["label"] == first.json()
    shown = explain_text(flow, model, f"{flow.input}:0:0", input=LONG).stdout
    assert f"{len(windows)} of at most {WINDOWS_MAX}, two neighbours share {OVERLAP} tokens" in shown
    cut = explain(flow, model, f"{flow.input}:0:1", input=LONG)["article"]
    assert cut["truncated"] and cut["windows"] == WINDOWS_MAX and len(cut["tokens"]) == second.json()["tokens"]


OPTIONS = ["--long", "windows", "--window-overlap", OVERLAP, "--windows-max", WINDOWS_MAX]


@pytest.mark.parametrize("tokens", [1, 1024, 100000])
def test_classify_gives_what_a_worker_gives(lab, tokens):
    model = lab.model(tokens_max=TOKENS_MAX)
    texts = texts_of(300, 5)
    body = lines({"id": number, "text": text} for number, text in enumerate(texts))
    status, out, stderr = run_command("classify", "--model", model, *OPTIONS, "--batch-tokens", tokens, input=body)
    assert (status, stderr) == (0, "")
    assert [answer["id"] for answer in out] == list(range(300))
    for answer, text in zip(out, texts, strict=True):
        assert_read_whole(answer, text, model, behind=())


def test_classify_with_a_configuration_reads_windows_as_its_worker_does(lab):
    flow, model = lab.flow(), lab.model(tokens_max=TOKENS_MAX)
    texts = texts_of(40, 7)
    path = model.path.with_suffix(".yaml")
    config = flow.config(**worker.merge({"model": {"path": str(model)}}, {"input": LONG}))
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    body = lines({"id": number, "text": text} for number, text in enumerate(texts))
    status, out, _ = run_command("classify", "-c", path, input=body)
    assert status == 0
    for answer, text in zip(out, texts, strict=True):
        assert_read_whole(answer, text, model, behind=())
    _, cut, _ = run_command("classify", "-c", path, "--long", "cut", input=body)
    assert all("windows" not in answer for answer in cut)
    _, two, _ = run_command("classify", "-c", path, "--windows-max", 2, input=body)
    assert {answer["windows"] for answer in two} == {1, 2}


def test_eval_counts_what_windows_give(lab):
    model = lab.model(tokens_max=TOKENS_MAX)
    texts = texts_of(300, 6)
    body = lines({"id": number, "text": text} for number, text in enumerate(texts))
    _, windows, _ = run_command("classify", "--model", model, *OPTIONS, input=body)
    _, cut, _ = run_command("classify", "--model", model, input=body)
    same = sum(one["category"] == other["category"] for one, other in zip(windows, cut, strict=True))
    assert same < 250
    gold = lines({"text": text, "label": answer["category"]} for text, answer in zip(texts, windows, strict=True))
    assert run_command("eval", "--model", model, *OPTIONS, "--json", input=gold)[1][0]["accuracy"] == 1
    figures = run_command("eval", "--model", model, "--long", "cut", "--json", input=gold)[1][0]
    assert figures["accuracy"] == pytest.approx(same / 300, abs=1e-4)


@pytest.mark.parametrize("command", ["classify", "eval"])
@pytest.mark.parametrize("arguments, part", [
    (["--long", "window"], "--long window: it must be cut or windows"),
    (["--windows-max", "0"], "--windows-max 0: a whole number from 1 to 256"),
    (["--window-overlap", "-1"], "--window-overlap -1: a whole number from 0 to 8191")])
def test_bad_usage_is_named(lab, command, arguments, part):
    status, _, stderr = run_command(command, "--model", lab.model(), *arguments)
    assert status == 2 and part in stderr


def test_an_overlap_that_classify_has_no_room_for_is_refused(lab):
    model = lab.model(tokens_max=TOKENS_MAX)
    status, out, stderr = run_command("classify", "--model", model, "--long", "windows")
    assert (status, out) == (2, []) and "windows that share 64 tokens do not advance" in stderr


@pytest.mark.parametrize("command", ["run", "check", "explain"])
def test_an_overlap_that_the_model_has_no_room_for_is_refused(lab, command):
    flow, model = lab.flow(), lab.model(tokens_max=TOKENS_MAX)
    flow.produce([article("мяч")])
    path = model.path.with_suffix(".yaml")
    config = flow.config(**worker.merge({"model": {"path": str(model)}}, {"input": {**LONG, "window_overlap": 38}}))
    path.write_text(worker.yaml(config) + "\n", encoding="utf-8")
    place = [f"{flow.input}:0:0"] if command == "explain" else []
    done = subprocess.run([worker.binary(worker.fake_build()), command, "-c", path, *place], cwd=ROOT, timeout=60,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == (2 if command == "run" else 1)
    said = done.stdout + done.stderr
    assert "input.window_overlap: windows that share 38 tokens do not advance" in said and "at most 37" in said
    assert flow.labels() == []
