"""replay --compare: what another model would change, counted to the record; and only that published."""

import collections
import json
import re
import signal

import checks
import client
import fake
import pytest
import ranges
import test_windows
import worker
from client import Record, article
from fake import FakeModel

PARTITIONS = 3
# Labels in another order, without two of A's, with one of its own.
OTHER_LABELS = ["economy", "weather", *(label for label in fake.LABELS if label not in ("economy", "travel", "gloss"))]


def described(labels, task="single-label", threshold=None):
    limit = {} if threshold is None else {"threshold": threshold}
    return {"task": task, "labels": [{"name": label, **limit} for label in labels]}


def reference(lab, labels=fake.LABELS[:8], **options):
    """A: as the fake model is, but of fewer labels unless told otherwise; so that B is often of its opinion."""
    return FakeModel(lab.directory / "a.json", options.pop("behaviour", None), options.pop("tokens_max", 512), None, "1",
                     described(labels, **options))


def candidate(lab, labels=fake.LABELS, **options):
    return FakeModel(lab.directory / "b.json", options.pop("behaviour", None), options.pop("tokens_max", 512), None, "2",
                     described(labels, **options))


SEVERAL = {"task": "multi-label", "threshold": 0.8}


def given(model, text):
    """The labels of a text, best first, by the bundle's own thresholds."""
    scores = model.scores(text)
    if model.several:
        return [label for label, score in scores if score >= SEVERAL["threshold"]]
    return [scores[0][0]]


def category(labels):
    return labels[0] if labels else None


def is_changed(a, b):
    return category(a) != category(b) or set(a) != set(b)


def compare(lab, flow, a, b, *arguments, name="spring", only_changed=False, begin="earliest", end="latest", **changes):
    to = ("--only-changed", "--same-topic") if only_changed else ()
    return ranges.start(lab, flow, "--from", begin, "--to", end, "--name", name, "--compare", b, "--json", *to, *arguments,
                        bundle=a, **changes)


def result(running, status=0):
    found = running.wait_exit(120)
    assert found == status, running.report(f"ended with {found}: {running.stdout}")
    return json.loads(running.stdout)


def fill(flow, count, start=0):
    """{(partition, offset): text}"""
    texts = [f"новость {start + number} о матче" for number in range(count)]
    places = flow.produce([Record(article(text), partition=number % PARTITIONS) for number, text in enumerate(texts)])
    return dict(zip(places, texts))


def assert_counts(found, labels):
    """`labels`: for each article what A and B give it."""
    changed = [one for one in labels if is_changed(*one)]
    agreement = found["agreement"]
    assert agreement["compared"] == len(labels)
    assert agreement["equal"] == len(labels) - len(changed)
    assert agreement["same_category"] == sum(category(a) == category(b) for a, b in labels)
    assert agreement["share"] == pytest.approx(1 - len(changed) / len(labels), abs=1e-5)
    low, high = agreement["interval_95"]
    assert 0 <= low <= agreement["share"] + 1e-5 and agreement["share"] - 1e-5 <= high <= 1
    expected = collections.Counter((category(a), category(b)) for a, b in labels)
    assert {(pair["a"], pair["b"]): pair["articles"] for pair in found["pairs"]} == expected
    assert found["rarer_pairs"] == 0
    assert [pair["articles"] for pair in found["pairs"]] == sorted(expected.values(), reverse=True)
    for one in found["labels"]:
        name = one["label"]
        assert (one["both"], one["only_a"], one["only_b"]) == (
            sum(name in a and name in b for a, b in labels), sum(name in a and name not in b for a, b in labels),
            sum(name not in a and name in b for a, b in labels)), name
    return changed


def published(flow):
    return sum(client.end_offsets(flow.bootstrap, flow.output).values())


def test_it_counts_what_another_model_would_change_and_publishes_nothing(lab, guarantee):
    flow = lab.flow(PARTITIONS)
    text_at = fill(flow, 600)
    a, b = reference(lab), candidate(lab, OTHER_LABELS)
    found = result(compare(lab, flow, a, b))
    changed = assert_counts(found, [(given(a, text), given(b, text)) for text in text_at.values()])
    assert 60 < len(changed) < 540, "both kinds were to come"
    assert (found["finished"], found["publishes"], found["a"]["version"], found["b"]["version"]) == (True, "nothing", "1", "2")
    assert (found["records"]["read"], found["records"]["compared"], found["records"]["labelled"]) == (600, 600, 0)
    assert {one["label"]: one["models"] for one in found["labels"]}["weather"] == ["b"]
    assert {one["label"]: one["models"] for one in found["labels"]}["economy"] == ["a", "b"]
    assert {one["label"]: one["models"] for one in found["labels"]}["gloss"] == ["a"]
    assert published(flow) == 0 and flow.dead_letters() == []
    assert flow.committed() == {}, "the live group is untouched"


def test_the_examples_are_the_changes_of_which_both_models_are_surest(lab):
    flow = lab.flow(PARTITIONS)
    text_at = fill(flow, 300)
    a, b = reference(lab), candidate(lab, OTHER_LABELS)
    found = result(compare(lab, flow, a, b))
    sizes = {}
    for place, text in text_at.items():
        (one, sure), (other, sure_too) = a.scores(text)[0], b.scores(text)[0]
        if one != other:
            sizes[place] = round(sure, 3) + round(sure_too, 3)
    largest = sorted(sizes.values(), reverse=True)[:8]
    shown = [(one["partition"], one["offset"]) for one in found["examples"]]
    assert [sizes[place] for place in shown] == pytest.approx(largest, abs=0.0021)
    for example, place in zip(found["examples"], shown):
        text = text_at[place]
        assert (example["text"], example["topic"]) == (text, flow.input)
        assert example["a"] == {"category": a.scores(text)[0][0], "score": pytest.approx(a.scores(text)[0][1], abs=0.0006)}
        assert example["b"] == {"category": b.scores(text)[0][0], "score": pytest.approx(b.scores(text)[0][1], abs=0.0006)}


def test_only_what_b_labels_differently_is_published_labelled_by_b(lab, guarantee):
    flow = lab.flow(PARTITIONS)
    text_at = fill(flow, 300)
    a, b = reference(lab), candidate(lab, OTHER_LABELS)
    found = result(compare(lab, flow, a, b, only_changed=True, delivery={"guarantee": guarantee}))
    changed = {place: text for place, text in text_at.items() if is_changed(given(a, text), given(b, text))}
    labels = flow.labels()
    checks.assert_each_once(labels, changed)
    checks.assert_in_order(labels)
    for message in labels:
        checks.assert_labelled(message, text_at[checks.source_of(message)], b)
        assert message.json()["model"]["version"] == "2"
    assert (found["records"]["labelled"], found["records"]["compared"]) == (len(changed), 300 - len(changed))
    assert found["publishes"] == "changed" and flow.dead_letters() == []


def test_killed_and_interrupted_each_change_is_published_once_and_each_article_counted_once(lab):
    flow = lab.flow(PARTITIONS)
    text_at = fill(flow, 9000)  # far more than the rate allows in the time
    a, b = reference(lab), candidate(lab, OTHER_LABELS)
    seen = 0
    for round in range(4):
        running = compare(lab, flow, a, b, "--rate", 150, only_changed=True)
        client.wait_for("progress", lambda last=seen: published(flow) >= last + 60, 120, 0.02)
        if round == 2:
            running.signal(signal.SIGTERM)
            found = result(running, 1)
            assert not found["finished"] and 0 < found["agreement"]["compared"] < 9000
        else:
            running.kill()
        seen = published(flow)
    found = result(compare(lab, flow, a, b, only_changed=True))
    changed = {place: text for place, text in text_at.items() if is_changed(given(a, text), given(b, text))}
    assert seen < len(changed), "it was to be stopped in the middle"
    labels = flow.labels()
    checks.assert_each_once(labels, changed)
    checks.assert_in_order(labels)
    assert_counts(found, [(given(a, text), given(b, text)) for text in text_at.values()])
    assert found["records"]["labelled"] == len(changed)
    assert len(found["examples"]) == 8 and all(text_at[one["partition"], one["offset"]] == one["text"]
                                               for one in found["examples"])
    again = result(compare(lab, flow, a, b, only_changed=True))
    assert again == found, "a finished one shows the same again"
    assert len(flow.labels()) == len(changed)


def test_the_result_is_of_all_workers_of_the_name(lab):
    flow = lab.flow(PARTITIONS)
    text_at = fill(flow, 600)
    a, b = reference(lab), candidate(lab, OTHER_LABELS)
    slow = compare(lab, flow, a, b, "--rate", 5)
    slow.wait_ready()
    client.wait_for("its first commits", lambda: sum(client.committed(
        flow.bootstrap, f"{flow.group}.replay.spring", flow.input).values()) > 0, 60)
    fast = compare(lab, flow, a, b)
    fast.wait_log(r"assigned .*\[\d\]")
    slow.signal(signal.SIGTERM)
    part = result(slow, 1)
    assert 0 < part["agreement"]["compared"]
    found = result(fast)
    assert_counts(found, [(given(a, text), given(b, text)) for text in text_at.values()])


@pytest.mark.parametrize("only_changed", [False, True])
def test_articles_that_one_of_them_cannot_label_are_counted_apart(lab, only_changed):
    flow = lab.flow(1)
    a = reference(lab, behaviour={"fail_on_token": fake.POISON})
    b = candidate(lab, OTHER_LABELS, behaviour={"fail_on_token": fake.NOT_A_NUMBER})
    plain = [f"новость {number}" for number in range(40)]
    fails_a, fails_b, fails_both = f"один {fake.POISON}", f"два {fake.NOT_A_NUMBER}", f"{fake.POISON} {fake.NOT_A_NUMBER}"
    places = flow.produce([*map(article, plain), article(fails_a), article(fails_b), article(fails_both), b"not JSON",
                           article(" "), Record(None, key=b"gone")])
    found = result(compare(lab, flow, a, b, only_changed=only_changed))
    assert_counts(found, [(given(a, text), given(b, text)) for text in plain])
    assert found["unlabelled"] == {"a": 1, "b": 1, "both": 3}
    changed = [place for place, text in zip(places, plain) if is_changed(given(a, text), given(b, text))]
    records = found["records"]
    if only_changed:
        # What only B can label is a change; so is what only B cannot: a dead letter.
        checks.assert_each_once(flow.labels(), [*changed, places[40]])
        checks.assert_each_once(flow.dead_letters(), [places[41]])
        assert flow.dead_letters()[0].header("wiretag.error.code") == "model-failed"
        assert (records["labelled"], records["compared"], records["dead_lettered"], records["skipped"]) == (
            len(changed) + 1, 40 - len(changed), 1, 4)
    else:
        assert published(flow) == 0 and flow.dead_letters() == []
        assert (records["labelled"], records["compared"], records["dead_lettered"], records["skipped"]) == (0, 41, 0, 5)
    assert (records["read"], records["tombstones"]) == (46, 0)


def test_several_labels_are_compared_as_a_set_and_each_by_itself(lab):
    flow = lab.flow(PARTITIONS)
    text_at = fill(flow, 240)
    a = reference(lab, fake.LABELS[:5], **SEVERAL)
    b = candidate(lab, fake.LABELS[:6], **SEVERAL)
    labels = [(given(a, text), given(b, text)) for text in text_at.values()]
    assert any(category(one) == category(other) and is_changed(one, other) for one, other in labels)
    assert any(not one for one, _ in labels)
    found = result(compare(lab, flow, a, b, only_changed=True))
    changed = assert_counts(found, labels)
    assert found["labels_complete"] and len(flow.labels()) == len(changed)


def test_thresholds_of_the_configuration_count_for_both(lab):
    flow = lab.flow(PARTITIONS)
    text_at = fill(flow, 240)
    a, b = reference(lab), candidate(lab, OTHER_LABELS)
    # One of these labels only A has.
    limits = {"gloss": 0.99, "economy": 0.9}
    running = compare(lab, flow, a, b, output={"threshold": limits})
    found = result(running)

    def limited(model, text):
        label, score = model.scores(text)[0]
        return [label] if score >= limits.get(label, 0) else []
    assert_counts(found, [(limited(a, text), limited(b, text)) for text in text_at.values()])
    assert re.search(r"the configuration does not fit \S+b.json, which is compared all the same: .*gloss", running.stderr)
    # The key is that of A: nobody should be told to pin B there.
    assert re.findall(r"not pinned; in production set model\.sha256: (\w+)", running.stderr) == [found["a"]["sha256"]]


def test_long_articles_are_compared_by_all_their_windows_and_filtered_ones_not_at_all(lab):
    flow = lab.flow(1)
    a = FakeModel(lab.directory / "one.json", {}, test_windows.TOKENS_MAX, None, "1")
    b = FakeModel(lab.directory / "same.json", {}, test_windows.TOKENS_MAX, None, "2")
    c = candidate(lab, OTHER_LABELS, tokens_max=31)
    texts = test_windows.texts_of(60, 7)
    flow.produce([article(text, lang="ru" if number % 3 else "en") for number, text in enumerate(texts)])
    config = {"input": {**test_windows.LONG, "where": {"/lang": ["ru"]}}}
    found = result(compare(lab, flow, a, b, **config))
    # The same model in another file: equal to the last article, whatever its windows.
    assert (found["agreement"]["compared"], found["agreement"]["equal"]) == (40, 40)
    assert (found["records"]["filtered"], found["records"]["compared"]) == (20, 40)
    # Another limit, other windows, and another bundle at the same place.
    found = result(compare(lab, flow, a, c, "--output", lab.topic("changed"), "--only-changed", name="other", **config))
    assert found["agreement"]["compared"] == 40 and found["agreement"]["equal"] < 40


def test_a_name_is_for_one_pair_of_models(lab):
    flow = lab.flow(1)
    flow.produce([article("матч")])
    a, b = reference(lab), candidate(lab)
    result(compare(lab, flow, a, b))
    for arguments, words in ((dict(a=a, b=a), "compare was"), (dict(a=b, b=b), "reference was"),
                             (dict(a=a, b=b, only_changed=True), "publishes was nothing and is changed")):
        running = compare(lab, flow, **arguments)
        assert running.wait_exit() == 2 and words in running.stderr, running.stderr
        assert ("are the same bundle" in running.stderr) == (arguments["a"] is arguments["b"])
    running = ranges.replay(lab, flow, bundle=a)
    assert running.wait_exit() == 2 and "compare was" in running.stderr


def test_a_redrive_still_takes_what_a_comparison_has_passed(lab):
    flow = lab.flow(1)
    failing = reference(lab, behaviour={"fail_on_token": fake.POISON})
    flow.produce([article(f"{fake.POISON} {number}") for number in range(5)])
    ranges.finish(ranges.replay(lab, flow, bundle=failing, name="first"))
    assert len(flow.dead_letters()) == 5
    result(compare(lab, flow, failing, candidate(lab)))
    redrive = ranges.start(lab, flow, "--name", "letters", command="redrive")
    assert ranges.finish(redrive)[0].labelled == 5


def test_a_dry_run_says_what_would_be_done_and_times_both(lab):
    flow = lab.flow(1)
    fill_one = [article(f"новость {number}") for number in range(50)]
    flow.produce(fill_one)
    a, b = reference(lab), candidate(lab)
    running = ranges.start(lab, flow, "--from", "earliest", "--to", "latest", "--name", "dry", "--compare", b, "--dry-run", bundle=a)
    assert running.wait_exit() == 0, running.report("failed")
    assert f"{a} compared with {b}; nothing is published" in running.stdout
    assert "the two models alone take" in running.stdout
    running = compare(lab, flow, a, b, "--dry-run", only_changed=True)
    assert running.wait_exit() == 0, running.report("failed")
    assert f"what B labels differently to {flow.output}, dead letters to {flow.dead_letter}" in running.stdout
    assert published(flow) == 0


@pytest.mark.parametrize("arguments, words", [
    (["--only-changed", "--same-topic"], "--only-changed needs --compare"), (["--json", "--same-topic"], "--json needs --compare"),
    (["--html", "x.html", "--same-topic"], "--html needs --compare"),
    (["--compare", "b.json", "--same-topic"], "--compare publishes nothing"),
    (["--compare", "b.json", "--only-changed"], "one of --output TOPIC and --same-topic is required"),
    (["--compare", ""], "--compare needs the path of a bundle"),
    (["--compare", "b.json", "--html", "/nowhere/x.html"], "--html /nowhere/x.html cannot be written: No such file"),
    (["--compare", "no-such.json"], "no-such.json")])
def test_wrong_options_are_refused_before_anything_is_read(lab, arguments, words):
    config = worker.merge({"model": {"path": str(reference(lab))}}, {"kafka": {"common": {"bootstrap.servers": "127.0.0.1:1"}}})
    running = lab.start(config, command=("replay",), build=worker.fake_build(),
                        arguments=["--from", "earliest", "--to", "latest", "--name", "x", *arguments])
    status = running.wait_exit()
    assert status in (1, 2) and words in running.stderr, running.stderr
