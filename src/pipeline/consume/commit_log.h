/* commit_log.h: logs failing offset commits: one line for the first failure, one with the number of
 * failures at the next success. While the group coordinator is not available every commit fails, at
 * least one in five seconds, more during a drain. Thread: one. */
#ifndef WIRETAG_PIPELINE_CONSUME_COMMIT_LOG_H
#define WIRETAG_PIPELINE_CONSUME_COMMIT_LOG_H

#include "base/owner.h"

#include <stdint.h>

/* All zero: no commit has failed since the last success. */
struct wt_commit_log {
    struct wt_owner owner;
    uint64_t failed;
};

/* Notes the result of a commit. `reason`: why it failed; NULL: success. */
void wt_commit_log_note(struct wt_commit_log *commits, const char *reason);

#endif
