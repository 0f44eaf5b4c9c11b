#!/usr/bin/env python
"""Runs wiretag into everything that goes wrong, then balances the books. Exit 0: they balance.

Usage: python tests/chaos/run.py [--form short|long|endless|delayed|stalled]
                                 [--guarantee exactly-once|at-least-once]
                                 [--static-membership | --group-protocol consumer] [--seed N] [--dir DIR]

--static-membership gives every worker a group.instance.id, which it keeps over its restarts, and now
and then starts a second worker with the name of one that runs. With --group-protocol consumer (KIP-848)
the coordinator assigns.

WIRETAG=FILE names the worker (default: the build with the fake model). The seed, printed first, gives
the same plan again.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "integration")]

import plan  # noqa: E402
import worker  # noqa: E402
from conductor import Chaos, Cluster  # noqa: E402

FORMS = {"short": plan.SHORT, "long": plan.LONG, "endless": plan.ROUND,
         "delayed": plan.DELAYED, "stalled": plan.STALLED}


def play(directory, form, seed, guarantee, rounds=1, say=print, **options):
    """Plays `rounds` (None: without end) on one cluster; the second has the seed seed + 1. Raises
    AssertionError with the report of the first one whose books do not balance."""
    directory = Path(directory)
    reaper = worker.Reaper()
    cluster = Cluster(directory / "brokers", form.nodes, seed)
    try:
        round = 0
        while rounds is None or round < rounds:
            began = time.monotonic()
            chaos = Chaos(directory / f"round-{round}", form, seed + round, cluster, guarantee, round,
                          say=say, reaper=reaper, **options)
            say(f"seed {seed + round}, {guarantee}, {form}")
            for event in plan.make(form, seed + round):
                say(f"  {event}")
            findings = chaos.run()
            befell = sum(1 for fault in chaos.faults if fault.client)
            say(f"{befell} of {len(chaos.faults)} armed faults befell a request")
            say(f"seed {seed + round}: {chaos.counts[0]} labels and {chaos.counts[1]} dead letters of "
                f"{form.ids} articles, settled {chaos.settled_s:.0f} s after the end, "
                f"{time.monotonic() - began:.0f} s in all")
            assert not findings and not chaos.trouble, chaos.report(findings)
            round += 1
    finally:
        cluster.close()
        reaper.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--form", choices=FORMS, default="short")
    parser.add_argument("--guarantee", choices=["exactly-once", "at-least-once"], default="exactly-once")
    parser.add_argument("--static-membership", action="store_true")
    parser.add_argument("--group-protocol", choices=["classic", "consumer"], default="classic")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--dir", type=Path, help="keeps everything here; else a folder kept on failure")
    arguments = parser.parse_args()
    form = FORMS[arguments.form]
    if arguments.static_membership:
        form = plan.with_static_membership(form)
    directory = arguments.dir or Path(tempfile.mkdtemp(prefix="wiretag-chaos-"))
    try:
        play(directory, form, arguments.seed, arguments.guarantee,
             rounds=None if arguments.form == "endless" else 1,
             changes={"kafka": {"consumer": {"group.protocol": arguments.group_protocol}}},
             say=lambda text: print(text, flush=True))
    except AssertionError as failure:
        print(failure, file=sys.stderr)
        return 1
    if arguments.dir is None:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
