#include "codec/format.h"

#include "codec/json_article.h"

#include <string.h>

static void *create(const struct wt_config *config)
{
    return wt_json_article_create(config);
}

static void destroy(void *state)
{
    wt_json_article_destroy(state);
}

static enum wt_status decode(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const char *json = record->value;
    size_t bytes = record->value_bytes;
    if (bytes >= 3 && memcmp(json, mark, 3) == 0) {
        article_out->mark = true;
        json += 3;
        bytes -= 3;
    }
    return wt_json_article_read(state, json, bytes, record, article_out, error);
}

static const char *find(void *state, const char *pointer, size_t *bytes_out)
{
    return wt_json_article_find(state, pointer, bytes_out);
}

const struct wt_format wt_format_json = {
    .create = create, .destroy = destroy, .decode = decode, .find = find, .json = true};
