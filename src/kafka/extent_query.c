#include "kafka/extent_query.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "kafka/query.h"
#include "observe/log.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Time limit for one request. */
#define ANSWER_MS 1000

/* Note "Alone": one leader that does not answer, or one missing topic, makes a whole request fail.
 * So a query that failed is retried alone: after a pause, in a request for its one partition. After
 * each request for all other partitions at most ALONE_MAX of these single requests are sent, so that
 * they do not delay the others. */
#define ALONE_MS 500
#define ALONE_MAX 4
#define RETRY_US 200000

/* A client without queries is destroyed after this time: brokers close idle connections, which
 * would be logged as failures. */
#define IDLE_US 60000000

/* The client's callbacks (such as token refreshes) are served at least this often. */
#define SERVE_US 500000

/* How long wt_extent_query_destroy waits for the thread. */
#define END_US 500000

/* What ListOffsets takes in place of a timestamp (Kafka protocol guide). */
#define TIMESTAMP_LATEST (-1)
#define TIMESTAMP_EARLIEST (-2)

#define KINDS 2

/* Every supported librdkafka has this function (client.c), but Debian 12's header does not. */
#if RD_KAFKA_VERSION < 0x020100ff
RD_EXPORT int32_t
rd_kafka_topic_partition_get_leader_epoch(const rd_kafka_topic_partition_t *rktpar);
#endif

struct entry {
    char *topic;
    int32_t number;
    char *metadata; /* of the committed offset; NULL: none */
    struct line {
        uint64_t asked;    /* newest request id; 0: none yet */
        uint64_t answered; /* newest request id that `answer` covers */
        int64_t due_us;    /* not to be sent before this time */
        bool alone;        /* note "Alone" */
        struct wt_extent_answer answer;
    } lines[KINDS];
};

struct wt_extent_query {
    const struct wt_config *config; /* consume thread only */
    pthread_t thread;
    bool started; /* consume thread only */

    struct wt_mutex mutex; /* guards the members below */
    pthread_cond_t changed;
    rd_kafka_t *client;    /* created by the consume thread, destroyed by this one; NULL: none */
    struct entry *entries; /* by wt_partition.extent_slot - 1 */
    size_t count;
    size_t capacity;
    bool stopping;
    bool ended;
    bool orphaned; /* the thread frees everything when it ends */
};

/* One request for several partitions; `slots` are indexes into `entries`. */
struct request {
    enum wt_extent_kind kind;
    int wait_ms;
    size_t count;
    size_t *slots;
    uint64_t *ids; /* the newest request ids when it was sent */
    struct wt_extent_answer *answers;
    char **metadata; /* NULL: none */
    rd_kafka_topic_partition_list_t *list;
};

/* --- the client ------------------------------------------------------------------------------ */

/* NULL: the client cannot be created; logged. */
static rd_kafka_t *create_client(const struct wt_config *config)
{
    rd_kafka_t *client = NULL;
    struct wt_error error;
    if (wt_query_quiet_client_create(config, &client, &error) != WT_OK) {
        wt_log_warn("kafka", "offset queries: %s", error.message);
    }
    return client;
}

static void serve(rd_kafka_t *client)
{
    rd_kafka_message_t *message = client != NULL ? rd_kafka_consumer_poll(client, 0) : NULL;
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
}

/* --- requests -------------------------------------------------------------------------------- */

static void request_begin(struct request *request, enum wt_extent_kind kind, size_t count_max)
{
    *request = (struct request){.kind = kind, .wait_ms = ANSWER_MS};
    request->slots = wt_alloc_zeroed(count_max, sizeof *request->slots);
    request->ids = wt_alloc_zeroed(count_max, sizeof *request->ids);
    request->answers = wt_alloc_zeroed(count_max, sizeof *request->answers);
    request->metadata = wt_alloc_zeroed(count_max, sizeof *request->metadata);
    request->list = rd_kafka_topic_partition_list_new((int)count_max);
}

static void request_free(struct request *request)
{
    rd_kafka_topic_partition_list_destroy(request->list);
    for (size_t i = 0; i < request->count; i++) {
        free(request->metadata[i]);
    }
    free(request->metadata);
    free(request->answers);
    free(request->ids);
    free(request->slots);
}

/* Locks: the caller holds the query's mutex. */
static void request_add(struct request *request, const struct wt_extent_query *query, size_t slot)
{
    wt_mutex_assert_held(&query->mutex);
    const struct entry *entry = &query->entries[slot];
    request->slots[request->count] = slot;
    request->ids[request->count++] = entry->lines[request->kind].asked;
    (void)rd_kafka_topic_partition_list_add(request->list, entry->topic, entry->number);
}

/* One call for all partitions of the request. */
static void list_offsets(rd_kafka_t *client, struct request *request, int64_t timestamp)
{
    for (int i = 0; i < request->list->cnt; i++) {
        request->list->elems[i].offset = timestamp;
        request->list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client, request->list, request->wait_ms);
    for (size_t i = 0; i < request->count; i++) {
        const rd_kafka_topic_partition_t *item = &request->list->elems[i];
        struct wt_extent_answer *answer = &request->answers[i];
        rd_kafka_resp_err_t own = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code
                                  : item->err != RD_KAFKA_RESP_ERR_NO_ERROR || item->offset >= 0
                                      ? item->err
                                      : RD_KAFKA_RESP_ERR__NO_OFFSET;
        answer->code = answer->code != RD_KAFKA_RESP_ERR_NO_ERROR ? answer->code : own;
        if (timestamp == TIMESTAMP_EARLIEST) {
            answer->log.begin = item->offset;
        } else {
            answer->log.end = item->offset;
            answer->leader_epoch = rd_kafka_topic_partition_get_leader_epoch(item);
        }
    }
}

static void query_committed(rd_kafka_t *client, struct request *request)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(client, request->list, request->wait_ms);
    for (size_t i = 0; i < request->count; i++) {
        const rd_kafka_topic_partition_t *item = &request->list->elems[i];
        request->answers[i].code = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : item->err;
        request->answers[i].committed = item->offset >= 0 ? item->offset : -1;
        if (item->metadata_size > 0) {
            request->metadata[i] =
                wt_format("%.*s", (int)item->metadata_size, (const char *)item->metadata);
        }
    }
}

/* A query may fail because of outdated metadata, which the client keeps for minutes. */
static void refresh_topic(rd_kafka_t *client, const struct request *request)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, request->list->elems[0].topic, NULL);
    if (topic != NULL) {
        if (rd_kafka_metadata(client, 0, topic, &metadata, request->wait_ms) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(metadata);
        }
        rd_kafka_topic_destroy(topic);
    }
}

/* Locks: none; waits for the brokers. */
static void request_run(rd_kafka_t *client, struct request *request, bool alone)
{
    if (alone && request->kind == WT_EXTENT_LOG) {
        refresh_topic(client, request);
    }
    if (request->kind == WT_EXTENT_COMMITTED) {
        query_committed(client, request);
        return;
    }
    /* The beginning first: queried second, it could lie past the end queried before. */
    list_offsets(client, request, TIMESTAMP_EARLIEST);
    list_offsets(client, request, TIMESTAMP_LATEST);
}

/* Locks: the caller holds the query's mutex. */
static void take_answers(struct wt_extent_query *query, struct request *request)
{
    wt_mutex_assert_held(&query->mutex);
    for (size_t i = 0; i < request->count; i++) {
        if (request->kind == WT_EXTENT_COMMITTED) {
            struct entry *entry = &query->entries[request->slots[i]];
            char *metadata = entry->metadata;
            entry->metadata = request->metadata[i];
            request->metadata[i] = metadata;
        }
        struct line *line = &query->entries[request->slots[i]].lines[request->kind];
        line->answer = request->answers[i];
        line->answered = request->ids[i];
        line->alone = line->answer.code != RD_KAFKA_RESP_ERR_NO_ERROR;
        line->due_us = line->alone ? wt_clock_us() + RETRY_US : 0;
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

static bool is_open(const struct line *line)
{
    return line->asked > line->answered;
}

/* Collects the open queries of one kind that are due: all ordinary ones, or one that goes alone.
 * Locks: the caller holds the query's mutex. */
static void collect(const struct wt_extent_query *query, struct request *request, bool alone,
                    size_t *slot)
{
    wt_mutex_assert_held(&query->mutex);
    int64_t now_us = wt_clock_us();
    for (; *slot < query->count && (!alone || request->count == 0); ++*slot) {
        const struct line *line = &query->entries[*slot].lines[request->kind];
        if (is_open(line) && line->alone == alone && now_us >= line->due_us) {
            request_add(request, query, *slot);
        }
    }
    request->wait_ms = alone ? ALONE_MS : ANSWER_MS;
}

/* False: nothing was due. Locks: the caller holds the query's mutex; released while it waits for
 * brokers. */
static bool send_some(struct wt_extent_query *query, enum wt_extent_kind kind, bool alone,
                      size_t *slot)
{
    wt_mutex_assert_held(&query->mutex);
    struct request request;
    request_begin(&request, kind, query->count);
    collect(query, &request, alone, slot);
    bool any = request.count > 0 && !query->stopping;
    if (any) {
        rd_kafka_t *client = query->client;
        wt_mutex_unlock(&query->mutex);
        serve(client);
        request_run(client, &request, alone);
        wt_mutex_lock(&query->mutex);
        take_answers(query, &request);
    }
    request_free(&request);
    return any;
}

/* False: nothing was due. Locks: the caller holds the query's mutex; released while it waits for
 * brokers. */
static bool send_all(struct wt_extent_query *query)
{
    wt_mutex_assert_held(&query->mutex);
    bool any = false;
    for (enum wt_extent_kind kind = WT_EXTENT_LOG; kind <= WT_EXTENT_COMMITTED; kind++) {
        size_t slot = 0;
        any |= send_some(query, kind, false, &slot);
        slot = 0;
        for (int i = 0; i < ALONE_MAX && send_some(query, kind, true, &slot); i++) {
            any = true;
        }
    }
    return any;
}

/* When the next query is due; INT64_MAX: none is open. Locks: the caller holds the query's
 * mutex. */
static int64_t next_us(const struct wt_extent_query *query)
{
    wt_mutex_assert_held(&query->mutex);
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < query->count; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            const struct line *line = &query->entries[i].lines[kind];
            if (is_open(line) && line->due_us < next) {
                next = line->due_us;
            }
        }
    }
    return next;
}

/* Locks: the caller holds the query's mutex; released while the client is destroyed. */
static void destroy_client(struct wt_extent_query *query)
{
    wt_mutex_assert_held(&query->mutex);
    rd_kafka_t *client = query->client;
    query->client = NULL;
    if (client != NULL) {
        wt_mutex_unlock(&query->mutex);
        rd_kafka_destroy(client);
        wt_mutex_lock(&query->mutex);
    }
}

/* Waits until a query is due or the query is stopped. Locks: the caller holds the query's mutex;
 * released while it waits. */
static void await_due(struct wt_extent_query *query)
{
    wt_mutex_assert_held(&query->mutex);
    int64_t idle_us = wt_clock_us() + IDLE_US;
    int64_t now_us;
    int64_t next;
    while (!query->stopping && (next = next_us(query)) > (now_us = wt_clock_us())) {
        if (query->client != NULL && next == INT64_MAX && now_us >= idle_us) {
            destroy_client(query);
            continue;
        }
        int64_t serve_us = query->client != NULL ? now_us + SERVE_US : INT64_MAX;
        struct timespec until = wt_clock_timespec(next < serve_us ? next : serve_us);
        if (query->client == NULL && next == INT64_MAX) {
            (void)wt_mutex_wait(&query->mutex, &query->changed, NULL);
        } else {
            (void)wt_mutex_wait(&query->mutex, &query->changed, &until);
        }
        serve(query->client);
    }
}

static void free_query(struct wt_extent_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        free(query->entries[i].topic);
        free(query->entries[i].metadata);
    }
    free(query->entries);
    (void)pthread_cond_destroy(&query->changed);
    wt_mutex_destroy(&query->mutex);
    free(query);
}

static void *run(void *opaque)
{
    struct wt_extent_query *query = opaque;
    wt_mutex_lock(&query->mutex);
    while (!query->stopping) {
        if (!send_all(query)) {
            await_due(query);
        }
    }
    destroy_client(query);
    query->ended = true;
    bool orphaned = query->orphaned;
    (void)pthread_cond_broadcast(&query->changed);
    wt_mutex_unlock(&query->mutex);
    if (orphaned) {
        free_query(query);
    }
    return NULL;
}

/* --- interface ------------------------------------------------------------------------------- */

struct wt_extent_query *wt_extent_query_create(const struct wt_config *config)
{
    struct wt_extent_query *query = wt_alloc_zeroed(1, sizeof *query);
    query->config = config;
    wt_mutex_init(&query->mutex);
    wt_clock_init_condition(&query->changed);
    return query;
}

void wt_extent_query_destroy(struct wt_extent_query *query)
{
    if (query == NULL) {
        return;
    }
    if (!query->started) {
        free_query(query);
        return;
    }
    pthread_t thread = query->thread;
    struct timespec until = wt_clock_timespec(wt_clock_us() + END_US);
    int waited = 0;
    wt_mutex_lock(&query->mutex);
    query->stopping = true;
    (void)pthread_cond_broadcast(&query->changed);
    while (!query->ended && waited == 0) {
        waited = wt_mutex_wait(&query->mutex, &query->changed, &until);
    }
    bool ended = query->ended;
    query->orphaned = !ended;
    wt_mutex_unlock(&query->mutex);
    if (!ended) {
        (void)pthread_detach(thread);
        return;
    }
    (void)pthread_join(thread, NULL);
    free_query(query);
}

/* Locks: the caller holds the query's mutex. */
static struct entry *entry_of(struct wt_extent_query *query, struct wt_partition *partition)
{
    wt_mutex_assert_held(&query->mutex);
    if (partition->extent_slot == 0) {
        if (query->count == query->capacity) {
            query->capacity = query->capacity > 0 ? query->capacity * 2 : 16;
            query->entries = wt_realloc(query->entries, query->capacity * sizeof *query->entries);
        }
        query->entries[query->count] =
            (struct entry){.topic = wt_strdup(partition->topic), .number = partition->number};
        partition->extent_slot = ++query->count;
    }
    return &query->entries[partition->extent_slot - 1];
}

/* False: there is no client or thread. Locks: the caller holds the query's mutex. */
static bool ready(struct wt_extent_query *query)
{
    wt_mutex_assert_held(&query->mutex);
    if (query->client == NULL) {
        query->client = create_client(query->config);
    }
    if (query->client != NULL && !query->started) {
        query->started = pthread_create(&query->thread, NULL, run, query) == 0;
    }
    return query->client != NULL && query->started;
}

uint64_t wt_extent_query_ask(struct wt_extent_query *query, struct wt_partition *partition,
                             enum wt_extent_kind kind)
{
    wt_mutex_lock(&query->mutex);
    struct line *line = &entry_of(query, partition)->lines[kind];
    uint64_t request = ++line->asked;
    if (!ready(query)) {
        line->answered = request;
        line->answer = (struct wt_extent_answer){.code = RD_KAFKA_RESP_ERR__FAIL};
    }
    (void)pthread_cond_broadcast(&query->changed);
    wt_mutex_unlock(&query->mutex);
    return request;
}

bool wt_extent_query_get(struct wt_extent_query *query, const struct wt_partition *partition,
                         enum wt_extent_kind kind, uint64_t request,
                         struct wt_extent_answer *answer_out)
{
    wt_mutex_lock(&query->mutex);
    assert(partition->extent_slot > 0 && partition->extent_slot <= query->count);
    const struct line *line = &query->entries[partition->extent_slot - 1].lines[kind];
    bool answered = line->answered >= request;
    if (answered) {
        *answer_out = line->answer;
    }
    wt_mutex_unlock(&query->mutex);
    return answered;
}

char *wt_extent_query_metadata(struct wt_extent_query *query, const struct wt_partition *partition)
{
    wt_mutex_lock(&query->mutex);
    assert(partition->extent_slot > 0 && partition->extent_slot <= query->count);
    const char *metadata = query->entries[partition->extent_slot - 1].metadata;
    char *copy = metadata != NULL ? wt_strdup(metadata) : NULL;
    wt_mutex_unlock(&query->mutex);
    return copy;
}
