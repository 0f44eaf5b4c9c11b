#include "replay/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MARK "wiretag replay 2"

/* After the fields, if it is not 0: versions before input.where know no such field. */
#define FILTERED " filtered="

/* Then those of a comparison, if there is one. */
#define COMPARED " compared="
#define COMPARISON " comparison="

#define FIELD_COUNT 9u
static const char *const names[FIELD_COUNT] = {
    "planned", "from", "to", "since", "read", "labelled", "dead-lettered", "tombstones", "skipped"};

/* The fields in the order of `names`. */
struct fields {
    int64_t *at[FIELD_COUNT];
};

static struct fields fields_of(struct wt_checkpoint *checkpoint)
{
    struct wt_tally *tally = &checkpoint->tally;
    return (struct fields){{&checkpoint->planned_ms, &checkpoint->from, &checkpoint->to,
                            &checkpoint->since, &tally->read, &tally->labelled,
                            &tally->dead_lettered, &tally->tombstones, &tally->skipped}};
}

void wt_checkpoint_write(const struct wt_checkpoint *checkpoint, const struct wt_tally *more,
                         char *text)
{
    struct wt_checkpoint sum = *checkpoint;
    wt_tally_add(&sum.tally, more);
    struct fields fields = fields_of(&sum);
    size_t length = (size_t)snprintf(text, WT_CHECKPOINT_BYTES_MAX, MARK);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        length += (size_t)snprintf(text + length, WT_CHECKPOINT_BYTES_MAX - length, " %s=%" PRId64,
                                   names[i], *fields.at[i]);
    }
    if (sum.tally.filtered > 0) {
        length += (size_t)snprintf(text + length, WT_CHECKPOINT_BYTES_MAX - length,
                                   FILTERED "%" PRId64, sum.tally.filtered);
    }
    if (sum.tally.compared > 0) {
        length += (size_t)snprintf(text + length, WT_CHECKPOINT_BYTES_MAX - length,
                                   COMPARED "%" PRId64, sum.tally.compared);
    }
    if (checkpoint->comparison[0] != '\0') {
        length += (size_t)snprintf(text + length, WT_CHECKPOINT_BYTES_MAX - length, COMPARISON "%s",
                                   checkpoint->comparison);
    }
    (void)snprintf(text + length, WT_CHECKPOINT_BYTES_MAX - length, "%s", checkpoint->terms);
}

/* Reads one " name=number" and moves *at past it. */
static bool read_field(const char **at, const char *name, int64_t *field_out)
{
    size_t name_bytes = strlen(name);
    if (**at != ' ' || strncmp(*at + 1, name, name_bytes) != 0 || (*at)[name_bytes + 1] != '=') {
        return false;
    }
    *at += name_bytes + 2;
    int64_t field = 0;
    const char *first = *at;
    while (**at >= '0' && **at <= '9') {
        int digit = **at - '0';
        if (field > (INT64_MAX - digit) / 10) {
            return false;
        }
        field = field * 10 + digit;
        (*at)++;
    }
    *field_out = field;
    return *at > first;
}

/* Reads " comparison=text", if it is there, and moves *at past it. False: the text is too long. */
static bool read_comparison(const char **at, char *comparison_out)
{
    if (strncmp(*at, COMPARISON, strlen(COMPARISON)) != 0) {
        return true;
    }
    *at += strlen(COMPARISON);
    size_t bytes = strcspn(*at, " ");
    if (bytes >= WT_COMPARISON_BYTES_MAX) {
        return false;
    }
    memcpy(comparison_out, *at, bytes);
    comparison_out[bytes] = '\0';
    *at += bytes;
    return true;
}

bool wt_checkpoint_read(const void *text, size_t bytes, struct wt_checkpoint *checkpoint_out)
{
    struct wt_checkpoint checkpoint = {0};
    struct fields fields = fields_of(&checkpoint);
    char copy[WT_CHECKPOINT_BYTES_MAX] = "";
    if (text == NULL || bytes >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, bytes);
    if (strncmp(copy, MARK, strlen(MARK)) != 0) {
        return false;
    }
    const char *at = copy + strlen(MARK);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!read_field(&at, names[i], fields.at[i])) {
            return false;
        }
    }
    if (strncmp(at, FILTERED, strlen(FILTERED)) == 0 &&
        !read_field(&at, "filtered", &checkpoint.tally.filtered)) {
        return false;
    }
    if (strncmp(at, COMPARED, strlen(COMPARED)) == 0 &&
        !read_field(&at, "compared", &checkpoint.tally.compared)) {
        return false;
    }
    if (!read_comparison(&at, checkpoint.comparison)) {
        return false;
    }
    size_t terms_bytes = (size_t)(copy + bytes - at);
    bool terms = terms_bytes == 0 || (*at == ' ' && strlen(at) == terms_bytes);
    if (!terms || terms_bytes >= sizeof checkpoint.terms || checkpoint.to < checkpoint.from) {
        return false;
    }
    memcpy(checkpoint.terms, at, terms_bytes);
    *checkpoint_out = checkpoint;
    return true;
}
