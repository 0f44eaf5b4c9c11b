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


def test_a_dry_run_times_the_model_on_the_letters_that_are_taken(lab):
    flow = lab.flow(1)
    fail_some(lab, flow)
    taken = redrive(lab, flow, "--dry-run", "--code", "model-failed")
    assert taken.wait_exit(60) == 0 and "timed on 12 of them" in taken.stdout, taken.stdout
    none = redrive(lab, flow, "--dry-run", "--code", "text-blank")
    assert none.wait_exit(60) == 0 and "no time estimated: none of the 12 records read needs the model" in none.stdout
    assert flow.labels() == [] and len(flow.dead_letters()) == 12


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


def sick(lab):
    return lab.model(fail_on_token=fake.POISON)


def sum_of(balances, field):
    return sum(getattr(one, field) for one in balances.values())


def test_an_article_that_failed_again_and_again_gets_one_label_whatever_the_redrives_names(lab, guarantee):
    flow = lab.flow(2)
    places = flow.produce([Record(article(f"{fake.POISON} {number}"), partition=number % 2) for number in range(6)])
    lab.run(flow, sick(lab))
    flow.wait_done()
    changes = {"delivery": {"guarantee": guarantee}}
    for _ in range(2):
        assert sum_of(ranges.finish(redrive(lab, flow, bundle=sick(lab), **changes)), "dead") == 6
    other = redrive(lab, flow, "--name", "mended", **changes)
    found = ranges.finish(other)
    assert (sum_of(found, "read"), sum_of(found, "labelled"), sum_of(found, "skipped")) == (18, 6, 12)
    assert "not redriven: 12 dead letters, older than another dead letter of their article" in other.stderr
    for name in ("letters", "third", "mended"):
        assert sum_of(ranges.finish(redrive(lab, flow, "--name", name, **changes)), "labelled") == 0
    checks.assert_each_once(flow.labels(), places)
    assert len(flow.dead_letters()) == 18


def test_what_a_filter_passed_over_is_taken_by_another_name_and_the_rest_is_not(lab):
    flow = lab.flow(1)
    fail_some(lab, flow)
    assert ranges.finish(redrive(lab, flow, "--name", "some", "--code", "text-missing, json-invalid"))[0].dead == 2
    one = ranges.finish(redrive(lab, flow, "--name", "rest", "--code", " model-failed "))[0]
    assert (one.labelled, one.dead, one.skipped) == (10, 0, 4)
    last = redrive(lab, flow, "--name", "last", "--tries-max", "2")
    one = ranges.finish(last)[0]
    assert (one.read, one.labelled, one.dead, one.skipped) == (14, 0, 0, 14)
    assert "not redriven: 10 dead letters, of articles that have a label" in last.stderr
    assert "not redriven: 2 dead letters, failed too often (--tries-max)" in last.stderr
    assert len(flow.labels()) == 10


def test_a_letter_whose_article_a_replay_has_labelled_is_not_labelled_again(lab):
    flow = lab.flow(1)
    places = flow.produce([Record(article(f"{fake.POISON} {number}")) for number in range(4)])
    running = lab.run(flow, sick(lab))
    flow.wait_done()
    assert ranges.finish(ranges.replay(lab, flow, "0", "2"))[0].labelled == 2
    assert ranges.finish(ranges.replay(lab, flow, "2", "4", "--output", lab.topic("aside"), name="aside"))[0].labelled == 2
    one = ranges.finish(redrive(lab, flow))[0]
    assert (one.read, one.labelled, one.skipped) == (4, 2, 2)
    checks.assert_each_once(flow.labels(), places)
    # What fails in a replay has a new letter, which stands for it.
    flow.produce([Record(article(fake.POISON))])
    flow.wait_done()
    assert running.stop() == 0
    assert ranges.finish(ranges.replay(lab, flow, "4", "5", name="late", bundle=sick(lab)))[0].dead == 1
    one = ranges.finish(redrive(lab, flow))[0]
    assert (one.read, one.labelled, one.skipped) == (2, 1, 1)
    checks.assert_each_once(flow.labels(), [*places, (0, 4)])


def test_what_on_error_skip_left_without_a_label_is_taken_by_another_name(lab):
    flow = lab.flow(1)
    flow.produce([Record(article(f"{fake.POISON} {number}")) for number in range(3)])
    lab.run(flow, sick(lab))
    flow.wait_done()
    assert ranges.finish(redrive(lab, flow, bundle=sick(lab), on_error="skip"))[0].skipped == 3
    assert ranges.finish(redrive(lab, flow, "--name", "mended"))[0].labelled == 3


def test_a_redrive_waits_for_one_of_another_name_that_is_running(lab):
    flow = lab.flow(1)
    client.produce(flow.bootstrap, flow.dead_letter, ranges.letters(flow, 200))
    slow = redrive(lab, flow, "--rate", 40, "--name", "slow").wait_log("assigned")
    quick = redrive(lab, flow, "--name", "quick").wait_log("waiting for the redrive slow, which is running")
    balances = [ranges.finish(one)[0] for one in (slow, quick)]
    assert [(one.read, one.labelled) for one in balances] == [(200, 200), (200, 0)]
    checks.assert_each_once(flow.labels(), [(0, number) for number in range(200)])


def test_two_of_different_names_that_start_together_go_one_after_the_other(lab, guarantee):
    flow = lab.flow(2)
    client.produce(flow.bootstrap, flow.dead_letter, ranges.letters(flow, 300))
    both = [redrive(lab, flow, "--rate", 100, "--name", name, delivery={"guarantee": guarantee}) for name in ("one", "two")]
    found = [ranges.finish(one) for one in both]
    assert sorted(sum_of(one, "labelled") for one in found) == [0, 300]
    assert len([one for one in both if "waiting for the redrive " in one.stderr]) == 1
    checks.assert_each_once(flow.labels(), [(0, number) for number in range(300)])


@pytest.mark.parametrize("code", ["modelfailed", "model-failed,,text-blank", "", "model-failed,json_invalid"])
def test_a_code_that_no_letter_has_is_refused_with_the_codes_there_are(lab, code):
    flow = lab.flow(1)
    running = redrive(lab, flow, "--code", code)
    assert running.wait_exit() == 2
    assert "no dead letter has the code" in running.stderr and "json-invalid, json-not-object, " in running.stderr


def test_a_name_that_was_begun_with_other_codes_or_tries_is_refused(lab):
    flow = lab.flow(1)
    fail_some(lab, flow)
    ranges.finish(redrive(lab, flow, "--code", "model-failed"))
    for arguments, words in ([["--code", "text-missing"], "code was model-failed and is text-missing"],
                             [[], "code was model-failed and is all"],
                             [["--code", "model-failed", "--tries-max", "9"], "tries-max was 5 and is 9"]):
        again = redrive(lab, flow, *arguments)
        assert again.wait_exit() == 2
        assert words in again.stderr and "use another --name" in again.stderr
    assert ranges.finish(redrive(lab, flow, "--code", " model-failed"))[0].read == 0
