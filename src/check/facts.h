/* facts.h: what a cluster says of itself, as far as a worker needs it (cluster_facts.h asks). */
#ifndef WIRETAG_CHECK_FACTS_H
#define WIRETAG_CHECK_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wt_topic_role { WT_TOPIC_INPUT, WT_TOPIC_OUTPUT, WT_TOPIC_DEAD_LETTERS };

/* What the cluster says about one topic; what is not known is -1. */
struct wt_topic_facts {
    char *topic;
    enum wt_topic_role role;
    bool denied;              /* it may not be seen */
    int32_t partitions;       /* 0: there is none */
    int32_t leaderless;       /* partitions that nobody serves now */
    int32_t replicas_min;     /* of its partitions */
    bool settings_known;      /* else all below is -1 */
    int64_t insync_min;       /* min.insync.replicas */
    int64_t record_bytes_max; /* max.message.bytes */
    int64_t retention_ms;     /* INT64_MAX: for ever */
    int64_t age_ms_max;       /* message.timestamp.before.max.ms */
    int64_t ahead_ms_max;     /* message.timestamp.after.max.ms */
    bool compacted;           /* cleanup.policy has compact */
    bool append_time;         /* the broker sets the timestamps */
    int32_t older_partitions; /* input: with records older than the output keeps or takes */
    int32_t ahead_partitions; /* input: with records further ahead than the output takes */
    bool misdated;            /* input: a newest record's timestamp, below, costs its label */
    int64_t misdated_ms;
    int32_t misdated_partition;
    int64_t misdated_offset;
};

#define WT_OFFSETS_TOPIC "__consumer_offsets"
#define WT_TRANSACTIONS_TOPIC "__transaction_state"

/* A topic of the brokers' own, in which a coordinator keeps what it knows. */
struct wt_internal_facts {
    bool known;         /* else it may not be seen, and all below is 0 */
    int32_t partitions; /* 0: it is made at the first use */
    int32_t leaderless;
    int32_t replicas_min;
    int32_t insync_replicas_min; /* that are in sync now */
    int64_t insync_min;          /* min.insync.replicas; 0: not known */
};

/* Settings of the brokers; what is not known is 0. */
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
    int32_t brokers;
    int64_t transaction_ms_max; /* transaction.max.timeout.ms; -1: not known */
    struct wt_broker_settings settings;
    struct wt_internal_facts offsets;      /* __consumer_offsets */
    struct wt_internal_facts transactions; /* __transaction_state */
    struct wt_topic_facts *topics;
    size_t topic_count;
};

/* The key that names a topic of that role. */
const char *wt_topic_role_key(enum wt_topic_role role);

/* The first topic of that role; NULL: there is none. */
const struct wt_topic_facts *wt_facts_find(const struct wt_cluster_facts *facts,
                                           enum wt_topic_role role);

#endif
