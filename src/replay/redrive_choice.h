/* redrive_choice.h: decides whether a redrive takes a dead letter, from its headers alone. Pure.
 * Thread: any. */
#ifndef WIRETAG_REPLAY_REDRIVE_CHOICE_H
#define WIRETAG_REPLAY_REDRIVE_CHOICE_H

#include "codec/dead_letter_head.h"

#include <stdint.h>

/* What a redrive does with a dead letter. All but the first: it is not redriven. */
enum wt_redrive_choice {
    WT_REDRIVE_OPENED,
    WT_REDRIVE_FOREIGN,    /* not a dead letter of wiretag */
    WT_REDRIVE_OTHER_CODE, /* has none of the selected codes */
    WT_REDRIVE_TRIED,      /* failed too often */
    WT_REDRIVE_SUPERSEDED, /* its article has a newer dead letter */
    WT_REDRIVE_LABELLED,   /* its article has a label */
    WT_REDRIVE_CUT,        /* it was cut: no label can be made from it */
    WT_REDRIVE_COUNT
};

/* Applies codes (NULL: all) and tries. Returns WT_REDRIVE_OPENED, WT_REDRIVE_OTHER_CODE or
 * WT_REDRIVE_TRIED. */
enum wt_redrive_choice wt_redrive_choose(const struct wt_dead_letter_head *head, const char *codes,
                                         int64_t tries_max);

#endif
