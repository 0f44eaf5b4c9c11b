/* bench_loop.h: the model in a bare loop, in batches as the worker makes them, without Kafka.
 *
 * What a pipeline that costs nothing would reach; bench model, bench pipeline and bench tune measure
 * with it. Thread: one. */
#ifndef WIRETAG_CLI_BENCH_BENCH_LOOP_H
#define WIRETAG_CLI_BENCH_BENCH_LOOP_H

#include "config/config.h"
#include "observe/progress.h"
#include "pipeline/batcher.h"
#include "record/record.h"
#include "wiretag/model.h"

/* How the model is run; borrowed. */
struct wt_bench_loop {
    struct wt_model *model;
    uint32_t replicas;               /* threads that run it */
    struct wt_batcher_limits limits; /* of batches; bench_loop waits for no company */
    struct wt_progress *progress;    /* told of a run over records; may be NULL */
};

struct wt_bench_rate {
    uint64_t articles;
    uint64_t tokens;   /* of articles */
    uint64_t computed; /* padding included */
    uint64_t batches;
    uint64_t failures; /* articles without logits */
    double seconds;
    double articles_per_s;
};

/* Where the time of wt_bench_prepare went. */
struct wt_bench_prepared {
    double decode_seconds;
    double tokenize_seconds;
};

/* Gives the records of the list the token ids that the configuration and the model's tokenizer make of
 * them; those that are no articles are destroyed. WT_FAILED: no tokenizer. */
enum wt_status wt_bench_prepare(const struct wt_config *config, const struct wt_model *model,
                                struct wt_record_list *records, struct wt_bench_prepared *spent_out,
                                struct wt_error *error);

/* Runs every record of the list, which must have its token ids, once. The list comes back with all
 * of them FINISHED, in no particular order. The clock starts when every replica has made its first
 * calls, in which libraries prepare their code. WT_FAILED: a thread could not be started. */
enum wt_status wt_bench_loop_run(const struct wt_bench_loop *loop, struct wt_record_list *records,
                                 struct wt_bench_rate *rate_out, struct wt_error *error);

/* Runs batches of `rows` articles of `width` tokens each, made up, on every replica for `seconds`.
 * As above, and the model's own errors. */
enum wt_status wt_bench_loop_shape(const struct wt_bench_loop *loop, uint32_t rows, uint32_t width,
                                   double seconds, struct wt_bench_rate *rate_out,
                                   struct wt_error *error);

/* The share of what was computed that is padding. */
double wt_bench_padding(const struct wt_bench_rate *rate);

#endif
