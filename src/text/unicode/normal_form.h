/* normal_form.h: the Unicode normal forms (annex 15), with the results of Hugging Face: the tables
 * are generated from the behaviour of the `tokenizers` package, which has an old Unicode version
 * (scripts/tools/generate_normal_forms.py). Pure. Thread: any. */
#ifndef WIRETAG_TEXT_UNICODE_NORMAL_FORM_H
#define WIRETAG_TEXT_UNICODE_NORMAL_FORM_H

#include "text/tables/text_buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wt_normal_form { WT_NFC, WT_NFD, WT_NFKC, WT_NFKD };

/* Appends the normal form of `text`, well-formed UTF-8. Linear time. False: out of memory. */
bool wt_normal_form_apply(enum wt_normal_form form, const uint8_t *text, size_t bytes,
                          struct wt_text_buffer *out);

/* The length of a prefix of `text` that is in the normal form, and behind which normalization may
 * start anew; `bytes`: of all of it. Fast: this is what ordinary text costs. */
size_t wt_normal_form_unchanged(enum wt_normal_form form, const uint8_t *text, size_t bytes);

#endif
