"""replay and redrive as the tests use them: started on a flow, and their balance read."""

import re
from dataclasses import dataclass

import worker
from client import Record, article

LINE = re.compile(
    r"^  (?P<topic>\S+) \[(?P<partition>\d+)\] offsets (?P<start>\d+) to (?P<end>\d+): "
    r"(?:(?P<left>\d+) offsets left; )?(?P<read>\d+) read = (?P<labelled>\d+) labelled \+ "
    r"(?P<dead>\d+) dead-lettered \+ (?P<skipped>\d+) skipped \+ (?P<tombstones>\d+) tombstones"
    r"(?: \+ (?P<filtered>\d+) filtered)?(?: \+ (?P<compared>\d+) compared)?$",
    re.MULTILINE)


@dataclass
class Balance:
    """One partition's line."""
    start: int
    end: int
    left: int
    read: int
    labelled: int
    dead: int
    skipped: int
    tombstones: int
    filtered: int
    compared: int

    def assert_balanced(self):
        assert self.read == self.labelled + self.dead + self.skipped + self.tombstones + self.filtered + self.compared, self


def balances(stdout):
    """{partition: Balance} of a single topic; each must balance, and the sum must be theirs."""
    found = {}
    for match in LINE.finditer(stdout):
        values = {key: int(match[key] or 0) for key in Balance.__dataclass_fields__}
        found[int(match["partition"])] = Balance(**values)
        found[int(match["partition"])].assert_balanced()
    total = int(re.search(r"^in all (\d+) read", stdout, re.MULTILINE).group(1))
    assert total == sum(one.read for one in found.values())
    return found


def start(lab, flow, *arguments, command="replay", bundle=None, **changes):
    """A worker of this command with the fake model, exactly-once unless `changes` says otherwise."""
    changes = worker.merge({"model": {"path": str(bundle or lab.model())},
                            "delivery": {"guarantee": "exactly-once"}}, changes)
    return lab.start(flow.config(**changes), command=(command,), build=worker.fake_build(),
                     arguments=arguments)


def replay(lab, flow, begin="earliest", end="latest", *arguments, name="spring", **options):
    to = () if "--output" in arguments else ("--same-topic",)
    return start(lab, flow, "--from", begin, "--to", end, "--name", name, *to, *arguments, **options)


def letters(flow, count):
    """Dead letters of articles that an earlier model had failed on, as a worker writes them."""
    return [Record(article(f"новость {number}"), headers=[
        ("wiretag.error.code", b"model-failed"), ("wiretag.tries", b"1"), ("wiretag.source.topic", flow.input.encode()),
        ("wiretag.source.partition", b"0"), ("wiretag.source.offset", f"{number}".encode())]) for number in range(count)]


def finish(running, timeout=90):
    """Waits for its end, which must be a good one; its balances."""
    status = running.wait_exit(timeout)
    assert status == 0, running.report(f"ended with {status}: {running.stdout}")
    return balances(running.stdout)
