"""The rights of docs/security.md, granted on a real broker: exactly those suffice, and each of them is needed."""

import json
import os
import re

import client
import pytest
import ranges
from broker import ROOT, Broker
from checking import bad, findings, run
from client import article
from confluent_kafka.admin import (
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType)
from fake import POISON
from lab import Flow

INPUT, OUTPUT, DEAD, GROUP = "news.articles", "news.labelled", "news.labelled.dlq", "wiretag"
LOG_IN = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "wiretag", "sasl.password": "s3cret"}
# The first listener is the administrator's.
SETTINGS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "listener.name.login.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.login.plain.sasl.jaas.config":
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_wiretag="s3cret";'}
KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactional-id": ResourceType.TRANSACTIONAL_ID}

# The finding that names a missing right, and one where Describe alone is granted.
MISSING = {INPUT: "topic-denied", OUTPUT: "topic-denied", DEAD: "topic-denied", "group": "right-group",
           "transactional-id": "right-transactional-id"}
DESCRIBED = {INPUT: "right-read", OUTPUT: "right-write", DEAD: "right-write", "group": "right-group"}


def documented():
    """The rights of the document's first and second block: lists of (kind, name, operation, pattern)."""
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8").split("## The rights a worker needs")[1]
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    found = []
    for block in blocks[:2]:
        lines = re.findall(r"^acls (\w+) --([\w-]+) (\S+)( --resource-pattern-type prefixed)?$", block, re.MULTILINE)
        found.append([(KINDS[kind], name, AclOperation[operation.upper()],
                       ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL)
                      for operation, kind, name, prefixed in lines])
    return found


WORKER, PASSES = documented()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A broker that knows its users, with the topics of the documents."""
    if os.environ.get("KAFKA"):
        pytest.skip("the test needs a broker of its own, and KAFKA names another one")
    started = Broker(tmp_path_factory.mktemp("guarded"), settings=SETTINGS, listeners={"LOGIN": "SASL_PLAINTEXT"})
    client.create_topics(started.bootstrap, [INPUT, OUTPUT, DEAD], 2)
    yield started
    started.close()


def allow(broker, rights):
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    everything = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY,
                                  AclPermissionType.ANY)
    for future in admin.delete_acls([everything]).values():
        future.result(30)
    bindings = [AclBinding(kind, name, pattern, "User:wiretag", "*", operation, AclPermissionType.ALLOW)
                for kind, name, operation, pattern in rights]
    for future in admin.create_acls(bindings).values() if bindings else []:
        future.result(30)


def flow_of(guarded, guarantee="exactly-once"):
    """The documents' topics and group, by the listener that asks who it is."""
    return Flow(guarded.addresses["LOGIN"], GROUP, INPUT, OUTPUT, DEAD, guarantee)


def settings(lab, **changes):
    return {"kafka": {"common": LOG_IN | changes}, "model": {"path": str(lab.model())}}


def check_as(lab, guarded, **changes):
    return findings(*run(flow_of(guarded).config(**settings(lab, **changes)), lab.directory, "--json"))


def without(name):
    """All rights but those on a topic of this name, or on this kind of resource."""
    kind = KINDS.get(name)
    return [right for right in WORKER if (right[0] is not kind if kind else right[1] != name)]


def the_one(name):
    return [right for right in WORKER if right not in without(name)]


# A stop that meets the rebalance after another member's stop is no matter of rights: its commit is repeated.
OF_NO_RIGHT = re.compile("model-failed|group generation id is not valid|group rebalance in progress")


def warnings(running):
    return [line for line in running.stderr.splitlines() if re.search(r" (WARN|ERROR) ", line) and "not pinned" not in line]


# --- they suffice ---

@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_worker_with_exactly_these_rights_labels(lab, guarded, guarantee):
    """Labels, dead letters, commits, lag, a rebalance and a start after a stop, without a warning."""
    transactional = guarantee == "exactly-once"
    allow(guarded, WORKER if transactional else [right for right in WORKER if right[0] is not ResourceType.TRANSACTIONAL_ID])
    flow = flow_of(guarded, guarantee)
    bundle = lab.model(fail_on_token=POISON)
    ours = Flow(guarded.bootstrap, GROUP, INPUT, OUTPUT, DEAD, guarantee)
    before, letters_before = len(ours.labels()), len(ours.dead_letters())
    workers = [lab.run(flow, bundle, kafka={"common": LOG_IN}, http={"listen": "127.0.0.1:0"})
               for _ in range(2)]
    for running in workers:
        running.wait_log("pipeline +ready")
    ours.produce([article("мяч"), article(f"гол {POISON}"), article("новость")])
    assert len(ours.labels(before + 2)) == before + 2 and len(ours.dead_letters(letters_before + 1)) == letters_before + 1
    for running in workers:
        assert running.stop() == 0
        assert [line for line in warnings(running) if not OF_NO_RIGHT.search(line)] == [], running.stderr
    again = lab.run(flow, bundle, kafka={"common": LOG_IN})
    ours.produce([article("финал")])
    ours.wait_done()
    assert again.stop() == 0 and len(ours.labels()) == before + 3


def test_replays_and_redrives_with_exactly_these_rights(lab, guarded):
    allow(guarded, WORKER + PASSES)
    ours = Flow(guarded.bootstrap, GROUP, INPUT, OUTPUT, DEAD, "exactly-once")
    ours.produce([article(f"мяч {number}") for number in range(4)])
    client.produce(guarded.bootstrap, DEAD, ranges.letters(ours, 3))
    flow = flow_of(guarded)
    replayed = ranges.finish(ranges.replay(lab, flow, name="rights", kafka={"common": LOG_IN}))
    assert sum(one.labelled for one in replayed.values()) >= 4
    redriven = ranges.finish(ranges.start(lab, flow, "--code", "model-failed", command="redrive", kafka={"common": LOG_IN}))
    assert sum(one.read for one in redriven.values()) >= 3


def test_check_finds_nothing_wrong_with_these_rights(lab, guarded):
    allow(guarded, WORKER)
    status, found = check_as(lab, guarded)
    assert (status, bad(found)) == (0, set())
    assert found["topic-settings"][0]["level"] == "note", "settings may not be read, which is no fault"


# --- each is needed ---

@pytest.mark.parametrize("name, check_name", MISSING.items())
def test_each_right_that_is_missing_is_found_with_its_remedy(lab, guarded, name, check_name):
    allow(guarded, without(name))
    status, found = check_as(lab, guarded)
    assert (status, bad(found)) == (1, {check_name})
    finding, = [one for one in found[check_name] if one["level"] == "error"]
    assert the_one(name)[0][1] in finding["message"]
    assert finding["remedy"].startswith("kafka-acls.sh --add --allow-principal User:wiretag --operation ")


@pytest.mark.parametrize("name, check_name", DESCRIBED.items())
def test_seeing_is_not_reading_or_writing(lab, guarded, name, check_name):
    (kind, resource, _, pattern), = the_one(name)
    allow(guarded, without(name) + [(kind, resource, AclOperation.DESCRIBE, pattern)])
    status, found = check_as(lab, guarded)
    assert (status, bad(found)) == (1, {check_name})


def test_a_wrong_password_is_found_and_not_shown(lab, guarded):
    status, found = check_as(lab, guarded, **{"sasl.password": "wr0ng-and-s3cret"})
    assert (status, bad(found)) == (1, {"broker-unreachable"})
    message = found["broker-unreachable"][0]["message"]
    assert "password is wrong" in message and "wr0ng-and-s3cret" not in json.dumps(found)


def test_writing_was_tried_without_writing(lab, guarded):
    allow(guarded, WORKER)
    ends = [client.end_offsets(guarded.bootstrap, topic) for topic in (INPUT, OUTPUT, DEAD)]
    check_as(lab, guarded)
    assert [client.end_offsets(guarded.bootstrap, topic) for topic in (INPUT, OUTPUT, DEAD)] == ends
