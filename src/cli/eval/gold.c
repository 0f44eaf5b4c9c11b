#include "cli/eval/gold.h"

#include "base/nearest.h"
#include "cli/columns.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of a name is shown in a message. */
#define NAME_COLUMNS 60u

static enum wt_status invalid(struct wt_error *error, const char *text)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "gold-label", "%s", text);
}

/* The id of a label; `count`: there is none of that name. */
static uint32_t find(const struct wt_gold_labels *labels, const char *name, size_t bytes)
{
    uint32_t id = 0;
    while (id < labels->count &&
           (strlen(labels->names[id]) != bytes || memcmp(labels->names[id], name, bytes) != 0)) {
        id++;
    }
    return id;
}

static const char *nearest(const struct wt_gold_labels *labels, const char *name)
{
    const char *best = labels->names[0];
    for (uint32_t i = 1; i < labels->count; i++) {
        if (wt_nearest_distance(name, labels->names[i]) < wt_nearest_distance(name, best)) {
            best = labels->names[i];
        }
    }
    return best;
}

static bool is_number(const char *name, size_t bytes)
{
    size_t digits = strspn(name, "0123456789");
    return digits == bytes && digits > 0;
}

static enum wt_status read_name(const struct wt_gold_labels *labels, const char *name, size_t bytes,
                                uint32_t *label_out, struct wt_error *error)
{
    uint32_t id = find(labels, name, bytes);
    if (id < labels->count) {
        *label_out = id;
        return WT_OK;
    }
    struct wt_buffer text = {0};
    wt_buffer_append_text(&text, "gold label \"");
    wt_columns_append(&text, name, NAME_COLUMNS);
    wt_buffer_append_text(&text, "\" is none of the model's ");
    wt_buffer_append_integer(&text, labels->count);
    if (is_number(name, bytes)) {
        wt_buffer_append_text(&text, "; an id is written without quotes");
    } else {
        wt_buffer_append_text(&text, "; the nearest is \"");
        wt_columns_append(&text, nearest(labels, name), NAME_COLUMNS);
        wt_buffer_append_text(&text, "\"");
    }
    char *message = wt_buffer_take(&text, NULL);
    enum wt_status status = invalid(error, message);
    free(message);
    return status;
}

/* An integer is an id. Where a label is called by that number but has another id, nobody knows what
 * is meant. */
static enum wt_status read_id(const struct wt_gold_labels *labels, json_int_t number,
                              uint32_t *label_out, struct wt_error *error)
{
    char name[24];
    char text[200];
    int bytes = snprintf(name, sizeof name, "%" JSON_INTEGER_FORMAT, number);
    uint32_t named = find(labels, name, (size_t)bytes);
    if (named < labels->count && number != (json_int_t)named) {
        (void)snprintf(text, sizeof text,
                       "gold label %s may be the id or the label \"%s\", whose id is %" PRIu32
                       ": write the name as a string",
                       name, name, named);
        return invalid(error, text);
    }
    if (number < 0 || number >= (json_int_t)labels->count) {
        (void)snprintf(text, sizeof text,
                       "gold label %s is no id of the model's labels, 0 to %" PRIu32, name,
                       labels->count - 1);
        return invalid(error, text);
    }
    *label_out = (uint32_t)number;
    return WT_OK;
}

static enum wt_status read_label(const struct wt_gold_labels *labels, const json_t *value,
                                 uint32_t *label_out, struct wt_error *error)
{
    if (json_is_string(value)) {
        return read_name(labels, json_string_value(value), json_string_length(value), label_out,
                         error);
    }
    if (json_is_integer(value)) {
        return read_id(labels, json_integer_value(value), label_out, error);
    }
    /* Tables with gaps keep integers as reals: 9.0. */
    double number = json_is_real(value) ? json_real_value(value) : NAN;
    if (number >= 0.0 && number <= INT32_MAX && number == floor(number)) {
        return read_id(labels, (json_int_t)number, label_out, error);
    }
    return invalid(error, "the gold label is neither a string nor an integer");
}

/* Appends the label that `value` is, unless it is there since `start`. */
static enum wt_status append(const struct wt_gold_labels *labels, const json_t *value, size_t start,
                             struct wt_buffer *ids, struct wt_error *error)
{
    uint32_t label = 0;
    enum wt_status status = read_label(labels, value, &label, error);
    for (size_t at = start; status == WT_OK && at < ids->count; at += sizeof label) {
        if (memcmp(ids->bytes + at, &label, sizeof label) == 0) {
            return WT_OK;
        }
    }
    if (status == WT_OK) {
        wt_buffer_append(ids, &label, sizeof label);
    }
    return status;
}

/* What a list of 0 and 1, or of false and true, is. */
enum indicator {
    NO_INDICATOR, /* ids, or something else is in it */
    MAYBE,        /* each number is there once, so it may be a list of ids, too */
    INDICATOR     /* a value for each label: whether the article has it */
};

static enum indicator indicator_of(const struct wt_gold_labels *labels, const json_t *list)
{
    size_t counts[2] = {0, 0};
    bool numbers = true;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        double number = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
        bool fits = json_is_boolean(value) || json_is_number(value);
        if (!fits || (number != 0.0 && number != 1.0)) {
            return NO_INDICATOR;
        }
        numbers = numbers && !json_is_boolean(value);
        counts[number == 1.0]++;
    }
    bool may_be_ids = numbers && counts[0] <= 1 && counts[1] <= (labels->count > 1);
    if (may_be_ids) {
        return json_array_size(list) == labels->count ? MAYBE : NO_INDICATOR;
    }
    return INDICATOR;
}

/* Appends the labels whose value in the list is 1. */
static enum wt_status append_indicated(const struct wt_gold_labels *labels, const json_t *list,
                                       struct wt_buffer *ids, struct wt_error *error)
{
    char text[100];
    if (json_array_size(list) != labels->count) {
        (void)snprintf(text, sizeof text,
                       "the gold labels are %zu values of 0 and 1, but the model has %" PRIu32
                       " labels",
                       json_array_size(list), labels->count);
        return invalid(error, text);
    }
    for (uint32_t id = 0; id < json_array_size(list); id++) {
        const json_t *value = json_array_get(list, id);
        if (json_is_true(value) || json_number_value(value) == 1.0) {
            wt_buffer_append(ids, &id, sizeof id);
        }
    }
    return WT_OK;
}

enum wt_status wt_gold_read(const struct wt_gold_labels *labels, const struct json_t *value,
                            struct wt_buffer *ids, struct wt_error *error)
{
    size_t start = ids->count;
    enum wt_status status = WT_OK;
    if (value == NULL || json_is_null(value)) {
        return WT_CLOSED;
    }
    if (!json_is_array(value)) {
        return append(labels, value, start, ids, error);
    }
    size_t count = json_array_size(value);
    if (!labels->several && count > 1) {
        return invalid(error, "there are several gold labels, but the model gives one label");
    }
    if (!labels->several && count == 0) {
        return WT_CLOSED;
    }
    enum indicator indicator = labels->several ? indicator_of(labels, value) : NO_INDICATOR;
    if (indicator == MAYBE) {
        return invalid(error, "the list of gold labels may be of ids, or have a 0 or 1 for each "
                              "label: write the names as strings, or true and false");
    }
    if (indicator == INDICATOR) {
        return append_indicated(labels, value, ids, error);
    }
    for (size_t i = 0; status == WT_OK && i < count; i++) {
        status = append(labels, json_array_get(value, i), start, ids, error);
    }
    return status;
}
