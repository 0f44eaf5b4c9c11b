/* explanation.h: runs one record through decode, tokenize, model and encode, and compares the
 * result with a published record. Pure except for the model. Thread: one. */
#ifndef WIRETAG_CLI_EXPLAIN_EXPLANATION_H
#define WIRETAG_CLI_EXPLAIN_EXPLANATION_H

#include "codec/article.h"
#include "config/config.h"
#include "record/record.h"
#include "text/script.h"
#include "wiretag/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_PLACE_TOPIC_BYTES 250u

/* A record's TOPIC:PARTITION:OFFSET. */
struct wt_place {
    char topic[WT_PLACE_TOPIC_BYTES];
    int32_t partition;
    int64_t offset;
};

/* Parses "news.articles:3:1207". False: anything else. */
bool wt_place_parse(const char *text, struct wt_place *place_out);

/* Reads the source that a label or dead letter names in its headers. False: it names none. */
bool wt_place_source(const struct wt_record *record, struct wt_place *place_out);

/* Zero-initialized is empty. */
struct wt_explanation {
    struct wt_article article; /* how it was read; its text is not kept */
    enum wt_script script;     /* of the text */
    char *filtered; /* the value that input.where passes over; NULL: none, or not filtered */
    char *text;     /* NULL: the record could not be decoded, or was filtered */
    size_t text_bytes;
    int32_t *ids; /* as the model sees them, in its windows */
    uint32_t token_count;
    uint32_t token_count_max; /* a longer text is cut off */
    uint32_t unknown_count;
    uint32_t token_count_whole; /* of the whole text */
    bool truncated;
    uint32_t window_count; /* 1: the model takes the article whole, or it is cut off */
    size_t read_bytes;     /* if truncated: the end of the last word that the model sees */
};

/* Decodes, tokenizes and labels `record` as a worker would. Afterwards it is FINISHED, with
 * outcome, logits or failure, and output. `explanation` keeps text and tokens. WT_MEMORY or
 * WT_INVALID (class fatal): decoder or tokenizer cannot be created. WT_IO: a schema registry does not
 * answer. */
enum wt_status wt_explain(const struct wt_config *config, struct wt_model *model,
                          struct wt_record *record, struct wt_explanation *explanation,
                          struct wt_error *error);

void wt_explanation_free(struct wt_explanation *explanation);

/* True if `published`, a label, tombstone or dead letter (`dead_letter`), agrees with what `record`
 * got now. `why` receives the difference or a remark. `at`: a JSON pointer to the label in both values
 * ("": they are it). `tolerance`: of the best label's probability. */
#define WT_WHY_BYTES 240u
bool wt_explain_agrees(const struct wt_record *record, const struct wt_model_info *info,
                       const struct wt_record *published, bool dead_letter, const char *at,
                       double tolerance, char why[WT_WHY_BYTES]);

#endif
