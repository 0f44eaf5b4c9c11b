#include "codec/document.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_PARENT UINT32_MAX

/* What comes next. */
enum expected { EXPECT_VALUE, EXPECT_FIRST_VALUE, EXPECT_KEY, EXPECT_FIRST_KEY, EXPECT_END };

struct reading {
    struct wt_document *document;
    const char *at;
    const char *end;
    /* The innermost open array or object; while open, its `next` is its own parent. */
    uint32_t parent;
    uint32_t depth;
    enum expected expected;
    const char *why; /* not NULL: refused */
};

static void refuse(struct reading *reading, const char *why)
{
    reading->why = why;
    reading->document->fault = reading->at;
}

static void skip_space(struct reading *reading)
{
    while (reading->at < reading->end && (*reading->at == ' ' || *reading->at == '\n' ||
                                          *reading->at == '\r' || *reading->at == '\t')) {
        reading->at++;
    }
}

/* Skips the next byte if it is `byte`. */
static bool take(struct reading *reading, char byte)
{
    bool taken = reading->at < reading->end && *reading->at == byte;
    reading->at += taken ? 1 : 0;
    return taken;
}

/* Appends a value that starts here. */
static struct wt_value *append(struct reading *reading, enum wt_value_type type)
{
    struct wt_document *document = reading->document;
    if (document->count == document->capacity) {
        document->capacity = document->capacity * 2 + 64;
        document->values =
            wt_realloc(document->values, document->capacity * sizeof *document->values);
    }
    struct wt_value *value = &document->values[document->count++];
    *value =
        (struct wt_value){.start = reading->at, .next = document->count, .type = (uint8_t)type};
    return value;
}

/* --- scalars --------------------------------------------------------------------------------- */

static void read_string(struct reading *reading, enum wt_value_type type)
{
    reading->at++;
    struct wt_value *value = append(reading, type);
    const char *why = NULL;
    const char *fault = NULL;
    const char *after = wt_document_string(reading->at, reading->end, value, &fault, &why);
    if (after == NULL) {
        reading->at = fault;
        refuse(reading, why);
        return;
    }
    reading->document->plain = reading->document->plain && !value->halves;
    reading->at = after;
}

static size_t count_digits(const struct reading *reading, const char *at)
{
    const char *from = at;
    while (at < reading->end && *at >= '0' && *at <= '9') {
        at++;
    }
    return (size_t)(at - from);
}

/* The end of the number that starts here; NULL: it is none. */
static const char *end_of_number(const struct reading *reading)
{
    const char *at = reading->at;
    at += *at == '-' ? 1 : 0;
    size_t digits = count_digits(reading, at);
    if (digits == 0 || (digits > 1 && *at == '0')) {
        return NULL;
    }
    at += digits;
    if (at < reading->end && *at == '.') {
        digits = count_digits(reading, at + 1);
        if (digits == 0) {
            return NULL;
        }
        at += 1 + digits;
    }
    if (at < reading->end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < reading->end && (*at == '+' || *at == '-') ? 1 : 0;
        digits = count_digits(reading, at);
        if (digits == 0) {
            return NULL;
        }
        at += digits;
    }
    return at;
}

static bool read_word(struct reading *reading)
{
    static const struct {
        const char *word;
        uint32_t bytes;
        enum wt_value_type type;
    } words[] = {{"null", 4, WT_VALUE_NULL},
                 {"true", 4, WT_VALUE_TRUE},
                 {"false", 5, WT_VALUE_FALSE},
                 {"NaN", 3, WT_VALUE_NOT_A_NUMBER},
                 {"Infinity", 8, WT_VALUE_NOT_A_NUMBER},
                 {"-Infinity", 9, WT_VALUE_NOT_A_NUMBER}};
    size_t left = (size_t)(reading->end - reading->at);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (left >= words[i].bytes && memcmp(reading->at, words[i].word, words[i].bytes) == 0) {
            append(reading, words[i].type)->bytes = words[i].bytes;
            reading->document->plain =
                reading->document->plain && words[i].type != WT_VALUE_NOT_A_NUMBER;
            reading->at += words[i].bytes;
            return true;
        }
    }
    return false;
}

static void read_scalar(struct reading *reading)
{
    if (*reading->at == '"') {
        read_string(reading, WT_VALUE_STRING);
        return;
    }
    bool digit = *reading->at >= '0' && *reading->at <= '9';
    const char *end = digit || *reading->at == '-' ? end_of_number(reading) : NULL;
    if (end != NULL) {
        append(reading, WT_VALUE_NUMBER)->bytes = (uint32_t)(end - reading->at);
        reading->at = end;
    } else if (!read_word(reading)) {
        refuse(reading,
               digit || *reading->at == '-' ? "not a number of JSON" : "a value is expected");
    }
}

/* --- arrays and objects ---------------------------------------------------------------------- */

static void open_value(struct reading *reading, enum wt_value_type type)
{
    if (reading->depth == WT_DOCUMENT_DEPTH_MAX) {
        refuse(reading, "more than 2048 objects and lists in each other");
        return;
    }
    uint32_t parent = reading->parent;
    reading->parent = reading->document->count;
    reading->depth++;
    append(reading, type)->next = parent;
    reading->at++;
    reading->expected = type == WT_VALUE_OBJECT ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE;
}

/* Closes the innermost array or object; the bracket was taken. */
static void close_value(struct reading *reading)
{
    assert(reading->depth > 0);
    struct wt_value *value = &reading->document->values[reading->parent];
    reading->parent = value->next;
    reading->depth--;
    value->next = reading->document->count;
    value->bytes = (uint32_t)(reading->at - value->start);
    reading->expected = EXPECT_END;
}

static bool parent_is_object(const struct reading *reading)
{
    return reading->document->values[reading->parent].type == WT_VALUE_OBJECT;
}

/* After a value: a comma, or the end of what it is in. */
static void read_end(struct reading *reading)
{
    bool object = parent_is_object(reading);
    if (take(reading, ',')) {
        reading->expected = object ? EXPECT_KEY : EXPECT_VALUE;
    } else if (take(reading, object ? '}' : ']')) {
        close_value(reading);
    } else {
        refuse(reading, object ? "a comma or } is expected" : "a comma or ] is expected");
    }
}

static void read_key(struct reading *reading)
{
    if (reading->expected == EXPECT_FIRST_KEY && take(reading, '}')) {
        close_value(reading);
        return;
    }
    if (reading->at == reading->end || *reading->at != '"') {
        refuse(reading, "a key in double quotes is expected");
        return;
    }
    read_string(reading, WT_VALUE_KEY);
    if (reading->why == NULL) {
        skip_space(reading);
        if (!take(reading, ':')) {
            refuse(reading, "a colon is expected");
        }
        reading->expected = EXPECT_VALUE;
    }
}

static void read_value(struct reading *reading)
{
    if (reading->expected == EXPECT_FIRST_VALUE && take(reading, ']')) {
        close_value(reading);
    } else if (reading->at == reading->end) {
        refuse(reading, "it ends where a value is expected");
    } else if (*reading->at == '{') {
        open_value(reading, WT_VALUE_OBJECT);
    } else if (*reading->at == '[') {
        open_value(reading, WT_VALUE_ARRAY);
    } else {
        reading->expected = EXPECT_END;
        read_scalar(reading);
    }
}

static void read_what_follows(struct reading *reading)
{
    skip_space(reading);
    if (reading->at == reading->end) {
        return;
    }
    refuse(reading,
           strchr("{[\"", *reading->at) != NULL && *reading->at != '\0'
               ? "it holds several values, one after the other, but a record is one article"
               : "nothing may follow the value");
}

const char *wt_document_read(struct wt_document *document, const char *text, size_t bytes)
{
    document->count = 0;
    document->plain = true;
    document->fault = text;
    if (bytes >= UINT32_MAX) {
        return "it has more than 4 GiB";
    }
    struct reading reading = {.document = document,
                              .at = text,
                              .end = text + bytes,
                              .parent = NO_PARENT,
                              .expected = EXPECT_VALUE};
    while (reading.why == NULL && (reading.expected != EXPECT_END || reading.parent != NO_PARENT)) {
        skip_space(&reading);
        switch (reading.expected) {
        case EXPECT_VALUE:
        case EXPECT_FIRST_VALUE:
            read_value(&reading);
            break;
        case EXPECT_KEY:
        case EXPECT_FIRST_KEY:
            read_key(&reading);
            break;
        case EXPECT_END:
            read_end(&reading);
            break;
        }
    }
    if (reading.why == NULL) {
        read_what_follows(&reading);
    }
    return reading.why;
}

void wt_document_free(struct wt_document *document)
{
    free(document->values);
    *document = (struct wt_document){0};
}

const char *wt_value_type_name(enum wt_value_type type)
{
    static const char *const names[] = {
        [WT_VALUE_NULL] = "null",
        [WT_VALUE_TRUE] = "true",
        [WT_VALUE_FALSE] = "false",
        [WT_VALUE_NUMBER] = "a number",
        [WT_VALUE_NOT_A_NUMBER] = "NaN or Infinity",
        [WT_VALUE_STRING] = "a string",
        [WT_VALUE_KEY] = "a key",
        [WT_VALUE_ARRAY] = "a list",
        [WT_VALUE_OBJECT] = "an object",
    };
    return names[type];
}
