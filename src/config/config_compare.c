#include "config/config_compare.h"

#include "base/buffer.h"
#include "config/config_schema.h"

#include <string.h>

static bool same_text(const char *left, const char *right)
{
    return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

static bool same_texts(const struct wt_strings *left, const struct wt_strings *right)
{
    bool same = left->count == right->count;
    for (size_t i = 0; same && i < left->count; i++) {
        same = strcmp(left->items[i], right->items[i]) == 0;
    }
    return same;
}

static bool same_properties(const struct wt_properties *left, const struct wt_properties *right)
{
    bool same = left->count == right->count;
    for (size_t i = 0; same && i < left->count; i++) {
        same = strcmp(left->items[i].name, right->items[i].name) == 0 &&
               same_text(left->items[i].value, right->items[i].value);
    }
    return same;
}

static bool same_thresholds(const struct wt_thresholds *left, const struct wt_thresholds *right)
{
    bool same = left->all == right->all && left->count == right->count;
    for (size_t i = 0; same && i < left->count; i++) {
        same = strcmp(left->items[i].label, right->items[i].label) == 0 &&
               left->items[i].value == right->items[i].value;
    }
    return same;
}

static bool same_filters(const struct wt_filters *left, const struct wt_filters *right)
{
    bool same = left->count == right->count;
    for (size_t i = 0; same && i < left->count; i++) {
        same = strcmp(left->items[i].pointer, right->items[i].pointer) == 0 &&
               left->items[i].null == right->items[i].null &&
               same_texts(&left->items[i].values, &right->items[i].values);
    }
    return same;
}

static bool same_routes(const struct wt_routes *left, const struct wt_routes *right)
{
    bool same = left->count == right->count;
    for (size_t i = 0; same && i < left->count; i++) {
        const struct wt_route *one = &left->items[i];
        const struct wt_route *other = &right->items[i];
        same = one->by_category == other->by_category && one->none == other->none &&
               same_texts(&one->categories, &other->categories) &&
               one->score_below == other->score_below && same_text(one->topic, other->topic);
    }
    return same;
}

static bool same(const struct wt_key *key, const void *left, const void *right)
{
    switch (key->type) {
    case WT_KEY_BOOL:
        return *(const bool *)left == *(const bool *)right;
    case WT_KEY_U32:
        return *(const uint32_t *)left == *(const uint32_t *)right;
    case WT_KEY_U64:
        return *(const uint64_t *)left == *(const uint64_t *)right;
    case WT_KEY_NUMBER:
        return *(const double *)left == *(const double *)right;
    case WT_KEY_TEXT:
        return same_text(*(char *const *)left, *(char *const *)right);
    case WT_KEY_TEXTS:
        return same_texts(left, right);
    case WT_KEY_CHOICE:
        return *(const unsigned *)left == *(const unsigned *)right;
    case WT_KEY_PROPERTIES:
        return same_properties(left, right);
    case WT_KEY_THRESHOLDS:
        return same_thresholds(left, right);
    case WT_KEY_FILTERS:
        return same_filters(left, right);
    case WT_KEY_ROUTES:
        return same_routes(left, right);
    }
    return false;
}

static bool is_among(const char *const *paths, const char *path)
{
    while (*paths != NULL && strcmp(*paths, path) != 0) {
        paths++;
    }
    return *paths != NULL;
}

char *wt_config_differences(const struct wt_config *left, const struct wt_config *right,
                            const char *const *except)
{
    struct wt_buffer list = {0};
    size_t count;
    const struct wt_key *keys = wt_schema_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct wt_key *key = &keys[i];
        if (!is_among(except, key->path) &&
            !same(key, (const char *)left + key->offset, (const char *)right + key->offset)) {
            if (list.count > 0) {
                wt_buffer_append_text(&list, ", ");
            }
            wt_buffer_append_text(&list, key->path);
        }
    }
    return list.count > 0 ? wt_buffer_take(&list, NULL) : NULL;
}
