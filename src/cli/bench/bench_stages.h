/* bench_stages.h: measures each stage of the worker alone, on the same records. Thread: one. */
#ifndef WIRETAG_CLI_BENCH_BENCH_STAGES_H
#define WIRETAG_CLI_BENCH_BENCH_STAGES_H

#include "cli/bench/bench_topics.h"
#include "config/config.h"
#include "wiretag/model.h"

/* At most this many records are kept in memory. */
#define WT_BENCH_RECORDS_MAX 1000000u

struct wt_bench_stages;

/* Reads input records from `path`, one a line. Everything is borrowed. WT_IO or WT_INVALID: the
 * file cannot be read or is empty. */
enum wt_status wt_bench_stages_create(const char *path, const struct wt_config *config,
                                      struct wt_model *model, struct wt_bench_topics *topics,
                                      struct wt_bench_stages **stages_out, struct wt_error *error);
void wt_bench_stages_destroy(struct wt_bench_stages *stages);

/* The number of records that keeps the model busy for about `seconds`. WT_INVALID: no line is an
 * article. */
enum wt_status wt_bench_stages_count(struct wt_bench_stages *stages, uint32_t seconds,
                                     uint32_t *count_out, struct wt_error *error);

/* Fills the input topic with `count` records, repeating the lines, and measures consume, decode,
 * tokenize, model, encode and publish one after the other. Prints each result. Returns the rate of
 * the model alone in articles a second. */
enum wt_status wt_bench_stages_run(struct wt_bench_stages *stages, uint32_t count,
                                   double *model_rate_out, struct wt_error *error);

/* Prints a stage's JSON line to stdout, with `more` before its closing brace, and a row of the
 * table. */
void wt_bench_stages_print(const char *stage, uint64_t articles, double seconds, const char *more);

#endif
