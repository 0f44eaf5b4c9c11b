/* bpe.h: byte-pair encoding (Sennrich et al., arXiv 1508.07909): a word starts as its characters,
 * and of all neighbours that a merge joins, those of the lowest rank are joined, leftmost first,
 * until there are none. Immutable after creation. Thread: any. */
#ifndef WIRETAG_TEXT_MODELS_BPE_H
#define WIRETAG_TEXT_MODELS_BPE_H

#include "text/models/word_model.h"

extern const struct wt_word_model_type wt_bpe_model_type;

#endif
