/* bench_topics.h: a pair of topics created for one measurement, filled, and deleted afterwards.
 * Thread: one. */
#ifndef WIRETAG_CLI_BENCH_BENCH_TOPICS_H
#define WIRETAG_CLI_BENCH_BENCH_TOPICS_H

#include "config/config.h"
#include "record/record.h"

struct wt_bench_topics;

/* Creates the input and the output topic of `config`, which is borrowed, with `partitions`
 * partitions each. WT_IO: no broker answers. WT_FAILED: they cannot be created. The message says
 * what to do. */
enum wt_status wt_bench_topics_create(const struct wt_config *config, uint32_t partitions,
                                      struct wt_bench_topics **topics_out, struct wt_error *error);

/* Deletes them. Accepts NULL. Names on stderr what cannot be deleted. */
void wt_bench_topics_destroy(struct wt_bench_topics *topics);

/* Deletes the topics of this process, if there are any, when the process ends early. Thread:
 * any. */
void wt_bench_topics_leave(void);

/* Produces every record, idempotently and spread over the partitions: its encoded output to the
 * output topic, or its value to the input topic. Returns when all are acknowledged. */
enum wt_status wt_bench_topics_fill(struct wt_bench_topics *topics, bool output,
                                    const struct wt_record_list *records, struct wt_error *error);

/* Reads `count` records of the input topic and drops them. The clock starts with the first. */
enum wt_status wt_bench_topics_drain(struct wt_bench_topics *topics, uint32_t count,
                                     double *seconds_out, struct wt_error *error);

#endif
