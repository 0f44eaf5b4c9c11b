"""redrive: dead letters become labels of their own articles, once, or dead letters with their tries counted."""

import checks
import client
import fake
import pytest
import ranges
from client import Record, article


def redrive(lab, flow, *arguments, **options):
    return ranges.start(lab, flow, *arguments, command="redrive", **options)


def fail_some(lab, flow):
    """Ten articles that a sick model refuses, and two records that no model can read; all are dead letters."""
    flow.produce([Record(article(f"{fake.POISON} {number}"), key=b"k", headers=[("trace", b"1")],
                         timestamp=1_795_000_000_000 + number) for number in range(10)] + [b"not JSON", b"{}"])
    lab.run(flow, lab.model(fail_on_token=fake.POISON))
    flow.wait_done()
    assert len(flow.dead_letters()) == 12 and flow.labels() == []


def test_a_mended_model_labels_the_letters_as_the_articles_they_were(lab):
    flow = lab.flow(1)
    fail_some(lab, flow)
    one = ranges.finish(redrive(lab, flow))[0]
    assert (one.read, one.labelled, one.dead) == (12, 10, 2)
    labels = flow.labels()
    assert sorted(label.source for label in labels) == [(flow.input, 0, offset) for offset in range(10)]
    for label in labels:
        names = [name for name, _ in label.headers]
        assert "trace" in names and not [name for name in names if name.startswith("wiretag.error") or name == "wiretag.tries"]
        assert label.json()["source"]["offset"] == label.source[2] and label.timestamp == 1_795_000_000_000 + label.source[2]
    again = flow.dead_letters()[12:]
    assert [letter.header("wiretag.tries") for letter in again] == ["2", "2"]
    assert [letter.source for letter in again] == [(flow.input, 0, 10), (flow.input, 0, 11)]


def test_a_redrive_goes_on_where_it_ended_and_a_limit_stops_the_loop(lab):
    flow = lab.flow(1)
    fail_some(lab, flow)
    reads = [ranges.finish(redrive(lab, flow, "--tries-max", 3))[0] for _ in range(4)]
    assert [(one.read, one.labelled, one.dead, one.skipped) for one in reads] == [
        (12, 10, 2, 0), (2, 0, 2, 0), (2, 0, 0, 2), (0, 0, 0, 0)]
    assert len(flow.labels()) == 10 and len(flow.dead_letters()) == 16


def test_letters_are_chosen_by_code_offset_and_partition(lab):
    flow = lab.flow(2)
    flow.produce([Record(b"not JSON", partition=0), Record(b"{}", partition=0), Record(b"{}", partition=1)] * 3)
    lab.run(flow)
    flow.wait_done()
    coded = ranges.finish(redrive(lab, flow, "--code", "text-missing,model-failed", "--name", "code"))
    assert {number: (one.dead, one.skipped) for number, one in coded.items()} == {0: (3, 3), 1: (3, 0)}
    some = ranges.finish(redrive(lab, flow, "--name", "some", "--from", "1", "--to", "3", "--partitions", "1"))
    assert {number: one.read for number, one in some.items()} == {1: 2}


def test_bad_usage_is_named(lab):
    flow = lab.flow(1)
    for arguments, part in ([["--tries-max", "0"], "--tries-max"], [["--from", "then"], "--from then"],
                            [["--name", "a b"], "--name"], [["--nonsense"], "--nonsense"]):
        running = redrive(lab, flow, *arguments)
        assert running.wait_exit() == 2 and part in running.stderr


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_killed_again_and_again_no_letter_is_lost_and_exactly_once_none_is_doubled(lab, guarantee):
    flow = lab.flow(1)
    flow.guarantee = guarantee
    count = 3000  # far more than the rate allows in the time
    places = client.produce(flow.bootstrap, flow.dead_letter, ranges.letters(flow, count) + [
        Record(b"not JSON", headers=ranges.letters(flow, count + 1)[-1].headers)])

    def published():
        return sum(client.end_offsets(flow.bootstrap, flow.output).values())
    for _ in range(2):
        before = published()
        running = redrive(lab, flow, "--rate", 300, delivery={"guarantee": guarantee})
        client.wait_for("progress", lambda: published() >= before + 100, 90, 0.02)
        running.kill()
    assert published() < count, "it was to be killed in the middle"
    one = ranges.finish(redrive(lab, flow, delivery={"guarantee": guarantee}))[0]
    assert (one.start, one.end, one.left) == (0, len(places), 0)
    assert (one.read, one.labelled, one.dead) == (count + 1, count, 1)
    checks.assert_delivered(flow, flow.labels(), [(0, number) for number in range(count)])
    again = [letter for letter in flow.dead_letters() if letter.header("wiretag.tries") == "2"]
    assert {letter.source for letter in again} == {(flow.input, 0, count)}
    assert guarantee == "at-least-once" or len(again) == 1
