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

/* Deliveries that fail for less, and leaders that are away for less, are the normal way of a broker's
 * restart. */
#define FAILING_US_MAX 5000000

#define WORDS_BYTES 400u

/* --- notes ----------------------------------------------------------------------------------- */

struct note {
    atomic_bool there; /* so that a delivery costs no lock while all is well */
    int64_t since_us;
    char words[WORDS_BYTES];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the notes, `there` aside */
static struct note deliveries[2];                         /* of labels, of dead letters */
static struct note leaders[2];                            /* of the producer, of the consumer */

static void note(struct note *note, const char *words)
{
    bool wanted = words[0] != '\0';
    if (!wanted && !atomic_load_explicit(&note->there, memory_order_relaxed)) {
        return;
    }
    (void)pthread_mutex_lock(&mutex);
    bool before = atomic_exchange_explicit(&note->there, wanted, memory_order_relaxed);
    note->since_us = before ? note->since_us : wt_clock_us();
    (void)snprintf(note->words, sizeof note->words, "%s", words);
    (void)pthread_mutex_unlock(&mutex);
}

/* Copies what has been there for long enough; "" otherwise. Returns since when. */
static int64_t take_note(const struct note *note, char words[WORDS_BYTES])
{
    (void)pthread_mutex_lock(&mutex);
    bool lasts = atomic_load_explicit(&note->there, memory_order_relaxed) &&
                 wt_clock_us() - note->since_us >= FAILING_US_MAX;
    (void)snprintf(words, WORDS_BYTES, "%s", lasts ? note->words : "");
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

void wt_topics_note_leaders(bool consumer, const char *words)
{
    note(&leaders[consumer], words);
}

void wt_topics_forget(void)
{
    for (int i = 0; i < 2; i++) {
        note(&deliveries[i], "");
        note(&leaders[i], "");
    }
}

/* --- looking --------------------------------------------------------------------------------- */

enum role { INPUT, OUTPUT, DEAD_LETTERS };

/* What the brokers say of a topic. */
enum finding { FINE, MISSING, DENIED, LEADERLESS };

struct topic {
    const char *name;
    enum role role;
    rd_kafka_topic_t *handle; /* which has metadata requests ask for it; NULL: a pattern */
    enum finding finding;
    int leaderless;    /* how many */
    int32_t partition; /* the first of them */
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
    topics->items = wt_alloc_zeroed(config->input.topics.count + 2, sizeof *topics->items);
    for (size_t i = 0; i < config->input.topics.count; i++) {
        add(topics, config->input.topics.items[i], INPUT);
    }
    add(topics, config->output.topic, OUTPUT);
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
        return; /* what was found last holds */
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

/* --- what it comes to ------------------------------------------------------------------------ */

static const char *const kinds[] = {
    [INPUT] = "input topic", [OUTPUT] = "output topic", [DEAD_LETTERS] = "dead letter topic"};
static const enum wt_stall reasons[] = {[INPUT] = WT_STALL_INPUT_TOPIC,
                                        [OUTPUT] = WT_STALL_OUTPUT_TOPIC,
                                        [DEAD_LETTERS] = WT_STALL_DEAD_LETTER_TOPIC};

/* What hinders for sure; "": nothing. */
static void describe(const struct topic *topic, char words[WORDS_BYTES])
{
    words[0] = '\0';
    if (topic->finding == MISSING) {
        (void)snprintf(words, WORDS_BYTES, "the %s %s does not exist (any more): create it again",
                       kinds[topic->role], topic->name);
    } else if (topic->finding == LEADERLESS) {
        (void)snprintf(words, WORDS_BYTES,
                       "%d of %d partitions of the %s %s have no leader, [%" PRId32 "] among them: "
                       "their brokers are down",
                       topic->leaderless, topic->partition_count, kinds[topic->role], topic->name,
                       topic->partition);
    }
}

static void judge_role(const struct wt_topics *topics, enum role role, const struct note *delivery,
                       const struct note *leader)
{
    char words[WORDS_BYTES] = "";
    for (size_t i = 0; i < topics->count && words[0] == '\0'; i++) {
        if (topics->items[i].role == role) {
            describe(&topics->items[i], words);
        }
    }
    int64_t since_us = wt_clock_us();
    if (words[0] == '\0' && delivery != NULL) {
        since_us = take_note(delivery, words);
    }
    if (words[0] == '\0' && leader != NULL) {
        since_us = take_note(leader, words);
    }
    if (words[0] != '\0') {
        wt_stall_begin_since(reasons[role], since_us, "%s", words);
    } else {
        wt_stall_end(reasons[role]);
    }
}

void wt_topics_judge(struct wt_topics *topics, char *rights, size_t rights_bytes)
{
    for (size_t i = 0; i < topics->count && rights[0] == '\0'; i++) {
        const struct topic *topic = &topics->items[i];
        if (topic->finding == DENIED) {
            (void)snprintf(rights, rights_bytes,
                           "the brokers no longer let this user see the %s %s", kinds[topic->role],
                           topic->name);
        }
    }
    judge_role(topics, INPUT, NULL, &leaders[true]);
    judge_role(topics, OUTPUT, &deliveries[false], &leaders[false]);
    judge_role(topics, DEAD_LETTERS, &deliveries[true], NULL);
}
