/* redrive_choice.h: whether a redrive takes a dead letter, by what that says of itself. Pure. Thread: any. */
#ifndef WIRETAG_REPLAY_REDRIVE_CHOICE_H
#define WIRETAG_REPLAY_REDRIVE_CHOICE_H

#include "codec/dead_letter_head.h"

#include <stdint.h>

/* What becomes of a dead letter in a redrive. */
enum wt_redrive_choice {
    WT_REDRIVE_OPENED,
    WT_REDRIVE_FOREIGN,    /* no dead letter of wiretag */
    WT_REDRIVE_OTHER_CODE, /* not one of the codes asked for */
    WT_REDRIVE_TRIED,      /* has failed too often */
    WT_REDRIVE_SUPERSEDED, /* there is a newer one of its article */
    WT_REDRIVE_LABELLED,   /* its article's label is out */
    WT_REDRIVE_CUT,        /* its article is not whole: no label can be made of it */
    WT_REDRIVE_COUNT
};

/* A redrive of these codes (NULL: all) and tries takes it, as far as those go: WT_REDRIVE_OPENED,
 * WT_REDRIVE_OTHER_CODE or WT_REDRIVE_TRIED. */
enum wt_redrive_choice wt_redrive_choose(const struct wt_dead_letter_head *head, const char *codes,
                                         int64_t tries_max);

#endif
