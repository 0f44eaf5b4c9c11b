#include "kafka/topic_status.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "observe/stall.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Failing deliveries and missing leaders are normal for a shorter time, while a broker restarts. */
#define FAILING_US_MAX 5000000

#define CAUSE_BYTES 400u

/* --- notes ----------------------------------------------------------------------------------- */

struct note {
    atomic_bool there; /* atomic, so that a successful delivery takes no lock */
    int64_t since_us;
    char cause[CAUSE_BYTES];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the notes, `there` aside */
static struct note deliveries[2];                         /* of labels, of dead letters */
static struct note leaders[2]; /* that do not answer the producer, the consumer */

static void note(struct note *note, const char *cause)
{
    bool wanted = cause[0] != '\0';
    if (!wanted && !atomic_load_explicit(&note->there, memory_order_relaxed)) {
        return;
    }
    (void)pthread_mutex_lock(&mutex);
    bool before = atomic_exchange_explicit(&note->there, wanted, memory_order_relaxed);
    note->since_us = before ? note->since_us : wt_clock_us();
    (void)snprintf(note->cause, sizeof note->cause, "%s", cause);
    (void)pthread_mutex_unlock(&mutex);
}

/* Copies the note if it has lasted for FAILING_US_MAX, else ""; returns since when it lasts. */
static int64_t take_note(const struct note *note, char cause[CAUSE_BYTES])
{
    (void)pthread_mutex_lock(&mutex);
    bool lasts = atomic_load_explicit(&note->there, memory_order_relaxed) &&
                 wt_clock_us() - note->since_us >= FAILING_US_MAX;
    (void)snprintf(cause, CAUSE_BYTES, "%s", lasts ? note->cause : "");
    int64_t since_us = note->since_us;
    (void)pthread_mutex_unlock(&mutex);
    return since_us;
}

void wt_topics_note_delivery(bool dead_letters, bool delivered, const char *reason)
{
    note(&deliveries[dead_letters], delivered ? "" : reason);
}

void wt_topics_note_no_delivery_waits(void)
{
    note(&deliveries[false], "");
    note(&deliveries[true], "");
}

void wt_topics_note_leaders(bool consumer, const char *cause)
{
    note(&leaders[consumer], cause);
}

void wt_topics_forget(void)
{
    for (int i = 0; i < 2; i++) {
        note(&deliveries[i], "");
        note(&leaders[i], "");
    }
}

/* --- metadata -------------------------------------------------------------------------------- */

enum role { INPUT, OUTPUT, DEAD_LETTERS };

/* The state of a topic in the metadata. */
enum finding { FINE, MISSING, DENIED, LEADERLESS };

struct topic {
    const char *name;
    enum role role;
    rd_kafka_topic_t *handle; /* makes metadata requests include it; NULL: a pattern */
    enum finding finding;
    int leaderless;    /* number of partitions without a leader */
    int32_t partition; /* the first of those */
    int partition_count;
};

struct wt_topics {
    rd_kafka_t *consumer;
    struct topic *items;
    size_t count;
};

static void add(struct wt_topics *topics, const char *name, enum role role)
{
    struct topic *topic = &topics->items[topics->count++];
    bool unasked = topics->consumer == NULL || name[0] == '^'; /* librdkafka's mark of a pattern */
    *topic = (struct topic){.name = name, .role = role};
    topic->handle = unasked ? NULL : rd_kafka_topic_new(topics->consumer, name, NULL);
}

struct wt_topics *wt_topics_create(rd_kafka_t *consumer, const struct wt_config *config)
{
    struct wt_topics *topics = wt_alloc_zeroed(1, sizeof *topics);
    topics->consumer = consumer;
    topics->items =
        wt_alloc_zeroed(config->input.topics.count + wt_config_label_topic_count(config) + 1,
                        sizeof *topics->items);
    for (size_t i = 0; i < config->input.topics.count; i++) {
        add(topics, config->input.topics.items[i], INPUT);
    }
    for (size_t i = 0; i < wt_config_label_topic_count(config); i++) {
        add(topics, wt_config_label_topic(config, i), OUTPUT);
    }
    if (config->dead_letter.enabled) {
        add(topics, config->dead_letter.topic, DEAD_LETTERS);
    }
    return topics;
}

void wt_topics_destroy(struct wt_topics *topics)
{
    if (topics == NULL) {
        return;
    }
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->items[i].handle != NULL) {
            rd_kafka_topic_destroy(topics->items[i].handle);
        }
    }
    free(topics->items);
    free(topics);
}

static void find(struct topic *topic, const struct rd_kafka_metadata_topic *seen)
{
    topic->leaderless = 0;
    topic->partition_count = seen->partition_cnt;
    for (int i = 0; i < seen->partition_cnt; i++) {
        if (seen->partitions[i].leader < 0 && topic->leaderless++ == 0) {
            topic->partition = seen->partitions[i].id;
        }
    }
    switch (seen->err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        topic->finding = MISSING;
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        topic->finding = DENIED;
        break;
    default:
        topic->finding = topic->leaderless > 0 ? LEADERLESS : FINE;
        break;
    }
}

void wt_topics_look(struct wt_topics *topics, int wait_ms)
{
    const struct rd_kafka_metadata *metadata;
    if (topics->consumer == NULL || rd_kafka_metadata(topics->consumer, 0, NULL, &metadata,
                                                      wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return; /* keep the last finding */
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        for (size_t j = 0; j < topics->count; j++) {
            if (topics->items[j].handle != NULL &&
                strcmp(topics->items[j].name, metadata->topics[i].topic) == 0) {
                find(&topics->items[j], &metadata->topics[i]);
            }
        }
    }
    rd_kafka_metadata_destroy(metadata);
}

int wt_topics_input_partitions(const struct wt_topics *topics)
{
    int count = 0;
    for (size_t i = 0; i < topics->count; i++) {
        const struct topic *topic = &topics->items[i];
        if (topic->role == INPUT && (topic->finding != FINE || topic->partition_count == 0)) {
            return 0;
        }
        count += topic->role == INPUT ? topic->partition_count : 0;
    }
    return count;
}

/* --- stalls ---------------------------------------------------------------------------------- */

static const char *const kinds[] = {
    [INPUT] = "input topic", [OUTPUT] = "output topic", [DEAD_LETTERS] = "dead letter topic"};
static const enum wt_stall reasons[] = {[INPUT] = WT_STALL_INPUT_TOPIC,
                                        [OUTPUT] = WT_STALL_OUTPUT_TOPIC,
                                        [DEAD_LETTERS] = WT_STALL_DEAD_LETTER_TOPIC};

/* Describes a fault that the metadata show; "": none. */
static void describe(const struct topic *topic, char cause[CAUSE_BYTES])
{
    cause[0] = '\0';
    if (topic->finding == MISSING) {
        (void)snprintf(cause, CAUSE_BYTES, "the %s %s does not exist (any more): create it again",
                       kinds[topic->role], topic->name);
    } else if (topic->finding == LEADERLESS) {
        (void)snprintf(cause, CAUSE_BYTES,
                       "%d of %d partitions of the %s %s have no leader, such as [%" PRId32 "]: "
                       "their brokers are down",
                       topic->leaderless, topic->partition_count, kinds[topic->role], topic->name,
                       topic->partition);
    }
}

static void judge_role(const struct wt_topics *topics, enum role role, const struct note *delivery,
                       const struct note *leader)
{
    char cause[CAUSE_BYTES] = "";
    for (size_t i = 0; i < topics->count && cause[0] == '\0'; i++) {
        if (topics->items[i].role == role) {
            describe(&topics->items[i], cause);
        }
    }
    int64_t since_us = wt_clock_us();
    if (cause[0] == '\0' && delivery != NULL) {
        since_us = take_note(delivery, cause);
    }
    if (cause[0] == '\0' && leader != NULL) {
        since_us = take_note(leader, cause);
    }
    if (cause[0] != '\0') {
        wt_stall_begin_since(reasons[role], since_us, "%s", cause);
    } else {
        wt_stall_end(reasons[role]);
    }
}

void wt_topics_judge(struct wt_topics *topics, char *denied, size_t denied_bytes)
{
    for (size_t i = 0; i < topics->count && denied[0] == '\0'; i++) {
        const struct topic *topic = &topics->items[i];
        if (topic->finding == DENIED) {
            (void)snprintf(denied, denied_bytes,
                           "the brokers no longer let this user see the %s %s", kinds[topic->role],
                           topic->name);
        }
    }
    judge_role(topics, INPUT, NULL, &leaders[true]);
    judge_role(topics, OUTPUT, &deliveries[false], &leaders[false]);
    judge_role(topics, DEAD_LETTERS, &deliveries[true], NULL);
}
