"""What happens when: drawn from a seed, so that a run can be repeated as far as time itself can."""

import random
from dataclasses import dataclass, field, replace

from proxy import ADD_OFFSETS, ADD_PARTITIONS, END_TXN, PRODUCE, TXN_OFFSET_COMMIT


@dataclass(frozen=True)
class Form:
    """How much of everything."""
    ids: int
    seconds: int  # during which the ids are fed and all of it happens
    nodes: int = 1
    worker_kills: int = 0
    broker_kills: int = 0
    stops: int = 0  # SIGSTOP past session and transaction time-outs
    cuts: int = 0
    held_end_txns: int = 0
    delayed_end_txns: int = 0
    held_others: int = 0  # other requests of a transaction whose reply is late, lost, or which come late
    half_opens: int = 0
    slow_times: int = 0
    fences: int = 0  # brokers name no broker and no coordinator, as one does that its controller has fenced
    storms: int = 0  # workers join and leave, in good order
    stalled_kills: int = 0  # of a worker that waits for the acknowledgement of what it produced
    # Every worker keeps a group.instance.id of its own over its restarts: one that is killed or leaves
    # stays a member for session.timeout.ms and finds its partitions again.
    static_membership: bool = False
    twins: int = 0  # a second worker takes the name of one that runs, by mistake: one of them must go


def with_static_membership(form):
    return replace(form, static_membership=True, twins=max(2, form.worker_kills // 4))


SHORT = Form(ids=10_000, seconds=95, worker_kills=8, broker_kills=1, stops=2, cuts=5, held_end_txns=2,
             delayed_end_txns=1, held_others=2, half_opens=1, slow_times=1, fences=1, storms=1)
LONG = Form(ids=200_000, seconds=900, nodes=3, worker_kills=60, broker_kills=9, stops=8, cuts=40,
            held_end_txns=12, delayed_end_txns=8, held_others=16, half_opens=10, slow_times=6, fences=4, storms=6)
STATIC = with_static_membership(replace(SHORT, ids=7_000, seconds=70, worker_kills=6, stops=1, cuts=3,
                                        storms=2))
# One round of the form without end.
ROUND = replace(LONG, ids=40_000, seconds=240, worker_kills=16, broker_kills=3, stops=3, cuts=12,
                held_end_txns=4, delayed_end_txns=3, held_others=6, half_opens=4, slow_times=2, fences=2, storms=2)

# What the negative controls play, each aimed at one defence.
DELAYED = Form(ids=3_000, seconds=35, delayed_end_txns=8)
STALLED = Form(ids=4_000, seconds=40, stalled_kills=8)

WORKERS = 3
# Longer than session.timeout.ms and transaction.timeout.ms of conductor.py together with the second
# that a broker takes to notice.
STOP_S = 10.0


@dataclass(frozen=True)
class Event:
    at: float  # seconds after the start
    what: str
    arguments: dict = field(default_factory=dict)

    def __str__(self):
        words = " ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.at:7.2f} s  {self.what} {words}".rstrip()


def make(form, seed):
    """The events in order of time."""
    dice = random.Random(seed)
    kinds = (["kill"] * form.worker_kills + ["broker"] * form.broker_kills + ["stop"] * form.stops
             + ["cut"] * form.cuts + ["held"] * form.held_end_txns + ["delayed"] * form.delayed_end_txns
             + ["other"] * form.held_others + ["half-open"] * form.half_opens
             + ["slow"] * form.slow_times + ["fence"] * form.fences + ["storm"] * form.storms
             + ["stalled-kill"] * form.stalled_kills + ["twin"] * form.twins)
    dice.shuffle(kinds)
    busy = {slot: 0.0 for slot in range(WORKERS)}  # until when a worker is killed or stopped
    node_busy = 0.0
    events = []
    first, last = 3.0, form.seconds - STOP_S
    for number, kind in enumerate(kinds):
        at = first + (number + dice.random()) * (last - first) / len(kinds)
        if kind in _WORKER_EVENTS:
            slot = min(dice.sample(sorted(busy), len(busy)), key=lambda one: max(busy[one], at))
            at = max(at, busy[slot])
            made, busy[slot] = _WORKER_EVENTS[kind](dice, at, slot)
        elif kind == "broker":
            at = max(at, node_busy)
            node, away = 1 + dice.randrange(form.nodes), dice.uniform(0.5, 4)
            made = [Event(at, "kill broker", {"node": node}), Event(at + away, "start broker", {"node": node})]
            node_busy = at + away + 15
        else:
            made = _NETWORK_EVENTS[kind](dice, at)
        events += made
    return sorted(events, key=lambda event: event.at)


def _kill(dice, at, slot):
    away = dice.choice([0.0, 0.5, dice.uniform(0, 6)])
    return ([Event(at, "kill", {"worker": slot}), Event(at + away, "start", {"worker": slot})],
            at + away + 1.5)


def _stop(dice, at, slot):
    seconds = STOP_S + dice.uniform(0, 2)
    return ([Event(at, "pause", {"worker": slot}), Event(at + seconds, "resume", {"worker": slot})],
            at + seconds + 1.5)


def _storm(dice, at, slot):
    events = []
    for _ in range(3):
        events += [Event(at, "leave", {"worker": slot}), Event(at + 0.7, "start", {"worker": slot})]
        at += 0.7 + dice.uniform(0.3, 2)
    return events, at


def _stalled_kill(dice, at, slot):
    """Commits go by another connection than records: they get through while these wait."""
    stall = Event(at, "fault", {"key": PRODUCE, "action": "hold", "seconds": 4.0, "client": f"chaos-{slot}"})
    events, until = _kill(dice, at + dice.uniform(0.5, 2.5), slot)
    return [stall, *events], until


def _twin(_dice, at, slot):
    return [Event(at, "twin", {"worker": slot})], at + 6


def _held(dice, at):
    return [_fault(at, END_TXN, dice.choice(["hold", "drop"]), dice.choice([1.0, 7.0]))]


def _delayed(_dice, at):
    return [_fault(at, END_TXN, "delay", 5.0)]


def _other(dice, at):
    key = dice.choice([PRODUCE, ADD_PARTITIONS, ADD_OFFSETS, TXN_OFFSET_COMMIT])
    return [_fault(at, key, dice.choice(["hold", "drop", "delay"]), dice.choice([0.7, 2.0, 7.0]))]


def _fault(at, key, action, seconds):
    return Event(at, "fault", {"key": key, "action": action, "seconds": seconds})


def _cut(dice, at):
    return [Event(at, "cut", {"count": dice.choice([1, 2, 8, 100])})]


def _half_open(dice, at):
    return [Event(at, "half-open", {"count": dice.choice([1, 4, 100]), "seconds": dice.choice([1, 5, 9])})]


def _slow(dice, at):
    return [Event(at, "slow", {"seconds": dice.choice([3, 8]), "high_s": dice.choice([0.02, 0.15])})]


def _fence(dice, at):
    return [Event(at, "fence", {"seconds": dice.choice([1, 3])})]


_WORKER_EVENTS = {"kill": _kill, "stop": _stop, "storm": _storm, "stalled-kill": _stalled_kill,
                  "twin": _twin}
_NETWORK_EVENTS = {"held": _held, "delayed": _delayed, "other": _other, "cut": _cut,
                   "half-open": _half_open, "slow": _slow, "fence": _fence}
