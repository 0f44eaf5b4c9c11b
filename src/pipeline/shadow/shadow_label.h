/* shadow_label.h: the shadow model with all that it needs to label an article by itself: decoder,
 * tokenizer, windows, encoder. Thread: the shadow's, but for creation. */
#ifndef WIRETAG_PIPELINE_SHADOW_SHADOW_LABEL_H
#define WIRETAG_PIPELINE_SHADOW_SHADOW_LABEL_H

#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

struct wt_shadow_labeller;

/* `config` decodes, cuts and encodes; it and the model are borrowed. WT_INVALID, WT_MEMORY (class fatal). */
enum wt_status wt_shadow_labeller_create(const struct wt_config *config, struct wt_model *model,
                                         struct wt_shadow_labeller **labeller_out,
                                         struct wt_error *error);

/* Accepts NULL. Thread: any, after the others. */
void wt_shadow_labeller_destroy(struct wt_shadow_labeller *labeller);

/* Labels the record's article, one window after the other, and encodes that as the worker would: sets
 * outcome, category, score, labels and output. WT_INVALID, WT_FAILED, WT_MEMORY, WT_IO: it cannot be
 * labelled; no output. */
enum wt_status wt_shadow_label(struct wt_shadow_labeller *labeller, struct wt_record *record,
                               struct wt_error *error);

#endif
