#include "kafka/group_status.h"

#include "base/clock.h"
#include "kafka/query.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Statistics come every five seconds; those older than this are ignored. */
#define SEEN_US_MAX 20000000

/* How long a worker with partitions may be without its coordinator before that is a stall. Moving a
 * coordinator to another broker takes less. */
#define COORDINATOR_MS_MAX 5000

/* How often the brokers are asked for the group's other members. */
#define OTHERS_US 30000000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards `noted` */
static struct noted {
    int64_t seen_us; /* when the last statistics came; 0: never */
    int64_t lost_us; /* since when the coordinator is not available; 0: it is available */
    char state[32];
    char join_state[40];
    rd_kafka_resp_err_t code; /* the last error of joining; cleared by an assignment */
    int64_t consumed;         /* records consumed before that error */
    char topic[250];          /* the topic of the error; "": the group */
    char reason[300];
    char brokers[200]; /* the brokers that do not answer, a clause */
} noted;

/* Before the first statistics a worker is not called a spare, unless none come for this long. */
#define UNSEEN_US_MAX 10000000

/* Thread: main. */
static int64_t first_us;  /* the first call of wt_group_judge; 0: not yet */
static int64_t others_us; /* when the brokers were last asked for other members; 0: never */
static char others[200];

/* How long a member without partitions is taken for a spare before the brokers are asked. */
#define SPARE_US 10000000

static int64_t spare_us; /* when the brokers are asked who has partitions; 0: not a spare */
static bool deserted;    /* nobody has any */

void wt_group_note_state(const char *state, int64_t state_age_ms, const char *join_state)
{
    int64_t now_us = wt_clock_us();
    (void)pthread_mutex_lock(&mutex);
    noted.seen_us = now_us;
    if (strcmp(state, "up") == 0) {
        noted.lost_us = 0;
    } else if (noted.lost_us == 0) {
        noted.lost_us = now_us - 1000 * state_age_ms;
    }
    (void)snprintf(noted.state, sizeof noted.state, "%s", state);
    (void)snprintf(noted.join_state, sizeof noted.join_state, "%s", join_state);
    (void)pthread_mutex_unlock(&mutex);
}

/* False for errors of fetching and committing, which are reported elsewhere. */
static bool is_about_the_group(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: /* reported by topic_status.h */
        return true;
    default:
        return false;
    }
}

static bool is_authorization(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

bool wt_group_note_error(rd_kafka_resp_err_t code, const char *topic, const char *reason)
{
    if (!is_about_the_group(code)) {
        return false;
    }
    (void)pthread_mutex_lock(&mutex);
    if (code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        noted.code = code;
        noted.consumed = wt_metric_get(WT_METRIC_RECORDS_CONSUMED);
        (void)snprintf(noted.topic, sizeof noted.topic, "%s", topic != NULL ? topic : "");
        (void)snprintf(noted.reason, sizeof noted.reason, "%s", reason);
    }
    (void)pthread_mutex_unlock(&mutex);
    return true;
}

void wt_group_note_brokers(const char *text)
{
    (void)pthread_mutex_lock(&mutex);
    (void)snprintf(noted.brokers, sizeof noted.brokers, "%s", text);
    (void)pthread_mutex_unlock(&mutex);
}

void wt_group_note_assigned(void)
{
    (void)pthread_mutex_lock(&mutex);
    noted.code = RD_KAFKA_RESP_ERR_NO_ERROR;
    (void)pthread_mutex_unlock(&mutex);
}

void wt_group_forget(void)
{
    (void)pthread_mutex_lock(&mutex);
    noted = (struct noted){.seen_us = 0};
    (void)pthread_mutex_unlock(&mutex);
    others_us = 0;
    first_us = 0;
    spare_us = 0;
    deserted = false;
    others[0] = '\0';
}

static struct noted take_noted(void)
{
    (void)pthread_mutex_lock(&mutex);
    struct noted now = noted;
    (void)pthread_mutex_unlock(&mutex);
    return now;
}

static const char *group_id_of(const struct wt_config *config)
{
    const struct wt_property *property = wt_config_consumer_property(config, "group.id");
    return property != NULL ? property->value : "";
}

/* --- other members --------------------------------------------------------------------------- */

static void write_others(const rd_kafka_ConsumerGroupDescription_t *group)
{
    const char *assignor = rd_kafka_ConsumerGroupDescription_partition_assignor(group);
    size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);
    if (count == 0) {
        return;
    }
    const rd_kafka_MemberDescription_t *member = rd_kafka_ConsumerGroupDescription_member(group, 0);
    (void)snprintf(others, sizeof others, "%s%s%s%s at %s%s",
                   assignor != NULL && assignor[0] != '\0' ? "it uses " : "",
                   assignor != NULL ? assignor : "",
                   assignor != NULL && assignor[0] != '\0' ? ", with " : "its members are ",
                   rd_kafka_MemberDescription_client_id(member),
                   rd_kafka_MemberDescription_host(member), count > 1 ? " and others" : "");
}

/* Notes that nobody has a partition: not one of the members, and no rebalance is under way. */
static void note_deserted(const rd_kafka_ConsumerGroupDescription_t *group)
{
    size_t members = rd_kafka_ConsumerGroupDescription_member_count(group);
    int partitions = 0;
    for (size_t i = 0; i < members; i++) {
        const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(
            rd_kafka_ConsumerGroupDescription_member(group, i));
        const rd_kafka_topic_partition_list_t *list =
            assignment != NULL ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
        partitions += list != NULL ? list->cnt : 0;
    }
    deserted =
        members > 0 && partitions == 0 &&
        rd_kafka_ConsumerGroupDescription_state(group) == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
}

/* Calls `take` with the group, if the brokers describe it. */
static void take_group(rd_kafka_event_t *event,
                       void (*take)(const rd_kafka_ConsumerGroupDescription_t *group))
{
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR
            ? rd_kafka_DescribeConsumerGroups_result_groups(
                  rd_kafka_event_DescribeConsumerGroups_result(event), &count)
            : NULL;
    if (count > 0 && rd_kafka_ConsumerGroupDescription_error(groups[0]) == NULL) {
        take(groups[0]);
    }
}

/* Needs Describe on the group; without it `take` is not called. Asks with a client of its own: see
 * bootstrap.h. */
static void ask_for_group(const struct wt_config *config, int wait_ms,
                          void (*take)(const rd_kafka_ConsumerGroupDescription_t *group))
{
    const char *group_id = group_id_of(config);
    rd_kafka_t *client = NULL;
    struct wt_error error;
    if (wt_query_quiet_client_create(config, &client, &error) != WT_OK) {
        return;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    char reason[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, reason, sizeof reason);
    rd_kafka_DescribeConsumerGroups(client, &group_id, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms + 500);
    if (event != NULL) {
        take_group(event, take);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    wt_query_client_destroy(client);
}

/* --- judging --------------------------------------------------------------------------------- */

static void judge_strategy(const struct wt_config *config, bool refused, int wait_ms)
{
    if (!refused) {
        wt_stall_end(WT_STALL_STRATEGY);
        others[0] = '\0';
        others_us = 0;
        return;
    }
    if (wait_ms > 0 && (others_us == 0 || wt_clock_us() - others_us > OTHERS_US)) {
        others_us = wt_clock_us();
        ask_for_group(config, wait_ms, write_others);
    }
    const struct wt_property *own =
        wt_config_consumer_property(config, "partition.assignment.strategy");
    bool is_static = wt_config_consumer_property(config, "group.instance.id") != NULL;
    wt_stall_begin(
        WT_STALL_STRATEGY,
        "the group %s refuses this worker's assignment strategy, %s: %s; all members must "
        "share one: stop the others, or set kafka.consumer.group.id or "
        "partition.assignment.strategy",
        group_id_of(config),
        own != NULL ? own->value
        : is_static ? "range"
                    : "cooperative-sticky",
        others[0] != '\0' ? others : "its members use another one");
}

/* Begins the stall `group` with the reason why no partition is assigned. */
static void begin_without_partition(const struct wt_config *config, const struct noted *now,
                                    bool fresh)
{
    const char *group_id = group_id_of(config);
    if (now->code != RD_KAFKA_RESP_ERR_NO_ERROR && !is_authorization(now->code)) {
        wt_stall_begin(WT_STALL_GROUP, "no partition is assigned: the group %s: %s", group_id,
                       now->reason);
    } else if (fresh && now->lost_us != 0) {
        wt_stall_begin(
            WT_STALL_GROUP,
            "no partition is assigned: the coordinator of the group %s is not available%s%s",
            group_id, now->brokers[0] != '\0' ? ": " : "", now->brokers);
    } else {
        wt_stall_begin(WT_STALL_GROUP, "no partition is assigned: the group %s is being joined; %s",
                       group_id,
                       fresh && now->brokers[0] != '\0'
                           ? now->brokers
                           : "a killed member holds it up for its session.timeout.ms");
    }
}

static void judge_group(const struct wt_config *config, const struct noted *now, size_t partitions,
                        bool spare)
{
    bool fresh = now->seen_us != 0 && wt_clock_us() - now->seen_us < SEEN_US_MAX;
    bool lost = fresh && now->lost_us != 0 &&
                wt_clock_us() - now->lost_us > (int64_t)COORDINATOR_MS_MAX * 1000;
    bool explained = now->code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL || spare;
    if (!explained && partitions == 0) {
        begin_without_partition(config, now, fresh);
    } else if (!explained && lost) {
        wt_stall_begin_since(WT_STALL_GROUP, now->lost_us,
                             "the coordinator of the group %s is not available: nothing can be "
                             "committed%s%s",
                             group_id_of(config), now->brokers[0] != '\0' ? "; " : "",
                             now->brokers);
    } else {
        wt_stall_end(WT_STALL_GROUP);
    }
}

static void write_denied(const struct wt_config *config, const struct noted *now,
                         struct wt_group_status *status)
{
    bool topic = now->topic[0] != '\0';
    (void)snprintf(status->denied, sizeof status->denied, "%s; this user needs Read on the %s %s",
                   now->reason, topic ? "topic" : "group",
                   topic ? now->topic : group_id_of(config));
}

/* librdkafka does not report when a denied topic may be read again; records that arrive show it. */
static void forget_denied(void)
{
    (void)pthread_mutex_lock(&mutex);
    if (noted.code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED &&
        wt_metric_get(WT_METRIC_RECORDS_CONSUMED) > noted.consumed) {
        noted.code = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    (void)pthread_mutex_unlock(&mutex);
}

void wt_group_judge(const struct wt_config *config, size_t partitions, int64_t lag, bool member,
                    int wait_ms, struct wt_group_status *status_out)
{
    forget_denied();
    struct noted now = take_noted();
    bool fresh = now.seen_us != 0 && wt_clock_us() - now.seen_us < SEEN_US_MAX;
    int64_t now_us = wt_clock_us();
    first_us = first_us != 0 ? first_us : now_us;
    bool unseen = now.seen_us == 0 && now_us - first_us < UNSEEN_US_MAX;
    bool settled =
        (!fresh && !unseen) || (fresh && now.lost_us == 0 && strcmp(now.join_state, "steady") == 0);
    bool refused = now.code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL;
    *status_out = (struct wt_group_status){.spare = partitions == 0 && member && settled &&
                                                    now.code == RD_KAFKA_RESP_ERR_NO_ERROR,
                                           .joining = fresh && !settled && now.lost_us == 0};
    judge_strategy(config, refused, wait_ms);
    judge_group(config, &now, partitions, status_out->spare);
    if (is_authorization(now.code) && (partitions == 0 || lag > 0)) {
        write_denied(config, &now, status_out);
    }
}

/* Note "Deserted": a client that joins while the brokers know none of its topics gets no partition. If
 * they come back soon, as when a cluster is made anew or topics are deleted and created, librdkafka
 * (seen in 2.16.0) sees the topics that it had before, and does not join again for them. */
bool wt_group_is_deserted(const struct wt_config *config, bool spare, int wait_ms)
{
    int64_t now_us = wt_clock_us();
    if (!spare || spare_us == 0) {
        spare_us = spare ? now_us + SPARE_US : 0;
        deserted = false;
    } else if (now_us >= spare_us && wait_ms > 0) {
        spare_us = now_us + OTHERS_US;
        ask_for_group(config, wait_ms, note_deserted);
        wt_log_debug("kafka", "this worker has no partition: %s",
                     deserted ? "nobody in its group has one" : "a spare");
    }
    return deserted;
}
