#include "text/wordpiece/wordpiece.h"

#include "base/pages.h"
#include "base/utf8.h"
#include "text/tables/count_ids.h"
#include "text/unicode/unicode.h"

#include <stdlib.h>
#include <string.h>

#define IDS_AT_FIRST 65536u /* twice what a batch needs; what is not written takes no memory */
#define TEXT_BYTES_MAX INT32_MAX

static enum wt_status out_of_memory(struct wt_error *error, enum wt_error_class error_class)
{
    return wt_error_set(error, WT_MEMORY, error_class, "out-of-memory",
                        "not enough memory to tokenize");
}

static void free_tokenizer(struct wt_wordpiece *tokenizer)
{
    free(tokenizer->ids);
    wt_pages_free(tokenizer->entries);
    wt_pages_free(tokenizer->lines);
    free(tokenizer);
}

static void destroy(struct wt_tokenizer *base)
{
    free_tokenizer(wt_wordpiece_of(base));
}

static enum wt_status create(const struct wt_vocab *vocab, struct wt_tokenizer **tokenizer_out,
                             struct wt_error *error)
{
    const struct wt_wordpiece_vocab *own = wt_wordpiece_vocab_of(vocab);
    struct wt_wordpiece *tokenizer = calloc(1, sizeof *tokenizer);
    if (tokenizer == NULL) {
        return out_of_memory(error, WT_ERROR_FATAL);
    }
    *tokenizer_out = &tokenizer->base;
    tokenizer->base.type = &wt_wordpiece_type;
    tokenizer->vocab = own;
    tokenizer->capacity = IDS_AT_FIRST;
    tokenizer->ids = malloc(tokenizer->capacity * sizeof *tokenizer->ids);
    tokenizer->entries = wt_pages_alloc_present(WT_ENTRY_COUNT * sizeof *tokenizer->entries);
    tokenizer->lines = wt_pages_alloc(WT_LINE_COUNT * sizeof *tokenizer->lines);
    if (tokenizer->ids == NULL || tokenizer->entries == NULL || tokenizer->lines == NULL) {
        free_tokenizer(tokenizer);
        *tokenizer_out = NULL;
        return out_of_memory(error, WT_ERROR_FATAL);
    }
    tokenizer->run = wt_wordpiece_run_portable;
#if WT_HAVE_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")) {
        tokenizer->run = wt_wordpiece_run_avx2;
    }
#elif WT_HAVE_NEON
    tokenizer->run = wt_wordpiece_run_neon;
#endif
    return WT_OK;
}

enum wt_status wt_wordpiece_grow(struct wt_wordpiece *tokenizer)
{
    size_t capacity = tokenizer->capacity * 2;
    int32_t *ids = realloc(tokenizer->ids, capacity * sizeof *ids);
    if (ids == NULL) {
        return WT_MEMORY;
    }
    tokenizer->ids = ids;
    tokenizer->capacity = capacity;
    return WT_OK;
}

static enum wt_status encode(struct wt_tokenizer *base, const char *text, size_t text_bytes,
                             uint32_t tokens_max, struct wt_tokens *tokens_out,
                             struct wt_error *error)
{
    struct wt_wordpiece *tokenizer = wt_wordpiece_of(base);
    const struct wt_wordpiece_vocab *vocab = tokenizer->vocab;
    if (tokens_max == 1) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "tokens-max",
                            "no text has 1 token at most: [CLS] and [SEP] are two");
    }
    if (text_bytes > TEXT_BYTES_MAX) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-too-large",
                            "the text has %zu bytes; at most %d are tokenized", text_bytes,
                            TEXT_BYTES_MAX);
    }
    /* Stop after [CLS], tokens_max - 2 tokens, and one more, which shows that the text is
     * longer. */
    tokenizer->stop_count = tokens_max == 0 ? SIZE_MAX : tokens_max;
    tokenizer->ids[0] = vocab->cls_id;
    size_t count = 1;
    enum wt_status status = tokenizer->run(tokenizer, (const uint8_t *)text, text_bytes, &count);
    if (status == WT_MEMORY) {
        return out_of_memory(error, WT_ERROR_RETRIABLE);
    }
    if (status == WT_INVALID) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-not-utf8",
                            "the text is not valid UTF-8 at byte %zu",
                            wt_utf8_malformed(text, text_bytes));
    }
    bool truncated = count >= tokenizer->stop_count;
    if (truncated) {
        count = tokens_max - 1;
    }
    tokenizer->ids[count++] = vocab->sep_id;
    *tokens_out = (struct wt_tokens){.ids = tokenizer->ids,
                                     .count = (uint32_t)count,
                                     .unknown_count =
                                         wt_count_ids(tokenizer->ids, count, vocab->unknown_ids[0]),
                                     .truncated = truncated};
    return WT_OK;
}

/* [CLS] and [SEP]. */
static void frame(const struct wt_vocab *vocab, uint32_t *before_out, uint32_t *behind_out)
{
    (void)vocab;
    *before_out = 1;
    *behind_out = 1;
}

const struct wt_tokenizer_type wt_wordpiece_type = {
    .name = "wordpiece",
    .file = "vocab.txt",
    .create_vocab = wt_wordpiece_vocab_create,
    .destroy_vocab = wt_wordpiece_vocab_destroy,
    .token = wt_wordpiece_vocab_token,
    .frame = frame,
    .create = create,
    .destroy = destroy,
    .encode = encode,
};
