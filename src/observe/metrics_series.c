#include "base/alloc.h"
#include "base/buffer.h"
#include "observe/metrics_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct wt_series {
    struct wt_series *next;
    char *labels; /* {name="value",...} */
    _Atomic double value;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the lists */
static struct wt_series *firsts[WT_FAMILY_COUNT];

/* Escapes backslash, quote and line break, as the text format asks. */
static void append_escaped(struct wt_buffer *buffer, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '\\':
            wt_buffer_append(buffer, "\\\\", 2);
            break;
        case '"':
            wt_buffer_append(buffer, "\\\"", 2);
            break;
        case '\n':
            wt_buffer_append(buffer, "\\n", 2);
            break;
        default:
            wt_buffer_append(buffer, at, 1);
        }
    }
}

static char *labels_of(enum wt_family family, const char *const *label_values)
{
    const struct wt_family_entry *entry = wt_family_entry(family);
    struct wt_buffer buffer = {0};
    for (size_t i = 0; i < WT_FAMILY_LABELS_MAX && entry->labels[i] != NULL; i++) {
        wt_buffer_append_text(&buffer, i == 0 ? "{" : ",");
        wt_buffer_append_text(&buffer, entry->labels[i]);
        wt_buffer_append_text(&buffer, "=\"");
        append_escaped(&buffer, label_values[i]);
        wt_buffer_append_text(&buffer, "\"");
    }
    wt_buffer_append_text(&buffer, buffer.count > 0 ? "}" : "");
    return wt_buffer_take(&buffer, NULL);
}

/* The pointer to the series with these labels, or the end of the list where it would be added.
 * Locks: the mutex, held. */
static struct wt_series **find(enum wt_family family, const char *labels)
{
    struct wt_series **at = &firsts[family];
    while (*at != NULL && strcmp((*at)->labels, labels) != 0) {
        at = &(*at)->next;
    }
    return at;
}

struct wt_series *wt_series_get(enum wt_family family, const char *const *label_values)
{
    char *labels = labels_of(family, label_values);
    (void)pthread_mutex_lock(&mutex);
    struct wt_series **at = find(family, labels);
    if (*at == NULL) {
        *at = wt_alloc_zeroed(1, sizeof **at);
        (*at)->labels = labels;
        labels = NULL;
    }
    struct wt_series *series = *at;
    (void)pthread_mutex_unlock(&mutex);
    free(labels);
    return series;
}

struct wt_series *wt_series_find(enum wt_family family, const char *const *label_values)
{
    char *labels = labels_of(family, label_values);
    (void)pthread_mutex_lock(&mutex);
    struct wt_series *series = *find(family, labels);
    (void)pthread_mutex_unlock(&mutex);
    free(labels);
    return series;
}

void wt_series_add(struct wt_series *series, double value)
{
    wt_atomic_add(&series->value, value);
}

void wt_series_set(struct wt_series *series, double value)
{
    series->value = value;
}

void wt_series_remove(enum wt_family family, const char *const *label_values)
{
    char *labels = labels_of(family, label_values);
    (void)pthread_mutex_lock(&mutex);
    struct wt_series **at = find(family, labels);
    struct wt_series *removed = *at;
    if (removed != NULL) {
        *at = removed->next;
        free(removed->labels);
        free(removed);
    }
    (void)pthread_mutex_unlock(&mutex);
    free(labels);
}

void wt_series_visit(enum wt_family family,
                     void (*visit)(void *opaque, const char *labels, double value), void *opaque)
{
    (void)pthread_mutex_lock(&mutex);
    for (const struct wt_series *series = firsts[family]; series != NULL; series = series->next) {
        visit(opaque, series->labels, series->value);
    }
    (void)pthread_mutex_unlock(&mutex);
}
