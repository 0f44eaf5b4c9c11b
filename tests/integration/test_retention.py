"""Records that retention deletes before they are read: counted and named, and nothing else is taken for that."""

import client
from client import Record, article
from confluent_kafka import Producer

HTTP = {"listen": "127.0.0.1:0"}


def lost(running):
    return running.metrics()['wiretag_lost_offsets_total{reason="retention"}']


def begin_and_fall_behind(lab, flow):
    """A worker has labelled 50 records; behind it 100 more have come, and 70 of them are deleted already."""
    flow.produce([article(f"новость {number}") for number in range(50)])
    first = lab.run(flow, http=HTTP)
    flow.wait_done()
    assert lost(first) == 0
    assert first.stop() == 0
    flow.produce([article(f"новость {number}") for number in range(50, 150)])
    client.delete_records(flow.bootstrap, flow.input, {0: 120})


def test_what_is_deleted_while_no_worker_runs_is_counted_and_named(lab, guarantee):
    flow = lab.flow()
    begin_and_fall_behind(lab, flow)
    running = lab.run(flow, http=HTTP)
    running.wait_log(r"ERROR consume +\S+ \[0\]: offsets 50 to 119 are lost")
    assert lost(running) == 70
    flow.wait_done()
    assert [label.source[2] for label in flow.labels()] == [*range(50), *range(120, 150)]


def test_set_back_to_the_end_a_worker_passes_over_what_is_left_and_counts_it_too(lab):
    flow = lab.flow()
    begin_and_fall_behind(lab, flow)
    running = lab.run(flow, http=HTTP, kafka={"consumer": {"auto.offset.reset": "latest"}})
    running.wait_log("assigned")

    def noticed():
        flow.produce([article("новость")])  # with the first record that comes it knows
        return lost(running)
    client.wait_for("lost offsets", noticed, 60, 0.2)
    flow.wait_done()
    first = flow.labels()[50].source[2]
    assert first >= 150 and lost(running) == first - 50


def test_what_is_deleted_under_a_worker_that_is_too_slow_is_counted(lab):
    flow, model = lab.flow(), lab.model(sleep_us_per_call=20_000)
    count, left = 1500, 100
    flow.produce([article(f"новость {number} " + "мяч " * 2000) for number in range(count)])
    running = lab.run(flow, model, http=HTTP, model={"replicas": 1}, batch={"articles_max": 1},
                      in_flight={"records_max": 8, "bytes_max": 1 << 20},
                      kafka={"consumer": {"fetch.message.max.bytes": 65536}})
    client.wait_for("20 labels", lambda: client.end_offsets(flow.bootstrap, flow.output)[0] >= 20, 60, 0.02)
    client.delete_records(flow.bootstrap, flow.input, {0: count - left})
    flow.wait_done(120)
    done = [label.source[2] for label in flow.labels()]
    assert done[-left:] == list(range(count - left, count))
    assert 0 < lost(running) == count - len(done)


def test_no_gap_waits_for_the_fetch_that_the_broker_is_answering(lab, guarantee):
    """Looked into on the consumer's own connection, each of these would take a second."""
    flow = lab.flow(partitions=3)
    producer = Producer({"bootstrap.servers": flow.bootstrap, "transactional.id": lab.unique("writer")})
    producer.init_transactions(30)
    for number in range(150):
        producer.begin_transaction()
        producer.produce(flow.input, article(f"новость {number}"), partition=number % 3)
        producer.commit_transaction(30)
    running = lab.run(flow, kafka={"consumer": {"fetch.wait.max.ms": 20_000}})
    running.wait_log("assigned")
    flow.labels(150, timeout=60)


def test_gaps_that_are_no_loss_are_not_counted(lab, guarantee):
    """The ends of transactions, aborted records, and what a group has never been to read."""
    flow = lab.flow()
    producer = Producer({"bootstrap.servers": flow.bootstrap, "transactional.id": lab.unique("writer")})
    producer.init_transactions(30)
    for number in range(12):
        producer.begin_transaction()
        for _ in range(number):
            producer.produce(flow.input, article(f"новость {number}"))
        producer.flush(30)
        producer.commit_transaction(30) if number % 3 else producer.abort_transaction(30)
    client.delete_records(flow.bootstrap, flow.input, {0: 7})
    for _ in range(2):
        running = lab.run(flow, http=HTTP)
        running.wait_log("assigned")
        flow.produce([Record(article("мяч"))])
        flow.wait_done()
        assert lost(running) == 0
        assert running.stop() == 0
        assert "are lost" not in running.stderr
