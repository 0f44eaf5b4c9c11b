/* reload.h: another model while the worker runs.
 *
 * A thread of its own loads the model beside the current one, makes a labeller of it, and makes that the
 * current one (labellers.h). Records that were consumed before are finished by the earlier labeller, which
 * is freed when the last of them has ended; until then the next reload waits. If the model cannot be
 * loaded, everything stays as it is; log, metric and /readyz say why.
 *
 * The same thread follows promotions (promotion_watch.h): it loads what partitions want beside what is there,
 * and frees what none wants any more. */
#ifndef WIRETAG_PIPELINE_RELOAD_H
#define WIRETAG_PIPELINE_RELOAD_H

#include "pipeline/labeller_create.h"

#include <stdbool.h>
#include <stddef.h>

struct wt_batch_stage; /* batch_stage.h */
struct wt_partitions;  /* partition.h */
struct wt_promotions;  /* promotions.h */
struct wt_reload;

/* Where models come from. Thread of all: reload's. */
struct wt_reload_ports {
    void *opaque;
    const struct wt_config *config; /* of the first model; NULL: the pipeline's */
    /* Loads what is to run next. `now` runs. Leaves next_out->model NULL if that is to go on. Any failure:
     * nothing changes. */
    enum wt_status (*load)(void *opaque, const struct wt_served_model *now,
                           struct wt_served_model *next_out, struct wt_error *error);
    /* The model that the configuration names, as of the last load. NULL: there are no promotions. */
    struct wt_model_name (*own)(void *opaque);
    /* Loads the model with this hash, from its path or from model.path. */
    enum wt_status (*load_named)(void *opaque, const struct wt_model_name *name,
                                 struct wt_served_model *next_out, struct wt_error *error);
    /* `served` is not used any more: frees it. What still runs at the end of the pipeline is not given
     * back. */
    void (*unload)(void *opaque, const struct wt_served_model *served);
    /* Asked once a second: there is something new to load. NULL: only wt_reload_request says so. */
    bool (*changed)(void *opaque);
};

/* The group whose promotions are followed. */
struct wt_reload_group {
    const struct wt_config *config;
    struct wt_partitions *partitions;
};

/* `first` is the current one of `labellers`, and has its batcher in `batch`. `group` NULL, or ports->own
 * NULL: no promotions are followed. All are borrowed. */
struct wt_reload *wt_reload_create(const struct wt_reload_ports *ports,
                                   struct wt_labellers *labellers, struct wt_labeller *first,
                                   struct wt_batch_stage *batch,
                                   const struct wt_reload_group *group);

/* What it knows of promotions, for consume; NULL: there are none. Accepts NULL. */
struct wt_promotions *wt_reload_promotions(struct wt_reload *reload);

/* No record holds a labeller any more. Accepts NULL. */
void wt_reload_destroy(struct wt_reload *reload);

/* Starts the thread. WT_FAILED (class fatal). */
enum wt_status wt_reload_start(struct wt_reload *reload, struct wt_error *error);

/* From now on no model is taken. Accepts NULL. Thread: any. */
void wt_reload_stop(struct wt_reload *reload);

/* After wt_reload_stop: waits for the thread, and so for the end of a load. Accepts NULL. */
void wt_reload_join(struct wt_reload *reload);

/* Asks for a reload: at once, or after the one under way, or when the thread starts. Several requests that
 * wait are one. Thread: any. */
void wt_reload_request(struct wt_reload *reload);

/* After wt_reload_join: a reload was asked for and did not happen before the stop. */
bool wt_reload_is_wanted(struct wt_reload *reload);

/* Writes that the last reload failed, or that a promoted model cannot be loaded, and why; else "". Thread:
 * any. */
void wt_reload_describe(struct wt_reload *reload, char *text, size_t text_bytes);

#endif
