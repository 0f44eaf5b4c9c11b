#include "pipeline/readiness.h"

#include "observe/stall.h"

#include <assert.h>
#include <stdio.h>

bool wt_readiness(bool running, bool stopping, char *reason, size_t reason_bytes)
{
    assert(reason != NULL && reason_bytes > 0);
    reason[0] = '\0';
    if (!running) {
        char words[WT_READINESS_BYTES] = "";
        bool stalled = wt_stall_any(words, sizeof words);
        (void)snprintf(reason, reason_bytes, "%s%s",
                       stopping  ? "stopping"
                       : stalled ? "starting: "
                                 : "starting: waiting for a broker and the topics",
                       stopping ? "" : words);
        return false;
    }
    return !wt_stall_any(reason, reason_bytes);
}
