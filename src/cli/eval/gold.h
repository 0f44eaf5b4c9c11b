/* gold.h: reads the gold labels of an article: those that people gave it. Pure. Thread: one. */
#ifndef WIRETAG_CLI_EVAL_GOLD_H
#define WIRETAG_CLI_EVAL_GOLD_H

#include "base/buffer.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stdint.h>

struct json_t; /* Jansson's */

/* The labels of the model, in id order. Borrowed. */
struct wt_gold_labels {
    const char *const *names;
    uint32_t count;
    bool several; /* it gives an article several of them */
};

/* Reads a name, an id, a list of both, or, if the model gives several labels, a list with 0 or 1, or
 * false or true, for each label. Appends the ids, as uint32_t and each once, to `ids`.
 * WT_OK; WT_CLOSED: there is no gold label (NULL or null; if the model gives one label, an empty list
 * too); WT_INVALID (class fatal): something else, none of the model's labels, or a list of more than
 * the model gives. The message begins with what was found and names the nearest label. */
enum wt_status wt_gold_read(const struct wt_gold_labels *labels, const struct json_t *value,
                            struct wt_buffer *ids, struct wt_error *error);

#endif
