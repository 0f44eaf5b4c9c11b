#include "cli/bench/bench_loop.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/decode.h"
#include "pipeline/batch_stage.h"
#include "pipeline/infer.h"
#include "record/partition.h"
#include "wiretag/tokenizer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Calls that each replica makes before the clock starts. */
#define WARM_CALLS 3

struct run;

struct replica {
    struct run *run;
    pthread_t thread;
    struct wt_bench_rate rate;
    struct wt_record_list done;
    enum wt_status status;
    struct wt_error error;
};

struct run {
    const struct wt_bench_loop *loop;
    struct replica *replicas;
    pthread_mutex_t mutex; /* guards `warm` and `start_us` */
    pthread_cond_t changed;
    uint32_t warm;     /* replicas that are warm */
    uint32_t expected; /* replicas that were started; 0: not known yet */
    int64_t start_us;  /* 0: not all replicas are warm yet */
    /* A run over records: */
    struct wt_batch_stage *stage;
    uint64_t total;
    uint64_t done; /* guarded by `mutex` */
    /* A run of one shape: */
    uint32_t rows;
    uint32_t width;
    double seconds;
};

static void report(struct run *run, uint32_t articles)
{
    (void)pthread_mutex_lock(&run->mutex);
    run->done += articles;
    const struct wt_progress_state state = {
        .units = "articles", .done = run->done, .total = run->total};
    wt_progress_report(run->loop->progress, &state);
    (void)pthread_mutex_unlock(&run->mutex);
}

/* The last replica to get warm starts the clock for all. */
static void start_together(struct run *run)
{
    (void)pthread_mutex_lock(&run->mutex);
    run->warm++;
    while (run->warm < run->expected || run->expected == 0) {
        (void)pthread_cond_wait(&run->changed, &run->mutex);
    }
    if (run->start_us == 0) {
        run->start_us = wt_clock_us();
    }
    (void)pthread_cond_broadcast(&run->changed);
    (void)pthread_mutex_unlock(&run->mutex);
}

static void warm_up(struct replica *replica)
{
    struct wt_model *model = replica->run->loop->model;
    struct wt_error error;
    wt_model_thread_init(model);
    for (int i = 0; i < WARM_CALLS; i++) {
        (void)wt_model_probe(model, &error); /* a failure shows in the run itself */
    }
}

static void count_batch(struct wt_bench_rate *rate, const struct wt_batch *batch)
{
    rate->articles += batch->count;
    rate->tokens += batch->tokens;
    rate->computed += (uint64_t)batch->width * batch->count;
    rate->batches++;
}

static void *run_records(void *opaque)
{
    struct replica *replica = opaque;
    const struct wt_bench_loop *loop = replica->run->loop;
    struct wt_infer_scratch scratch = {0};
    struct wt_batch batch = {
        .records = wt_alloc_zeroed(loop->limits.articles_max, sizeof(struct wt_record *))};
    warm_up(replica);
    start_together(replica->run);
    while (wt_batch_stage_pull(replica->run->stage, &batch) == WT_OK) {
        count_batch(&replica->rate, &batch);
        (void)wt_infer_batch(loop->model, &batch, &scratch);
        report(replica->run, batch.count);
        for (uint32_t i = 0; i < batch.count; i++) {
            replica->rate.failures += batch.records[i]->failure != NULL ? 1 : 0;
            wt_record_list_append(&replica->done, &batch.records[i]);
        }
    }
    replica->rate.seconds = (double)(wt_clock_us() - replica->run->start_us) * 1e-6;
    wt_infer_scratch_free(&scratch);
    free(batch.records);
    return NULL;
}

/* Random ids over the whole vocabulary, so that the embedding is accessed as for real articles. */
static void make_up_ids(int64_t *ids, size_t count, uint32_t vocab_size)
{
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < count; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ids[i] = (int64_t)(state % vocab_size);
    }
}

static void *run_shape(void *opaque)
{
    struct replica *replica = opaque;
    const struct run *run = replica->run;
    struct wt_model *model = run->loop->model;
    size_t count = (size_t)run->rows * run->width;
    int64_t *ids = wt_alloc(count * sizeof *ids);
    int64_t *lengths = wt_alloc(run->rows * sizeof *lengths);
    float *logits =
        wt_alloc((size_t)run->rows * wt_model_info(model)->label_count * sizeof *logits);
    make_up_ids(ids, count, wt_vocab_size(wt_model_vocab(model)));
    for (uint32_t row = 0; row < run->rows; row++) {
        lengths[row] = run->width;
    }
    wt_model_thread_init(model);
    replica->status =
        wt_model_forward(model, ids, lengths, run->rows, run->width, logits, &replica->error);
    start_together(replica->run);
    int64_t until_us = run->start_us + (int64_t)(run->seconds * 1e6);
    int64_t now_us = run->start_us;
    while (replica->status == WT_OK && now_us < until_us) {
        replica->status =
            wt_model_forward(model, ids, lengths, run->rows, run->width, logits, &replica->error);
        replica->rate.batches++;
        now_us = wt_clock_us();
    }
    replica->rate.articles = replica->rate.batches * run->rows;
    replica->rate.tokens = replica->rate.articles * run->width;
    replica->rate.computed = replica->rate.tokens;
    replica->rate.seconds = (double)(now_us - run->start_us) * 1e-6;
    free(ids);
    free(lengths);
    free(logits);
    return NULL;
}

/* --- all replicas ---------------------------------------------------------------------------- */

/* Starts the replicas and waits for their end. */
static enum wt_status run_replicas(struct run *run, void *(*body)(void *), struct wt_error *error)
{
    uint32_t replicas = run->loop->replicas;
    uint32_t started = 0;
    run->replicas = wt_alloc_zeroed(replicas, sizeof *run->replicas);
    (void)pthread_mutex_init(&run->mutex, NULL);
    (void)pthread_cond_init(&run->changed, NULL);
    for (uint32_t i = 0; i < replicas; i++) {
        run->replicas[i].run = run;
    }
    while (started < replicas && pthread_create(&run->replicas[started].thread, NULL, body,
                                                &run->replicas[started]) == 0) {
        started++;
    }
    (void)pthread_mutex_lock(&run->mutex);
    run->expected = started;
    (void)pthread_cond_broadcast(&run->changed);
    (void)pthread_mutex_unlock(&run->mutex);
    for (uint32_t i = 0; i < started; i++) {
        (void)pthread_join(run->replicas[i].thread, NULL);
    }
    (void)pthread_mutex_destroy(&run->mutex);
    (void)pthread_cond_destroy(&run->changed);
    if (started < replicas) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "threads",
                            "only %u of %u threads could be started", started, replicas);
    }
    for (uint32_t i = 0; i < replicas; i++) {
        if (run->replicas[i].status != WT_OK) {
            *error = run->replicas[i].error;
            return run->replicas[i].status;
        }
    }
    return WT_OK;
}

static void add_up(const struct run *run, struct wt_bench_rate *rate_out)
{
    struct wt_bench_rate total = {0};
    for (uint32_t i = 0; i < run->loop->replicas; i++) {
        const struct wt_bench_rate *rate = &run->replicas[i].rate;
        total.articles += rate->articles;
        total.tokens += rate->tokens;
        total.computed += rate->computed;
        total.batches += rate->batches;
        total.failures += rate->failures;
        total.seconds = rate->seconds > total.seconds ? rate->seconds : total.seconds;
    }
    total.seconds = total.seconds > 1e-6 ? total.seconds : 1e-6;
    *rate_out = total;
}

static void tokenize_record(struct wt_tokenizer *tokenizer, uint32_t tokens_max,
                            struct wt_record *record, const struct wt_article *article,
                            int64_t *spent_us)
{
    struct wt_tokens tokens;
    struct wt_error error;
    int64_t start_us = wt_clock_us();
    if (wt_tokenizer_encode(tokenizer, article->text, article->text_bytes, tokens_max, &tokens,
                            &error) == WT_OK) {
        record->ids = wt_alloc(tokens.count * sizeof(int32_t));
        memcpy(record->ids, tokens.ids, tokens.count * sizeof(int32_t));
        record->token_count = tokens.count;
    }
    *spent_us += wt_clock_us() - start_us;
}

enum wt_status wt_bench_prepare(const struct wt_config *config, const struct wt_model *model,
                                struct wt_record_list *records, struct wt_bench_prepared *spent_out,
                                struct wt_error *error)
{
    struct wt_tokenizer *tokenizer = NULL;
    enum wt_status status = wt_tokenizer_create(wt_model_vocab(model), &tokenizer, error);
    if (status != WT_OK) {
        return status;
    }
    struct wt_decoder *decoder = wt_decoder_create(config);
    struct wt_record_list articles = {0};
    struct wt_record *record;
    int64_t tokenize_us = 0;
    int64_t start_us = wt_clock_us();
    while ((record = wt_record_list_take(records)) != NULL) {
        struct wt_article article;
        struct wt_error cause;
        if (record->value != NULL && wt_decode(decoder, record, &article, &cause) == WT_OK) {
            tokenize_record(tokenizer, wt_model_info(model)->tokens_max, record, &article,
                            &tokenize_us);
        }
        if (record->ids != NULL) {
            wt_record_list_append(&articles, &record);
        } else {
            wt_record_destroy(record);
        }
    }
    *records = articles;
    spent_out->tokenize_seconds = (double)tokenize_us * 1e-6;
    spent_out->decode_seconds =
        (double)(wt_clock_us() - start_us) * 1e-6 - spent_out->tokenize_seconds;
    wt_decoder_destroy(decoder);
    wt_tokenizer_destroy(tokenizer);
    return WT_OK;
}

enum wt_status wt_bench_loop_run(const struct wt_bench_loop *loop, struct wt_record_list *records,
                                 struct wt_bench_rate *rate_out, struct wt_error *error)
{
    struct run run = {
        .loop = loop, .stage = wt_batch_stage_create(NULL, &loop->limits), .total = records->count};
    wt_batch_stage_add(run.stage, records);
    wt_batch_stage_close(run.stage);
    enum wt_status status = run_replicas(&run, run_records, error);
    for (uint32_t i = 0; i < loop->replicas; i++) {
        wt_record_list_append_all(records, &run.replicas[i].done);
    }
    add_up(&run, rate_out);
    rate_out->articles_per_s = (double)rate_out->articles / rate_out->seconds;
    free(run.replicas);
    wt_batch_stage_destroy(run.stage);
    return status;
}

enum wt_status wt_bench_loop_shape(const struct wt_bench_loop *loop, uint32_t rows, uint32_t width,
                                   double seconds, struct wt_bench_rate *rate_out,
                                   struct wt_error *error)
{
    struct run run = {.loop = loop, .rows = rows, .width = width, .seconds = seconds};
    enum wt_status status = run_replicas(&run, run_shape, error);
    add_up(&run, rate_out);
    /* Replicas end at different times, each with its last batch, so the rate is the sum of their
     * own rates. */
    rate_out->articles_per_s = 0.0;
    for (uint32_t i = 0; i < loop->replicas && status == WT_OK; i++) {
        const struct wt_bench_rate *rate = &run.replicas[i].rate;
        rate_out->articles_per_s +=
            (double)rate->articles / (rate->seconds > 1e-6 ? rate->seconds : 1e-6);
    }
    free(run.replicas);
    return status;
}

double wt_bench_padding(const struct wt_bench_rate *rate)
{
    return rate->computed > 0 ? 1.0 - (double)rate->tokens / (double)rate->computed : 0.0;
}
