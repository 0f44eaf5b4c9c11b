/* pass.h: a pass over ranges of topics that ends by itself: what the commands replay and redrive
 * share. */
#ifndef WIRETAG_CLI_REPLAY_PASS_H
#define WIRETAG_CLI_REPLAY_PASS_H

#include "config/config.h"
#include "replay/preview.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_PASS_NAME_BYTES_MAX 64u

struct wt_cli_compare; /* compare.h */

struct wt_cli_pass {
    const char *command;      /* "replay" */
    const char *name;         /* the value of --name */
    struct wt_config *config; /* with the pass's own group.id and topics */
    struct wt_preview_request request;
    /* The options as given, to compare with those of an earlier start. `partitions` NULL: all. */
    const char *from;
    const char *to;
    const char *partitions;
    struct wt_cli_compare *compare;   /* a second model; NULL: nothing is compared */
    const struct wt_redrive *redrive; /* the dead letters to read; NULL: articles */
    uint32_t records_per_s_max;       /* 0: no limit */
    bool dry_run;                     /* show the plan and stop */
};

/* What is wrong with the name; NULL: nothing. */
const char *wt_cli_pass_wrong_name(const struct wt_cli_pass *pass);

/* Reads `from`, `to` and `partitions` into `request`. Times count back from now. WT_INVALID: one of them
 * is not understood. wt_cli_pass_free frees the request in both cases. */
enum wt_status wt_cli_pass_read(struct wt_cli_pass *pass, struct wt_error *error);

/* Frees request and config. */
void wt_cli_pass_free(struct wt_cli_pass *pass);

#endif
