/* estimate.h: how long a pass would take: the model timed on some of the pass's own records. */
#ifndef WIRETAG_CLI_REPLAY_ESTIMATE_H
#define WIRETAG_CLI_REPLAY_ESTIMATE_H

#include "cli/replay/pass.h"
#include "replay/replay.h"

struct wt_cli_estimate {
    double records_per_s; /* of one worker; 0: none of the records that were read needs the model */
    uint32_t records;     /* that were read for it, from the beginning of each range */
};

/* Loads the model and runs it on records that the pass is still to read, for about a second. Only the
 * model is timed: what brokers take is not in it, nor what other workers add. WT_IO: records cannot
 * be read; else the model's own errors. Thread: main. */
enum wt_status wt_cli_estimate_make(const struct wt_cli_pass *pass, const struct wt_replay *replay,
                                    struct wt_cli_estimate *estimate_out, struct wt_error *error);

#endif
