/* serde_real.h: reads a number of a JSON file as Hugging Face `tokenizers` does.
 *
 * The package does not read reals exactly: it multiplies or divides the digits as an integer by a
 * power of ten, so that one score in eight of a published file is the neighbour of the closest
 * double. Sums of scores that are nearly equal depend on it. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_JSON_SERDE_REAL_H
#define WIRETAG_TEXT_JSON_SERDE_REAL_H

#include <stdbool.h>
#include <stddef.h>

/* Reads `number`, which has the form of a JSON number. False: too large for a double. */
bool wt_serde_real(const char *number, size_t bytes, double *real_out);

#endif
