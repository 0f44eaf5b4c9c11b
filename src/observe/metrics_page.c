#include "base/buffer.h"
#include "observe/beat.h"
#include "observe/metrics_internal.h"
#include "observe/process.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct page {
    struct wt_buffer buffer;
    enum wt_metrics_format format;
    enum wt_family family;
    bool headed; /* HELP and TYPE of the family were written */
};

/* Called before a family's first sample, so a family without samples stays off the page. */
static void write_head(struct page *page)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    if (page->headed) {
        return;
    }
    const struct wt_family_entry *entry = wt_family_entry(page->family);
    size_t name_bytes = strlen(entry->name);
    if (entry->type == WT_COUNTER) {
        name_bytes -= strlen(wt_metrics_form(page->format)->counter_ending);
    }
    wt_buffer_append_text(&page->buffer, "# HELP ");
    wt_buffer_append(&page->buffer, entry->name, name_bytes);
    wt_buffer_append_text(&page->buffer, " ");
    wt_buffer_append_text(&page->buffer, entry->help);
    wt_buffer_append_text(&page->buffer, "\n# TYPE ");
    wt_buffer_append(&page->buffer, entry->name, name_bytes);
    wt_buffer_append_text(&page->buffer, " ");
    wt_buffer_append_text(&page->buffer, types[entry->type]);
    wt_buffer_append_text(&page->buffer, "\n");
    page->headed = true;
}

static void write_value(struct page *page, double value)
{
    char text[40];
    int count = isinf(value) ? snprintf(text, sizeof text, " +Inf\n")
                             : snprintf(text, sizeof text, " %.15g\n", value);
    wt_buffer_append(&page->buffer, text, (size_t)count);
}

/* Writes name{label="value"}, for a family with at most one label. */
static void write_name(struct page *page, const char *label_value)
{
    const struct wt_family_entry *entry = wt_family_entry(page->family);
    write_head(page);
    wt_buffer_append_text(&page->buffer, entry->name);
    if (label_value != NULL) {
        wt_buffer_append_text(&page->buffer, "{");
        wt_buffer_append_text(&page->buffer, entry->labels[0]);
        wt_buffer_append_text(&page->buffer, "=\"");
        wt_buffer_append_text(&page->buffer, label_value);
        wt_buffer_append_text(&page->buffer, "\"}");
    }
}

static void write_metrics(struct page *page)
{
    for (size_t i = 0; i < WT_METRIC_COUNT; i++) {
        const struct wt_metric_entry *entry = wt_metric_entry((enum wt_metric)i);
        if (entry->family == page->family) {
            write_name(page, entry->label_value);
            wt_buffer_append_text(&page->buffer, " ");
            wt_buffer_append_integer(&page->buffer, wt_metric_get((enum wt_metric)i));
            wt_buffer_append_text(&page->buffer, "\n");
        }
    }
}

/* --- histograms ------------------------------------------------------------------------------ */

/* The fixed part of each sample's line. Made once, because there are hundreds. */
struct histogram_lines {
    char *buckets[WT_BUCKETS_MAX + 1];
    char *sum;
    char *count;
};
static struct histogram_lines lines[WT_METRICS_FORMATS][WT_HISTOGRAM_COUNT];
static pthread_once_t lines_made = PTHREAD_ONCE_INIT;

static void write_bound(enum wt_metrics_format format, double bound, char *le, size_t le_bytes)
{
    char number[32] = "+Inf";
    if (!isinf(bound)) {
        bool whole = bound == floor(bound);
        (void)snprintf(number, sizeof number, whole ? wt_metrics_form(format)->whole_bound : "%g",
                       bound);
    }
    (void)snprintf(le, le_bytes, "le=\"%s\"", number);
}

static char *make_line(enum wt_metrics_format format, const struct wt_histogram_entry *entry,
                       const char *ending, double bound)
{
    const struct wt_family_entry *family = wt_family_entry(entry->family);
    struct wt_buffer buffer = {0};
    char le[40] = "";
    if (bound > 0) {
        write_bound(format, bound, le, sizeof le);
    }
    wt_buffer_append_text(&buffer, family->name);
    wt_buffer_append_text(&buffer, ending);
    wt_buffer_append_text(&buffer, entry->label_value != NULL || bound > 0 ? "{" : "");
    if (entry->label_value != NULL) {
        wt_buffer_append_text(&buffer, family->labels[0]);
        wt_buffer_append_text(&buffer, "=\"");
        wt_buffer_append_text(&buffer, entry->label_value);
        wt_buffer_append_text(&buffer, bound > 0 ? "\"," : "\"");
    }
    wt_buffer_append_text(&buffer, le);
    wt_buffer_append_text(&buffer, entry->label_value != NULL || bound > 0 ? "} " : " ");
    return wt_buffer_take(&buffer, NULL);
}

static void make_histogram_lines(enum wt_metrics_format format, enum wt_histogram histogram)
{
    const struct wt_histogram_entry *entry = wt_histogram_entry(histogram);
    struct histogram_lines *own = &lines[format][histogram];
    size_t count = 0;
    while (count < WT_BUCKETS_MAX && entry->bounds[count] > 0) {
        own->buckets[count] = make_line(format, entry, "_bucket", entry->bounds[count]);
        count++;
    }
    own->buckets[count] = make_line(format, entry, "_bucket", INFINITY);
    own->sum = make_line(format, entry, "_sum", 0);
    own->count = make_line(format, entry, "_count", 0);
}

static void make_lines(void)
{
    for (size_t format = 0; format < WT_METRICS_FORMATS; format++) {
        for (size_t i = 0; i < WT_HISTOGRAM_COUNT; i++) {
            make_histogram_lines((enum wt_metrics_format)format, (enum wt_histogram)i);
        }
    }
}

/* Writes the exemplar of a bucket that counts `own` values by itself, if there is one. */
static void write_exemplar(struct page *page, enum wt_histogram histogram, size_t bucket,
                           uint64_t own)
{
    struct wt_exemplar exemplar;
    if (!wt_metrics_form(page->format)->exemplars || own == 0 ||
        !wt_exemplar_read(histogram, bucket, &exemplar)) {
        return;
    }
    char text[160];
    (void)snprintf(text, sizeof text,
                   " # {trace_id=\"%s\",span_id=\"%s\"} %.9g %" PRId64 ".%03" PRId64,
                   exemplar.trace_id, exemplar.span_id, exemplar.value, exemplar.wall_ms / 1000,
                   exemplar.wall_ms % 1000);
    wt_buffer_append_text(&page->buffer, text);
}

static void write_histogram(struct page *page, enum wt_histogram histogram)
{
    const struct histogram_lines *own = &lines[page->format][histogram];
    struct wt_histogram_values values;
    wt_histogram_read(histogram, &values);
    write_head(page);
    uint64_t total = 0;
    for (size_t i = 0; i <= WT_BUCKETS_MAX && own->buckets[i] != NULL; i++) {
        wt_buffer_append_text(&page->buffer, own->buckets[i]);
        wt_buffer_append_integer(&page->buffer, (int64_t)values.totals[i]);
        write_exemplar(page, histogram, i, values.totals[i] - total);
        total = values.totals[i];
        wt_buffer_append(&page->buffer, "\n", 1);
    }
    char text[64];
    wt_buffer_append_text(&page->buffer, own->sum);
    (void)snprintf(text, sizeof text, "%.9g\n", values.sum);
    wt_buffer_append_text(&page->buffer, text);
    wt_buffer_append_text(&page->buffer, own->count);
    wt_buffer_append_integer(&page->buffer, (int64_t)total);
    wt_buffer_append(&page->buffer, "\n", 1);
}

static void write_histograms(struct page *page)
{
    for (size_t i = 0; i < WT_HISTOGRAM_COUNT; i++) {
        if (wt_histogram_entry((enum wt_histogram)i)->family == page->family) {
            write_histogram(page, (enum wt_histogram)i);
        }
    }
}

/* --- series, and values computed here --------------------------------------------------------- */

static void write_series(void *opaque, const char *labels, double value)
{
    struct page *page = opaque;
    write_name(page, NULL);
    wt_buffer_append_text(&page->buffer, labels);
    write_value(page, value);
}

static void write_beat(void *opaque, const char *thread, double age_seconds)
{
    struct page *page = opaque;
    write_name(page, thread);
    write_value(page, age_seconds);
}

/* `part` of `whole`, at most 1; 0 before anything was counted. The two counters are read one after
 * the other, so for a moment `part` may exceed `whole`. */
static double ratio(int64_t part, int64_t whole)
{
    return whole <= 0 || part <= 0 ? 0 : part >= whole ? 1 : (double)part / (double)whole;
}

static void write_computed(struct page *page, const struct wt_process *process)
{
    int64_t computed = wt_metric_get(WT_METRIC_TOKENS_COMPUTED);
    int64_t tokens = wt_metric_get(WT_METRIC_TOKENS);
    double value;
    switch (page->family) {
    case WT_FAMILY_UNKNOWN_TOKEN_RATIO:
        value = ratio(wt_metric_get(WT_METRIC_TOKENS_UNKNOWN), tokens);
        break;
    case WT_FAMILY_PADDING_RATIO:
        value = ratio(computed - tokens, computed);
        break;
    case WT_FAMILY_CPU_SECONDS:
        value = process->cpu_seconds;
        break;
    case WT_FAMILY_RESIDENT_BYTES:
        value = (double)process->resident_bytes;
        break;
    case WT_FAMILY_VIRTUAL_BYTES:
        value = (double)process->virtual_bytes;
        break;
    case WT_FAMILY_THREADS:
        value = process->threads;
        break;
    case WT_FAMILY_OPEN_FDS:
        value = process->open_fds;
        break;
    case WT_FAMILY_MAX_FDS:
        value = (double)process->open_fds_max;
        break;
    case WT_FAMILY_START_SECONDS:
        value = process->start_seconds;
        break;
    case WT_FAMILY_BUILD_INFO:
        write_name(page, WIRETAG_VERSION);
        write_value(page, 1);
        return;
    case WT_FAMILY_BEAT_AGE:
        wt_beats_visit(write_beat, page);
        return;
    default:
        return;
    }
    write_name(page, NULL);
    write_value(page, value);
}

char *wt_metrics_page(enum wt_metrics_format format, size_t *bytes_out)
{
    struct page page = {.format = format};
    struct wt_process process = wt_process_read();
    (void)pthread_once(&lines_made, make_lines);
    for (size_t i = 0; i < WT_FAMILY_COUNT; i++) {
        page.family = (enum wt_family)i;
        page.headed = false;
        write_metrics(&page);
        write_histograms(&page);
        wt_series_visit(page.family, write_series, &page);
        write_computed(&page, &process);
    }
    wt_buffer_append_text(&page.buffer, wt_metrics_form(format)->end);
    return wt_buffer_take(&page.buffer, bytes_out);
}
