/* comparison.h: what a comparison of two models has found in some articles: their agreement and the
 * largest changes.
 *
 * A comparison can be written as a short text and read back, so that a replay keeps it in its checkpoints
 * (replay/checkpoint.h) and every article counts once, however often workers die:
 *
 *     p0.oe.ol.0.3.1.0/c1a4.2.1.rs.qo,…/l1.g.2.0,…/p1.1.p0,2.1.5,…
 *
 * All numbers have base 36. First the counts, in the order of struct wt_agreement_counts; behind c the
 * largest changes as offset, ids and scores; behind l the labels, most often changed first, as their
 * place, both, only A, only B; behind p the pairs, most frequent first, as ids and articles. Ids and
 * places are written plus 1, so that 0 is none. The partition of a change is that of the text. Labels and
 * pairs that do not fit are left out from their end: the articles of such pairs are in `pairs_left`, and
 * /x says that labels were left out. Thread: one. */
#ifndef WIRETAG_COMPARE_COMPARISON_H
#define WIRETAG_COMPARE_COMPARISON_H

#include "compare/agreement.h"
#include "compare/changes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest text, including NUL. */
#define WT_COMPARISON_BYTES_MAX 1900u

struct wt_comparison {
    struct wt_agreement *agreement;
    struct wt_changes changes;
    /* Some counts of labels were left out of a text that was read: labels seldom changed may count too
     * few. */
    bool labels_left;
};

/* What a model made of an article. */
struct wt_labelling {
    bool failed;          /* it cannot be labelled; then nothing else is set */
    uint32_t *labels;     /* best first */
    uint32_t label_count; /* 0: none */
    double score;         /* of the first label */
};

/* What both made of one. */
struct wt_compared {
    struct wt_labelling a;
    struct wt_labelling b;
    bool both; /* `b` is set, too */
};

/* Accepts NULL. */
void wt_compared_destroy(struct wt_compared *compared);

void wt_comparison_create(const struct wt_agreement_names *a, const struct wt_agreement_names *b,
                          struct wt_comparison *comparison_out);
/* For the models that `like` is of. */
void wt_comparison_create_alike(const struct wt_comparison *like,
                                struct wt_comparison *comparison_out);
void wt_comparison_free(struct wt_comparison *comparison);
void wt_comparison_clear(struct wt_comparison *comparison);

/* Counts an article. */
void wt_comparison_count(struct wt_comparison *comparison, int32_t partition, int64_t offset,
                         const struct wt_labelling *a, const struct wt_labelling *b);

/* Adds what `more` has, of the same models. */
void wt_comparison_add(struct wt_comparison *comparison, const struct wt_comparison *more);

/* Writes the text, with a NUL, to `text`, which has room for WT_COMPARISON_BYTES_MAX. The changes must be
 * of one partition. */
void wt_comparison_write(const struct wt_comparison *comparison, char *text);

/* Adds what wt_comparison_write wrote; the changes get `partition`. False: `text` is something else, or of
 * models with other labels. Then some of it may have been added. */
bool wt_comparison_read(struct wt_comparison *comparison, const char *text, int32_t partition);

#endif
