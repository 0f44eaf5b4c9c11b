/* facts.h: facts about a Kafka cluster that matter to a worker; cluster_facts.h gathers them. */
#ifndef WIRETAG_CHECK_FACTS_H
#define WIRETAG_CHECK_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wt_topic_role {
    WT_TOPIC_INPUT,
    WT_TOPIC_OUTPUT,
    WT_TOPIC_DEAD_LETTERS,
    WT_TOPIC_ROUTE, /* of labels, by output.routes */
    WT_TOPIC_SHADOW /* of the shadow model's labels */
};

/* Facts about one topic; numbers that are not known are -1. */
struct wt_topic_facts {
    char *topic;
    enum wt_topic_role role;
    bool denied;              /* the user may not see it */
    int32_t partitions;       /* 0: the topic does not exist */
    int32_t leaderless;       /* partitions without a leader */
    int32_t replicas_min;     /* of its partitions */
    bool settings_known;      /* false: all limits below are -1 */
    int64_t insync_min;       /* min.insync.replicas */
    int64_t record_bytes_max; /* max.message.bytes */
    int64_t retention_ms;     /* INT64_MAX: for ever */
    int64_t age_ms_max;       /* message.timestamp.before.max.ms */
    int64_t ahead_ms_max;     /* message.timestamp.after.max.ms */
    bool compacted;           /* cleanup.policy has compact */
    bool append_time;         /* the broker sets the timestamps */
    int32_t older_partitions; /* input: with records older than the output keeps or accepts */
    int32_t ahead_partitions; /* input: with records further ahead than the output accepts */
    bool misdated;            /* input: a newest record, below, would lose its label */
    int64_t misdated_ms;
    int32_t misdated_partition;
    int64_t misdated_offset;
};

#define WT_OFFSETS_TOPIC "__consumer_offsets"
#define WT_TRANSACTIONS_TOPIC "__transaction_state"

/* An internal topic of the brokers, in which coordinators keep their state. */
struct wt_internal_facts {
    bool known;         /* false: the user may not see it; all below is 0 */
    int32_t partitions; /* 0: the brokers create it at the first use */
    int32_t leaderless;
    int32_t replicas_min;
    int32_t insync_replicas_min; /* in sync now, in the partition with the fewest */
    int64_t insync_min;          /* min.insync.replicas; 0: not known */
};

/* Settings of the brokers; 0: not known. */
struct wt_broker_settings {
    int64_t offsets_replicas;      /* offsets.topic.replication.factor */
    int64_t transactions_replicas; /* transaction.state.log.replication.factor */
    int64_t transactions_insync;   /* transaction.state.log.min.isr */
    int64_t insync_min;            /* min.insync.replicas */
    int64_t offsets_minutes;       /* offsets.retention.minutes */
    int64_t session_ms_min;        /* group.min.session.timeout.ms */
    int64_t session_ms_max;        /* group.max.session.timeout.ms */
};

struct wt_cluster_facts {
    int32_t brokers;            /* that are there now */
    int32_t brokers_known;      /* and those that are down (wt_coordinator_brokers) */
    int64_t transaction_ms_max; /* transaction.max.timeout.ms; -1: not known */
    struct wt_broker_settings settings;
    struct wt_internal_facts offsets;      /* __consumer_offsets */
    struct wt_internal_facts transactions; /* __transaction_state */
    struct wt_topic_facts *topics;
    size_t topic_count;
};

/* The configuration key of topics with this role. */
const char *wt_topic_role_key(enum wt_topic_role role);

/* Labels are written to it. */
static inline bool wt_topic_has_labels(const struct wt_topic_facts *topic)
{
    return topic->role == WT_TOPIC_OUTPUT || topic->role == WT_TOPIC_ROUTE;
}

/* The first topic with this role; NULL: none. */
const struct wt_topic_facts *wt_facts_find(const struct wt_cluster_facts *facts,
                                           enum wt_topic_role role);

/* The least max.message.bytes of the topics of labels, which limits batches of records; -1: not known. */
int64_t wt_facts_batch_bytes(const struct wt_cluster_facts *facts);

#endif
