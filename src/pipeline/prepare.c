#include "pipeline/prepare.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "base/utf8.h"
#include "codec/dead_letter.h"
#include "codec/decode.h"
#include "codec/trace_context.h"
#include "observe/beat.h"
#include "observe/live.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "record/label_cache.h"
#include "record/labellers.h"
#include "record/partition.h"
#include "record/piece.h"
#include "text/script.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Records that a thread takes at once: few, so that the others get their share, and many, so that the threads
 * after it are not woken for each few. 256 are a millisecond of work. */
#define RECORDS_PER_POP_MAX 256u

/* Decoding and tokenizing a record takes milliseconds; a thread without progress for this long is
 * stuck. */
#define BEAT_MS_MAX 60000

/* Pauses before the schema registry is asked again. */
#define WAIT_MS_MIN 200
#define WAIT_MS_MAX 5000
#define WAIT_SLICE_MS 50

/* What has become of the records of one pop. */
struct lists {
    struct wt_record_list tokenized;
    struct wt_record_list finished;
    struct wt_record_list stale;
};

struct worker {
    struct wt_prepare *prepare;
    pthread_t thread;
    struct wt_owner owner; /* the thread */
    struct wt_beat *beat;
    struct wt_decoder *decoder;
    struct wt_reference_batch *compared; /* what the reference has still to label; NULL: nothing */
    uint32_t index;                      /* of its tokenizer in each labeller */
    int64_t now_us; /* when the thread last looked at the clock: twice for each record */
};

struct wt_prepare {
    struct wt_prepare_ports ports;
    uint32_t worker_count; /* those that were started */
    struct worker *workers;
};

/* A stage ends now: adds the time since the thread last looked at the clock to its histogram. */
static void count_time(struct worker *worker, enum wt_histogram stage)
{
    int64_t from_us = worker->now_us;
    worker->now_us = wt_clock_us();
    wt_metric_observe(stage, (double)(worker->now_us - from_us) * 1e-6, 1);
}

/* Notes when the record left the stage, if it is traced. */
static void note_time(struct wt_record *record, enum wt_histogram stage, int64_t now_us)
{
    struct wt_trace *trace = record->trace;
    if (trace != NULL) {
        *(stage == WT_HISTOGRAM_STAGE_QUEUE    ? &trace->queued_us
          : stage == WT_HISTOGRAM_STAGE_DECODE ? &trace->decoded_us
                                               : &trace->tokenized_us) = now_us;
    }
}

static void finish(struct wt_record *record, int64_t now_us, struct wt_record_list *finished)
{
    assert(record->outcome != WT_OUTCOME_NONE);
    record->finished_us = now_us;
    wt_record_advance(record, WT_RECORD_FINISHED);
    wt_record_list_append(finished, &record);
}

/* Adds the record to `tokenized`, or the pieces of a long article. On failure it adds nothing. */
static enum wt_status tokenize(struct worker *worker, struct wt_record *record,
                               const struct wt_article *article, struct wt_record_list *tokenized,
                               struct wt_error *error)
{
    const struct wt_prepare_ports *ports = &worker->prepare->ports;
    const struct wt_labeller *labeller = record->labeller;
    const struct wt_windows *windows = &labeller->windows;
    struct wt_tokens tokens;
    enum wt_status status =
        wt_tokenizer_encode(labeller->tokenizers[worker->index], article->text, article->text_bytes,
                            wt_windows_tokens_max(windows), &tokens, error);
    if (status != WT_OK) {
        return status;
    }
    assert(tokens.count > 0 && tokens.count <= wt_windows_tokens_max(windows));
    assert(record->ids == NULL);
    record->token_count = tokens.count;
    record->unknown_count = tokens.unknown_count;
    record->truncated = tokens.truncated;
    wt_metric_add(WT_METRIC_TOKENS_UNKNOWN, tokens.unknown_count);
    wt_metric_add(WT_METRIC_TRUNCATED, tokens.truncated ? 1 : 0);
    uint32_t count = wt_windows_count(windows, tokens.count);
    if (windows->count_max > 1) {
        record->window_count = count;
        wt_in_flight_resize(ports->in_flight, record, count);
        wt_metric_observe(WT_HISTOGRAM_WINDOWS, count, 1);
    }
    if (count > 1) {
        wt_record_cut(record, windows, tokens.ids, labeller->info->label_count, tokenized);
        return WT_OK;
    }
    record->ids = wt_record_alloc(record, tokens.count * sizeof(int32_t));
    memcpy(record->ids, tokens.ids, tokens.count * sizeof(int32_t));
    wt_record_list_append(tokenized, &record);
    return WT_OK;
}

static_assert(WT_METRIC_SCRIPT_NONE - WT_METRIC_SCRIPT_LATIN == WT_SCRIPT_NONE,
              "a metric for each script");

static void count_script(const struct wt_article *article)
{
    enum wt_script script = wt_script_of(article->text, article->text_bytes);
    wt_metric_add((enum wt_metric)(WT_METRIC_SCRIPT_LATIN + (int)script), 1);
}

/* For the live page. */
static void keep_beginning(struct wt_record *record, const struct wt_article *article)
{
    size_t bytes = article->text_bytes;
    if (bytes >= WT_LIVE_TEXT_BYTES_MAX) {
        bytes = wt_utf8_cut(article->text, WT_LIVE_TEXT_BYTES_MAX - 1);
    }
    record->beginning = wt_alloc(bytes + 1);
    memcpy(record->beginning, article->text, bytes);
    record->beginning[bytes] = '\0';
}

/* A label carries its article's headers; without them the record fails. */
static void fail_headers(struct wt_record *record)
{
    assert(record->headers_unread);
    struct wt_error error;
    (void)wt_error_set(
        &error, WT_INVALID, WT_ERROR_RECORD, "headers-unreadable",
        "the headers cannot be read: librdkafka reads at most 100,000 headers of a record, and a "
        "label adds its own, so that 99,900 are left");
    wt_record_fail(record, "decode", &error);
}

/* False: the dead letter is not redriven. */
static bool open_dead_letter(const struct wt_redrive *redrive, struct wt_record *record)
{
    enum wt_redrive_choice choice = wt_redrive_open(redrive, record);
    if (choice == WT_REDRIVE_CUT) {
        char trace_id[WT_TRACE_ID_BYTES];
        char words[WT_CUT_WORDS_BYTES_MAX];
        struct wt_log_record about = wt_trace_about(record, trace_id);
        wt_log_about(WT_LOG_WARN, "redrive", &about,
                     "dead letter not redriven: its %s was cut, so it cannot be labelled; replay "
                     "%s [%" PRId32 "] offset %" PRId64 " if the topic still has it",
                     wt_dead_letter_cut(record, words), record->origin.topic,
                     record->origin.partition, record->origin.offset);
    }
    return choice == WT_REDRIVE_OPENED;
}

static void drop_all(struct wt_in_flight *in_flight, struct wt_record_list *list)
{
    struct wt_record *record;
    while ((record = wt_record_list_take(list)) != NULL) {
        wt_in_flight_drop(in_flight, &record);
    }
}

static void end_stale(struct wt_in_flight *in_flight, struct wt_record_list *list)
{
    for (const struct wt_record *record = list->first; record != NULL; record = record->next) {
        assert(wt_record_stale(record));
    }
    drop_all(in_flight, list);
}

/* Has the reference label what waits for it. Where it fails for good, the worker stops, and the records are
 * dropped uncommitted. */
static void compare(struct worker *worker, struct lists *lists)
{
    const struct wt_prepare_ports *ports = &worker->prepare->ports;
    struct wt_error error;
    if (worker->compared != NULL &&
        wt_reference_run(worker->compared, worker->beat, &error) != WT_OK) {
        ports->failed(ports->opaque, &error);
        drop_all(ports->in_flight, &lists->tokenized);
        drop_all(ports->in_flight, &lists->finished);
    }
}

/* Passes on what is done; records of revoked partitions end here. */
static void pass_on(struct worker *worker, struct lists *lists)
{
    const struct wt_prepare_ports *ports = &worker->prepare->ports;
    compare(worker, lists);
    wt_queue_push(ports->finished_out, &lists->finished);
    wt_batch_stage_add(ports->batch_out, &lists->tokenized);
    wt_record_list_append_all(&lists->stale, &lists->tokenized);
    end_stale(ports->in_flight, &lists->stale);
}

static void pause_ms(struct worker *worker, const struct wt_record *record, int64_t ms)
{
    const struct timespec slice = {.tv_nsec = WAIT_SLICE_MS * 1000000L};
    for (int64_t waited = 0; waited < ms && !wt_record_stale(record); waited += WAIT_SLICE_MS) {
        (void)nanosleep(&slice, NULL);
        wt_beat(worker->beat);
    }
}

/* Decodes the record. Where a schema registry does not answer, waits for it as long as the partition is
 * this worker's: WT_IO means that it is no longer. */
static enum wt_status decode(struct worker *worker, struct wt_record *record, struct lists *lists,
                             struct wt_article *article, struct wt_error *error)
{
    int64_t wait_ms = WAIT_MS_MIN;
    enum wt_status status = wt_decode(worker->decoder, record, article, error);
    while (status == WT_IO && !wt_record_stale(record)) {
        wt_stall_begin(WT_STALL_REGISTRY, "%s", error->message);
        pass_on(worker, lists);
        pause_ms(worker, record, wait_ms);
        wait_ms = wait_ms * 2 < WAIT_MS_MAX ? wait_ms * 2 : WAIT_MS_MAX;
        status = wt_decode(worker->decoder, record, article, error);
        if (status != WT_IO) {
            wt_stall_end(WT_STALL_REGISTRY);
        }
    }
    return status;
}

/* Passes on what was tokenized; what the model has labelled before is finished with the logits of then. */
static void look_up(struct wt_labeller *labeller, struct wt_record_list *tokenized, int64_t now_us,
                    struct lists *lists)
{
    if (labeller->cache == NULL) {
        wt_record_list_append_all(&lists->tokenized, tokenized);
        return;
    }
    struct wt_record *record;
    while ((record = wt_record_list_take(tokenized)) != NULL) {
        record->logits = wt_label_cache_find(labeller->cache, record->ids, record->token_count);
        if (record->logits == NULL) {
            wt_record_list_append(&lists->tokenized, &record);
        } else {
            wt_record_free(record, record->ids);
            record->ids = NULL;
            record->outcome = WT_OUTCOME_LABELLED;
            finish(record, now_us, &lists->finished);
        }
    }
}

/* The record has no text: where models are compared, neither can label it. */
static void add_failed(struct worker *worker, struct wt_record *record)
{
    if (worker->compared != NULL) {
        wt_reference_add_failed(record);
    }
}

/* True: the record has an outcome, whatever its value. Else it is to be decoded. */
static bool ends_undecoded(struct worker *worker, struct wt_record *record)
{
    const struct wt_prepare_ports *ports = &worker->prepare->ports;
    if (ports->redrive != NULL && !open_dead_letter(ports->redrive, record)) {
        record->outcome = WT_OUTCOME_SKIPPED;
        return true;
    }
    wt_trace_begin(ports->config, record);
    note_time(record, WT_HISTOGRAM_STAGE_QUEUE, worker->now_us);
    if (ports->times != NULL) {
        wt_timestamps_look(ports->times, record);
    }
    if (record->headers_unread) {
        fail_headers(record);
        add_failed(worker, record);
        return true;
    }
    if (record->value == NULL) {
        record->outcome = WT_OUTCOME_TOMBSTONE;
        return true;
    }
    return false;
}

/* Tokenizes the article and adds its record, or the pieces of it, to the list for the next stage. */
static enum wt_status take_article(struct worker *worker, struct wt_record *record,
                                   const struct wt_article *article, struct lists *lists,
                                   struct wt_error *error)
{
    struct wt_labeller *labeller = record->labeller;
    struct wt_record_list tokenized = {0};
    count_script(article);
    if (worker->prepare->ports.config->http.texts && wt_live_watched()) {
        keep_beginning(record, article);
    }
    enum wt_status status = tokenize(worker, record, article, &tokenized, error);
    count_time(worker, WT_HISTOGRAM_STAGE_TOKENIZE);
    note_time(record, WT_HISTOGRAM_STAGE_TOKENIZE, worker->now_us);
    look_up(labeller, &tokenized, worker->now_us, lists);
    return status;
}

static void fail(struct worker *worker, struct wt_record *record, const char *stage,
                 const struct wt_error *error, struct lists *lists)
{
    wt_record_fail(record, stage, error);
    finish(record, worker->now_us, &lists->finished);
}

/* Decodes and tokenizes the record and adds it to the list for the next stage. */
static void prepare_record(struct worker *worker, struct wt_record *record, struct lists *lists)
{
    wt_owner_assert(&worker->owner);
    assert(record->state == WT_RECORD_CONSUMED);
    if (record->outcome == WT_OUTCOME_HOLE) {
        finish(record, record->consumed_us, &lists->finished);
        return;
    }
    assert(record->outcome == WT_OUTCOME_NONE);
    wt_metric_observe(WT_HISTOGRAM_STAGE_QUEUE,
                      (double)(worker->now_us - record->consumed_us) * 1e-6, 1);
    if (ends_undecoded(worker, record)) {
        finish(record, worker->now_us, &lists->finished);
        return;
    }
    struct wt_error error;
    struct wt_article article;
    enum wt_status status = decode(worker, record, lists, &article, &error);
    if (status == WT_IO) {
        worker->now_us = wt_clock_us();
        wt_record_list_append(&lists->stale, &record);
        return;
    }
    count_time(worker, WT_HISTOGRAM_STAGE_DECODE);
    note_time(record, WT_HISTOGRAM_STAGE_DECODE, worker->now_us);
    if (status != WT_OK) {
        add_failed(worker, record);
        fail(worker, record, "decode", &error, lists);
        return;
    }
    if (record->outcome == WT_OUTCOME_FILTERED) {
        finish(record, worker->now_us, &lists->finished);
        return;
    }
    if (worker->compared != NULL) {
        wt_reference_add(worker->compared, record, &article);
    }
    if (take_article(worker, record, &article, lists, &error) != WT_OK) {
        fail(worker, record, "tokenize", &error, lists);
    }
}

static void *run(void *opaque)
{
    struct worker *worker = opaque;
    const struct wt_prepare_ports *ports = &worker->prepare->ports;
    struct wt_record_list records = {0};
    char name[24];
    (void)snprintf(name, sizeof name, "prepare-%d", (int)(worker - worker->prepare->workers) + 1);
    struct wt_beat *beat = wt_beat_start(name, BEAT_MS_MAX);
    worker->beat = beat;
    wt_beat_rest(beat);
    while (wt_queue_pop(ports->queue_in, -1, RECORDS_PER_POP_MAX, &records) == WT_OK) {
        wt_beat(beat);
        worker->now_us = wt_clock_us();
        struct lists lists = {0};
        struct wt_record *record;
        while ((record = wt_record_list_take(&records)) != NULL) {
            if (wt_record_stale(record)) {
                wt_record_list_append(&lists.stale, &record);
            } else {
                prepare_record(worker, record, &lists);
            }
        }
        pass_on(worker, &lists);
        wt_beat_rest(beat);
    }
    wt_beat_end(beat);
    return NULL;
}

enum wt_status wt_prepare_start(const struct wt_prepare_ports *ports,
                                struct wt_prepare **prepare_out, struct wt_error *error)
{
    struct wt_prepare *prepare = wt_alloc_zeroed(1, sizeof *prepare);
    prepare->ports = *ports;
    uint32_t threads = ports->config->prepare.threads;
    assert(threads > 0);
    prepare->workers = wt_alloc_zeroed(threads, sizeof *prepare->workers);
    enum wt_status status = WT_OK;
    for (uint32_t i = 0; i < threads && status == WT_OK; i++) {
        struct worker *worker = &prepare->workers[i];
        worker->prepare = prepare;
        worker->index = i;
        worker->decoder = wt_decoder_create(ports->config);
        worker->compared =
            ports->reference != NULL ? wt_reference_batch_create(ports->reference) : NULL;
        if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
            status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                                  "a prepare thread cannot be started; lower prepare.threads");
        }
        if (status == WT_OK) {
            prepare->worker_count++;
        } else {
            wt_decoder_destroy(worker->decoder);
            wt_reference_batch_destroy(worker->compared);
        }
    }
    if (status != WT_OK) {
        wt_queue_close(ports->queue_in);
        wt_prepare_join(prepare);
        return status;
    }
    *prepare_out = prepare;
    return WT_OK;
}

void wt_prepare_join(struct wt_prepare *prepare)
{
    if (prepare == NULL) {
        return;
    }
    assert(prepare->worker_count <= prepare->ports.config->prepare.threads);
    for (uint32_t i = 0; i < prepare->worker_count; i++) {
        (void)pthread_join(prepare->workers[i].thread, NULL);
        wt_decoder_destroy(prepare->workers[i].decoder);
        wt_reference_batch_destroy(prepare->workers[i].compared);
    }
    free(prepare->workers);
    free(prepare);
}
