/* commit_log.h: commits of the consumer that fail, in the log: one line when it begins, one with their
 * number when it is over. While a coordinator is away, each of the client's commits fails, one every five
 * seconds and more where partitions are drained. Thread: the caller's one. */
#ifndef WIRETAG_PIPELINE_CONSUME_COMMIT_LOG_H
#define WIRETAG_PIPELINE_CONSUME_COMMIT_LOG_H

#include <stdint.h>

/* All zero: none has failed since the last that did not. */
struct wt_commit_log {
    uint64_t failed;
};

/* A commit has come back. `reason`: why it failed; NULL: it did not. */
void wt_commit_log_note(struct wt_commit_log *commits, const char *reason);

#endif
