/* windows.h: cuts a long article into windows, overlapping parts that the model accepts.
 *
 *   text's tokens   0 ................................................ n
 *   window 0        [ own            )
 *   window 1                   [over-[ own         )
 *                               lap
 *   window 2                                 [over-[ own    )
 *                                             lap
 *
 * A window has at most `room` of the text's tokens, and the template's tokens ([CLS], [SEP]) around
 * them. The next one begins `step` further on, so two neighbours share room - step tokens, the
 * overlap. The first window that reaches the end of the text is the last. These are the windows
 * that Hugging Face's tokenizers return for a truncation with a stride of the overlap.
 *
 * A window's own tokens are those that no earlier window has: all of the first, and of each later
 * one what stands behind the overlap. So each token of the text is some window's own exactly once.
 * Windows are weighted by their own tokens: a last window of few new tokens changes little, and an
 * article one token longer than the model accepts gets nearly the logits of a shorter one.
 *
 * Pure. Counts are in tokens. Thread: any. */
#ifndef WIRETAG_TEXT_WINDOWS_H
#define WIRETAG_TEXT_WINDOWS_H

#include "wiretag/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

/* How articles are cut. With count_max 1 they are cut off, at `room`. */
struct wt_windows {
    uint32_t before;    /* the template's tokens before the text, */
    uint32_t behind;    /* and behind it */
    uint32_t room;      /* of a window, for tokens of the text */
    uint32_t step;      /* from the start of a window to that of the next: 1..room */
    uint32_t count_max; /* windows of an article: 1 or more */
};

/* A part of the text's tokens. */
struct wt_window {
    uint32_t from;  /* counted without the template */
    uint32_t count; /* 1..room; 0 only in a text without tokens */
    uint32_t own;
};

/* For windows of at most `tokens_max` tokens, the template's included (wt_model_info); neighbours
 * share `overlap`. WT_INVALID (class fatal), code window-overlap: windows would not advance. With
 * count_max 1 there is no overlap, and no failure. */
enum wt_status wt_windows_init(struct wt_windows *windows, const struct wt_vocab *vocab,
                               uint32_t tokens_max, uint32_t overlap, uint32_t count_max,
                               struct wt_error *error);

/* The most tokens of an article that fit its windows, with one template: what wt_tokenizer_encode
 * takes as tokens_max. An article that it truncates has more. */
uint32_t wt_windows_tokens_max(const struct wt_windows *windows);

/* How many windows an article of `token_count` tokens has, one template included: 1..count_max. */
uint32_t wt_windows_count(const struct wt_windows *windows, uint32_t token_count);

/* The most windows of an article whose text has `bytes`, if each token stands for a byte or more. */
uint32_t wt_windows_count_bound(const struct wt_windows *windows, size_t bytes);

/* Window `index` of an article of `token_count` tokens. */
struct wt_window wt_windows_at(const struct wt_windows *windows, uint32_t token_count,
                               uint32_t index);

/* Writes the window's ids, with the template's, from the article's `ids` (as wt_tokens has them).
 * Returns their number: before + window->count + behind. */
uint32_t wt_windows_ids(const struct wt_windows *windows, const struct wt_window *window,
                        const int32_t *ids, uint32_t token_count, int32_t *ids_out);

#endif
