/* config_compare.h: what differs between two configurations. Thread: any. */
#ifndef WIRETAG_CONFIG_CONFIG_COMPARE_H
#define WIRETAG_CONFIG_CONFIG_COMPARE_H

#include "config/config.h"

/* Appends the keys whose values differ, in the order of config/wiretag.yaml, as "input.topics, log.level".
 * Keys of the list `except`, which a NULL ends, are passed over. The caller frees the text; NULL: none
 * differs. Never shows a value. */
char *wt_config_differences(const struct wt_config *left, const struct wt_config *right,
                            const char *const *except);

#endif
