/* labeller_create.h: makes a labeller (labellers.h) of a model. Thread: any. */
#ifndef WIRETAG_PIPELINE_LABELLER_CREATE_H
#define WIRETAG_PIPELINE_LABELLER_CREATE_H

#include "config/config.h"
#include "record/labellers.h"

/* A model, and the configuration by which it cuts and encodes. Both outlive the labeller. */
struct wt_served_model {
    struct wt_model *model;
    const struct wt_config *config;
};

/* Makes a labeller, which nobody holds yet. The counters of its labels are on the metrics page from now
 * on. WT_INVALID, WT_MEMORY (class fatal). */
enum wt_status wt_labeller_create(const struct wt_served_model *served, uint64_t number,
                                  struct wt_labeller **labeller_out, struct wt_error *error);

/* No record that anybody will touch holds it. The model stays. Accepts NULL. */
void wt_labeller_destroy(struct wt_labeller *labeller);

/* Shows its model on the metrics page, instead of that of `before` (NULL: there was none). */
void wt_labeller_show(const struct wt_labeller *labeller, const struct wt_labeller *before);

/* Its model is not shown any more. */
void wt_labeller_hide(const struct wt_labeller *labeller);

/* What it was made of. */
struct wt_served_model wt_labeller_served(const struct wt_labeller *labeller);

#endif
