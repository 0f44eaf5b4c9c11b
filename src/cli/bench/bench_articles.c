#include "cli/bench/bench_articles.h"

#include "base/alloc.h"
#include "base/errno_text.h"
#include "cli/jsonl.h"
#include "record/partition.h"
#include "wiretag/tokenizer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct article {
    int32_t *ids;
    uint32_t token_count;
};

struct wt_bench_articles {
    struct article *items;
    uint32_t count;
    uint32_t capacity;
    uint64_t tokens;
    struct wt_partition source; /* the source of all records */
};

static void add(struct wt_bench_articles *articles, const struct wt_tokens *tokens)
{
    if (articles->count == articles->capacity) {
        articles->capacity = articles->capacity * 2 + 256;
        articles->items = wt_realloc(articles->items, articles->capacity * sizeof *articles->items);
    }
    struct article *article = &articles->items[articles->count++];
    article->token_count = tokens->count;
    article->ids = wt_alloc(tokens->count * sizeof(int32_t));
    memcpy(article->ids, tokens->ids, tokens->count * sizeof(int32_t));
    articles->tokens += tokens->count;
}

static enum wt_status read_all(struct wt_bench_articles *articles, struct wt_jsonl *input,
                               struct wt_tokenizer *tokenizer, const char *path,
                               uint32_t articles_max, uint32_t tokens_max, struct wt_error *error)
{
    enum wt_status status = WT_OK;
    while (status == WT_OK && articles->count < articles_max) {
        struct wt_jsonl_item item;
        struct wt_tokens tokens;
        struct wt_error cause;
        status = wt_jsonl_next(input, &item, &cause);
        if (status == WT_OK) {
            status = wt_tokenizer_encode(tokenizer, item.text, item.text_bytes, tokens_max, &tokens,
                                         &cause);
        }
        if (status == WT_OK) {
            add(articles, &tokens);
        } else if (status == WT_INVALID) {
            (void)wt_error_set(error, status, WT_ERROR_FATAL, cause.code, "%s:%" PRIu64 ": %s",
                               path, item.line, cause.message);
        } else if (status != WT_CLOSED) {
            *error = cause;
        }
    }
    return status == WT_CLOSED ? WT_OK : status;
}

enum wt_status wt_bench_articles_read(const char *path, const struct wt_model *model,
                                      uint32_t articles_max,
                                      struct wt_bench_articles **articles_out,
                                      struct wt_error *error)
{
    struct wt_tokenizer *tokenizer = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "input", "%s cannot be read: %s", path,
                            wt_errno_text(errno));
    }
    struct wt_bench_articles *articles = wt_alloc_zeroed(1, sizeof *articles);
    struct wt_jsonl *input = wt_jsonl_create(fd);
    enum wt_status status = wt_tokenizer_create(wt_model_vocab(model), &tokenizer, error);
    if (status == WT_OK) {
        status = read_all(articles, input, tokenizer, path, articles_max,
                          wt_model_info(model)->tokens_max, error);
    }
    if (status == WT_OK && articles->count == 0) {
        status =
            wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "input", "%s has no articles", path);
    }
    wt_tokenizer_destroy(tokenizer);
    wt_jsonl_destroy(input);
    (void)close(fd);
    if (status != WT_OK) {
        wt_bench_articles_destroy(articles);
        return status;
    }
    *articles_out = articles;
    return WT_OK;
}

void wt_bench_articles_destroy(struct wt_bench_articles *articles)
{
    if (articles == NULL) {
        return;
    }
    for (uint32_t i = 0; i < articles->count; i++) {
        free(articles->items[i].ids);
    }
    free(articles->items);
    free(articles);
}

uint32_t wt_bench_articles_count(const struct wt_bench_articles *articles)
{
    return articles->count;
}

uint64_t wt_bench_articles_tokens(const struct wt_bench_articles *articles)
{
    return articles->tokens;
}

void wt_bench_articles_take(struct wt_bench_articles *articles, uint32_t count,
                            struct wt_record_list *list)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t place =
            count < articles->count ? (uint64_t)i * articles->count / count : i % articles->count;
        const struct article *article = &articles->items[place];
        struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
        record->source = &articles->source;
        record->ids = wt_alloc(article->token_count * sizeof(int32_t));
        memcpy(record->ids, article->ids, article->token_count * sizeof(int32_t));
        record->token_count = article->token_count;
        wt_record_list_append(list, &record);
    }
}
