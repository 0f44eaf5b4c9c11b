/* compound_words.c: splits a text stage by stage, and gives words to the model in batches. */
#include "text/compound/compound_internal.h"

#include <assert.h>
#include <string.h>

enum wt_status wt_compound_flush(struct wt_compound_tokenizer *tokenizer)
{
    if (tokenizer->batch_count == 0) {
        return WT_OK;
    }
    const struct wt_word_model *model = tokenizer->compound->model;
    enum wt_status status =
        model->type->encode(model, tokenizer->state, tokenizer->view, tokenizer->batch,
                            tokenizer->batch_count, &tokenizer->ids);
    tokenizer->batch_count = 0;
    if (status != WT_OK) {
        return status;
    }
    return tokenizer->ids.count >= tokenizer->stop_count ? WT_CLOSED : WT_OK;
}

static enum wt_status add_words(struct wt_compound_tokenizer *tokenizer,
                                const struct wt_word *words, uint32_t count)
{
    assert(count > 0);
    if (tokenizer->batch_count + count > WT_WORDS_AT_ONCE) {
        enum wt_status status = wt_compound_flush(tokenizer);
        if (status != WT_OK) {
            return status;
        }
    }
    memcpy(tokenizer->batch + tokenizer->batch_count, words, count * sizeof *words);
    tokenizer->batch_count += count;
    tokenizer->covered = words[count - 1].start + words[count - 1].bytes;
    return WT_OK;
}

static enum wt_status split(struct wt_compound_tokenizer *tokenizer, uint32_t stage,
                            struct wt_word piece, bool first);

/* Splits a piece and gives its words to the next stage. */
static enum wt_status split_words(struct wt_compound_tokenizer *tokenizer, uint32_t index,
                                  struct wt_word piece, bool first)
{
    const struct wt_splitter *splitter = &tokenizer->compound->splitter;
    const struct wt_splitter_stage *stage = &splitter->stages[index];
    struct wt_word *words = tokenizer->words[index];
    struct wt_splitter_cursor cursor = {
        .text = tokenizer->view, .place = piece.start, .end = piece.start + piece.bytes};
    enum wt_status status = WT_OK;
    if (stage->split == NULL) {
        return split(tokenizer, index + 1, piece, first);
    }
    while (cursor.place < cursor.end && status == WT_OK) {
        uint32_t count = stage->split(stage, &cursor, words);
        if (count > 0 && index + 1 == splitter->count) {
            status = add_words(tokenizer, words, count);
            continue;
        }
        for (uint32_t i = 0; i < count && status == WT_OK; i++) {
            status = split(tokenizer, index + 1, words[i], first && words[i].start == piece.start);
        }
    }
    return status;
}

/* Splits a piece with a blank before it. If the byte before it is still needed, it is put back. */
static enum wt_status split_prefixed(struct wt_compound_tokenizer *tokenizer, uint32_t index,
                                     struct wt_word piece, bool first)
{
    uint8_t *before = tokenizer->view + piece.start - 1;
    uint8_t saved = *before;
    bool needed = piece.start - 1 < tokenizer->covered;
    enum wt_status status = needed ? wt_compound_flush(tokenizer) : WT_OK;
    if (status != WT_OK) {
        return status;
    }
    *before = ' ';
    struct wt_word longer = {.start = piece.start - 1, .bytes = piece.bytes + 1};
    status = split_words(tokenizer, index, longer, first);
    if (needed) {
        if (status == WT_OK) {
            status = wt_compound_flush(tokenizer);
        }
        *before = saved;
    }
    return status;
}

static enum wt_status split_stage(struct wt_compound_tokenizer *tokenizer, uint32_t index,
                                  struct wt_word piece, bool first)
{
    const struct wt_splitter_stage *stage = &tokenizer->compound->splitter.stages[index];
    bool prefixed =
        stage->prefix == WT_PREFIX_ALWAYS || (stage->prefix == WT_PREFIX_FIRST && first);
    if (prefixed && tokenizer->view[piece.start] != ' ') {
        return split_prefixed(tokenizer, index, piece, first);
    }
    return split_words(tokenizer, index, piece, first);
}

bool wt_compound_place(struct wt_text_buffer *buffer, const uint8_t *text, size_t bytes)
{
    buffer->count = 0;
    if (!wt_text_buffer_reserve(buffer, bytes + (size_t)2 * WT_TEXT_MARGIN)) {
        return false;
    }
    memset(buffer->bytes, 0, WT_TEXT_MARGIN);
    if (bytes > 0) { /* a text that the normalizer leaves nothing of has no bytes at all */
        memcpy(buffer->bytes + WT_TEXT_MARGIN, text, bytes);
    }
    memset(buffer->bytes + WT_TEXT_MARGIN + bytes, 0, WT_TEXT_MARGIN);
    buffer->count = bytes + (size_t)2 * WT_TEXT_MARGIN;
    return true;
}

bool wt_compound_has_bar(const uint8_t *text, size_t bytes)
{
    /* Of its three bytes the middle one is the rarest in texts. */
    for (size_t place = 1; place + 1 < bytes; place++) {
        const uint8_t *found = memchr(text + place, WT_BAR[1], bytes - 1 - place);
        if (found == NULL) {
            break;
        }
        if (memcmp(found - 1, WT_BAR, WT_BAR_BYTES) == 0) {
            return true;
        }
        place = (size_t)(found - text);
    }
    return false;
}

/* Turns each U+2581 of the text between the margins into a blank. Returns its new length. */
static uint32_t spell_blanks(struct wt_text_buffer *buffer, uint32_t bytes)
{
    uint8_t *text = buffer->bytes + WT_TEXT_MARGIN;
    uint32_t written = 0;
    for (uint32_t place = 0; place < bytes;) {
        if (bytes - place >= WT_BAR_BYTES && memcmp(text + place, WT_BAR, WT_BAR_BYTES) == 0) {
            text[written++] = ' ';
            place += WT_BAR_BYTES;
        } else {
            text[written++] = text[place++];
        }
    }
    memset(text + written, 0, WT_TEXT_MARGIN);
    return written;
}

/* Splits a copy of the piece that has its U+2581 as blanks. */
static enum wt_status split_spelled(struct wt_compound_tokenizer *tokenizer, uint32_t index,
                                    struct wt_word piece, bool first)
{
    uint8_t *view = tokenizer->view;
    uint32_t covered = tokenizer->covered;
    enum wt_status status = wt_compound_flush(tokenizer);
    if (status != WT_OK) {
        return status;
    }
    if (!wt_compound_place(&tokenizer->spelled, view + piece.start, piece.bytes)) {
        return WT_MEMORY;
    }
    struct wt_word copy = {.start = WT_TEXT_MARGIN,
                           .bytes = spell_blanks(&tokenizer->spelled, piece.bytes)};
    tokenizer->view = tokenizer->spelled.bytes;
    tokenizer->covered = 0;
    status = split_stage(tokenizer, index, copy, first);
    if (status == WT_OK) {
        status = wt_compound_flush(tokenizer);
    }
    tokenizer->view = view;
    tokenizer->covered = covered;
    return status;
}

/* Gives a piece to a stage; behind the last stage it is a word. `first`: it starts the text. */
static enum wt_status split(struct wt_compound_tokenizer *tokenizer, uint32_t index,
                            struct wt_word piece, bool first)
{
    const struct wt_splitter *splitter = &tokenizer->compound->splitter;
    if (index == splitter->count) {
        return add_words(tokenizer, &piece, 1);
    }
    const struct wt_splitter_stage *stage = &splitter->stages[index];
    if (stage->spells_blanks && tokenizer->has_bar &&
        wt_compound_has_bar(tokenizer->view + piece.start, piece.bytes)) {
        return split_spelled(tokenizer, index, piece, first);
    }
    return split_stage(tokenizer, index, piece, first);
}

enum wt_status wt_compound_split(struct wt_compound_tokenizer *tokenizer, struct wt_word piece,
                                 bool first)
{
    return split(tokenizer, 0, piece, first);
}
