#include "replay/offset_spec.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS_PER_S INT64_C(1000)
#define MS_PER_DAY INT64_C(86400000)

/* The years of a four-digit ISO date. None of them can overflow. */
#define YEAR_MIN 1970
#define YEAR_MAX 9999

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Reads a whole number of at least one digit and moves *at past it. */
static bool take_number(const char **at, int64_t max, int64_t *number_out)
{
    int64_t number = 0;
    if (!is_digit(**at)) {
        return false;
    }
    while (is_digit(**at)) {
        int digit = **at - '0';
        if (number > (max - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
        (*at)++;
    }
    *number_out = number;
    return true;
}

/* Reads exactly `digits` digits with a value from `low` to `high`. */
static bool take_field(const char **at, int digits, int low, int high, int *field_out)
{
    int field = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit((*at)[i])) {
            return false;
        }
        field = field * 10 + ((*at)[i] - '0');
    }
    *at += digits;
    *field_out = field;
    return field >= low && field <= high;
}

static bool take(const char **at, char byte)
{
    if (**at != byte) {
        return false;
    }
    (*at)++;
    return true;
}

/* --- times ----------------------------------------------------------------------------------- */

static bool leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t days_to(int year, int month, int day)
{
    int64_t past = year - 1;
    int64_t days = past * 365 + past / 4 - past / 100 + past / 400 - 719162;
    for (int i = 1; i < month; i++) {
        days += days_in(year, i);
    }
    return days + day - 1;
}

/* Fractions of a second; digits beyond milliseconds are ignored. */
static bool take_fraction(const char **at, int *ms_out)
{
    int scale = 100;
    if (!take(at, '.')) {
        return true;
    }
    if (!is_digit(**at)) {
        return false;
    }
    while (is_digit(**at)) {
        *ms_out += (**at - '0') * scale;
        scale /= 10;
        (*at)++;
    }
    return true;
}

/* Reads a time zone (Z, +03, +0300 or +03:00) as minutes east. */
static bool take_zone(const char **at, int *minutes_out)
{
    if (take(at, 'Z')) {
        return true;
    }
    int sign = **at == '+' ? 1 : -1;
    int hours;
    int minutes = 0;
    if ((**at != '+' && **at != '-') || ((*at)++, !take_field(at, 2, 0, 23, &hours))) {
        return false;
    }
    if (**at != '\0') {
        (void)take(at, ':');
        if (!take_field(at, 2, 0, 59, &minutes)) {
            return false;
        }
    }
    *minutes_out = sign * (hours * 60 + minutes);
    return true;
}

static bool read_date_time(const char *at, int64_t *time_ms_out)
{
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second = 0;
    int ms = 0;
    int zone_minutes = 0;
    if (!take_field(&at, 4, YEAR_MIN, YEAR_MAX, &year) || !take(&at, '-') ||
        !take_field(&at, 2, 1, 12, &month) || !take(&at, '-') ||
        !take_field(&at, 2, 1, days_in(year, month), &day) || !take(&at, 'T') ||
        !take_field(&at, 2, 0, 23, &hour) || !take(&at, ':') ||
        !take_field(&at, 2, 0, 59, &minute)) {
        return false;
    }
    if (take(&at, ':') && (!take_field(&at, 2, 0, 59, &second) || !take_fraction(&at, &ms))) {
        return false;
    }
    if (!take_zone(&at, &zone_minutes) || *at != '\0') {
        return false;
    }
    int64_t minutes = (int64_t)hour * 60 + minute - zone_minutes;
    int64_t time_ms =
        days_to(year, month, day) * MS_PER_DAY + (minutes * 60 + second) * MS_PER_S + ms;
    *time_ms_out = time_ms;
    /* The zone may move the time out of the years above. */
    return time_ms >= 0 && time_ms < days_to(YEAR_MAX + 1, 1, 1) * MS_PER_DAY;
}

/* Reads -7d: a time before now, not before 1970. */
static bool read_relative(const char *at, int64_t now_ms, int64_t *time_ms_out)
{
    static const struct {
        char name;
        int64_t ms;
    } units[] = {{'s', MS_PER_S},
                 {'m', 60 * MS_PER_S},
                 {'h', 3600 * MS_PER_S},
                 {'d', MS_PER_DAY},
                 {'w', 7 * MS_PER_DAY}};
    int64_t number;
    if (!take(&at, '-') || !take_number(&at, INT64_MAX / (7 * MS_PER_DAY), &number)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (*at == units[i].name && at[1] == '\0') {
            int64_t back_ms = number * units[i].ms;
            *time_ms_out = back_ms < now_ms ? now_ms - back_ms : 0;
            return true;
        }
    }
    return false;
}

/* --- offsets --------------------------------------------------------------------------------- */

static bool has_partition(const struct wt_offset_spec *spec, int64_t partition)
{
    for (size_t i = 0; i < spec->count; i++) {
        if (spec->offsets[i].partition == partition) {
            return true;
        }
    }
    return false;
}

/* How often `byte` occurs in `text`. */
static size_t count_of(const char *text, char byte)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == byte;
    }
    return count;
}

static bool read_offsets(const char *at, struct wt_offset_spec *spec)
{
    spec->kind = WT_OFFSET_SPEC_OFFSETS;
    spec->offsets = wt_alloc_zeroed(count_of(at, ':') + 1, sizeof *spec->offsets);
    do {
        int64_t partition;
        int64_t offset;
        if (!take_number(&at, INT32_MAX, &partition) || !take(&at, ':') ||
            !take_number(&at, INT64_MAX, &offset) || has_partition(spec, partition)) {
            return false;
        }
        spec->offsets[spec->count++] =
            (struct wt_offset_spec_offset){.partition = (int32_t)partition, .offset = offset};
    } while (take(&at, ','));
    return *at == '\0';
}

static bool read_offset(const char *at, struct wt_offset_spec *spec)
{
    spec->kind = WT_OFFSET_SPEC_OFFSET;
    return take_number(&at, INT64_MAX, &spec->value) && *at == '\0';
}

/* --- any form -------------------------------------------------------------------------------- */

static bool read_any(const char *text, int64_t now_ms, struct wt_offset_spec *spec)
{
    if (strcmp(text, "earliest") == 0 || strcmp(text, "latest") == 0) {
        spec->kind = text[0] == 'e' ? WT_OFFSET_SPEC_EARLIEST : WT_OFFSET_SPEC_LATEST;
        return true;
    }
    if (strchr(text, 'T') != NULL || text[0] == '-') {
        spec->kind = WT_OFFSET_SPEC_TIME;
        return text[0] == '-' ? read_relative(text, now_ms, &spec->value)
                              : read_date_time(text, &spec->value);
    }
    return strchr(text, ':') != NULL ? read_offsets(text, spec) : read_offset(text, spec);
}

enum wt_status wt_offset_spec_parse(const char *option, const char *text, int64_t now_ms,
                                    struct wt_offset_spec *spec_out, struct wt_error *error)
{
    struct wt_offset_spec spec = {0};
    if (!read_any(text, now_ms, &spec)) {
        wt_offset_spec_free(&spec);
        return wt_error_set(
            error, WT_INVALID, WT_ERROR_FATAL, "bound",
            "%s %.100s is not valid; use one of: earliest, latest, a time with a zone "
            "(2026-03-01T06:00:00+03:00), a time before now (-7d, -36h, -90m), an offset (1200), "
            "one offset for each partition, no partition twice (0:1200,1:900)",
            option, text);
    }
    *spec_out = spec;
    return WT_OK;
}

void wt_offset_spec_free(struct wt_offset_spec *spec)
{
    free(spec->offsets);
    *spec = (struct wt_offset_spec){0};
}

int64_t wt_offset_spec_offset(const struct wt_offset_spec *spec, int32_t partition)
{
    if (spec->kind == WT_OFFSET_SPEC_OFFSET) {
        return spec->value;
    }
    for (size_t i = 0; i < spec->count; i++) {
        if (spec->offsets[i].partition == partition) {
            return spec->offsets[i].offset;
        }
    }
    return -1;
}

/* --- partition numbers ----------------------------------------------------------------------- */

static bool read_numbers(const char *at, struct wt_numbers *numbers)
{
    numbers->spans = wt_alloc_zeroed(count_of(at, ',') + 1, sizeof *numbers->spans);
    do {
        int64_t low;
        int64_t high;
        if (!take_number(&at, INT32_MAX, &low)) {
            return false;
        }
        high = low;
        if (take(&at, '-') && (!take_number(&at, INT32_MAX, &high) || high < low)) {
            return false;
        }
        numbers->spans[numbers->count++] =
            (struct wt_number_span){.low = (int32_t)low, .high = (int32_t)high};
    } while (take(&at, ','));
    return *at == '\0';
}

enum wt_status wt_numbers_parse(const char *option, const char *text,
                                struct wt_numbers *numbers_out, struct wt_error *error)
{
    struct wt_numbers numbers = {0};
    if (!read_numbers(text, &numbers)) {
        wt_numbers_free(&numbers);
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "numbers",
                            "%s %.100s must be partition numbers such as 0,2-4", option, text);
    }
    *numbers_out = numbers;
    return WT_OK;
}

void wt_numbers_free(struct wt_numbers *numbers)
{
    free(numbers->spans);
    *numbers = (struct wt_numbers){0};
}

bool wt_numbers_have(const struct wt_numbers *numbers, int32_t number)
{
    for (size_t i = 0; i < numbers->count; i++) {
        if (number >= numbers->spans[i].low && number <= numbers->spans[i].high) {
            return true;
        }
    }
    return numbers->count == 0;
}
