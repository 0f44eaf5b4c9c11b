/* terms.h: what a replay or redrive was asked for at its first start, kept beside its books
 * (checkpoint.h), so that a later start under the same name is told what differs.
 *
 * A text of " name=value" after " name=value"; what is not plain ASCII in a value is written as '_', and of
 * a long value the beginning and a hash. Pure. Thread: any. */
#ifndef WIRETAG_REPLAY_TERMS_H
#define WIRETAG_REPLAY_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text, NUL included. With the books it stays far below offset.metadata.max.bytes (4096). */
#define WT_TERMS_BYTES_MAX 1600u

/* Longest value, NUL included: a topic's name is whole. */
#define WT_TERM_VALUE_BYTES_MAX 272u

/* Appends one term to `terms`, which has room for WT_TERMS_BYTES_MAX; `name` has no blank and no '='. */
void wt_terms_add(char *terms, const char *name, const char *value);
void wt_terms_add_integer(char *terms, const char *name, int64_t value);

/* Copies a value to `value`, which has room for WT_TERM_VALUE_BYTES_MAX. False: there is no such term. */
bool wt_terms_find(const char *terms, const char *name, char *value);

/* Writes which of `names`, ended by NULL, differ, in words: "from was -7d and is -3d, output was …"; a term
 * that `then` has not is not compared. `words` has room for `words_bytes`. False: none. */
bool wt_terms_differ(const char *then, const char *now, const char *const *names, char *words,
                     size_t words_bytes);

#endif
