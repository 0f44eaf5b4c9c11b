/* audit_group.h: who is in the worker's consumer group, and whether a worker can share it with
 * them.
 *
 * Pure: group_facts.h asks. Thread: one. */
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
    char *foreign_topic; /* one of them that is no input topic; NULL: none is */
};

/* A consumer group as its coordinator knows it. All zero: nothing is known. */
struct wt_group_facts {
    bool known;
    bool missing;         /* no such group: nobody has used it, or its offsets are gone with it */
    bool next_generation; /* its members use group.protocol=consumer (KIP-848) */
    char *refusal;  /* it is no group of consumers at all: the coordinator's words; NULL: it is */
    char *strategy; /* that assigns its partitions; "": none yet */
    struct wt_member_facts *members;
    size_t member_count;
};

void wt_group_facts_free(struct wt_group_facts *group);

/* Others that a worker cannot join, or that take records from it; nothing where there are none. */
void wt_audit_group(const struct wt_config *config, const struct wt_group_facts *group,
                    struct wt_findings *findings);

/* What of an input topic the group has no offset for. */
struct wt_topic_position {
    char *topic;
    int32_t partitions;
    int32_t uncommitted; /* partitions without a committed offset, and with records */
    int64_t records;     /* that lie in those */
    int64_t first_min;   /* the smallest and the largest of their first offsets */
    int64_t first_max;
    const char
        *labelled_in; /* the topic of the configuration that has labels or dead letters of those
                              * partitions; NULL: none was found */
};

/* Where the group would go on. */
struct wt_group_position {
    bool known;
    struct wt_topic_position *topics; /* each input topic */
    size_t topic_count;
    int64_t
        deleted_records; /* behind a committed offset, deleted by retention before they were read */
    int32_t beyond;      /* partitions with a committed offset behind their end */
};

void wt_group_position_free(struct wt_group_position *position);

/* What a worker that starts now would label again or leave out, in one finding a topic: a warning
 * where there are labels of it, else a note. `minutes`: offsets.retention.minutes, 0: not known. */
void wt_audit_position(const struct wt_config *config, const struct wt_group_position *position,
                       int64_t minutes, struct wt_findings *findings);

#endif
