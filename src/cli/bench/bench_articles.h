/* bench_articles.h: the articles of a file as token ids, kept in memory for repeated runs. Thread:
 * one. */
#ifndef WIRETAG_CLI_BENCH_BENCH_ARTICLES_H
#define WIRETAG_CLI_BENCH_BENCH_ARTICLES_H

#include "record/record.h"
#include "wiretag/model.h"

struct wt_bench_articles;

/* Reads {"id","text"} lines from `path`, at most `articles_max`, and tokenizes them for the model.
 * WT_IO or WT_INVALID: the message names file and line. A file without articles is WT_INVALID. */
enum wt_status wt_bench_articles_read(const char *path, const struct wt_model *model,
                                      uint32_t articles_max,
                                      struct wt_bench_articles **articles_out,
                                      struct wt_error *error);
void wt_bench_articles_destroy(struct wt_bench_articles *articles);

uint32_t wt_bench_articles_count(const struct wt_bench_articles *articles);

/* The number of tokens of all articles. */
uint64_t wt_bench_articles_tokens(const struct wt_bench_articles *articles);

/* Appends `count` records with token ids to `list`. If the file has fewer articles, they are
 * repeated in order; if it has more, the records are spread evenly over them. */
void wt_bench_articles_take(struct wt_bench_articles *articles, uint32_t count,
                            struct wt_record_list *list);

#endif
