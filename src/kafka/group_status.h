/* group_status.h: how the worker stands with its consumer group.
 *
 * The consumer's thread notes what librdkafka says (its state machine, from the statistics; errors of
 * joining; assignments); the main thread makes stalls of it (stall.h). One group a process. */
#ifndef WIRETAG_KAFKA_GROUP_STATUS_H
#define WIRETAG_KAFKA_GROUP_STATUS_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the statistics say of the group (librdkafka's STATISTICS.md, cgrp): `state` is "up" while its
 * coordinator is known and connected, `join_state` "steady" while nobody rebalances. Thread: any. */
void wt_group_note_state(const char *state, int64_t state_age_ms, const char *join_state);

/* An error that came in a record's place; `topic` is NULL, or that it is about. True: it is about
 * the group or about rights, and will be told as a stall. Thread: any. */
bool wt_group_note_error(rd_kafka_resp_err_t code, const char *topic, const char *reason);

/* Which brokers do not answer, in words; "": none is known. Thread: any. */
void wt_group_note_brokers(const char *words);

/* Partitions were assigned, if none: errors of joining are over. Thread: any. */
void wt_group_note_assigned(void);

/* How it stands. `rights` is empty, or what the brokers refuse. */
struct wt_group_standing {
    bool spare;   /* a member, and the group has no partition left to give */
    bool joining; /* it is being joined, or an assignment is under way */
    char rights[700];
};

/* Begins and ends the stalls `group` and `strategy`. `lag`: records not done with; `member`: the
 * client has a place in the group, and has been given partitions, be it none. May ask the brokers
 * who else is in the group, for `wait_ms`; `consumer` may be NULL: nobody is asked.
 * Thread: main. */
void wt_group_judge(rd_kafka_t *consumer, const struct wt_config *config, size_t partitions,
                    int64_t lag, bool member, int wait_ms, struct wt_group_standing *standing_out);

/* Nothing is known: another worker begins. */
void wt_group_forget(void);

#endif
