/* unigram_reference.h: the Unigram model without a trie or anything else that makes it fast. */
#ifndef WIRETAG_TESTS_UNIGRAM_REFERENCE_H
#define WIRETAG_TESTS_UNIGRAM_REFERENCE_H

#include "text/models/unigram.h"

/* The ids of `word`, well-formed UTF-8, in room for WT_UNIGRAM_IDS_MAX(bytes); returns how many. */
size_t unigram_reference_cut(const struct wt_unigram_piece *pieces, uint32_t count,
                             const struct wt_unigram_options *options, const char *word,
                             size_t bytes, int32_t *ids_out);

#endif
