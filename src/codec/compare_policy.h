/* compare_policy.h: what becomes of records that two models label.
 *
 * The reference, A, labels them besides the labeller's model, B (record/labellers.h). What either gave is
 * in record->compared, for the order to count. A record is published only if `publishes_changed` is set
 * and B says something else about it than A:
 *
 *   A      B      the record
 *   label  label  equal, or nothing is published: COMPARED; changed: LABELLED, by B
 *   none   label  as changed
 *   label  none   a dead letter if changes are published; else SKIPPED
 *   none   none   SKIPPED: nothing has changed
 *
 * "none" is an article that the model cannot label, and any record that is no article. Tombstones are
 * SKIPPED: no model decides about them. Thread: any; nothing changes after creation. */
#ifndef WIRETAG_CODEC_COMPARE_POLICY_H
#define WIRETAG_CODEC_COMPARE_POLICY_H

#include "compare/comparison.h"
#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

struct wt_compare_model {
    const struct wt_model_info *info;
    struct wt_agreement_names names; /* its labels */
    double *thresholds;              /* of each label */
};

struct wt_compare_policy {
    struct wt_compare_model a;
    struct wt_compare_model b;
    bool publishes_changed;
    struct wt_agreement *judge; /* of what is equal; counts nothing */
};

/* The infos are borrowed and must live longer. The thresholds of both are output.threshold, else the
 * bundle's. */
struct wt_compare_policy *wt_compare_policy_create(const struct wt_config *config,
                                                   const struct wt_model_info *a,
                                                   const struct wt_model_info *b,
                                                   bool publishes_changed);

/* Accepts NULL. */
void wt_compare_policy_destroy(struct wt_compare_policy *policy);

/* The labels that follow from a model's logits; the caller frees labels_out->labels. */
void wt_compare_labels(const struct wt_compare_model *model, const float *logits,
                       struct wt_labelling *labels_out);

/* Sets what B made of a FINISHED record, and its outcome as above. */
void wt_compare_policy_apply(const struct wt_compare_policy *policy, struct wt_record *record);

#endif
