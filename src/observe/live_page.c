#include "observe/live_page.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "observe/live.h"
#include "observe/live_history.h"
#include "observe/metrics_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rates are those of the last five to ten seconds, latencies and stages of the last minute. */
#define RATE_US INT64_C(5000000)
#define LATENCY_US INT64_C(60000000)

struct wt_live_page {
    struct wt_history *history;
    int64_t start_us;
    /* The last one: the page shows failures until there are newer ones. */
    struct wt_live_taken taken;
};

struct wt_live_page *wt_live_page_create(void)
{
    struct wt_live_page *page = wt_alloc_zeroed(1, sizeof *page);
    page->history = wt_history_create();
    page->start_us = wt_clock_us();
    return page;
}

void wt_live_page_destroy(struct wt_live_page *page)
{
    if (page != NULL) {
        wt_history_destroy(page->history);
        free(page);
    }
}

bool wt_live_page_tick(struct wt_live_page *page, int64_t now_us)
{
    return wt_history_tick(page->history, now_us);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void add_text(struct wt_buffer *buffer, const char *name, const char *text)
{
    wt_buffer_append_json_name(buffer, name);
    wt_buffer_append_json_string(buffer, text, strlen(text));
}

static void add_integer(struct wt_buffer *buffer, const char *name, int64_t value)
{
    wt_buffer_append_json_name(buffer, name);
    wt_buffer_append_integer(buffer, value);
}

/* Negative or not finite: null. */
static void add_number(struct wt_buffer *buffer, const char *name, double value)
{
    wt_buffer_append_json_name(buffer, name);
    if (isfinite(value) && value >= 0) {
        wt_buffer_append_number(buffer, value);
    } else {
        wt_buffer_append_text(buffer, "null");
    }
}

static void open(struct wt_buffer *buffer, const char *name, const char *bracket)
{
    wt_buffer_append_json_name(buffer, name);
    wt_buffer_append_text(buffer, bracket);
}

static void close_with(struct wt_buffer *buffer, const char *bracket)
{
    wt_buffer_append_text(buffer, bracket);
}

/* Writes {name="value",...} of the metrics as fields. The metrics escape backslash, quote and line break
 * as JSON does; other control characters are escaped here. */
static void add_labels(struct wt_buffer *buffer, const char *labels)
{
    const char *at = labels[0] == '{' ? labels + 1 : labels;
    while (*at != '\0' && *at != '}') {
        at += *at == ',' ? 1 : 0;
        size_t name_bytes = strcspn(at, "=");
        wt_buffer_append_json_name(buffer, NULL);
        wt_buffer_append_text(buffer, "\"");
        wt_buffer_append(buffer, at, name_bytes);
        wt_buffer_append_text(buffer, "\":\"");
        at += name_bytes + strlen("=\"");
        for (; *at != '\0' && *at != '"'; at++) {
            if (*at == '\\') {
                wt_buffer_append(buffer, at, 1);
                at++;
            }
            static const char digits[] = "0123456789abcdef";
            unsigned char byte = (unsigned char)*at;
            const char escaped[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
            if (byte < 0x20) {
                wt_buffer_append(buffer, escaped, sizeof escaped);
            } else {
                wt_buffer_append(buffer, at, 1);
            }
        }
        wt_buffer_append_text(buffer, "\"");
        at += *at == '"' ? 1 : 0;
    }
}

static void add_series(void *opaque, const char *labels, double value)
{
    struct wt_buffer *buffer = opaque;
    open(buffer, NULL, "{");
    add_labels(buffer, labels);
    add_number(buffer, "value", value);
    close_with(buffer, "}");
}

static void add_family(struct wt_buffer *buffer, const char *name, enum wt_family family)
{
    open(buffer, name, "[");
    wt_series_visit(family, add_series, buffer);
    close_with(buffer, "]");
}

static void begin_event(struct wt_buffer *buffer, const char *name)
{
    wt_buffer_append_text(buffer, "event: ");
    wt_buffer_append_text(buffer, name);
    wt_buffer_append_text(buffer, "\ndata: {");
}

static void end_event(struct wt_buffer *buffer)
{
    wt_buffer_append_text(buffer, "}\n\n");
}

/* --- the state --------------------------------------------------------------------------------- */

static void add_outcomes(struct wt_buffer *buffer)
{
    open(buffer, "records", "{");
    for (int i = WT_METRIC_OUTCOMES_FIRST; i <= WT_METRIC_OUTCOMES_LAST; i++) {
        enum wt_metric metric = (enum wt_metric)i;
        add_integer(buffer, wt_metric_entry(metric)->label_value, wt_metric_get(metric));
    }
    close_with(buffer, "}");
}

static void add_speed(const struct wt_live_page *page, int64_t now_us, struct wt_buffer *buffer)
{
    struct wt_sample now;
    wt_sample_read(now_us, &now);
    const struct wt_sample *near = wt_history_before(page->history, now_us, RATE_US);
    const struct wt_sample *far = wt_history_before(page->history, now_us, LATENCY_US);
    if (near == NULL || far == NULL) {
        return;
    }
    uint64_t before = near->labelled + near->dead + near->passed;
    add_number(buffer, "rate",
               wt_history_rate(near, &now, before, now.labelled + now.dead + now.passed));
    open(buffer, "latency", "{");
    add_number(buffer, "p50", wt_history_latency(far, &now, 0.5));
    add_number(buffer, "p95", wt_history_latency(far, &now, 0.95));
    add_number(buffer, "p99", wt_history_latency(far, &now, 0.99));
    close_with(buffer, "}");
    open(buffer, "stages", "[");
    for (size_t i = 0; i < WT_HISTORY_STAGES; i++) {
        uint64_t records = now.stage_records[i] - far->stage_records[i];
        double seconds = now.stage_seconds[i] - far->stage_seconds[i];
        open(buffer, NULL, "{");
        add_text(
            buffer, "stage",
            wt_histogram_entry((enum wt_histogram)(WT_HISTOGRAM_STAGE_QUEUE + i))->label_value);
        add_number(buffer, "seconds", records > 0 ? fmax(seconds, 0) / (double)records : -1);
        close_with(buffer, "}");
    }
    close_with(buffer, "]");
    open(buffer, "lag", "{");
    add_number(buffer, "records", now.lag_records);
    add_number(buffer, "seconds", now.lag_seconds);
    close_with(buffer, "}");
}

static void add_model(struct wt_buffer *buffer)
{
    int64_t computed = wt_metric_get(WT_METRIC_TOKENS_COMPUTED);
    int64_t tokens = wt_metric_get(WT_METRIC_TOKENS);
    struct wt_histogram_values articles;
    wt_histogram_read(WT_HISTOGRAM_BATCH_ARTICLES, &articles);
    add_family(buffer, "model", WT_FAMILY_MODEL_INFO);
    open(buffer, "batches", "{");
    add_integer(buffer, "replicas", wt_metric_get(WT_METRIC_REPLICAS));
    add_integer(buffer, "sick", wt_metric_get(WT_METRIC_REPLICAS_SICK));
    int64_t batches = wt_metric_get(WT_METRIC_BATCHES);
    add_number(buffer, "articles", batches > 0 ? articles.sum / (double)batches : -1);
    add_number(buffer, "padding",
               computed > 0 ? fmax(0, (double)(computed - tokens) / (double)computed) : -1);
    add_integer(buffer, "tokens", tokens);
    add_integer(buffer, "failures", wt_metric_get(WT_METRIC_BATCH_FAILURES));
    close_with(buffer, "}");
    open(buffer, "in_flight", "{");
    add_integer(buffer, "records", wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS));
    add_integer(buffer, "records_max", wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS_MAX));
    close_with(buffer, "}");
}

static void add_items(const struct wt_live_taken *taken, struct wt_buffer *buffer)
{
    open(buffer, "items", "[");
    for (size_t i = 0; i < taken->item_count; i++) {
        const struct wt_live_taken_item *item = &taken->items[i];
        open(buffer, NULL, "{");
        if (item->id[0] != '\0') {
            wt_buffer_append_json_name(buffer, "id");
            wt_buffer_append_text(buffer, item->id);
        }
        if (item->category[0] != '\0') {
            add_text(buffer, "category", item->category);
        }
        if (item->text[0] != '\0') {
            add_text(buffer, "text", item->text);
        }
        add_number(buffer, "score", item->score);
        add_number(buffer, "seconds", item->seconds);
        close_with(buffer, "}");
    }
    close_with(buffer, "]");
}

static void add_failures(const struct wt_live_taken *taken, struct wt_buffer *buffer)
{
    open(buffer, "failures", "[");
    for (size_t i = taken->failure_count; i > 0; i--) {
        const struct wt_live_taken_failure *failure = &taken->failures[i - 1];
        open(buffer, NULL, "{");
        add_integer(buffer, "number", (int64_t)failure->number);
        add_integer(buffer, "at", failure->at_ms);
        add_text(buffer, "topic", failure->topic);
        add_integer(buffer, "partition", failure->partition);
        add_integer(buffer, "offset", failure->offset);
        add_text(buffer, "stage", failure->stage);
        add_text(buffer, "code", failure->code);
        if (failure->message[0] != '\0') {
            add_text(buffer, "message", failure->message);
        }
        close_with(buffer, "}");
    }
    close_with(buffer, "]");
}

void wt_live_page_write_state(struct wt_live_page *page, const struct wt_live_page_now *now,
                              struct wt_buffer *buffer)
{
    char *description = NULL;
    wt_live_take(&page->taken, &description);
    begin_event(buffer, "state");
    add_integer(buffer, "at", wt_clock_wall_ms());
    add_text(buffer, "version", WIRETAG_VERSION);
    add_number(buffer, "up", (double)(now->now_us - page->start_us) * 1e-6);
    add_integer(buffer, "ready", now->ready ? 1 : 0);
    add_text(buffer, "reason", now->ready ? "" : now->reason);
    add_integer(buffer, "viewers", now->viewers);
    wt_buffer_append_json_name(buffer, "worker");
    wt_buffer_append_text(buffer, description != NULL ? description : "{}");
    free(description);
    add_outcomes(buffer);
    add_speed(page, now->now_us, buffer);
    add_model(buffer);
    add_family(buffer, "labels", WT_FAMILY_LABELS);
    add_integer(buffer, "below_threshold", wt_metric_get(WT_METRIC_BELOW_THRESHOLD));
    add_family(buffer, "reasons", WT_FAMILY_FAILURES);
    add_family(buffer, "lag_records", WT_FAMILY_LAG_RECORDS);
    add_family(buffer, "lag_seconds", WT_FAMILY_LAG_SECONDS);
    add_items(&page->taken, buffer);
    add_failures(&page->taken, buffer);
    end_event(buffer);
}

/* --- the history ------------------------------------------------------------------------------- */

struct ranking {
    uint64_t counts[WT_HISTORY_LABELS_MAX + 1]; /* in the time of the history */
    size_t chosen[WT_LIVE_PAGE_SHARES_MAX];     /* indices of the most frequent, best first */
    size_t chosen_count;
    size_t index; /* while their names are written */
    struct wt_buffer *buffer;
};

static bool is_chosen(const struct ranking *ranking, size_t label)
{
    for (size_t i = 0; i < ranking->chosen_count; i++) {
        if (ranking->chosen[i] == label) {
            return true;
        }
    }
    return false;
}

static void rank(struct ranking *ranking, const struct wt_sample *from, const struct wt_sample *to)
{
    for (size_t i = 0; i <= WT_HISTORY_LABELS_MAX; i++) {
        ranking->counts[i] = to->labels[i] - from->labels[i];
    }
    while (ranking->chosen_count < WT_LIVE_PAGE_SHARES_MAX) {
        size_t best = WT_HISTORY_LABELS_MAX;
        for (size_t i = 0; i < WT_HISTORY_LABELS_MAX; i++) {
            bool better =
                best == WT_HISTORY_LABELS_MAX || ranking->counts[i] > ranking->counts[best];
            if (ranking->counts[i] > 0 && better && !is_chosen(ranking, i)) {
                best = i;
            }
        }
        if (best == WT_HISTORY_LABELS_MAX) {
            return;
        }
        ranking->chosen[ranking->chosen_count++] = best;
    }
}

/* The names of the chosen, each with its place in the ranking, in the order of the labels. */
static void add_chosen_name(void *opaque, const char *labels, double value)
{
    struct ranking *ranking = opaque;
    (void)value;
    for (size_t i = 0; i < ranking->chosen_count; i++) {
        if (ranking->chosen[i] == ranking->index) {
            open(ranking->buffer, NULL, "{");
            add_labels(ranking->buffer, labels);
            add_integer(ranking->buffer, "place", (int64_t)i);
            close_with(ranking->buffer, "}");
        }
    }
    ranking->index++;
}

static void add_shares(struct ranking *ranking, const struct wt_sample *from,
                       const struct wt_sample *to, struct wt_buffer *buffer)
{
    uint64_t others = 0;
    for (size_t i = 0; i <= WT_HISTORY_LABELS_MAX; i++) {
        others += is_chosen(ranking, i) ? 0 : to->labels[i] - from->labels[i];
    }
    open(buffer, "labels", "[");
    for (size_t i = 0; i < ranking->chosen_count; i++) {
        size_t label = ranking->chosen[i];
        add_integer(buffer, NULL, (int64_t)(to->labels[label] - from->labels[label]));
    }
    add_integer(buffer, NULL, (int64_t)others);
    close_with(buffer, "]");
}

void wt_live_page_write_history(const struct wt_live_page *page, struct wt_buffer *buffer)
{
    struct ranking ranking = {.buffer = buffer};
    size_t count = wt_history_count(page->history);
    begin_event(buffer, "history");
    add_number(buffer, "every", (double)WT_HISTORY_EVERY_US * 1e-6);
    if (count > 0) {
        rank(&ranking, wt_history_at(page->history, 0), wt_history_at(page->history, count - 1));
    }
    open(buffer, "names", "[");
    wt_series_visit(WT_FAMILY_LABELS, add_chosen_name, &ranking);
    close_with(buffer, "]");
    open(buffer, "points", "[");
    for (size_t i = 1; i < count; i++) {
        const struct wt_sample *from = wt_history_at(page->history, i - 1);
        const struct wt_sample *to = wt_history_at(page->history, i);
        open(buffer, NULL, "{");
        add_number(buffer, "rate",
                   wt_history_rate(from, to, from->labelled + from->dead + from->passed,
                                   to->labelled + to->dead + to->passed));
        add_integer(buffer, "dead", (int64_t)(to->dead - from->dead));
        add_number(buffer, "lag", to->lag_records);
        add_number(buffer, "p95", wt_history_latency(from, to, 0.95));
        add_shares(&ranking, from, to, buffer);
        close_with(buffer, "}");
    }
    close_with(buffer, "]");
    end_event(buffer);
}
