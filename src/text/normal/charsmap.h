/* charsmap.h: the character map of a SentencePiece model (the normalizer "Precompiled" of
 * Hugging Face), with the results of `tokenizers`.
 *
 * The map is a trie of byte strings (a Darts double array) with replacements. A grapheme cluster of
 * less than six bytes is looked up as a whole: if the trie has a prefix of it, the replacement of
 * the shortest one stands for the whole cluster. Else each character of the cluster is looked up by
 * itself. Immutable after creation. Thread: any. */
#ifndef WIRETAG_TEXT_NORMAL_CHARSMAP_H
#define WIRETAG_TEXT_NORMAL_CHARSMAP_H

#include "text/tables/text_buffer.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_charsmap;

/* Reads a map from its bytes (the base64 of the file is decoded): four little-endian bytes with the
 * size of the trie, the trie in little-endian units of four bytes, and the replacements, each ended
 * by a NUL. Everything that a text could reach in the trie is checked.
 * WT_INVALID (class fatal), code charsmap-invalid: the message says what is wrong. WT_MEMORY. */
enum wt_status wt_charsmap_create(const uint8_t *data, size_t bytes, struct wt_charsmap **map_out,
                                  struct wt_error *error);

/* Accepts NULL. */
void wt_charsmap_destroy(struct wt_charsmap *map);

/* Appends the normalized form of `text`, well-formed UTF-8. False: out of memory. */
bool wt_charsmap_apply(const struct wt_charsmap *map, const uint8_t *text, size_t bytes,
                       struct wt_text_buffer *out);

/* The length of a prefix of `text` that the map leaves as it is, and behind which it may be applied
 * anew; `bytes`: of all of it. Fast: this is what ordinary text costs. */
size_t wt_charsmap_unchanged(const struct wt_charsmap *map, const uint8_t *text, size_t bytes);

#endif
