/* foreign.h: what bytes are that were expected to be something else, by their first ones: for messages.
 * Pure. Thread: any. */
#ifndef WIRETAG_BASE_FOREIGN_H
#define WIRETAG_BASE_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a text in UTF-8 is instead, such as "compressed by gzip" or "text in UTF-16"; NULL: not known.
 * *compressed_out: whether it may be such a text once it is decompressed. */
const char *wt_foreign_text(const void *bytes, size_t count, bool *compressed_out);

/* The same of what should be JSON, and is not: also texts, such as "JSON in base64". */
const char *wt_foreign_json(const void *bytes, size_t count, bool *compressed_out);

/* The bytes that wt_foreign_model needs, where the file has so many. */
#define WT_FOREIGN_MODEL_BYTES 64u

/* What the file of a model is instead, such as "a pointer of Git LFS"; NULL: not known. `bytes` are the
 * first `count` of the file's `file_bytes`. */
const char *wt_foreign_model(const void *bytes, size_t count, uint64_t file_bytes);

#endif
