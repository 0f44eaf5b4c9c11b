/* unigram_model.h: the model "Unigram" of a tokenizer.json. Each tokenizer remembers words in a
 * table of 4 MiB. */
#ifndef WIRETAG_TEXT_MODELS_UNIGRAM_MODEL_H
#define WIRETAG_TEXT_MODELS_UNIGRAM_MODEL_H

#include "text/models/word_model.h"

extern const struct wt_word_model_type wt_unigram_model_type;

#endif
