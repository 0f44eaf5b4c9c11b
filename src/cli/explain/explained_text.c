/* explained_text.c: prints an explanation for people, from the record down to what was
 * published. */
#include "base/buffer.h"
#include "base/scores.h"
#include "base/utf8.h"
#include "cli/explain/explained.h"
#include "codec/dead_letter.h"
#include "observe/log_line.h"
#include "record/partition.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How much is shown of a text, of each side of a cut, and of a value; how many headers. */
#define TEXT_BYTES_SHOWN 600u
#define CUT_BYTES_SHOWN 80u
#define VALUE_BYTES_SHOWN 300u
#define HEADERS_SHOWN 60u

#define ERROR_PREFIX "wiretag.error."

/* Prints bytes of unknown origin, escaped so that they neither control the terminal nor break the
 * line. */
static void print_bytes(FILE *out, const char *bytes, size_t count)
{
    char piece[512];
    for (size_t i = 0; i < count;) {
        size_t length = 0;
        struct wt_log_line line = {.length = 0};
        if (bytes[i] == '\0') {
            wt_log_line_add_text(&line, "\\x00");
            i++;
        } else {
            /* Ends a piece at a character boundary. */
            while (i + length < count && length < sizeof piece - 8 && bytes[i + length] != '\0') {
                length++;
            }
            while (length > 4 && i + length < count &&
                   ((unsigned char)bytes[i + length] & 0xC0u) == 0x80u) {
                length--;
            }
            memcpy(piece, bytes + i, length);
            piece[length] = '\0';
            wt_log_line_add_escaped(&line, piece, false);
            i += length;
        }
        (void)fwrite(line.bytes, 1, line.length, out);
    }
}

/* Prints a line: a name in its column, then text. */
__attribute__((format(printf, 3, 4))) static void print_line(FILE *out, const char *name,
                                                             const char *format, ...)
{
    char text[2000];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)fprintf(out, "%-11s ", name);
    print_bytes(out, text, strlen(text));
    (void)fputc('\n', out);
}

static size_t count_characters(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++) {
        count += ((unsigned char)text[i] & 0xC0u) != 0x80u;
    }
    return count;
}

static void print_named_bytes(FILE *out, const char *name, const void *bytes, size_t count,
                              size_t shown)
{
    size_t fits = count <= shown ? count : wt_utf8_cut(bytes, shown);
    (void)fprintf(out, "%-11s ", name);
    print_bytes(out, bytes, fits);
    (void)fprintf(out, "%s\n", fits < count ? "…" : "");
}

/* --- the record ------------------------------------------------------------------------------ */

static void write_time(char text[40], int64_t timestamp_ms)
{
    time_t seconds = (time_t)(timestamp_ms / 1000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(text, 40, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (timestamp_ms < 0) {
        (void)snprintf(text, 40, "no timestamp");
    }
}

static void write_record(const struct explained *explained, FILE *out)
{
    char when[40];
    const struct wt_record *record = explained->record;
    write_time(when, record->timestamp_ms);
    print_line(out, "record", "%s [%" PRId32 "] offset %" PRId64 ", %s, %zu bytes",
               explained->place.topic, explained->place.partition, explained->place.offset, when,
               record->value_bytes);
    if (explained->uncommitted) {
        print_line(out, "", "workers do not see it: its transaction was aborted or is still open");
    }
    if (explained->from_dead_letter) {
        char words[WT_CUT_WORDS_BYTES_MAX];
        const char *cut = wt_dead_letter_cut(record, words);
        print_line(out, "", "no longer in its topic; this is what its dead letter kept%s%s",
                   cut[0] != '\0' ? ", which was cut in " : "", cut);
    }
    if (explained->trace_id[0] != '\0') {
        print_line(out, "trace", "%s", explained->trace_id);
    }
    if (record->key != NULL) {
        print_named_bytes(out, "key", record->key, record->key_bytes, VALUE_BYTES_SHOWN);
    }
    for (size_t i = 0; i < record->header_count; i++) {
        const struct wt_header *header = &record->headers[i];
        if (i == HEADERS_SHOWN) {
            print_line(out, "", "… and %zu more", record->header_count - i);
            break;
        }
        size_t name_bytes = strlen(header->name);
        (void)fprintf(out, "%-11s ", i == 0 ? "headers" : "");
        print_bytes(out, header->name,
                    name_bytes < VALUE_BYTES_SHOWN ? name_bytes : VALUE_BYTES_SHOWN);
        (void)fputs(header->value == NULL ? " (null)" : "=", out);
        print_bytes(out, header->value,
                    header->value_bytes < VALUE_BYTES_SHOWN ? header->value_bytes
                                                            : VALUE_BYTES_SHOWN);
        (void)fputc('\n', out);
    }
}

static void write_tokens(const struct explained *explained, FILE *out)
{
    const struct wt_explanation *steps = &explained->steps;
    const struct wt_vocab *vocab = wt_model_vocab(explained->model);
    print_line(out, "tokens", "%" PRIu32 " of at most %" PRIu32 ", %" PRIu32 " unknown",
               steps->token_count, steps->token_count_max, steps->unknown_count);
    if (steps->window_count > 1) {
        print_line(out, "windows",
                   "%" PRIu32 " of at most %" PRIu32 ", two neighbours share %" PRIu32 " tokens",
                   steps->window_count, explained->config->input.windows_max,
                   explained->config->input.window_overlap);
    }
    (void)fprintf(out, "%-11s", "");
    for (uint32_t i = 0; i < steps->token_count; i++) {
        const char *text = wt_vocab_token(vocab, (uint32_t)steps->ids[i]);
        (void)fputc(' ', out);
        print_bytes(out, text, text != NULL ? strlen(text) : 0);
        (void)fprintf(out, "(%" PRId32 ")", steps->ids[i]);
    }
    (void)fputc('\n', out);
}

static void write_cut(const struct explained *explained, FILE *out)
{
    const struct wt_explanation *steps = &explained->steps;
    size_t at = steps->read_bytes;
    size_t from = at > CUT_BYTES_SHOWN ? at - CUT_BYTES_SHOWN : 0;
    size_t to = at + CUT_BYTES_SHOWN < steps->text_bytes ? at + CUT_BYTES_SHOWN : steps->text_bytes;
    from = wt_utf8_cut(steps->text, from);
    to = wt_utf8_cut(steps->text, to);
    print_line(out, "cut", "after character %zu of %zu; the whole text has %" PRIu32 " tokens",
               count_characters(steps->text, at), count_characters(steps->text, steps->text_bytes),
               steps->token_count_whole);
    (void)fprintf(out, "%-11s …", "");
    print_bytes(out, steps->text + from, at - from);
    (void)fputs(" ✂", out);
    print_bytes(out, steps->text + at, to - at);
    (void)fputs("…\n", out);
}

/* What was done to the value before it was text. */
static void write_reading(const struct explained *explained, FILE *out)
{
    const struct wt_explanation *steps = &explained->steps;
    const struct wt_article *article = &steps->article;
    if (article->mark) {
        print_line(out, "read", "a byte-order mark was passed over");
    }
    if (article->framed) {
        print_line(out, "read", "the frame of schema %" PRIu32 " was taken off",
                   article->schema_id);
    }
    if (article->normalized) {
        print_line(out, "read", "letters and marks were composed (input.normalize)");
    }
    if (article->markup_bytes > 0 && steps->text != NULL) {
        print_line(out, "read", "HTML of %zu bytes, of which %zu bytes are text",
                   article->markup_bytes, steps->text_bytes);
    }
}

static void write_article(const struct explained *explained, FILE *out)
{
    const struct wt_explanation *steps = &explained->steps;
    const struct wt_record *record = explained->record;
    write_reading(explained, out);
    if (steps->text == NULL) {
        if (record->value != NULL) {
            print_named_bytes(out, "value", record->value, record->value_bytes, VALUE_BYTES_SHOWN);
        }
        return;
    }
    print_line(out, "id", "%s", record->id_json);
    print_named_bytes(out, "text", steps->text, steps->text_bytes, TEXT_BYTES_SHOWN);
    print_line(out, "script", "%s", wt_script_name(steps->script));
    if (steps->ids != NULL) {
        write_tokens(explained, out);
    }
    if (steps->truncated) {
        write_cut(explained, out);
    }
}

/* --- the outcome ----------------------------------------------------------------------------- */

static void write_single_label(const struct explained *explained, FILE *out)
{
    const struct wt_model_info *info = wt_model_info(explained->model);
    const float *logits = explained->record->logits;
    uint32_t label = wt_logits_best_after(logits, info->label_count, info->label_count);
    bool below = explained->probabilities[label] < explained->thresholds[label];
    print_line(out, "outcome", "%s%s", info->labels[label],
               below ? ", below its threshold: no category" : "");
    print_line(out, "", "%-24s %11s %12s", "label", "logit", "probability");
    for (uint32_t i = 0; i < info->label_count; i++) {
        print_line(out, "", "%-24s %11.5f %12.6f", info->labels[label], (double)logits[label],
                   explained->probabilities[label]);
        label = wt_logits_best_after(logits, info->label_count, label);
    }
}

/* The labels that reach their threshold are marked. */
static void write_multi_label(const struct explained *explained, FILE *out)
{
    const struct wt_model_info *info = wt_model_info(explained->model);
    const struct wt_record *record = explained->record;
    struct wt_buffer names = {0};
    for (uint32_t i = 0; i < record->reached_count; i++) {
        wt_buffer_append_text(&names, i > 0 ? ", " : "");
        wt_buffer_append_text(&names, info->labels[record->labels[i]]);
    }
    wt_buffer_append_text(&names, record->reached_count > 0 ? "" : "no label");
    print_named_bytes(out, "outcome", names.bytes, names.count, TEXT_BYTES_SHOWN);
    wt_buffer_free(&names);
    print_line(out, "", "%-24s %11s %12s %12s", "label", "logit", "probability", "threshold");
    uint32_t label = info->label_count;
    for (uint32_t i = 0; i < info->label_count; i++) {
        label = wt_logits_best_after(record->logits, info->label_count, label);
        bool reached = explained->probabilities[label] >= explained->thresholds[label];
        print_line(out, "", "%-24s %11.5f %12.6f %12.6f%s", info->labels[label],
                   (double)record->logits[label], explained->probabilities[label],
                   explained->thresholds[label], reached ? "  reached" : "");
    }
}

static void write_outcome(const struct explained *explained, FILE *out)
{
    const struct wt_model_info *info = wt_model_info(explained->model);
    const struct wt_record *record = explained->record;
    print_line(out, "model", "%s %s on %s in %s, SHA-256 %s", info->name, info->version,
               info->device, info->precision, info->sha256);
    print_line(out, "", "%s by %s: %s", info->precision, info->kernels, info->precision_why);
    if (record->failure != NULL) {
        print_line(out, "outcome", "%s in %s: %s", record->failure->error.code,
                   record->failure->stage, record->failure->error.message);
        return;
    }
    if (record->outcome == WT_OUTCOME_TOMBSTONE) {
        print_line(out, "outcome", "a tombstone, published as a tombstone");
        return;
    }
    if (record->outcome == WT_OUTCOME_FILTERED) {
        const char *value = explained->steps.filtered;
        print_line(out, "outcome", "filtered: %s is %s, which input.where passes over",
                   explained->steps.article.filtered_by, value != NULL ? value : "null or absent");
        return;
    }
    if (info->task == WT_MULTI_LABEL) {
        write_multi_label(explained, out);
    } else {
        write_single_label(explained, out);
    }
    if (explained->config->output.routes.count > 0) {
        print_line(out, "topic", "%s", wt_config_label_topic(explained->config, record->target));
    }
}

/* Prints the headers in which a dead letter gives sizes and hashes of what was cut. */
static void write_cut_parts(const struct wt_record *record, FILE *out)
{
    static const char *const parts[] = {"value", "headers", "key"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t length = strlen(parts[i]);
        for (size_t j = 0; j < record->header_count; j++) {
            const struct wt_header *header = &record->headers[j];
            const char *name = header->name;
            bool part = strncmp(name, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0 &&
                        strncmp(name + strlen(ERROR_PREFIX), parts[i], length) == 0 &&
                        name[strlen(ERROR_PREFIX) + length] == '_';
            if (part && strstr(name, "_truncated") == NULL) {
                (void)fprintf(out, "%-11s   %s ", "", name + strlen(ERROR_PREFIX));
                print_bytes(out, header->value, header->value_bytes);
                (void)fputc('\n', out);
            }
        }
    }
}

static void write_published(const struct explained *explained, FILE *out)
{
    if (!explained->searched) {
        print_line(out, "published", "not searched: %s", explained->search_failure);
    } else if (explained->published_count == 0 &&
               explained->record->outcome == WT_OUTCOME_FILTERED) {
        print_line(out, "published", "nothing, as it should be");
    } else if (explained->published_count == 0) {
        print_line(out, "published", "nothing found: not published yet, or deleted by retention");
    }
    for (size_t i = 0; i < explained->published_count; i++) {
        char when[40];
        const struct published *published = &explained->published[i];
        const struct wt_record *record = published->record;
        char words[WT_CUT_WORDS_BYTES_MAX];
        const char *cut = published->dead_letter ? wt_dead_letter_cut(record, words) : "";
        write_time(when, record->timestamp_ms);
        print_line(out, i == 0 ? "published" : "",
                   "%s [%" PRId32 "] offset %" PRId64 ", %s: %s%s%s, %s%s%s", record->source->topic,
                   record->source->number, record->offset, when,
                   published->dead_letter  ? "a dead letter"
                   : record->value == NULL ? "a tombstone"
                                           : "a label",
                   cut[0] != '\0' ? ", cut in " : "", cut, published->agrees ? "agrees" : "differs",
                   published->why[0] != '\0' ? ": " : "", published->why);
        if (cut[0] != '\0') {
            write_cut_parts(record, out);
        }
    }
}

void wt_explained_write_text(const struct explained *explained, FILE *out)
{
    write_record(explained, out);
    write_article(explained, out);
    write_outcome(explained, out);
    write_published(explained, out);
}
