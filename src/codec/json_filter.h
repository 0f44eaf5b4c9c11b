/* json_filter.h: input.where: which articles pass. Pure. Thread: one for each document. */
#ifndef WIRETAG_CODEC_JSON_FILTER_H
#define WIRETAG_CODEC_JSON_FILTER_H

#include "codec/document.h"
#include "config/config.h"

struct wt_json_filter;

/* The config must outlive the filter. NULL: everything passes. */
struct wt_json_filter *wt_json_filter_create(const struct wt_config *config);
void wt_json_filter_destroy(struct wt_json_filter *filter);

/* True: every pointer finds one of its values. False: *pointer_out is the first that does not, or *twice_out
 * a key that stands twice where a pointer passes. A text of the configuration is the same as a string of
 * that text, or as a number, true or false that is written so; null is what is null or absent. A list at
 * the pointer passes by any of its elements. */
bool wt_json_filter_passes(const struct wt_json_filter *filter, struct wt_document *document,
                           const char **pointer_out, const struct wt_value **twice_out);

#endif
