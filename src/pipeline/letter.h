/* letter.h: a dead letter taken up again: which ones, and as what.
 *
 * Pure. Thread: any; a wt_letters is only read. */
#ifndef WIRETAG_PIPELINE_LETTER_H
#define WIRETAG_PIPELINE_LETTER_H

#include "base/record.h"

#include <stdbool.h>
#include <stdint.h>

/* Which dead letters are redriven. */
struct wt_letters {
    const char *codes; /* error codes, joined by commas; NULL: every code */
    int64_t tries_max; /* not one that has failed so often or more */
};

/* What becomes of a dead letter in a redrive. */
enum wt_letter {
    WT_LETTER_OPENED,
    WT_LETTER_FOREIGN,    /* no dead letter of wiretag */
    WT_LETTER_OTHER_CODE, /* not one of the codes asked for */
    WT_LETTER_TRIED,      /* has failed too often */
    WT_LETTER_CUT         /* its article is not whole: no label can be made of it */
};

/* Makes a dead letter the article it was: its origin and its time are those that its source headers
 * name, and it has no key if it had none. Whatever is not WT_LETTER_OPENED is left where it is. */
enum wt_letter wt_letter_open(const struct wt_letters *letters, struct wt_record *record);

#endif
