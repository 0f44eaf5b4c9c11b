#include "base/alloc.h"
#include "compare/comparison.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BASE 36u

/* Room for the counts, of at most 13 digits each, and for the changes, whose parts have at most 13, 7, 7,
 * 2 and 2: what is always written. */
#define COUNT_COUNT 7u
#define CHANGE_BYTES_MAX 36u
#define CHANGES_BYTES_MAX (WT_CHANGES_MAX * CHANGE_BYTES_MAX + 2u)

/* Of what is left, the labels get at most this part. */
#define LABELS_BYTES_MAX 500u

/* --- writing --------------------------------------------------------------------------------- */

struct writer {
    char *text;
    size_t count;
    bool first; /* of its kind: no comma before it */
};

static void write_char(struct writer *writer, char character)
{
    writer->text[writer->count++] = character;
}

static size_t digits_of(uint64_t number)
{
    size_t digits = 1;
    for (; number >= BASE; number /= BASE) {
        digits++;
    }
    return digits;
}

static void write_number(struct writer *writer, uint64_t number)
{
    size_t digits = digits_of(number);
    for (size_t i = digits; i-- > 0; number /= BASE) {
        writer->text[writer->count + i] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % BASE];
    }
    writer->count += digits;
}

/* Writes the numbers, separated by dots, with a comma before them unless they are the first of their kind.
 * False: the text would be longer than `end`; then nothing is written. */
static bool write_item(struct writer *writer, size_t end, const uint64_t *numbers,
                       size_t number_count)
{
    size_t bytes = number_count;
    for (size_t i = 0; i < number_count; i++) {
        bytes += digits_of(numbers[i]);
    }
    if (writer->count + bytes > end) {
        return false;
    }
    if (!writer->first) {
        write_char(writer, ',');
    }
    writer->first = false;
    for (size_t i = 0; i < number_count; i++) {
        if (i > 0) {
            write_char(writer, '.');
        }
        write_number(writer, numbers[i]);
    }
    return true;
}

static void begin(struct writer *writer, char kind)
{
    write_char(writer, '/');
    write_char(writer, kind);
    writer->first = true;
}

/* Labels that were never given say nothing; the most often changed come first. */
static int compare_labels(const void *left, const void *right)
{
    const struct wt_agreement_label *one = *(const struct wt_agreement_label *const *)left;
    const struct wt_agreement_label *other = *(const struct wt_agreement_label *const *)right;
    uint64_t changed = one->only_a + one->only_b;
    uint64_t other_changed = other->only_a + other->only_b;
    if (changed != other_changed) {
        return changed > other_changed ? -1 : 1;
    }
    return (one > other) - (one < other);
}

/* False: some do not fit. */
static bool write_labels(struct writer *writer, size_t end, struct wt_agreement *agreement)
{
    uint32_t count = wt_agreement_label_count(agreement);
    struct wt_agreement_label *labels = wt_alloc((count + (size_t)1) * sizeof *labels);
    const size_t pointer_bytes = sizeof(struct wt_agreement_label *);
    const struct wt_agreement_label **sorted = wt_alloc((count + (size_t)1) * pointer_bytes);
    wt_agreement_labels(agreement, labels);
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &labels[i];
    }
    qsort(sorted, count, pointer_bytes, compare_labels);
    bool all = true;
    for (uint32_t i = 0; i < count && all; i++) {
        const struct wt_agreement_label *label = sorted[i];
        const uint64_t numbers[] = {(uint64_t)(label - labels) + 1, label->both, label->only_a,
                                    label->only_b};
        if (label->both + label->only_a + label->only_b > 0) {
            all = write_item(writer, end, numbers, sizeof numbers / sizeof *numbers);
        }
    }
    free(sorted);
    free(labels);
    return all;
}

/* Ids as written: 0 is none. */
static uint64_t plus_one(uint32_t id)
{
    return id == WT_AGREEMENT_NONE ? 0 : (uint64_t)id + 1;
}

static void write_changes(struct writer *writer, const struct wt_changes *changes)
{
    struct wt_change sorted[WT_CHANGES_MAX];
    uint32_t count = wt_changes_sorted(changes, sorted);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t numbers[] = {(uint64_t)sorted[i].offset, plus_one(sorted[i].a),
                                    plus_one(sorted[i].b), sorted[i].score_a, sorted[i].score_b};
        bool fits = write_item(writer, SIZE_MAX, numbers, sizeof numbers / sizeof *numbers);
        assert(fits);
        (void)fits;
    }
}

/* Returns how many articles are of pairs that do not fit. */
static uint64_t write_pairs(struct writer *writer, size_t end, struct wt_agreement *agreement)
{
    uint32_t count = wt_agreement_pair_count(agreement);
    struct wt_agreement_pair *pairs = wt_alloc((count + (size_t)1) * sizeof *pairs);
    count = wt_agreement_pairs(agreement, false, count, pairs);
    uint64_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t numbers[] = {plus_one(pairs[i].a), plus_one(pairs[i].b), pairs[i].articles};
        if (left > 0 || !write_item(writer, end, numbers, sizeof numbers / sizeof *numbers)) {
            left += pairs[i].articles;
        }
    }
    free(pairs);
    return left;
}

void wt_comparison_write(const struct wt_comparison *comparison, char *text)
{
    /* The counts come first and depend on what fits behind them, so that is written first. */
    char rest[WT_COMPARISON_BYTES_MAX];
    struct writer body = {.text = rest};
    size_t room = WT_COMPARISON_BYTES_MAX - 1 - COUNT_COUNT * 14 - 2;
    begin(&body, 'c');
    write_changes(&body, &comparison->changes);
    assert(body.count <= CHANGES_BYTES_MAX);
    begin(&body, 'l');
    bool all = write_labels(&body, body.count + LABELS_BYTES_MAX, comparison->agreement);
    if (!all || comparison->labels_left) {
        begin(&body, 'x');
    }
    begin(&body, 'p');
    uint64_t left = write_pairs(&body, room, comparison->agreement);
    struct wt_agreement_counts counts = wt_agreement_counts(comparison->agreement);
    const uint64_t numbers[COUNT_COUNT] = {
        counts.compared, counts.equal,       counts.same_category,    counts.failed_a,
        counts.failed_b, counts.failed_both, counts.pairs_left + left};
    struct writer writer = {.text = text, .first = true};
    (void)write_item(&writer, SIZE_MAX, numbers, COUNT_COUNT);
    memcpy(text + writer.count, rest, body.count);
    text[writer.count + body.count] = '\0';
    assert(writer.count + body.count < WT_COMPARISON_BYTES_MAX);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool read_number(const char **at, uint64_t *number_out)
{
    uint64_t number = 0;
    const char *first = *at;
    for (;; (*at)++) {
        uint32_t digit = **at >= '0' && **at <= '9'   ? (uint32_t)(**at - '0')
                         : **at >= 'a' && **at <= 'z' ? (uint32_t)(**at - 'a') + 10
                                                      : BASE;
        if (digit == BASE) {
            break;
        }
        if (number > (UINT64_MAX - digit) / BASE) {
            return false;
        }
        number = number * BASE + digit;
    }
    *number_out = number;
    return *at > first;
}

static bool read_numbers(const char **at, uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((i > 0 && *(*at)++ != '.') || !read_number(at, &numbers[i])) {
            return false;
        }
    }
    return true;
}

/* An id from 0 to count - 1, or none. */
static bool read_id(uint64_t number, uint32_t count, uint32_t *id_out)
{
    *id_out = number == 0 ? WT_AGREEMENT_NONE : (uint32_t)(number - 1);
    return number <= count;
}

struct reader {
    struct wt_comparison *comparison;
    int32_t partition;
    uint32_t count_a; /* labels of the models */
    uint32_t count_b;
};

static bool take_pair(const struct reader *reader, const uint64_t *numbers)
{
    struct wt_agreement_pair pair = {.articles = numbers[2]};
    bool right = read_id(numbers[0], reader->count_a, &pair.a) &&
                 read_id(numbers[1], reader->count_b, &pair.b) && pair.articles > 0;
    if (right) {
        wt_agreement_add_pair(reader->comparison->agreement, &pair);
    }
    return right;
}

static bool take_label(const struct reader *reader, const uint64_t *numbers)
{
    uint32_t place;
    bool right =
        read_id(numbers[0], wt_agreement_label_count(reader->comparison->agreement), &place) &&
        place != WT_AGREEMENT_NONE;
    if (right) {
        const struct wt_agreement_label label = {
            .both = numbers[1], .only_a = numbers[2], .only_b = numbers[3]};
        wt_agreement_add_label(reader->comparison->agreement, place, &label);
    }
    return right;
}

static bool take_change(const struct reader *reader, const uint64_t *numbers)
{
    struct wt_change change = {.partition = reader->partition,
                               .offset = (int64_t)numbers[0],
                               .score_a = (uint32_t)numbers[3],
                               .score_b = (uint32_t)numbers[4]};
    bool right = read_id(numbers[1], reader->count_a, &change.a) &&
                 read_id(numbers[2], reader->count_b, &change.b) && numbers[0] <= INT64_MAX &&
                 numbers[3] <= 1000 && numbers[4] <= 1000;
    if (right) {
        wt_changes_add(&reader->comparison->changes, &change);
    }
    return right;
}

/* Reads the items of a kind, up to its end. */
static bool read_items(const struct reader *reader, const char **at, size_t number_count,
                       bool (*take)(const struct reader *reader, const uint64_t *numbers))
{
    uint64_t numbers[5];
    while (**at != '\0' && **at != '/') {
        if (!read_numbers(at, numbers, number_count) || !take(reader, numbers)) {
            return false;
        }
        *at += **at == ',';
    }
    return true;
}

static bool read_kind(const struct reader *reader, const char **at)
{
    char kind = **at;
    *at += kind != '\0';
    switch (kind) {
    case 'p':
        return read_items(reader, at, 3, take_pair);
    case 'l':
        return read_items(reader, at, 4, take_label);
    case 'c':
        return read_items(reader, at, 5, take_change);
    case 'x':
        reader->comparison->labels_left = true;
        return true;
    default:
        return false;
    }
}

bool wt_comparison_read(struct wt_comparison *comparison, const char *text, int32_t partition)
{
    struct reader reader = {.comparison = comparison, .partition = partition};
    wt_agreement_model_labels(comparison->agreement, &reader.count_a, &reader.count_b);
    uint64_t numbers[COUNT_COUNT];
    const char *at = text;
    if (!read_numbers(&at, numbers, COUNT_COUNT)) {
        return false;
    }
    const struct wt_agreement_counts counts = {.compared = numbers[0],
                                               .equal = numbers[1],
                                               .same_category = numbers[2],
                                               .failed_a = numbers[3],
                                               .failed_b = numbers[4],
                                               .failed_both = numbers[5],
                                               .pairs_left = numbers[6]};
    if (counts.equal > counts.same_category || counts.same_category > counts.compared) {
        return false;
    }
    wt_agreement_add_counts(comparison->agreement, &counts);
    while (*at == '/') {
        at++;
        if (!read_kind(&reader, &at)) {
            return false;
        }
    }
    return *at == '\0';
}
