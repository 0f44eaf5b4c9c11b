#include "kafka/log_probe.h"

#include "base/alloc.h"
#include "kafka/query.h"
#include "observe/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Time limit for one answer; a shorter one after an answer that did not come. */
#define ANSWER_MS 3000
#define NEXT_ANSWER_MS 1000

/* If the error does not name the batch's first offset, the batch's end is searched one offset at a time,
 * because longer steps could skip readable records. One probe tries at most this many offsets; the next
 * probe continues after them. */
#define STEPS_MAX 1000

/* How large a batch that is too large for the consumer may be to be known as such, and how long reading
 * it may take. */
#define LARGE_BYTES_MAX 1000000000
#define LARGE_MS 10000

struct wt_log_probe {
    /* Thread: the probe's, until `done`. */
    rd_kafka_t *client;
    char *topic;
    struct wt_log_question question;
    struct wt_log_finding finding;
    int wait_ms;

    pthread_mutex_t mutex; /* guards the members below */
    bool done;
    bool orphaned; /* the thread frees the probe when it ends */
};

/* --- reading --------------------------------------------------------------------------------- */

static bool is_orphaned(struct wt_log_probe *probe)
{
    (void)pthread_mutex_lock(&probe->mutex);
    bool orphaned = probe->orphaned;
    (void)pthread_mutex_unlock(&probe->mutex);
    return orphaned;
}

/* Reads at `offset`. Destroys the message and keeps its mark. */
static struct wt_reading read_at(struct wt_log_probe *probe, int64_t offset,
                                 struct wt_record_mark *mark_out)
{
    struct wt_reading reading = {.kind = WT_READING_SILENT, .offset = -1};
    if (is_orphaned(probe)) {
        return reading;
    }
    wt_query_read(probe->client, probe->topic, probe->question.partition, offset, probe->wait_ms,
                  &reading);
    probe->wait_ms = reading.kind == WT_READING_SILENT ? NEXT_ANSWER_MS : ANSWER_MS;
    rd_kafka_message_t *message = reading.message;
    if (message != NULL) {
        if (mark_out != NULL) {
            *mark_out =
                (struct wt_record_mark){.offset = message->offset,
                                        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                                        .bytes = message->key_len + message->len};
        }
        rd_kafka_message_destroy(message);
        reading.message = NULL;
    }
    return reading;
}

static bool find_extent(struct wt_log_probe *probe)
{
    struct wt_error error;
    if (wt_query_extent(probe->client, probe->topic, probe->question.partition, ANSWER_MS,
                        &probe->finding.log, &error) == WT_OK) {
        return true;
    }
    (void)snprintf(probe->finding.cause, sizeof probe->finding.cause, "%.199s", error.message);
    return false;
}

/* --- WT_PROBE_READ --------------------------------------------------------------------------- */

/* The error of a wrong checksum has the batch's first offset; other errors have the offset that was
 * asked for. */
static bool has_begin(const struct wt_reading *reading)
{
    return reading->kind == WT_READING_ERROR && reading->code == RD_KAFKA_RESP_ERR__BAD_MSG;
}

/* A batch's checksum does not cover its first offset: an offset past the log's end is damage
 * too. */
static bool is_damaged(const struct wt_log_probe *probe, const struct wt_reading *reading)
{
    return reading->kind == WT_READING_ERROR
               ? wt_query_is_damage(reading->code)
               : reading->kind == WT_READING_RECORD && reading->offset >= probe->finding.log.end;
}

/* True: `offset` lies past the damaged batch of `first`. False: it lies in the batch, or the broker
 * answers but sends neither a record nor the log's end, which is judged the same. If a second damaged
 * batch begins there, *begin_out is its first offset, else -1. *known_out false: the broker did not
 * answer. */
static bool is_past(struct wt_log_probe *probe, const struct wt_reading *first, int64_t offset,
                    int64_t *begin_out, bool *known_out)
{
    struct wt_reading reading = read_at(probe, offset, NULL);
    bool silent = reading.kind == WT_READING_SILENT ||
                  (reading.kind == WT_READING_ERROR && !is_damaged(probe, &reading));
    *begin_out = -1;
    *known_out = !silent || find_extent(probe);
    if (silent || !is_damaged(probe, &reading)) {
        return !silent;
    }
    if (has_begin(first) && has_begin(&reading) && reading.offset != first->offset) {
        *begin_out = reading.offset;
    }
    return *begin_out >= 0;
}

/* The first offset after the damaged batch in which `position` lies; -1: the broker did not answer.
 * Doubles the step, then halves it. This works because every offset in the batch gives the same
 * result. */
static int64_t find_end(struct wt_log_probe *probe, const struct wt_reading *first,
                        int64_t position, int64_t log_end)
{
    int64_t low = position; /* in the batch */
    int64_t high = log_end; /* after the batch */
    int64_t stride = 1;
    int64_t begin;
    bool doubling = has_begin(first) || first->kind == WT_READING_SILENT;
    bool found = false;
    for (int step = 0; high - low > 1 && (doubling || step < STEPS_MAX); step++) {
        int64_t offset = found || low + stride >= high ? low + (high - low) / 2 : low + stride;
        offset = doubling ? offset : low + 1;
        bool known;
        bool past = is_past(probe, first, offset, &begin, &known);
        if (!known) {
            return -1;
        }
        if (past) {
            if (begin > low && begin <= offset) {
                return begin; /* the first batch ends where the second begins, or before it */
            }
            high = offset;
            found = true;
        } else {
            low = offset;
            stride = found ? stride : stride * 2;
        }
    }
    return doubling || found ? high : low + 1;
}

/* Note "Large": librdkafka refuses to decompress a batch of zstd to more than receive.message.max.bytes,
 * in the words of a damaged one. Producers bound what they have compressed, so a sound batch may be so
 * large. A client that takes more can read it. */
static bool is_large(struct wt_log_probe *probe, const struct wt_reading *first, int64_t position)
{
    struct wt_reading reading = {.kind = WT_READING_SILENT};
    rd_kafka_t *client =
        first->kind == WT_READING_ERROR && first->code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION
            ? wt_query_client_for(probe->client, LARGE_BYTES_MAX)
            : NULL;
    if (client == NULL) {
        return false;
    }
    wt_query_read(client, probe->topic, probe->question.partition, position, LARGE_MS, &reading);
    if (reading.message != NULL) {
        rd_kafka_message_destroy(reading.message);
    }
    wt_query_client_destroy(client);
    return reading.kind == WT_READING_RECORD;
}

static void describe_large(struct wt_log_probe *probe)
{
    char limit[24] = "";
    size_t bytes = sizeof limit;
    (void)rd_kafka_conf_get(rd_kafka_conf(probe->client), "receive.message.max.bytes", limit,
                            &bytes);
    (void)snprintf(probe->finding.cause, sizeof probe->finding.cause,
                   "their batch is sound, but has more bytes than receive.message.max.bytes, %s, "
                   "when it is decompressed: raise that (kafka.consumer)",
                   limit);
}

/* Note "Members": of a batch in gzip of several members, as are files that were put together, librdkafka
 * (2.16) decompresses the first, and asks for the records behind it for ever. Java's client reads all, so
 * brokers take such a batch. */
static void examine(struct wt_log_probe *probe, int64_t position)
{
    static const char no_record[] =
        "the broker sends their batch, but no such record is in it (a wrong length, or gzip of "
        "several members, of which librdkafka reads the first; other clients may read it)";
    struct wt_log_finding *finding = &probe->finding;
    finding->from = position;
    if (!find_extent(probe)) {
        return;
    }
    struct wt_reading first = read_at(probe, position, NULL);
    bool stuck = (first.kind == WT_READING_SILENT || first.kind == WT_READING_ERROR) &&
                 probe->question.patient && position < finding->log.end;
    if (stuck || is_damaged(probe, &first)) {
        finding->to = find_end(probe, &first, position, finding->log.end);
        finding->verdict = finding->to > position ? WT_LOG_DAMAGED : WT_LOG_SILENT;
    } else if (first.kind == WT_READING_RECORD || first.kind == WT_READING_END) {
        finding->verdict = WT_LOG_READABLE;
        return;
    }
    finding->large = finding->verdict == WT_LOG_DAMAGED && is_large(probe, &first, position);
    if (finding->large) {
        describe_large(probe);
    } else if (first.kind == WT_READING_RECORD) {
        (void)snprintf(finding->cause, sizeof finding->cause,
                       "a record has offset %" PRId64 ", past the log's end, %" PRId64,
                       first.offset, finding->log.end);
    } else {
        const char *silent = finding->verdict == WT_LOG_DAMAGED ? no_record : "no answer in time";
        (void)snprintf(finding->cause, sizeof finding->cause, "%.199s",
                       first.kind == WT_READING_ERROR ? first.reason : silent);
    }
}

/* --- WT_PROBE_RESET -------------------------------------------------------------------------- */

static bool same_mark(const struct wt_record_mark *left, const struct wt_record_mark *right)
{
    return left->offset == right->offset && left->timestamp_ms == right->timestamp_ms &&
           left->bytes == right->bytes;
}

static void compare(struct wt_log_probe *probe, int64_t position)
{
    struct wt_log_finding *finding = &probe->finding;
    const struct wt_record_mark *mark = &probe->question.mark;
    if (!find_extent(probe)) {
        return;
    }
    finding->from = position;
    finding->verdict = position > finding->log.end ? WT_LOG_GONE : WT_LOG_HOLDS;
    if (finding->verdict == WT_LOG_GONE || mark->offset < finding->log.begin) {
        return; /* retention deleted the last record read, so only the position can be compared */
    }
    struct wt_record_mark there = {.offset = -1};
    struct wt_reading reading = read_at(probe, mark->offset, &there);
    if (reading.kind == WT_READING_SILENT ||
        (reading.kind == WT_READING_ERROR && !is_damaged(probe, &reading))) {
        finding->verdict = WT_LOG_SILENT;
    } else if (there.offset == mark->offset && !same_mark(&there, mark)) {
        finding->verdict = WT_LOG_GONE; /* compaction may remove a record, but never replaces it */
    }
}

/* --- life ------------------------------------------------------------------------------------ */

/* The group's committed offset, or question.begin if there is none. -1: not known. */
static int64_t find_position(struct wt_log_probe *probe)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *item =
        rd_kafka_topic_partition_list_add(list, probe->topic, probe->question.partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(probe->client, list, ANSWER_MS);
    code = code == RD_KAFKA_RESP_ERR_NO_ERROR ? item->err : code;
    int64_t offset = item->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)snprintf(probe->finding.cause, sizeof probe->finding.cause, "%s",
                       rd_kafka_err2str(code));
        return -1;
    }
    return offset >= 0 ? offset : probe->question.begin;
}

static void free_probe(struct wt_log_probe *probe)
{
    (void)pthread_mutex_destroy(&probe->mutex);
    free(probe->topic);
    free(probe);
}

static void *run(void *opaque)
{
    struct wt_log_probe *probe = opaque;
    int64_t position = probe->question.position;
    if (position < 0) {
        position = find_position(probe);
    }
    if (position >= 0 && probe->question.kind == WT_PROBE_READ) {
        examine(probe, position);
    } else if (position >= 0) {
        compare(probe, position);
    }
    wt_query_client_destroy(probe->client);
    (void)pthread_mutex_lock(&probe->mutex);
    probe->done = true;
    bool orphaned = probe->orphaned;
    (void)pthread_mutex_unlock(&probe->mutex);
    if (orphaned) {
        free_probe(probe);
    }
    return NULL;
}

/* Starts a detached thread. */
static bool start_thread(struct wt_log_probe *probe)
{
    pthread_t thread;
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &attributes, run, probe) == 0;
    (void)pthread_attr_destroy(&attributes);
    return started;
}

struct wt_log_probe *wt_log_probe_start(const struct wt_config *config,
                                        const struct wt_log_question *question)
{
    struct wt_error error;
    rd_kafka_t *client = NULL;
    if (wt_query_quiet_client_create(config, &client, &error) != WT_OK) {
        wt_log_warn("consume", "the damaged partition's log cannot be queried: %s", error.message);
        return NULL;
    }
    struct wt_log_probe *probe = wt_alloc_zeroed(1, sizeof *probe);
    probe->client = client;
    probe->question = *question;
    probe->wait_ms = ANSWER_MS;
    probe->topic = wt_strdup(question->topic);
    (void)pthread_mutex_init(&probe->mutex, NULL);
    if (!start_thread(probe)) {
        wt_log_warn("consume",
                    "the damaged partition's log cannot be queried: no thread can be started");
        wt_query_client_destroy(client);
        free_probe(probe);
        return NULL;
    }
    return probe;
}

bool wt_log_probe_done(struct wt_log_probe *probe, struct wt_log_finding *finding_out)
{
    (void)pthread_mutex_lock(&probe->mutex);
    bool done = probe->done;
    (void)pthread_mutex_unlock(&probe->mutex);
    if (done) {
        *finding_out = probe->finding;
    }
    return done;
}

void wt_log_probe_end(struct wt_log_probe **probe)
{
    struct wt_log_probe *given = *probe;
    *probe = NULL;
    if (given == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&given->mutex);
    bool done = given->done;
    given->orphaned = !done;
    (void)pthread_mutex_unlock(&given->mutex);
    if (done) {
        free_probe(given);
    }
}
