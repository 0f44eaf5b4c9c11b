/* group_status.h: the worker's state in its consumer group.
 *
 * The consumer's thread notes librdkafka's state machine (from the statistics), errors of joining
 * and assignments. The main thread derives stalls from these (stall.h). One group a process. */
#ifndef WIRETAG_KAFKA_GROUP_STATUS_H
#define WIRETAG_KAFKA_GROUP_STATUS_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code of an error: wt_group_is_deserted. */
#define WT_GROUP_DESERTED "group-deserted"

/* Notes the group's statistics (librdkafka's STATISTICS.md, cgrp): `state` is "up" while the
 * coordinator is known and connected, `join_state` is "steady" while no rebalance is in progress.
 * Thread: any. */
void wt_group_note_state(const char *state, int64_t state_age_ms, const char *join_state);

/* Notes an error event of the consumer; `topic` may be NULL. True: the error is about the group or
 * about authorization and will be reported as a stall. Thread: any. */
bool wt_group_note_error(rd_kafka_resp_err_t code, const char *topic, const char *reason);

/* Notes which brokers do not answer, as a clause; "": none is known. Thread: any. */
void wt_group_note_brokers(const char *text);

/* Notes an assignment, even an empty one: it ends errors of joining. Thread: any. */
void wt_group_note_assigned(void);

struct wt_group_status {
    bool spare;       /* a member without partitions: the group has fewer partitions than members */
    bool joining;     /* joining, or a rebalance is in progress */
    char denied[700]; /* the operation that the brokers do not authorize; "": none */
};

/* Begins and ends the stalls `group` (not joined, or no coordinator) and `strategy` (other members
 * use another partition.assignment.strategy). `lag`: records that are not committed yet. `member`:
 * the client is a member of the group and has received an assignment, maybe an empty one. May ask
 * the brokers for the group's other members, for `wait_ms`; 0: no broker is asked. Thread: main. */
void wt_group_judge(const struct wt_config *config, size_t partitions, int64_t lag, bool member,
                    int wait_ms, struct wt_group_status *status_out);

/* True: no member of the group has a partition; note "Deserted" in group_status.c. `spare`: this one has
 * none, although its topics have some. May ask the brokers, for `wait_ms`. Thread: main. */
bool wt_group_is_deserted(const struct wt_config *config, bool spare, int wait_ms);

/* Forgets everything, before another worker starts in this process. */
void wt_group_forget(void);

#endif
