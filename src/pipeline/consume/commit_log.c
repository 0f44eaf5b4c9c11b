#include "pipeline/consume/commit_log.h"

#include "observe/log.h"

#include <inttypes.h>
#include <stddef.h>

void wt_commit_log_note(struct wt_commit_log *commits, const char *reason)
{
    wt_owner_assert(&commits->owner);
    if (reason != NULL) {
        commits->failed++;
        wt_log(commits->failed == 1 ? WT_LOG_WARN : WT_LOG_DEBUG, "consume",
               "offsets were not committed: %s; retrying", reason);
    } else if (commits->failed > 0) {
        wt_log_info("consume", "offsets are committed again, after %" PRIu64 " %s", commits->failed,
                    commits->failed == 1 ? "commit that failed" : "commits that failed");
        commits->failed = 0;
    }
}
