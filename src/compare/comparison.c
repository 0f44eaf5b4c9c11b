#include "compare/comparison.h"

#include <stdlib.h>

void wt_compared_destroy(struct wt_compared *compared)
{
    if (compared != NULL) {
        free(compared->a.labels);
        free(compared->b.labels);
        free(compared);
    }
}

void wt_comparison_create(const struct wt_agreement_names *a, const struct wt_agreement_names *b,
                          struct wt_comparison *comparison_out)
{
    *comparison_out = (struct wt_comparison){.agreement = wt_agreement_create(a, b)};
}

void wt_comparison_create_alike(const struct wt_comparison *like,
                                struct wt_comparison *comparison_out)
{
    *comparison_out =
        (struct wt_comparison){.agreement = wt_agreement_create_alike(like->agreement)};
}

void wt_comparison_free(struct wt_comparison *comparison)
{
    wt_agreement_destroy(comparison->agreement);
    *comparison = (struct wt_comparison){0};
}

void wt_comparison_clear(struct wt_comparison *comparison)
{
    wt_agreement_clear(comparison->agreement);
    comparison->changes.count = 0;
    comparison->labels_left = false;
}

static struct wt_given given_by(const struct wt_labelling *labelling)
{
    return (struct wt_given){labelling->labels, labelling->label_count};
}

void wt_comparison_count(struct wt_comparison *comparison, int32_t partition, int64_t offset,
                         const struct wt_labelling *a, const struct wt_labelling *b)
{
    if (a->failed || b->failed) {
        wt_agreement_count_failed(comparison->agreement, a->failed, b->failed);
        return;
    }
    wt_agreement_count(comparison->agreement, given_by(a), given_by(b));
    bool some_a = a->label_count > 0;
    bool some_b = b->label_count > 0;
    const struct wt_change change = {.partition = partition,
                                     .offset = offset,
                                     .a = some_a ? a->labels[0] : WT_AGREEMENT_NONE,
                                     .b = some_b ? b->labels[0] : WT_AGREEMENT_NONE,
                                     .score_a = some_a ? wt_change_score(a->score) : 0,
                                     .score_b = some_b ? wt_change_score(b->score) : 0};
    if (!wt_agreement_same_category(comparison->agreement, change.a, change.b)) {
        wt_changes_add(&comparison->changes, &change);
    }
}

void wt_comparison_add(struct wt_comparison *comparison, const struct wt_comparison *more)
{
    wt_agreement_add(comparison->agreement, more->agreement);
    for (uint32_t i = 0; i < more->changes.count; i++) {
        wt_changes_add(&comparison->changes, &more->changes.heap[i]);
    }
    comparison->labels_left |= more->labels_left;
}
