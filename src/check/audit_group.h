/* audit_group.h: checks the members and committed offsets of the worker's consumer group.
 *
 * Pure: group_facts.h gathers the facts. Thread: one. */
#ifndef WIRETAG_CHECK_AUDIT_GROUP_H
#define WIRETAG_CHECK_AUDIT_GROUP_H

#include "check/finding.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

struct wt_member_facts {
    char *client_id;
    char *host;
    int partitions;      /* assigned now */
    char *foreign_topic; /* an assigned topic that is not an input topic; NULL: none */
};

/* A consumer group as its coordinator knows it. All zero: nothing is known. */
struct wt_group_facts {
    bool known;
    bool missing;         /* the group does not exist: never used, or its offsets expired */
    bool next_generation; /* its members use group.protocol=consumer (KIP-848) */
    char *refusal;        /* not a group of consumers: the coordinator's message; NULL: it is one */
    char *strategy;       /* its partition assignment strategy; "": none yet */
    struct wt_member_facts *members;
    size_t member_count;
};

void wt_group_facts_free(struct wt_group_facts *group);

/* Adds findings about members with which a worker cannot share the group, or which take records
 * from it. */
void wt_audit_group(const struct wt_config *config, const struct wt_group_facts *group,
                    struct wt_findings *findings);

/* An input topic's partitions without a committed offset. */
struct wt_topic_position {
    char *topic;
    int32_t partitions;
    int32_t uncommitted; /* partitions without a committed offset, and with records */
    int64_t records;     /* in those partitions */
    int64_t first_min;   /* the smallest and the largest of their first offsets */
    int64_t first_max;
    /* The output or dead letter topic that has labels or dead letters of those partitions; NULL:
     * none was found. */
    const char *labelled_in;
};

/* The group's committed offsets, compared with the input topics. */
struct wt_group_position {
    bool known;
    struct wt_topic_position *topics; /* each input topic */
    size_t topic_count;
    int64_t deleted_records; /* after a committed offset, deleted by retention before being read */
    int32_t beyond;          /* partitions with a committed offset past their end */
};

void wt_group_position_free(struct wt_group_position *position);

/* Adds one finding for each topic of which a worker would label records again or skip records: a
 * warning if the topic has labels already, else a note. `minutes`: offsets.retention.minutes; 0:
 * not known. */
void wt_audit_position(const struct wt_config *config, const struct wt_group_position *position,
                       int64_t minutes, struct wt_findings *findings);

#endif
