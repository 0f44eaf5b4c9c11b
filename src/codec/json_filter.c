#include "codec/json_filter.h"

#include "base/alloc.h"
#include "codec/json_path.h"

#include <stdlib.h>
#include <string.h>

struct wt_json_filter {
    const struct wt_filters *filters;
    struct wt_json_path **paths; /* as many as filters */
};

struct wt_json_filter *wt_json_filter_create(const struct wt_config *config)
{
    const struct wt_filters *filters = &config->input.where;
    if (filters->count == 0) {
        return NULL;
    }
    struct wt_json_filter *filter = wt_alloc_zeroed(1, sizeof *filter);
    filter->filters = filters;
    filter->paths = wt_alloc_zeroed(filters->count, sizeof(struct wt_json_path *));
    for (size_t i = 0; i < filters->count; i++) {
        filter->paths[i] = wt_json_path_create(filters->items[i].pointer);
    }
    return filter;
}

void wt_json_filter_destroy(struct wt_json_filter *filter)
{
    if (filter == NULL) {
        return;
    }
    for (size_t i = 0; i < filter->filters->count; i++) {
        wt_json_path_destroy(filter->paths[i]);
    }
    free(filter->paths);
    free(filter);
}

/* One filter and the values that its path finds. */
struct matching {
    const struct wt_filter *filter;
    const struct wt_document *document;
    bool found; /* a value that is not null */
    bool matches;
};

static bool is_one_of(const struct wt_filter *filter, const char *text, size_t bytes)
{
    size_t i = 0;
    while (i < filter->values.count &&
           (strlen(filter->values.items[i]) != bytes ||
            memcmp(filter->values.items[i], bytes > 0 ? text : "", bytes) != 0)) {
        i++;
    }
    return i < filter->values.count;
}

static bool scalar_matches(const struct wt_filter *filter, const struct wt_value *value)
{
    if (value->type == WT_VALUE_NULL) {
        return filter->null;
    }
    if (!value->escaped) {
        return value->type != WT_VALUE_OBJECT && value->type != WT_VALUE_ARRAY &&
               is_one_of(filter, value->start, value->bytes);
    }
    struct wt_buffer text = {0};
    wt_value_append_text(value, &text);
    bool matches = is_one_of(filter, text.bytes, text.count);
    wt_buffer_free(&text);
    return matches;
}

static bool match(void *opaque, const struct wt_value *value)
{
    struct matching *matching = opaque;
    const struct wt_value *values = matching->document->values;
    matching->found = matching->found || value->type != WT_VALUE_NULL;
    if (value->type != WT_VALUE_ARRAY) {
        matching->matches = scalar_matches(matching->filter, value);
        return !matching->matches;
    }
    for (uint32_t at = (uint32_t)(value - values) + 1; !matching->matches && at < value->next;
         at = values[at].next) {
        matching->matches = scalar_matches(matching->filter, &values[at]);
    }
    return !matching->matches;
}

bool wt_json_filter_passes(const struct wt_json_filter *filter, struct wt_document *document,
                           const char **pointer_out, const struct wt_value **twice_out)
{
    *pointer_out = NULL;
    *twice_out = NULL;
    for (size_t i = 0; filter != NULL && i < filter->filters->count; i++) {
        struct matching matching = {.filter = &filter->filters->items[i], .document = document};
        *twice_out = wt_json_path_each(filter->paths[i], document, match, &matching);
        bool absent = !matching.found && matching.filter->null;
        if (*twice_out != NULL) {
            return false;
        }
        if (!matching.matches && !absent) {
            *pointer_out = matching.filter->pointer;
            return false;
        }
    }
    return true;
}
