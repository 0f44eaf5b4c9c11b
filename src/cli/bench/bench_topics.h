/* bench_topics.h: a pair of topics made for one measurement, filled, and deleted after it.
 * Thread: one. */
#ifndef WIRETAG_CLI_BENCH_BENCH_TOPICS_H
#define WIRETAG_CLI_BENCH_BENCH_TOPICS_H

#include "config/config.h"
#include "record/record.h"

struct wt_bench_topics;

/* Makes the input and the output topic of `config`, which is borrowed, on its brokers, with
 * `partitions` each. WT_IO: no broker answers; WT_FAILED: they cannot be made. The message says what
 * to do. */
enum wt_status wt_bench_topics_create(const struct wt_config *config, uint32_t partitions,
                                      struct wt_bench_topics **topics_out, struct wt_error *error);

/* Deletes them; accepts NULL. What cannot be deleted is named on stderr. */
void wt_bench_topics_destroy(struct wt_bench_topics *topics);

/* Deletes the topics of this process's run, if there are any, for a process that ends before it is over.
 * Thread: any. */
void wt_bench_topics_leave(void);

/* Produces every record, idempotently and spread over the partitions: to the output topic what it was
 * encoded to, or to the input topic its value. Returns when all are acknowledged. */
enum wt_status wt_bench_topics_fill(struct wt_bench_topics *topics, bool output,
                                    const struct wt_record_list *records, struct wt_error *error);

/* Reads `count` records of the input topic and drops them; the clock runs from the first on. */
enum wt_status wt_bench_topics_drain(struct wt_bench_topics *topics, uint32_t count,
                                     double *seconds_out, struct wt_error *error);

#endif
