/* estimate.h: estimates how long a pass would take: times the model on some of the pass's own
 * records. */
#ifndef WIRETAG_CLI_REPLAY_ESTIMATE_H
#define WIRETAG_CLI_REPLAY_ESTIMATE_H

#include "cli/replay/pass.h"
#include "replay/replay.h"

struct wt_cli_estimate {
    double records_per_s; /* of one worker; 0: none of the records read needs the model */
    uint32_t models;      /* that label each of them */
    uint32_t records;     /* records read for the estimate, from the start of each range */
};

/* Loads the model, or one after the other both that are compared, and runs it for about a second on
 * records that the pass has still to read. The estimate covers the model only, not the brokers and not
 * other workers. WT_IO: records cannot be read; else the model's own errors. Thread: main. */
enum wt_status wt_cli_estimate_make(const struct wt_cli_pass *pass, const struct wt_replay *replay,
                                    struct wt_cli_estimate *estimate_out, struct wt_error *error);

#endif
