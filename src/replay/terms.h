/* terms.h: the options that a replay or redrive was first started with, stored in its checkpoints
 * (checkpoint.h). A later start under the same name compares its own options with them.
 *
 * The text is a sequence of " name=value". Characters of a value that are not plain ASCII are
 * written as '_'. A long value is cut and followed by a hash. Pure. Thread: any. */
#ifndef WIRETAG_REPLAY_TERMS_H
#define WIRETAG_REPLAY_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest text, including NUL. A checkpoint with it is far below offset.metadata.max.bytes
 * (4096). */
#define WT_TERMS_BYTES_MAX 1600u

/* The longest value, including NUL. A topic name always fits. */
#define WT_TERM_VALUE_BYTES_MAX 400u

/* Appends one option to `terms`, which has room for WT_TERMS_BYTES_MAX. `name` has no space and no
 * '='. */
void wt_terms_add(char *terms, const char *name, const char *value);
void wt_terms_add_integer(char *terms, const char *name, int64_t value);

/* Copies a value to `value`, which has room for WT_TERM_VALUE_BYTES_MAX. False: `terms` does not
 * have it. */
bool wt_terms_find(const char *terms, const char *name, char *value);

/* Compares the options `names`, a list ended by NULL, and describes the differences: "from was -7d
 * and is -3d, output was …". An option that `then` lacks is not compared. `words` has room for
 * `words_bytes`. False: no difference. */
bool wt_terms_differ(const char *then, const char *now, const char *const *names, char *words,
                     size_t words_bytes);

#endif
