"""Batches byte by byte, as other clients than librdkafka write them, sent to the leader as they are."""

import contextlib
import socket
import struct
import time


def _table():
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        yield number


_CRC = list(_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def varint(number):
    number = (number << 1 ^ number >> 63) & (1 << 64) - 1
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def sized(data):
    return varint(-1) if data is None else varint(len(data)) + data


def record(number, value, key=None, headers=()):
    """The record of this place in its batch; names of headers are bytes."""
    body = b"\0" + varint(0) + varint(number) + sized(key) + sized(value) + varint(len(headers)) + b"".join(
        varint(len(name)) + name + sized(text) for name, text in headers)
    return varint(len(body)) + body


GZIP, SNAPPY = 1, 2


def batch(records, codec=0, compress=bytes, timestamp=None):
    """A batch of format 2 with the records, (value, key, headers…) each."""
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    data = compress(b"".join(record(number, *one) for number, one in enumerate(records)))
    covered = struct.pack(">hiqqqhii", codec, len(records) - 1, timestamp, timestamp, -1, -1, -1, len(records)) + data
    body = struct.pack(">ibI", -1, 2, crc32c(covered)) + covered
    return struct.pack(">qi", 0, len(body)) + body


def snappy(data):
    """A block of literals alone."""
    size, out = len(data), b""
    while size >= 128:
        out += bytes([size & 127 | 128])
        size >>= 7
    out += bytes([size])
    for at in range(0, len(data), 60):
        part = data[at:at + 60]
        out += bytes([len(part) - 1 << 2]) + part
    return out


def xerial(data, block=100):
    """As snappy-java frames it, and so Kafka's Java client: blocks of 32 KiB there."""
    blocks = [snappy(data[at:at + block]) for at in range(0, len(data), block)]
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + b"".join(struct.pack(">i", len(one)) + one for one in blocks)


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def send(bootstrap, topic, data, partition=0):
    """Produce, version 7, to a cluster of one node; returns the offset of the first record."""
    host, port = bootstrap.rsplit(":", 1)
    request = (struct.pack(">hhi", 0, 7, 1) + text("another client") + struct.pack(">hhi", -1, -1, 30000) + struct.pack(">i", 1)
               + text(topic) + struct.pack(">iii", 1, partition, len(data)) + data)
    with contextlib.closing(socket.create_connection((host, int(port)), 30)) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answers:
            size, = struct.unpack(">i", answers.read(4))
            answer = answers.read(size)
    at = 4 + 4 + len(text(topic)) + 4
    _, error, offset = struct.unpack(">ihq", answer[at:at + 14])
    assert error == 0, f"the broker refuses the batch: error {error}"
    return offset
