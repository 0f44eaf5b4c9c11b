/* explanation.h: what becomes of one record, step by step, with the parts the pipeline is made of.
 *
 * Pure but for the model. Thread: one. */
#ifndef WIRETAG_CLI_EXPLAIN_EXPLANATION_H
#define WIRETAG_CLI_EXPLAIN_EXPLANATION_H

#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_PLACE_TOPIC_BYTES 250u

/* TOPIC:PARTITION:OFFSET */
struct wt_place {
    char topic[WT_PLACE_TOPIC_BYTES];
    int32_t partition;
    int64_t offset;
};

/* Reads "news.articles:3:1207"; false for anything else. */
bool wt_place_parse(const char *text, struct wt_place *place_out);

/* The place that a label or dead letter says it came from. False: it does not. */
bool wt_place_source(const struct wt_record *record, struct wt_place *place_out);

/* Zero-initialized is empty. */
struct wt_explanation {
    char *text; /* NULL: it could not be decoded */
    size_t text_bytes;
    int32_t *ids; /* those the model sees */
    uint32_t token_count;
    uint32_t unknown_count;
    uint32_t token_count_whole; /* of the whole text */
    bool truncated;
    size_t
        read_bytes; /* truncated: the last word of which the model sees the beginning ends here */
};

/* Decodes, tokenizes and labels `record` as a worker would: it ends FINISHED, with its outcome,
 * logits or failure, and output. Text and tokens are kept in `explanation`. WT_MEMORY or WT_INVALID
 * (class fatal): the tools for it cannot be made. */
enum wt_status wt_explain(const struct wt_config *config, struct wt_model *model,
                          struct wt_record *record, struct wt_explanation *explanation,
                          struct wt_error *error);

void wt_explanation_free(struct wt_explanation *explanation);

/* Whether `published`, a label, tombstone or dead letter (`dead_letter`), says what `record` says
 * now; `why` has the difference, or a remark. `tolerance`: of the best label's probability. */
#define WT_WHY_BYTES 240u
bool wt_explain_agrees(const struct wt_record *record, const struct wt_model_info *info,
                       const struct wt_record *published, bool dead_letter, double tolerance,
                       char why[WT_WHY_BYTES]);

#endif
