/* bench_loop.h: runs the model in a bare loop, in the batches that the worker would make, without
 * Kafka.
 *
 * Its rate is what a pipeline without cost would reach. bench model, bench pipeline and bench tune
 * measure with it. Thread: one. */
#ifndef WIRETAG_CLI_BENCH_BENCH_LOOP_H
#define WIRETAG_CLI_BENCH_BENCH_LOOP_H

#include "config/config.h"
#include "observe/progress.h"
#include "pipeline/batcher.h"
#include "record/record.h"
#include "wiretag/model.h"

/* How the model is run. Everything is borrowed. */
struct wt_bench_loop {
    struct wt_model *model;
    uint32_t replicas;               /* threads that run the model */
    struct wt_batcher_limits limits; /* of the batches; the loop never waits for neighbours */
    struct wt_progress *progress;    /* shows the progress of a run over records; may be NULL */
};

struct wt_bench_rate {
    uint64_t articles;
    uint64_t tokens;   /* without padding */
    uint64_t computed; /* with padding */
    uint64_t batches;
    uint64_t failures; /* articles without logits */
    double seconds;
    double articles_per_s;
};

/* How the time of wt_bench_prepare was spent. */
struct wt_bench_prepared {
    double decode_seconds;
    double tokenize_seconds;
};

/* Decodes and tokenizes the records of the list as the configuration and the model say. Records
 * without an article are destroyed. WT_FAILED: the tokenizer cannot be created. */
enum wt_status wt_bench_prepare(const struct wt_config *config, const struct wt_model *model,
                                struct wt_record_list *records, struct wt_bench_prepared *spent_out,
                                struct wt_error *error);

/* Runs every record of the list once; they must have token ids. Afterwards the list has all of
 * them, FINISHED, in any order. The clock starts when every replica has made its first calls, in
 * which libraries prepare their code. WT_FAILED: a thread could not be started. */
enum wt_status wt_bench_loop_run(const struct wt_bench_loop *loop, struct wt_record_list *records,
                                 struct wt_bench_rate *rate_out, struct wt_error *error);

/* Runs made-up batches of `rows` articles of `width` tokens on every replica for `seconds`. Errors
 * as above, and the model's own. */
enum wt_status wt_bench_loop_shape(const struct wt_bench_loop *loop, uint32_t rows, uint32_t width,
                                   double seconds, struct wt_bench_rate *rate_out,
                                   struct wt_error *error);

/* The share of padding in what was computed. */
double wt_bench_padding(const struct wt_bench_rate *rate);

#endif
