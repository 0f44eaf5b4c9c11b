#include "observe/metrics_format.h"

#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define QUALITY_MAX 1000

/* A media range of Accept. */
struct range {
    char type[64];
    char version[16]; /* "": none */
    int quality;      /* thousandths */
};

static const struct wt_metrics_form forms[WT_METRICS_FORMATS] = {
    [WT_METRICS_TEXT] = {.content_type = "text/plain; version=0.0.4; charset=utf-8",
                         .counter_ending = "",
                         .whole_bound = "%g",
                         .end = ""},
    [WT_METRICS_OPEN] = {.content_type = "application/openmetrics-text; version=1.0.0; "
                                         "charset=utf-8",
                         .counter_ending = "_total",
                         .whole_bound = "%.1f",
                         .exemplars = true,
                         .end = "# EOF\n"},
};

const struct wt_metrics_form *wt_metrics_form(enum wt_metrics_format format)
{
    assert(format < WT_METRICS_FORMATS);
    return &forms[format];
}

/* Copies text[0..length) without the blanks and quotes around it; "?" if it is too long. */
static void copy_word(const char *text, size_t length, char *word, size_t word_bytes)
{
    while (length > 0 && (isspace((unsigned char)text[0]) || text[0] == '"')) {
        text++;
        length--;
    }
    while (length > 0 && (isspace((unsigned char)text[length - 1]) || text[length - 1] == '"')) {
        length--;
    }
    (void)snprintf(word, word_bytes, "%.*s", length < word_bytes ? (int)length : 1,
                   length < word_bytes ? text : "?");
}

/* "0.25" as thousandths. What is no quality is 0: not asked for. */
static int quality_of(const char *text)
{
    int quality = text[0] == '1' ? QUALITY_MAX : 0;
    if ((text[0] != '0' && text[0] != '1') || (text[1] != '\0' && text[1] != '.')) {
        return 0;
    }
    int weight = QUALITY_MAX / 10;
    for (size_t i = 2; text[1] != '\0' && text[i] != '\0'; i++, weight /= 10) {
        if (!isdigit((unsigned char)text[i])) {
            return 0;
        }
        quality += weight * (text[i] - '0');
    }
    return quality < QUALITY_MAX ? quality : QUALITY_MAX;
}

static void read_parameter(const char *text, size_t length, struct range *range)
{
    char name[16];
    char quality[8];
    const char *equals = memchr(text, '=', length);
    if (equals == NULL) {
        return;
    }
    size_t value_length = length - (size_t)(equals + 1 - text);
    copy_word(text, (size_t)(equals - text), name, sizeof name);
    if (strcasecmp(name, "version") == 0) {
        copy_word(equals + 1, value_length, range->version, sizeof range->version);
    } else if (strcasecmp(name, "q") == 0) {
        copy_word(equals + 1, value_length, quality, sizeof quality);
        range->quality = quality_of(quality);
    }
}

/* Reads the range at `text` and returns where the next one begins; NULL: this was the last. */
static const char *read_range(const char *text, struct range *range)
{
    size_t length = strcspn(text, ",;");
    *range = (struct range){.quality = QUALITY_MAX};
    copy_word(text, length, range->type, sizeof range->type);
    text += length;
    while (*text == ';') {
        length = strcspn(text + 1, ",;");
        read_parameter(text + 1, length, range);
        text += 1 + length;
    }
    return *text == ',' ? text + 1 : NULL;
}

static bool is_known(const struct range *range)
{
    return range->version[0] == '\0' || strcmp(range->version, "1.0.0") == 0 ||
           strcmp(range->version, "0.0.1") == 0;
}

enum wt_metrics_format wt_metrics_format_of(const char *accept)
{
    int open = 0;
    int plain = 0;
    while (accept != NULL) {
        struct range range;
        accept = read_range(accept, &range);
        bool is_open = strcasecmp(range.type, "application/openmetrics-text") == 0;
        if (is_open && is_known(&range) && range.quality > open) {
            open = range.quality;
        } else if (strcasecmp(range.type, "text/plain") == 0 && range.quality > plain) {
            plain = range.quality;
        }
    }
    return open > 0 && open >= plain ? WT_METRICS_OPEN : WT_METRICS_TEXT;
}
