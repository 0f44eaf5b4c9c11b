"""Topics that are deleted and made anew on other brokers: their leader epochs begin at 0 again."""

import client
from client import article
from confluent_kafka.admin import AdminClient, NewTopic


def leader(flow, topic):
    """-1: there is none, or the broker that answers does not know the topic yet."""
    found = AdminClient({"bootstrap.servers": flow.bootstrap}).list_topics(topic, timeout=30).topics.get(topic)
    return found.partitions[0].leader if found and found.partitions else -1


def move_leader(broker, flow, topic):
    """Its epoch grows."""
    old = leader(flow, topic)
    broker.restart(old)
    client.forget(flow.bootstrap)
    seen = []
    client.wait_for("another leader", lambda: seen.append(leader(flow, topic)) or seen[-1] not in (-1, old), 60)
    return seen[-1]


def remake(flow, topic, old):
    """On another leader than `old`."""
    admin = AdminClient({"bootstrap.servers": flow.bootstrap})
    admin.delete_topics([topic], operation_timeout=30)[topic].result(30)
    order = [node for node in (1, 2, 3) if node != old] + [old]
    made = NewTopic(topic, num_partitions=1, replica_assignment=[order])
    admin.create_topics([made])[topic].result(30)
    client.wait_for("its leader", lambda: leader(flow, topic) == order[0], 60)
    client.forget(flow.bootstrap)


def test_labels_reach_an_output_topic_that_was_made_anew_on_another_broker(lab, own_broker):
    broker = own_broker(nodes=3)
    flow = lab.flow(on=broker)
    flow.produce([article(f"новость {number}") for number in range(10)])
    running = lab.run(flow, delivery={"drain_ms_max": 1000})  # its transactions time out after 12 s
    flow.wait_done()
    old = move_leader(broker, flow, flow.output)
    flow.produce([article(f"другая {number}") for number in range(10)])
    flow.wait_done(90)
    remake(flow, flow.output, old)
    flow.produce([article(f"третья {number}") for number in range(10)])
    flow.wait_done(150)
    assert [label.source[2] for label in flow.labels()] == [*range(20, 30)]
    assert running.stop() == 0
