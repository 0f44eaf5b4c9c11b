/* explained.h: everything that wiretag explain found out about one record, and the two ways to
 * print it.
 *
 * Thread: main. */
#ifndef WIRETAG_CLI_EXPLAIN_EXPLAINED_H
#define WIRETAG_CLI_EXPLAIN_EXPLAINED_H

#include "cli/explain/explanation.h"
#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

#include <stdbool.h>
#include <stdio.h>

/* A label, tombstone or dead letter that was published for the record. */
struct published {
    struct wt_record *record; /* its source is where it was published */
    bool dead_letter;
    bool agrees;
    char why[WT_WHY_BYTES];
};

struct explained {
    const struct wt_config *config;
    const struct wt_model *model;
    struct wt_place asked;
    struct wt_place place;    /* of the input record */
    struct wt_record *record; /* the input record, or what a dead letter kept of it */
    bool from_dead_letter;    /* the input record no longer exists */
    bool uncommitted;         /* workers do not see it: its transaction was aborted or is open */
    char trace_id[40];
    double *probabilities; /* one for each label; NULL: the record has no logits */
    double *thresholds;    /* likewise: from where it has the label */
    struct wt_explanation steps;
    struct published *published;
    size_t published_count;
    bool searched; /* false: `search_failure` says why */
    char search_failure[WT_ERROR_MESSAGE_BYTES_MAX];
};

void wt_explained_write_text(const struct explained *explained, FILE *out);
void wt_explained_write_json(const struct explained *explained, FILE *out);

#endif
