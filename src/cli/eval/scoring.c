#include "cli/eval/scoring.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "cli/eval/gold.h"
#include "observe/progress.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Articles that are labelled together: enough neighbours in length for tight batches. */
#define ARTICLES_MAX 1024u
#define BYTES_MAX (16u << 20)

/* Whoever gives a table or a list instead fails on the first line. */
#define NO_LINES                                                                                   \
    "; articles are JSON lines, one object a line, and jq -c '.[]' makes them of a list"

struct article {
    size_t text_from;
    size_t text_bytes;
    size_t gold_from; /* in `golds` */
    size_t gold_bytes;
};

struct chunk {
    struct article articles[ARTICLES_MAX];
    uint32_t count;
    struct wt_buffer texts; /* one behind the other */
    struct wt_buffer golds; /* the ids of their gold labels, likewise */
};

static void count_unlabelled(struct wt_report *report, const char *code)
{
    size_t i = 0;
    while (i < report->unlabelled_count && strcmp(report->unlabelled[i].code, code) != 0) {
        i++;
    }
    if (i == WT_UNLABELLED_CODES_MAX) {
        i--; /* there are fewer codes than that */
    } else if (i == report->unlabelled_count) {
        (void)snprintf(report->unlabelled[i].code, sizeof report->unlabelled[i].code, "%s", code);
        report->unlabelled_count++;
    }
    report->unlabelled[i].articles++;
}

static enum wt_status read_gold(const struct wt_scoring *scoring, const struct wt_jsonl_item *item,
                                struct wt_buffer *golds, struct wt_error *error)
{
    const struct wt_model_info *model = scoring->report->model;
    const struct wt_gold_labels labels = {.names = model->labels,
                                          .count = model->label_count,
                                          .several = model->task == WT_MULTI_LABEL};
    const char *pointer = scoring->label_pointer;
    size_t bytes = 0;
    bool twice = false;
    const char *text =
        wt_jsonl_find(scoring->input, pointer != NULL ? pointer : "/label", &bytes, &twice);
    if (text == NULL && pointer == NULL && !twice) {
        text = wt_jsonl_find(scoring->input, "/expected", &bytes, &twice);
    }
    /* NaN is how tables of numbers write that there is none. */
    bool none = text == NULL || (bytes == 3 && memcmp(text, "NaN", 3) == 0);
    json_t *value = !none ? json_loadb(text, bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    struct wt_error cause;
    enum wt_status status = WT_OK;
    if (twice) {
        status = wt_error_set(&cause, WT_INVALID, WT_ERROR_FATAL, "gold-label",
                              "the key of the gold label stands twice");
    } else if (!none && value == NULL) {
        /* What Jansson cannot read, such as a number of 64 bits, is no label. */
        status = wt_error_set(&cause, WT_INVALID, WT_ERROR_FATAL, "gold-label",
                              "the gold label is neither a string nor an integer");
    } else {
        status = wt_gold_read(&labels, value, golds, &cause);
    }
    json_decref(value);
    return status == WT_INVALID ? wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, cause.code,
                                               "line %" PRIu64 ": %s", item->line, cause.message)
                                : status;
}

/* Takes a line into the chunk, or counts why not. `read`, `bad`: what wt_jsonl_next said. */
static enum wt_status take_line(const struct wt_scoring *scoring, struct chunk *chunk,
                                const struct wt_jsonl_item *item, enum wt_status read,
                                const struct wt_error *bad, struct wt_error *error)
{
    struct wt_report *report = scoring->report;
    size_t gold_from = chunk->golds.count;
    report->lines++;
    if (!item->object) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, bad->code, "line %" PRIu64 ": %s%s",
                            item->line, bad->message, report->lines == 1 ? NO_LINES : "");
    }
    enum wt_status status = read_gold(scoring, item, &chunk->golds, error);
    if (status == WT_CLOSED) {
        report->first_without_gold =
            report->without_gold == 0 ? item->line : report->first_without_gold;
        report->without_gold++;
        return WT_OK;
    }
    if (status == WT_OK && read != WT_OK) {
        count_unlabelled(report, bad->code);
    } else if (status == WT_OK) {
        chunk->articles[chunk->count++] = (struct article){
            chunk->texts.count, item->text_bytes, gold_from, chunk->golds.count - gold_from};
        wt_buffer_append(&chunk->texts, item->text, item->text_bytes);
    }
    return status;
}

/* Reads lines until the chunk is full. WT_CLOSED: the input ended. */
static enum wt_status read_chunk(const struct wt_scoring *scoring, struct chunk *chunk,
                                 struct wt_error *error)
{
    chunk->count = 0;
    chunk->texts.count = 0;
    chunk->golds.count = 0;
    while (chunk->count < ARTICLES_MAX && chunk->texts.count < BYTES_MAX) {
        struct wt_jsonl_item item;
        struct wt_error bad;
        enum wt_status status = wt_jsonl_next(scoring->input, &item, &bad);
        if (status == WT_IO) {
            *error = bad;
        }
        if (status == WT_IO || status == WT_CLOSED) {
            return status;
        }
        status = take_line(scoring, chunk, &item, status, &bad, error);
        if (status != WT_OK) {
            return status;
        }
    }
    return WT_OK;
}

static enum wt_status label_chunk(const struct wt_scoring *scoring, const struct chunk *chunk,
                                  struct wt_error *error)
{
    struct wt_text texts[ARTICLES_MAX];
    for (uint32_t i = 0; i < chunk->count; i++) {
        const struct article *article = &chunk->articles[i];
        bool empty = article->text_bytes == 0;
        texts[i] = (struct wt_text){.bytes = empty ? NULL : chunk->texts.bytes + article->text_from,
                                    .count = article->text_bytes};
    }
    struct wt_results *results = NULL;
    enum wt_status status = wt_classify(scoring->classifier, texts, chunk->count, &results, error);
    for (uint32_t i = 0; status == WT_OK && i < chunk->count; i++) {
        const struct wt_result *result = wt_results_get(results, i);
        if (result->status == WT_OK) {
            const struct article *article = &chunk->articles[i];
            /* The buffer's bytes are those of malloc, and every id in them has four. */
            const uint32_t *gold = (const uint32_t *)(const void *)chunk->golds.bytes;
            wt_evaluation_add(scoring->evaluation, result->logits,
                              gold + article->gold_from / sizeof *gold,
                              (uint32_t)(article->gold_bytes / sizeof *gold));
        } else {
            count_unlabelled(scoring->report, result->error->code);
        }
    }
    wt_results_destroy(results);
    return status;
}

/* The size of an input that is a file; 0: of another. */
static uint64_t size_of(int fd)
{
    struct stat about;
    return fstat(fd, &about) == 0 && S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0;
}

static void tell(const struct wt_scoring *scoring, uint64_t total, struct wt_progress *progress)
{
    off_t at = total > 0 ? lseek(scoring->fd, 0, SEEK_CUR) : 0;
    const struct wt_progress_state share = {.done = at > 0 ? (uint64_t)at : 0, .total = total};
    const struct wt_progress_state count = {.units = "lines", .done = scoring->report->lines};
    wt_progress_report(progress, total > 0 ? &share : &count);
}

enum wt_status wt_scoring_run(struct wt_scoring *scoring, struct wt_error *error)
{
    struct chunk *chunk = wt_alloc_zeroed(1, sizeof *chunk);
    uint64_t total = size_of(scoring->fd);
    char *what = wt_format("evaluating %s", scoring->report->input);
    struct wt_progress *progress = wt_progress_create("eval", what, false);
    int64_t started_us = wt_clock_us();
    enum wt_status status;
    do {
        status = read_chunk(scoring, chunk, error);
        if (status == WT_OK || status == WT_CLOSED) {
            enum wt_status labelled = label_chunk(scoring, chunk, error);
            status = labelled != WT_OK ? labelled : status;
        }
        tell(scoring, total, progress);
    } while (status == WT_OK);
    int64_t spent_us = wt_clock_us() - started_us;
    scoring->report->seconds = (double)(spent_us > 0 ? spent_us : 1) * 1e-6;
    wt_progress_destroy(progress);
    free(what);
    wt_buffer_free(&chunk->texts);
    wt_buffer_free(&chunk->golds);
    free(chunk);
    return status == WT_CLOSED ? WT_OK : status;
}
