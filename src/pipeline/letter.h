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

/* Makes a dead letter the article it was: its origin and its time are those that its source headers
 * name. False: it is left where it is; it does not match, has failed too often, is cut (its
 * article is not whole) or is no dead letter of wiretag. */
bool wt_letter_open(const struct wt_letters *letters, struct wt_record *record);

#endif
