"""A TCP proxy that knows which Kafka request is which, for faults that a network can do and a test
cannot ask of it: cut and half-open connections, latency, replies that get lost or come late, requests
that arrive after their sender gave up.

It changes no byte except in `fence` and `refuse_member`: brokers advertise the proxy's ports (conductor.py), so
clients come here by themselves. Of each request it reads key, version and client id; replies come in
the order of their requests. Faults befall only connections whose client id begins with `victims`.
"""

import asyncio
import contextlib
import random
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass

PRODUCE, METADATA, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, HEARTBEAT, SYNC_GROUP, INIT_PRODUCER_ID, ADD_PARTITIONS = \
    0, 3, 8, 9, 10, 12, 14, 22, 24
ADD_OFFSETS, END_TXN, TXN_OFFSET_COMMIT = 25, 26, 28
COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, FENCED_INSTANCE_ID = 15, 16, 82  # error codes

# How long after the next transaction has begun a delayed request arrives.
LATE_S = 0.03


@dataclass
class Fault:
    """Befalls the next request with this key, once: of any victim, or of the one that `only` names.

    hold    the request is served, its reply waits `seconds` or until it is released, and with it the
            whole connection
    drop    the request is served, its reply never comes: the connection breaks
    delay   the connection breaks and the request is not served yet: it arrives when the client, which
            repeats it on another connection, has got an answer and produces again; after `seconds` at
            the latest
    """
    key: int
    action: str
    seconds: float
    only: str = ""
    passes: int = 0   # so many requests come through before
    client: str = ""  # whom it befell
    released: bool = False
    repeated: bool = False
    done: bool = False


class Connection:
    def __init__(self, proxy, client, upstream):
        self.proxy = proxy
        self.client_id = None
        self.client_reader, self.client_writer = client
        self.upstream_reader, self.upstream_writer = upstream
        self.waiting = deque()  # (key, version, fault or None) of each request without its reply
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.orphaned = False  # the client's side was cut, the broker's side must stay

    @property
    def victim(self):
        return self.client_id is not None and self.client_id.startswith(self.proxy.victims)

    async def run(self):
        pumps = [asyncio.create_task(self.pump_requests()), asyncio.create_task(self.pump_replies())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if self.orphaned:
                await pumps[0]
        finally:
            for pump in pumps:
                pump.cancel()
            with contextlib.suppress(Exception):
                await asyncio.gather(*pumps, return_exceptions=True)
            self.cut()

    async def pump_requests(self):
        while True:
            frame = await read_frame(self.client_reader)
            key, version, client_id = parse_request(frame)
            self.client_id = client_id
            fault = self.proxy.fault_for(self, key)
            await self.transit()
            if fault is not None and fault.action == "delay":
                await self.deliver_late(frame, fault)
                return
            self.waiting.append((key, version, fault))
            self.upstream_writer.write(frame)
            await self.upstream_writer.drain()

    async def pump_replies(self):
        while True:
            frame = await read_frame(self.upstream_reader)
            key, version, fault = self.waiting.popleft()
            if fault is not None and fault.action == "drop":
                fault.done = True
                return
            if fault is not None and fault.action == "hold":
                deadline = time.monotonic() + fault.seconds
                while not fault.released and time.monotonic() < deadline:
                    await asyncio.sleep(0.02)
                fault.done = True
            if self.victim and time.monotonic() < self.proxy.fenced_until:
                frame = as_if_fenced(frame, key, version)
                if key == METADATA:
                    self.proxy.note(f"metadata without a broker for {self.client_id}")
            if self.victim and key == self.proxy.refused_key:
                self.proxy.refused_key = None
                frame = (with_commit_error(frame, version, FENCED_INSTANCE_ID) if key == OFFSET_COMMIT
                         else with_error(frame, FENCED_INSTANCE_ID))
                self.proxy.note(f"a request with key {key} of {self.client_id} is refused: FENCED_INSTANCE_ID")
            await self.transit()
            self.client_writer.write(frame)
            await self.client_writer.drain()
            self.proxy.replied(self, key)

    async def deliver_late(self, frame, fault):
        self.orphaned = True
        self.client_writer.transport.abort()
        deadline = time.monotonic() + fault.seconds
        while not fault.done and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        await asyncio.sleep(LATE_S)
        self.proxy.note(f"a request with key {fault.key} of {fault.client} arrives late")
        self.upstream_writer.write(frame)
        await self.upstream_writer.drain()
        fault.done = True
        await asyncio.sleep(2)  # until it is served

    async def transit(self):
        """What a frame meets on its way."""
        await self.flowing.wait()
        if self.victim and time.monotonic() < self.proxy.slow_until:
            await asyncio.sleep(self.proxy.dice.uniform(*self.proxy.slow_s))
            await self.flowing.wait()

    def cut(self):
        """RST to both sides: what was on its way is lost."""
        self.client_writer.transport.abort()
        self.upstream_writer.transport.abort()


class Proxy:
    """Listens on one port for each of `nodes` brokers from construction on; forwards once `connect`
    was told where they are. Runs on a thread of its own; every method may be called from any."""

    def __init__(self, nodes, victims, seed=0):
        self.victims = victims
        self.dice = random.Random(seed)
        self.slow_until, self.slow_s = 0.0, (0.0, 0.0)
        self.fenced_until = 0.0
        self.refused_key = None
        self.notes = []  # (time, what happened)
        self.faults = []
        self._connections = set()
        self._upstreams = [None] * nodes
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers = [self._call(asyncio.start_server(self._accept(node), "127.0.0.1", 0))
                         for node in range(nodes)]
        self.ports = [server.sockets[0].getsockname()[1] for server in self._servers]

    def connect(self, ports):
        """The brokers' ports, in the order of `self.ports`."""
        self._upstreams = list(ports)

    def cut(self, count):
        """Breaks this many connections of victims, chosen by the dice; returns how many there were."""
        return self._call(self._each(count, Connection.cut))

    def freeze(self, count, seconds):
        """Half-open: for `seconds` nothing passes, both ends stay open. Then what was sent meanwhile
        arrives, however long ago its sender gave up."""
        def start(connection):
            connection.flowing.clear()
            self._loop.call_later(seconds, connection.flowing.set)
        return self._call(self._each(count, start))

    def slow(self, seconds, low_s, high_s):
        """For `seconds` each frame of a victim takes this much longer."""
        self.slow_s = low_s, high_s
        self.slow_until = time.monotonic() + seconds

    def fence(self, seconds):
        """For `seconds` brokers answer victims as one does that its controller has fenced: metadata name no
        broker, and no group has a coordinator."""
        self.fenced_until = time.monotonic() + seconds

    def refuse_member(self, key):
        """The next OFFSET_COMMIT or HEARTBEAT of a victim is answered as if it came from an earlier member of the same
        group.instance.id."""
        self.refused_key = key

    def arm(self, fault):
        self._loop.call_soon_threadsafe(self.faults.append, fault)
        return fault

    def heal(self):
        """Ends every fault that lasts."""
        async def thaw():
            self.faults.clear()
            self.slow_until = self.fenced_until = 0.0
            for connection in self._connections:
                connection.flowing.set()
        self._call(thaw())

    def close(self):
        async def end():
            for server in self._servers:
                server.close()
            for connection in list(self._connections):
                connection.cut()
            await asyncio.sleep(0.05)
        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # On the loop's thread.

    def note(self, what):
        self.notes.append((time.time(), what))

    def fault_for(self, connection, key):
        if not connection.victim:
            return None
        for fault in self.faults:
            if fault.client == connection.client_id and fault.key == key:
                fault.repeated = True
        for fault in self.faults:
            if fault.key == key and not fault.client and fault.only in ("", connection.client_id):
                if fault.passes > 0:
                    fault.passes -= 1
                    continue
                fault.client = connection.client_id
                self.note(f"{fault.action} {fault.seconds:.1f} s: a request with key {key} of {fault.client}")
                return fault
        return None

    def replied(self, connection, key):
        for fault in self.faults:
            if key == PRODUCE and fault.action == "delay" and fault.repeated and \
                    fault.client == connection.client_id:
                fault.done = True

    async def _each(self, count, action):
        victims = sorted((c for c in self._connections if c.victim), key=id)
        chosen = self.dice.sample(victims, min(count, len(victims)))
        for connection in chosen:
            action(connection)
        return len(chosen)

    def _accept(self, node):
        async def accept(reader, writer):
            try:
                upstream = await asyncio.open_connection("127.0.0.1", self._upstreams[node], limit=2**20)
            except OSError:
                writer.transport.abort()
                return
            connection = Connection(self, (reader, writer), upstream)
            self._connections.add(connection)
            try:
                await connection.run()
            finally:
                self._connections.discard(connection)
        return accept

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)


async def read_frame(reader):
    """One request or reply with its length."""
    head = await reader.readexactly(4)
    return head + await reader.readexactly(struct.unpack(">i", head)[0])


def parse_request(frame):
    """(key, version, client id): the header is length, key, version, correlation id, client id."""
    key, version, _correlation, size = struct.unpack_from(">hhih", frame, 4)
    return key, version, frame[14:14 + size].decode("utf-8", "replace") if size >= 0 else ""


def uvarint(frame, at):
    """(value, where it ends)."""
    value = shift = 0
    while True:
        value |= (frame[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if frame[at - 1] < 0x80:
            return value, at


def without_brokers(frame, version):
    """A Metadata reply of version 9 or later with an empty array of brokers. Before it: length, correlation
    id, tags of the header (none), throttle time. A broker: id, host, port, rack, tags (none)."""
    assert version >= 9, version
    begin = 4 + 4 + 1 + 4
    count, at = uvarint(frame, begin)  # compact lengths are one too high; 0: null
    for _ in range(count - 1):
        size, at = uvarint(frame, at + 4)
        size, at = uvarint(frame, at + size - 1 + 4)
        at += max(0, size - 1) + 1
    rest = frame[4:begin] + b"\x01" + frame[at:]
    return struct.pack(">i", len(rest)) + rest


def with_commit_error(frame, version, code):
    """An OffsetCommit reply of version 8 or later with another error code for each partition. Before the topics:
    length, correlation id, tags of the header (none), throttle time. A topic: name, partitions, tags (none); a
    partition: index, error code, tags (none)."""
    assert version >= 8, version
    changed = bytearray(frame)
    topics, at = uvarint(frame, 4 + 4 + 1 + 4)
    for _ in range(topics - 1):
        size, at = uvarint(frame, at)
        partitions, at = uvarint(frame, at + size - 1)
        for _ in range(partitions - 1):
            struct.pack_into(">h", changed, at + 4, code)
            at += 4 + 2 + 1
        at += 1
    return bytes(changed)


def with_error(frame, code):
    """The reply with another error code, which stands behind length, correlation id and throttle time."""
    return frame[:12] + struct.pack(">h", code) + frame[14:]


def as_if_fenced(frame, key, version):
    if key == METADATA:
        return without_brokers(frame, version)
    if key == FIND_COORDINATOR:
        assert 1 <= version <= 2, version
        return with_error(frame, COORDINATOR_NOT_AVAILABLE)
    if key == HEARTBEAT:
        assert 1 <= version <= 3, version
        return with_error(frame, NOT_COORDINATOR)
    return frame
