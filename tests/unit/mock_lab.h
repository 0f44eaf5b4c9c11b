/* mock_lab.h: the publish side of a worker, from finished records to commits, against librdkafka's
 * mock cluster, which answers with the errors it is told to.
 *
 * The real release.c, producer.c, transaction.c and offset_commit.c run here, driven by the test's
 * thread. The mock keeps no offsets of transactions and shows what was aborted: so these tests say
 * how errors are recovered from, never that records come out exactly once (tests/chaos does). */
#ifndef WIRETAG_TESTS_MOCK_LAB_H
#define WIRETAG_TESTS_MOCK_LAB_H

#include "config/config.h"
#include "record/in_flight.h"
#include "record/labellers.h"
#include "record/partition.h"

#include "support.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define MOCK_PARTITIONS 2
#define MOCK_RECORDS_MAX 100 /* of a partition, from start to stop */

/* API keys of the Kafka protocol. */
enum { PRODUCE = 0, OFFSET_COMMIT = 8, OFFSET_FETCH = 9, FIND_COORDINATOR = 10 };
enum { INIT_PRODUCER_ID = 22, ADD_PARTITIONS = 24, ADD_OFFSETS = 25, END_TXN = 26 };
enum { TXN_OFFSET_COMMIT = 28 };

struct mock_lab {
    struct wt_labeller labeller; /* of all records */
    rd_kafka_t *host;            /* of the cluster */
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *consumer; /* a member of the group */
    uint32_t starts;

    /* From start to stop. */
    struct wt_config *config;
    uint32_t first_producer;
    struct wt_partitions *partitions;
    struct wt_partition *sources[MOCK_PARTITIONS];
    uint32_t finished[MOCK_PARTITIONS]; /* records given to each order so far */
    bool revoked[MOCK_PARTITIONS];
    struct wt_in_flight *in_flight;
    struct wt_group_member *membership;
    struct wt_release *release;
    bool failed; /* the worker would stop, with this error */
    struct wt_error error;
};

/* A cluster and a member of its group. All there is, partitions and coordinators, is at the first
 * broker. */
void mock_lab_create(struct mock_lab *lab, int broker_count);
void mock_lab_destroy(struct mock_lab *lab);

/* A worker with this guarantee and more properties of the producer ("a: b, c: d", or ""). What is
 * still unfinished at the stop is dropped, what the cluster was told and did not do is forgotten. A
 * stop without a start does nothing. */
void mock_lab_start(struct mock_lab *lab, const char *guarantee, const char *producer);
void mock_lab_stop(struct mock_lab *lab);

/* Whether a worker with these properties of the producer can be made; `error` says why not. */
enum wt_status mock_lab_try(struct mock_lab *lab, const char *producer, struct wt_error *error);

/* The next `count` requests with this key are answered with `code`; __TRANSPORT breaks the
 * connection instead. */
void mock_lab_answer(struct mock_lab *lab, int16_t key, rd_kafka_resp_err_t code, size_t count);

/* Takes back what was told and did not happen. */
void mock_lab_clear(struct mock_lab *lab, int16_t key);

/* The reply to the next request with this key takes `ms`. */
void mock_lab_delay(struct mock_lab *lab, int16_t key, int ms);

/* The group's coordinator moves to the second broker, which is down; or comes back. */
void mock_lab_lose_coordinator(struct mock_lab *lab, bool lost);

/* The group's committed offset of every partition becomes `offset`. */
void mock_lab_commit(struct mock_lab *lab, int64_t offset);

/* What the group has committed of a partition. */
int64_t mock_lab_committed(struct mock_lab *lab, int partition);

/* `count` more labelled records of each partition, or of one, are to be released. */
void mock_lab_finish(struct mock_lab *lab, uint32_t count);
void mock_lab_finish_in(struct mock_lab *lab, int partition, uint32_t count);

/* What is finished is handed over and not committed yet; then the partition is revoked, and its time is
 * over: from now on it counts no more. */
void mock_lab_release_and_revoke(struct mock_lab *lab, int partition);

/* Steps until everything is committed, the worker would stop, or `seconds` are over. True: all is
 * committed. */
bool mock_lab_settle(struct mock_lab *lab, int seconds);

/* One turn of the threads of consume and publish. */
void mock_lab_turn(struct mock_lab *lab);

/* Steps for a while. */
void mock_lab_step(struct mock_lab *lab, int ms);

/* The producer fails for good before it is given the next record. */
void mock_lab_ruin(struct mock_lab *lab);

/* How many producers there have been. */
uint32_t mock_lab_producers(struct mock_lab *lab);

/* Looks at what lies in the output and the dead letter topic, whatever became of its transaction:
 * fails unless each finished record is there, and, `ordered`, first occurrences are in order.
 * Returns how many more records there are than one each. */
uint32_t mock_lab_check_output(struct mock_lab *lab, bool ordered);

#endif
