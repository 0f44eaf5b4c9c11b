"""What the tests do as Kafka clients: topics, producing, reading everything, committed offsets.

Built on confluent-kafka, which brings its own librdkafka: the worker under test links the system's.
Every call has a time limit and fails with what it had seen until then.
"""

import contextlib
import json
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from confluent_kafka import (
    OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition)
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic)
from schema import hold


@dataclass
class Record:
    """A record to be produced. None for value: a tombstone."""
    value: bytes | None
    key: bytes | None = None
    headers: list = field(default_factory=list)  # of (name, bytes or None), duplicates allowed
    partition: int | None = None
    timestamp: int | None = None  # ms since 1970


@dataclass
class Message:
    """A record that was read."""
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list
    timestamp: int  # ms since 1970

    def json(self):
        return json.loads(self.value)

    def header(self, name):
        """The only header of that name as text; fails if there is none or more than one."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) == 1, f"{len(values)} headers {name} in {self.headers}"
        return values[0].decode()

    @property
    def source(self):
        """Topic, partition and offset that the worker says this came from."""
        return (self.header("wiretag.source.topic"), int(self.header("wiretag.source.partition")),
                int(self.header("wiretag.source.offset")))


def article(text, id=None, **fields):
    """A JSON article as bytes, Cyrillic unescaped as real feeds write it."""
    body = {} if id is None else {"id": id}
    return json.dumps({**body, "text": text, **fields}, ensure_ascii=False).encode()


def wait_for(what, condition, timeout=60.0, interval=0.1):
    """Waits until condition() is true and returns that value; fails saying what was awaited. A broker that
    cannot answer for the moment makes it untrue, and so does a client that has lost all its brokers: librdkafka can
    stay so for minutes (docs/delivery.md, "Workarounds"), so that others are made."""
    deadline = time.monotonic() + timeout
    while True:
        error = ""
        try:
            value = condition()
            if value:
                return value
        except KafkaException as raised:
            error = f"; {raised}"
            if raised.args[0].code() in AWAY:
                _clients.clear()
        assert time.monotonic() < deadline, f"waited {timeout} s in vain for {what}{error}"
        time.sleep(interval)


# The clients used last: to make and close one takes longer than what most tests have it do.
_clients = OrderedDict()
CLIENTS_MAX = 5
AWAY = KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT


def _client(kind, **config):
    key = kind, *sorted(config.items())
    if key not in _clients:
        _clients[key] = kind({**config, "reconnect.backoff.max.ms": 200, "log_level": 0})
        if len(_clients) > CLIENTS_MAX:
            _clients.popitem(last=False)
    _clients.move_to_end(key)
    return _clients[key]


def forget(bootstrap):
    """The cluster is gone; another may get its port."""
    for key in [key for key in _clients if ("bootstrap.servers", bootstrap) in key]:
        del _clients[key]


def _asker(bootstrap, group="test-reader", isolation="read_uncommitted"):
    """A consumer that joins no group."""
    return _client(Consumer, **{"bootstrap.servers": bootstrap, "group.id": group, "isolation.level": isolation})


def create_topic(bootstrap, name, partitions=1, config=None, timeout=60):
    return create_topics(bootstrap, [name], partitions, config, timeout)[0]


def create_topics(bootstrap, names, partitions=1, config=None, timeout=60):
    admin = AdminClient({"bootstrap.servers": bootstrap})  # must outlive its future
    created = admin.create_topics(
        [NewTopic(name, num_partitions=partitions, replication_factor=-1, config=config or {}) for name in names],
        operation_timeout=timeout)
    for name in names:
        created[name].result(timeout)
        # The controller has answered; brokers hear of the topic and take up its partitions a moment later.
        wait_for(f"the leaders of {name}", lambda: _led(bootstrap, name, partitions), timeout, 0.02)
    return names


def _led(bootstrap, name, partitions):
    try:
        return len(end_offsets(bootstrap, name)) == partitions
    except AssertionError:  # not known yet
        return False


def grow_topic(bootstrap, name, partitions, timeout=60):
    """Adds partitions until there are as many."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_partitions([NewPartitions(name, partitions)])[name].result(timeout)
    wait_for(f"the leaders of {name}", lambda: _led(bootstrap, name, partitions), timeout, 0.02)


def alter_topic(bootstrap, name, config, timeout=60):
    """Sets these settings of the topic, and waits until the broker says so."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in config.items()]
    resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
    admin.incremental_alter_configs([resource])[resource].result(timeout)

    def altered():
        asked = ConfigResource(ConfigResource.Type.TOPIC, name)
        found = admin.describe_configs([asked])[asked].result(timeout)
        return all(found[key].value == value for key, value in config.items())
    wait_for(f"settings of {name}", altered, timeout)


def remake_topic(bootstrap, name, timeout=60):
    """Deletes it, and makes another of that name at once: readers see it begin anew, if they see it go at all."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.delete_topics([name], operation_timeout=timeout)[name].result(timeout)
    create_topic(bootstrap, name, timeout=timeout)


def delete_records(bootstrap, topic, before, timeout=60):
    """{partition: offset}: what retention would do to everything before those offsets."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    places = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
    for future in admin.delete_records(places).values():
        future.result(timeout)


def delete_topics(bootstrap, names, timeout=60):
    if names:
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for future in admin.delete_topics(list(names), operation_timeout=timeout).values():
            future.exception(timeout)


def topics(bootstrap, timeout=60):
    return list(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=timeout).topics)


def produce(bootstrap, topic, records, timeout=60, **config):
    """Produces records (Record, or bytes for the value alone) in the order given; returns
    (partition, offset) of each in that order."""
    places, failures = {}, []

    def delivered(number):
        def callback(error, message):
            if error:
                failures.append(f"record {number}: {error}")
            else:
                places[number] = (message.partition(), message.offset())
        return callback

    producer = _client(Producer, **{
        "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5,
        "message.max.bytes": 16_000_000, "queue.buffering.max.messages": 1_000_000, **config})
    with contextlib.suppress(KafkaException):  # a broker that cannot answer is found below
        producer.list_topics(topic, timeout=timeout)  # else the first record waits half a second for its leader
    count = 0
    for number, record in enumerate(records):
        record = record if isinstance(record, Record) else Record(record)
        options = {}
        if record.partition is not None:
            options["partition"] = record.partition
        if record.timestamp is not None:
            options["timestamp"] = record.timestamp
        producer.produce(topic, value=record.value, key=record.key, headers=record.headers,
                         on_delivery=delivered(number), **options)
        producer.poll(0)
        count += 1
    left = producer.flush(timeout)
    if failures or left:
        forget(bootstrap)  # so that nothing of it comes later
    assert not failures, f"not delivered: {failures[:3]}"
    assert left == 0, f"{left} of {count} records not delivered to {topic} within {timeout} s"
    return [places[number] for number in range(count)]


def read_all(bootstrap, topic, count=None, timeout=60, isolation="read_committed"):
    """Reads the topic from its beginning: to its end, or until `count` records are there (and then
    everything else that lies there already). Ordered by partition, then offset. Labels must be as
    docs/output.schema.json says."""
    deadline = time.monotonic() + timeout
    messages = []
    for message in _stream(bootstrap, topic, isolation, deadline):
        if message is not None:
            hold(message)
            messages.append(message)
        elif count is None or len(messages) >= count:
            return sorted(messages, key=lambda message: (message.partition, message.offset))
        elif time.monotonic() > deadline:
            raise AssertionError(f"{topic}: {len(messages)} of {count} records after {timeout} s")


def _stream(bootstrap, topic, isolation, deadline):
    """Yields each record, and None whenever every partition is read to its end."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "test-reader", "enable.auto.commit": False,
        "isolation.level": isolation, "enable.partition.eof": True, "fetch.wait.max.ms": 100,
        "fetch.message.max.bytes": 16_000_000, "auto.offset.reset": "earliest"})
    try:
        partitions = _partitions(consumer, topic)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        behind = set(partitions)
        while True:
            message = consumer.poll(0.2)
            if message is None:
                if not behind or time.monotonic() > deadline:
                    assert not behind, f"{topic}: partitions {sorted(behind)} not read to their end"
                    yield None
            elif message.error() is None:
                behind.add(message.partition())
                yield Message(topic, message.partition(), message.offset(), message.key(),
                              message.value(), message.headers() or [], message.timestamp()[1])
            elif message.error().code() == KafkaError._PARTITION_EOF:
                behind.discard(message.partition())
                if not behind:
                    yield None
            elif not message.error().retriable() and message.error().fatal():
                raise KafkaException(message.error())
    finally:
        consumer.close()


def _partitions(consumer, topic):
    metadata = consumer.list_topics(topic, timeout=60).topics[topic]
    assert metadata.error is None, f"{topic}: {metadata.error}"
    return sorted(metadata.partitions)


_COORDINATOR_MOVES = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE,
                      KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError._WAIT_COORD)


def _of_coordinator(ask, timeout=60):
    """ask(), and again: a fresh cluster's first groups find no coordinator for a moment."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask()
        except KafkaException as failure:
            if failure.args[0].code() not in _COORDINATOR_MOVES or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def committed(bootstrap, group, topic, timeout=60):
    """{partition: committed offset}; partitions without one are left out."""
    consumer = _asker(bootstrap, group, "read_committed")
    wanted = [TopicPartition(topic, partition) for partition in _partitions(consumer, topic)]
    offsets = _of_coordinator(lambda: consumer.committed(wanted, timeout=60), timeout)
    return {found.partition: found.offset for found in offsets if found.offset >= 0}


def commit(bootstrap, group, topic, offsets):
    """{partition: offset}, for a group without members."""
    places = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
    consumer = _asker(bootstrap, group, "read_committed")
    _of_coordinator(lambda: consumer.commit(offsets=places, asynchronous=False))


def end_offsets(bootstrap, topic, isolation="read_uncommitted", timeout=60):
    """{partition: offset behind the last record}; read_committed: of the last stable one."""
    consumer = _asker(bootstrap, isolation=isolation)
    return {partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout)[1]
            for partition in _partitions(consumer, topic)}


def open_transactions(bootstrap, topic):
    """{partition: (last stable offset, end)} of those with a transaction that has not ended."""
    stable = end_offsets(bootstrap, topic, "read_committed")
    return {partition: (stable[partition], end) for partition, end in end_offsets(bootstrap, topic).items()
            if stable[partition] < end}


def lag(bootstrap, group, topic):
    """Records that the group has not committed yet, over all partitions (0: all is done)."""
    done = committed(bootstrap, group, topic)
    return sum(end - done.get(partition, 0) for partition, end in end_offsets(bootstrap, topic).items())
