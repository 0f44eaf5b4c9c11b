#include "codec/article_windows.h"

enum wt_status wt_article_windows(const struct wt_config *config, const struct wt_vocab *vocab,
                                  uint32_t tokens_max, struct wt_windows *windows_out,
                                  struct wt_error *error)
{
    bool cut = config->input.long_articles == WT_LONG_CUT;
    struct wt_error cause;
    enum wt_status status =
        wt_windows_init(windows_out, vocab, tokens_max, config->input.window_overlap,
                        cut ? 1 : config->input.windows_max, &cause);
    return status == WT_OK
               ? WT_OK
               : wt_error_set(error, status, cause.error_class, cause.code,
                              "%s: input.window_overlap: %s",
                              wt_config_place(config, "input.window_overlap"), cause.message);
}
