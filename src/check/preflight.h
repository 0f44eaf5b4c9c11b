/* preflight.h: checks the cluster before a command starts, so that the command fails at once with
 * the cause, not after all its time-outs. Thread: any. */
#ifndef WIRETAG_CHECK_PREFLIGHT_H
#define WIRETAG_CHECK_PREFLIGHT_H

#include "config/config.h"

/* Checks that brokers can be reached and coordinators can exist; takes at most 20 s. WT_IO: they
 * cannot; `error` has the cause. WT_INVALID, WT_FAILED (class fatal): no client can be created. */
enum wt_status wt_preflight(const struct wt_config *config, struct wt_error *error);

#endif
