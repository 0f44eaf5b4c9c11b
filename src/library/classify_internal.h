/* classify_internal.h: what the files of wt_classify share.
 *
 *   classify_rows.c      texts to rows of token ids, a text of several windows to one row each
 *   classify_batches.c   rows to logits, in batches
 *   classify.c           logits to results; workspaces and the classifier
 *
 * Thread: that of a call. */
#ifndef WIRETAG_LIBRARY_CLASSIFY_INTERNAL_H
#define WIRETAG_LIBRARY_CLASSIFY_INTERNAL_H

#include "library/results.h"
#include "text/windows.h"
#include "wiretag/classify.h"

#include <pthread.h>

/* Texts, or windows of them, that are batched together: enough for tight batches, and a bound for
 * the memory of a call besides its results. A slice ends behind the text that fills it. */
#define SLICE_ROWS 1024u

/* More windows of a text than anybody has use for, and few enough to allocate before. */
#define WINDOWS_MAX 256u

#define NO_WINDOW UINT32_MAX

/* A text during a call, or a window of one. Its tokens are in the workspace. */
struct row {
    size_t index; /* of the text */
    size_t ids_from;
    uint32_t count;
    uint32_t window;     /* NO_WINDOW: the whole text */
    uint32_t split_text; /* of a window: which of the workspace's */
};

/* A text of several windows, until they are joined. */
struct split_text {
    size_t index;
    size_t logits_from; /* of its first window, in the workspace */
    uint32_t count;
    uint32_t failed; /* the first window that failed, in the text's order; NO_WINDOW: none */
};

/* The memory of one call. A call takes an idle workspace or makes one. */
struct workspace {
    struct workspace *next;
    struct wt_tokenizer *tokenizer;
    struct row *rows; /* SLICE_ROWS, and a text's windows more */
    uint32_t row_count;
    struct split_text *split_texts; /* SLICE_ROWS */
    uint32_t split_text_count;
    float *window_logits; /* of the windows of split texts, in the texts' order */
    size_t window_logits_count;
    size_t window_logits_room;
    int32_t *ids; /* of all rows */
    size_t ids_count;
    size_t ids_room;
    int64_t *batch_ids; /* of one batch, laid out for the model */
    size_t batch_ids_room;
    int64_t *lengths; /* batch_texts */
    float *logits;
};

struct wt_classifier {
    struct wt_model *model;
    bool model_owned;
    const struct wt_model_info *info;
    uint32_t batch_tokens;
    uint32_t batch_texts;
    struct wt_windows windows; /* how long texts are cut */
    pthread_mutex_t mutex;
    struct workspace *idle; /* guarded by `mutex` */
};

/* One call. */
struct call {
    struct wt_classifier *classifier;
    struct workspace *workspace;
    const struct wt_text *texts;
    struct wt_results *results;
    uint32_t batch_tokens; /* lowered when the device had too little memory */
    struct wt_error *error;
};

/* Fills `error` and returns WT_MEMORY. */
enum wt_status wt_classify_out_of_memory(struct wt_error *error);

/* Grows *memory to `count` elements of `bytes`. On failure it stays unchanged. */
bool wt_classify_reserve(void **memory, size_t *room, size_t count, size_t bytes);

/* Adds the rows of text `index`, or gives it a failure. WT_MEMORY. */
enum wt_status wt_classify_tokenize(struct call *call, size_t index);

/* Runs all rows. The rows of whole texts have results afterwards; the logits of windows are in the
 * workspace. */
enum wt_status wt_classify_run(struct call *call);

/* In classify.c, for the batches: takes a row's logits, or its failure. */
enum wt_status wt_classify_take(struct call *call, const struct row *row, const float *logits);
enum wt_status wt_classify_fail(struct call *call, const struct row *row, enum wt_status status,
                                const struct wt_error *cause);

#endif
