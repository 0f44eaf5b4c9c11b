/* shadow.h: a second model that labels the same articles on idle time and decides nothing (model.shadow).
 *
 * The publish thread offers each article whose label is acknowledged; those of the share are copied into
 * a bounded queue, and what does not fit is dropped and counted. A thread of lowest priority takes them,
 * labels them and compares. It runs only while no article of the live path waits for its model or is in
 * it, and takes turns with those that are read, published or committed; it stops for one in the middle of
 * its own (model/pause.h). It has no lock that the live path takes, and no beat: if the shadow hangs or
 * fails, the worker goes on. */
#ifndef WIRETAG_PIPELINE_SHADOW_SHADOW_H
#define WIRETAG_PIPELINE_SHADOW_SHADOW_H

#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

struct wt_labeller; /* labellers.h */
struct wt_shadow;

/* With config->model.shadow.path. Both are borrowed. WT_INVALID, WT_MEMORY, WT_FAILED (class fatal). */
enum wt_status wt_shadow_create(const struct wt_config *config, struct wt_model *model,
                                struct wt_shadow **shadow_out, struct wt_error *error);

/* Starts the thread. WT_FAILED (class fatal). */
enum wt_status wt_shadow_start(struct wt_shadow *shadow, struct wt_error *error);

/* Articles come from another pipeline now, which begins with this model. Before its first offer. Accepts
 * NULL. Thread: main. */
void wt_shadow_attach(struct wt_shadow *shadow, const struct wt_labeller *first);

/* A record is acknowledged, whatever its outcome. Never waits. Accepts NULL. Thread: publish. */
void wt_shadow_offer(struct wt_shadow *shadow, const struct wt_record *record);

/* Once an hour logs what was found; logs that the shadow hangs. Call it about once a second. Accepts NULL.
 * Thread: main. */
void wt_shadow_tick(struct wt_shadow *shadow);

/* What GET /shadow answers: JSON, which the caller frees. Thread: any. */
char *wt_shadow_json(struct wt_shadow *shadow);

/* Ends the work after the article at hand, and logs what was found. Does not wait. Accepts NULL. Thread:
 * main. */
void wt_shadow_stop(struct wt_shadow *shadow);

/* Waits for the thread, and a moment for labels that are on their way to their topic. The model stays.
 * Accepts NULL. Thread: main. */
void wt_shadow_destroy(struct wt_shadow *shadow);

#endif
