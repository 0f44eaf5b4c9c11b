/* preflight.h: what a command that is waited for looks at before it begins, so that it ends with
 * the cause and not after all its time-outs. Thread: any. */
#ifndef WIRETAG_CHECK_PREFLIGHT_H
#define WIRETAG_CHECK_PREFLIGHT_H

#include "config/config.h"

/* Whether brokers can be reached and coordinators be had; a moment where all is well, 20 s at most.
 * WT_IO, with the cause, where not; WT_INVALID, WT_FAILED (class fatal): no client can be made. */
enum wt_status wt_preflight(const struct wt_config *config, struct wt_error *error);

#endif
