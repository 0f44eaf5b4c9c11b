/* state_report.h: prints how far a promotion is, on stdout. Thread: main. */
#ifndef WIRETAG_CLI_PROMOTE_STATE_REPORT_H
#define WIRETAG_CLI_PROMOTE_STATE_REPORT_H

#include "cli/promote/group_state.h"

/* `configured`: the hash of the bundle at model.path; "": it cannot be read. */
void wt_promote_print_text(const struct wt_config *config, const struct wt_promote_state *state,
                           const char *configured);
void wt_promote_print_json(const struct wt_config *config, const struct wt_promote_state *state,
                           const char *configured);

#endif
