#include "text/windows.h"

#include "text/tokenizer_type.h"

#include <assert.h>
#include <string.h>

enum wt_status wt_windows_init(struct wt_windows *windows, const struct wt_vocab *vocab,
                               uint32_t tokens_max, uint32_t overlap, uint32_t count_max,
                               struct wt_error *error)
{
    assert(count_max > 0);
    struct wt_windows own = {.count_max = count_max};
    vocab->type->frame(vocab, &own.before, &own.behind);
    uint32_t frame = own.before + own.behind;
    own.room = tokens_max > frame ? tokens_max - frame : 0;
    if (count_max == 1) {
        own.step = own.room;
    } else if (overlap >= own.room) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "window-overlap",
                            "windows that share %u tokens do not advance: the model takes %u "
                            "tokens, %u of them the article's; at most %u may be shared",
                            overlap, tokens_max, own.room, own.room > 0 ? own.room - 1 : 0);
    } else {
        own.step = own.room - overlap;
    }
    *windows = own;
    return WT_OK;
}

static uint32_t frame_of(const struct wt_windows *windows)
{
    return windows->before + windows->behind;
}

uint32_t wt_windows_tokens_max(const struct wt_windows *windows)
{
    uint64_t most = (uint64_t)frame_of(windows) + windows->room +
                    (uint64_t)(windows->count_max - 1) * windows->step;
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

/* The windows of a text of `count` tokens. */
static uint32_t count_for(const struct wt_windows *windows, size_t count)
{
    if (windows->count_max == 1 || count <= windows->room) {
        return 1;
    }
    size_t needed = 1 + (count - windows->room + windows->step - 1) / windows->step;
    return needed < windows->count_max ? (uint32_t)needed : windows->count_max;
}

uint32_t wt_windows_count(const struct wt_windows *windows, uint32_t token_count)
{
    assert(token_count >= frame_of(windows) && token_count <= wt_windows_tokens_max(windows));
    return count_for(windows, token_count - frame_of(windows));
}

uint32_t wt_windows_count_bound(const struct wt_windows *windows, size_t bytes)
{
    return count_for(windows, bytes);
}

struct wt_window wt_windows_at(const struct wt_windows *windows, uint32_t token_count,
                               uint32_t index)
{
    assert(index < wt_windows_count(windows, token_count));
    uint32_t text = token_count - frame_of(windows);
    uint32_t from = index * windows->step;
    uint32_t left = text - from;
    uint32_t count = left < windows->room ? left : windows->room;
    uint32_t shared = index > 0 ? windows->room - windows->step : 0;
    return (struct wt_window){.from = from, .count = count, .own = count - shared};
}

uint32_t wt_windows_ids(const struct wt_windows *windows, const struct wt_window *window,
                        const int32_t *ids, uint32_t token_count, int32_t *ids_out)
{
    assert(window->from + window->count <= token_count - frame_of(windows));
    const int32_t *text = ids + windows->before + window->from;
    const int32_t *behind = ids + token_count - windows->behind;
    memcpy(ids_out, ids, windows->before * sizeof *ids_out);
    memcpy(ids_out + windows->before, text, window->count * sizeof *ids_out);
    memcpy(ids_out + windows->before + window->count, behind, windows->behind * sizeof *ids_out);
    return frame_of(windows) + window->count;
}
