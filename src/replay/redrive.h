/* redrive.h: a dead letter taken up again: which ones, and as what.
 *
 * Pure. Thread: any; a wt_letters is only read, but for its counts. */
#ifndef WIRETAG_REPLAY_REDRIVE_H
#define WIRETAG_REPLAY_REDRIVE_H

#include "record/record.h"
#include "replay/origins.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What becomes of a dead letter in a redrive. */
enum wt_letter {
    WT_LETTER_OPENED,
    WT_LETTER_FOREIGN,    /* no dead letter of wiretag */
    WT_LETTER_OTHER_CODE, /* not one of the codes asked for */
    WT_LETTER_TRIED,      /* has failed too often */
    WT_LETTER_SUPERSEDED, /* there is a newer one of its article */
    WT_LETTER_LABELLED,   /* its article's label is out */
    WT_LETTER_CUT,        /* its article is not whole: no label can be made of it */
    WT_LETTER_COUNT
};

/* How many became what. */
struct wt_letter_counts {
    _Atomic uint64_t of[WT_LETTER_COUNT];
};

/* Which dead letters are redriven. */
struct wt_letters {
    const char *codes;                /* error codes, joined by commas; NULL: every code */
    int64_t tries_max;                /* not one that has failed so often or more */
    const struct wt_origins *origins; /* what is known of all letters; NULL: nothing */
    struct wt_letter_counts *counts;  /* NULL: not counted */
};

/* Makes a dead letter the article it was: its origin and its time are those that its source headers
 * name, and it has no key if it had none. Whatever is not WT_LETTER_OPENED is left where it is. */
enum wt_letter wt_letter_open(const struct wt_letters *letters, struct wt_record *record);

/* What a dead letter says of itself. */
struct wt_letter_head {
    const struct wt_header *code;
    const struct wt_header *topic; /* of its origin, as the next two */
    int32_t partition;
    int64_t offset;
    int64_t tries;
};

/* False: it is no dead letter of wiretag. */
bool wt_letter_read(const struct wt_record *record, struct wt_letter_head *head_out);

/* A redrive of these codes (NULL: all) and tries takes it, as far as those go: WT_LETTER_OPENED,
 * WT_LETTER_OTHER_CODE or WT_LETTER_TRIED. */
enum wt_letter wt_letter_choose(const struct wt_letter_head *head, const char *codes,
                                int64_t tries_max);

/* Every code that a dead letter can have, in order of the alphabet. */
const char *const *wt_letter_codes(size_t *count_out);

/* Reads codes as a person lists them, joined by commas, blanks around them; each once, in order of the alphabet,
 * in *codes_out, the caller's to free. WT_INVALID: one is unknown, and the message has those that are known. */
enum wt_status wt_letter_codes_parse(const char *text, char **codes_out, struct wt_error *error);

#endif
