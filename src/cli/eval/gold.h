/* gold.h: reads the gold label of an article: the label that people gave it. Pure. Thread: one. */
#ifndef WIRETAG_CLI_EVAL_GOLD_H
#define WIRETAG_CLI_EVAL_GOLD_H

#include "wiretag/status.h"

#include <stdint.h>

struct json_t; /* Jansson's */

/* The labels of the model, in id order. Borrowed. */
struct wt_gold_labels {
    const char *const *names;
    uint32_t count;
};

/* Reads a name, an id, or a list with one of either. WT_OK; WT_CLOSED: there is no gold label (NULL,
 * null or an empty list); WT_INVALID (class fatal): neither, or none of the model's labels. The
 * message begins with what was found and names the nearest label. */
enum wt_status wt_gold_read(const struct wt_gold_labels *labels, const struct json_t *value,
                            uint32_t *label_out, struct wt_error *error);

#endif
