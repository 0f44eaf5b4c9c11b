#include "codec/compare_policy.h"

#include "base/alloc.h"
#include "base/scores.h"
#include "codec/thresholds.h"

#include <assert.h>
#include <stdlib.h>

static struct wt_compare_model model_of(const struct wt_config *config,
                                        const struct wt_model_info *info)
{
    return (struct wt_compare_model){.info = info,
                                     .names = {.names = info->labels, .count = info->label_count},
                                     .thresholds = wt_thresholds_create(config, info)};
}

struct wt_compare_policy *wt_compare_policy_create(const struct wt_config *config,
                                                   const struct wt_model_info *a,
                                                   const struct wt_model_info *b,
                                                   bool publishes_changed)
{
    struct wt_compare_policy *policy = wt_alloc_zeroed(1, sizeof *policy);
    policy->a = model_of(config, a);
    policy->b = model_of(config, b);
    policy->publishes_changed = publishes_changed;
    policy->judge = wt_agreement_create(&policy->a.names, &policy->b.names);
    return policy;
}

void wt_compare_policy_destroy(struct wt_compare_policy *policy)
{
    if (policy != NULL) {
        free(policy->a.thresholds);
        free(policy->b.thresholds);
        wt_agreement_destroy(policy->judge);
        free(policy);
    }
}

void wt_compare_labels(const struct wt_compare_model *model, const float *logits,
                       struct wt_labelling *labels_out)
{
    uint32_t count = model->info->label_count;
    bool several = model->info->task == WT_MULTI_LABEL;
    struct wt_scores scores = wt_scores_of(logits, count, several);
    *labels_out = (struct wt_labelling){.labels = wt_alloc(count * sizeof(uint32_t))};
    if (several) {
        labels_out->label_count =
            wt_scores_reached(&scores, logits, count, model->thresholds, labels_out->labels);
    } else {
        uint32_t best = wt_logits_best_after(logits, count, count);
        labels_out->labels[0] = best;
        labels_out->label_count = wt_scores_score(&scores, logits[best]) >= model->thresholds[best];
    }
    if (labels_out->label_count > 0) {
        labels_out->score = wt_scores_score(&scores, logits[labels_out->labels[0]]);
    }
}

/* True: B says about the article what A does, or neither says anything. */
static bool is_equal(const struct wt_compare_policy *policy, const struct wt_compared *compared)
{
    const struct wt_labelling *a = &compared->a;
    const struct wt_labelling *b = &compared->b;
    if (a->failed || b->failed) {
        return a->failed && b->failed;
    }
    return wt_agreement_equal(policy->judge, (struct wt_given){a->labels, a->label_count},
                              (struct wt_given){b->labels, b->label_count});
}

void wt_compare_policy_apply(const struct wt_compare_policy *policy, struct wt_record *record)
{
    struct wt_compared *compared = record->compared;
    if (compared == NULL) {
        if (record->outcome == WT_OUTCOME_TOMBSTONE) {
            record->outcome = WT_OUTCOME_SKIPPED;
        }
        return;
    }
    assert(!compared->both);
    assert(record->outcome == WT_OUTCOME_LABELLED || record->outcome == WT_OUTCOME_DEAD_LETTERED);
    compared->b.failed = record->outcome == WT_OUTCOME_DEAD_LETTERED;
    if (!compared->b.failed) {
        wt_compare_labels(&policy->b, record->logits, &compared->b);
    }
    compared->both = true;
    if (!policy->publishes_changed || is_equal(policy, compared)) {
        record->outcome = compared->b.failed ? WT_OUTCOME_SKIPPED : WT_OUTCOME_COMPARED;
    }
}
