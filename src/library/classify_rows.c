#include "base/utf8.h"
#include "library/classify_internal.h"
#include "text/blank.h"

#include <string.h>

/* The tokenizer does not examine the text behind the limit, but a worker rejects such a text as a
 * whole, so all of it is checked. */
static enum wt_status check_text(const struct wt_text *text, struct wt_error *error)
{
    if (text->bytes == NULL && text->count > 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-missing",
                            "the text has no bytes, but a length of %zu", text->count);
    }
    if (text->count == 0 || wt_text_blank(text->bytes, text->count)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-blank", "%s", WT_TEXT_BLANK);
    }
    size_t malformed = wt_utf8_malformed(text->bytes, text->count);
    return malformed == text->count
               ? WT_OK
               : wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-not-utf8",
                              "the text is not valid UTF-8 at byte %zu", malformed);
}

/* Makes a row for each window; `split_text` is where they will be joined. */
static void add_rows(struct call *call, size_t index, const struct wt_tokens *tokens,
                     uint32_t window_count)
{
    struct workspace *workspace = call->workspace;
    const struct wt_windows *windows = &call->classifier->windows;
    for (uint32_t i = 0; i < window_count; i++) {
        struct wt_window window = wt_windows_at(windows, tokens->count, i);
        struct row row = {.index = index,
                          .ids_from = workspace->ids_count,
                          .window = window_count > 1 ? i : NO_WINDOW,
                          .split_text = workspace->split_text_count};
        row.count = wt_windows_ids(windows, &window, tokens->ids, tokens->count,
                                   workspace->ids + row.ids_from);
        workspace->ids_count += row.count;
        workspace->rows[workspace->row_count++] = row;
    }
}

/* Makes room for the logits of a text's windows. */
static bool add_split_text(struct call *call, size_t index, uint32_t window_count)
{
    struct workspace *workspace = call->workspace;
    size_t from = workspace->window_logits_count;
    size_t more = (size_t)window_count * call->classifier->info->label_count;
    void *logits = workspace->window_logits;
    bool room =
        wt_classify_reserve(&logits, &workspace->window_logits_room, from + more, sizeof(float));
    workspace->window_logits = logits;
    if (room) {
        workspace->window_logits_count += more;
        workspace->split_texts[workspace->split_text_count++] = (struct split_text){
            .index = index, .logits_from = from, .count = window_count, .failed = NO_WINDOW};
    }
    return room;
}

static enum wt_status keep_tokens(struct call *call, size_t index, const struct wt_tokens *tokens)
{
    struct workspace *workspace = call->workspace;
    const struct wt_windows *windows = &call->classifier->windows;
    uint32_t window_count = wt_windows_count(windows, tokens->count);
    size_t more = (size_t)window_count * (windows->before + windows->room + windows->behind);
    void *ids = workspace->ids;
    bool room = wt_classify_reserve(
        &ids, &workspace->ids_room,
        workspace->ids_count + (window_count > 1 ? more : tokens->count), sizeof *workspace->ids);
    workspace->ids = ids;
    if (!room) {
        return wt_classify_out_of_memory(call->error);
    }
    add_rows(call, index, tokens, window_count);
    if (window_count > 1 && !add_split_text(call, index, window_count)) {
        return wt_classify_out_of_memory(call->error);
    }
    wt_results_tokens(call->results, index, tokens->count, window_count, tokens->truncated);
    return WT_OK;
}

enum wt_status wt_classify_tokenize(struct call *call, size_t index)
{
    const struct wt_text *text = &call->texts[index];
    struct wt_tokens tokens;
    struct wt_error cause;
    enum wt_status status = check_text(text, &cause);
    if (status == WT_OK) {
        status =
            wt_tokenizer_encode(call->workspace->tokenizer, text->bytes, text->count,
                                wt_windows_tokens_max(&call->classifier->windows), &tokens, &cause);
    }
    if (status == WT_OK) {
        return keep_tokens(call, index, &tokens);
    }
    bool kept =
        status != WT_MEMORY && wt_results_fail(call->results, index, status, &cause) == WT_OK;
    return kept ? WT_OK : wt_classify_out_of_memory(call->error);
}
