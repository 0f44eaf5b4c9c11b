/* article_windows.h: how long articles are cut, as the configuration wants it of a model. Thread:
 * any. */
#ifndef WIRETAG_CODEC_ARTICLE_WINDOWS_H
#define WIRETAG_CODEC_ARTICLE_WINDOWS_H

#include "config/config.h"
#include "text/windows.h"
#include "wiretag/tokenizer.h"

/* From input.long, window_overlap and windows_max, for a model with `vocab` that takes `tokens_max`.
 * WT_INVALID (class fatal), code window-overlap: windows of this model are not longer than their
 * overlap. The message begins with the place. */
enum wt_status wt_article_windows(const struct wt_config *config, const struct wt_vocab *vocab,
                                  uint32_t tokens_max, struct wt_windows *windows_out,
                                  struct wt_error *error);

#endif
