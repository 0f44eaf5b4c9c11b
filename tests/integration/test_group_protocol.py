"""Why group.instance.id is refused with group.protocol: consumer, shown by a client that is not wiretag's.

When a test fails here, a broker or librdkafka has mended it: then support such workers."""

import signal
import subprocess
import sys

import client
from confluent_kafka import Consumer, KafkaException

MEMBER = """
import sys
from confluent_kafka import Consumer
consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[2], "group.protocol": "consumer",
                     "group.instance.id": "desk"})
consumer.subscribe([sys.argv[2]], on_assign=lambda _, partitions: print("assigned", flush=True))
while True:
    consumer.poll(1)
"""


def first_answer(bootstrap, topic):
    """What a new member of the same id gets: "assigned", or an error's text."""
    said = []
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "group.protocol": "consumer",
                         "group.instance.id": "desk", "error_cb": lambda error: said.append(error.str())})
    consumer.subscribe([topic], on_assign=lambda _, partitions: said.append("assigned"))

    def poll():
        try:
            message = consumer.poll(0.2)
        except KafkaException as failure:
            said.append(failure.args[0].str())
            return said
        if message is not None and message.error():
            said.append(message.error().str())
        return said
    client.wait_for("an answer", poll)
    consumer.close()
    return said[0]


def test_the_id_of_a_killed_member_ends_the_next_one_for_good(broker, make_topic):
    topic = make_topic()
    member = subprocess.Popen([sys.executable, "-c", MEMBER, broker.bootstrap, topic], stdout=subprocess.PIPE, text=True)
    try:
        assert member.stdout.readline() == "assigned\n"
    finally:
        member.send_signal(signal.SIGKILL)
        member.wait(60)
    answer = first_answer(broker.bootstrap, topic)
    assert "fatal error" in answer and "instance ID is still used" in answer, answer


def test_the_id_of_a_member_that_stopped_is_free(broker, make_topic):
    topic = make_topic()
    assert first_answer(broker.bootstrap, topic) == "assigned"
    assert first_answer(broker.bootstrap, topic) == "assigned"
