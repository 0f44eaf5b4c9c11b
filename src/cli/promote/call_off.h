/* call_off.h: `wiretag promote --abort`. Thread: main. */
#ifndef WIRETAG_CLI_PROMOTE_CALL_OFF_H
#define WIRETAG_CLI_PROMOTE_CALL_OFF_H

#include "cli/promote/announce.h"

/* Announces the end, waits until it is certain that no partition has gone over, and says so. WT_FAILED: none
 * is under way, some have gone over, or it is not certain within a minute. WT_IO. */
enum wt_status wt_promote_call_off(struct wt_promote *promote, struct wt_error *error);

#endif
