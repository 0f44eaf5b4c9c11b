/* redrive.h: a dead letter taken up again: which ones, and as what.
 *
 * Pure. Thread: any; a wt_redrive is only read, but for its counts. */
#ifndef WIRETAG_REPLAY_REDRIVE_H
#define WIRETAG_REPLAY_REDRIVE_H

#include "record/record.h"
#include "replay/origins.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
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

/* How many became what. */
struct wt_redrive_counts {
    _Atomic uint64_t of[WT_REDRIVE_COUNT];
};

/* Which dead letters are redriven. */
struct wt_redrive {
    const char *codes;                /* error codes, joined by commas; NULL: every code */
    int64_t tries_max;                /* not one that has failed so often or more */
    const struct wt_origins *origins; /* what is known of all letters; NULL: nothing */
    struct wt_redrive_counts *counts; /* NULL: not counted */
};

/* Makes a dead letter the article it was: its origin and its time are those that its source headers
 * name, and it has no key if it had none. Whatever is not WT_REDRIVE_OPENED is left where it is. */
enum wt_redrive_choice wt_redrive_open(const struct wt_redrive *letters, struct wt_record *record);

/* What a dead letter says of itself. */
struct wt_dead_letter_head {
    const struct wt_header *code;
    const struct wt_header *topic; /* of its origin, as the next two */
    int32_t partition;
    int64_t offset;
    int64_t tries;
};

/* False: it is no dead letter of wiretag. */
bool wt_dead_letter_read(const struct wt_record *record, struct wt_dead_letter_head *head_out);

/* A redrive of these codes (NULL: all) and tries takes it, as far as those go: WT_REDRIVE_OPENED,
 * WT_REDRIVE_OTHER_CODE or WT_REDRIVE_TRIED. */
enum wt_redrive_choice wt_redrive_choose(const struct wt_dead_letter_head *head, const char *codes,
                                         int64_t tries_max);

/* Every code that a dead letter can have, in order of the alphabet. */
const char *const *wt_dead_letter_codes(size_t *count_out);

/* Reads codes as a person lists them, joined by commas, blanks around them; each once, in order of the alphabet,
 * in *codes_out, the caller's to free. WT_INVALID: one is unknown, and the message has those that are known. */
enum wt_status wt_dead_letter_codes_parse(const char *text, char **codes_out,
                                          struct wt_error *error);

#endif
