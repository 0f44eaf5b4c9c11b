#include "codec/dead_letter_head.h"

#include "base/buffer.h"
#include "codec/headers.h"

#include <stdlib.h>
#include <string.h>

/* The codes of all errors of class WT_ERROR_RECORD, and the codes that end a record for another
 * reason; id-type is of versions before 0.2. A test compares this list with the sources. */
static const char *const codes_known[] = {
    "at-not-object",   "avro-invalid",    "avro-unframed",     "batch-id",           "batch-length",
    "batch-shape",     "device-memory",   "format-avro",       "headers-unreadable", "id-type",
    "json-invalid",    "json-not-object", "logits-not-finite", "model-failed",       "model-output",
    "record-rejected", "schema-unknown",  "schema-unusable",   "text-blank",         "text-missing",
    "text-not-utf8",   "text-too-large",  "text-type",         "value-empty",
};

const char *const *wt_dead_letter_codes(size_t *count_out)
{
    *count_out = sizeof codes_known / sizeof codes_known[0];
    return codes_known;
}

/* --- codes as written on the command line ---------------------------------------------------- */

static size_t find_code(const char *word, size_t length)
{
    size_t count;
    const char *const *known = wt_dead_letter_codes(&count);
    for (size_t i = 0; i < count; i++) {
        if (strlen(known[i]) == length && memcmp(known[i], word, length) == 0) {
            return i;
        }
    }
    return count;
}

static enum wt_status unknown_code(const char *word, size_t length, struct wt_error *error)
{
    struct wt_buffer list = {0};
    size_t count;
    const char *const *known = wt_dead_letter_codes(&count);
    for (size_t i = 0; i < count; i++) {
        wt_buffer_append_text(&list, i > 0 ? ", " : "");
        wt_buffer_append_text(&list, known[i]);
    }
    char *text = wt_buffer_take(&list, NULL);
    enum wt_status status =
        wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "code-unknown",
                     "--code: no dead letter has the code \"%.*s\"; the codes are %s",
                     (int)(length < 60 ? length : 60), word, text);
    free(text);
    return status;
}

enum wt_status wt_dead_letter_codes_parse(const char *text, char **codes_out,
                                          struct wt_error *error)
{
    static const char blanks[] = " \t\r\n";
    bool chosen[sizeof codes_known / sizeof codes_known[0]] = {false};
    struct wt_buffer codes = {0};
    size_t count;
    const char *const *known = wt_dead_letter_codes(&count);
    for (const char *at = text;; at++) {
        at += strspn(at, blanks);
        size_t length = strcspn(at, ",");
        size_t word_bytes = length;
        while (word_bytes > 0 && strchr(blanks, at[word_bytes - 1]) != NULL) {
            word_bytes--;
        }
        size_t found = find_code(at, word_bytes);
        if (found == count) {
            return unknown_code(at, word_bytes, error);
        }
        chosen[found] = true;
        at += length;
        if (*at == '\0') {
            break;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (chosen[i]) {
            wt_buffer_append_text(&codes, codes.count > 0 ? "," : "");
            wt_buffer_append_text(&codes, known[i]);
        }
    }
    *codes_out = wt_buffer_take(&codes, NULL);
    return WT_OK;
}

/* --- heads --- */

bool wt_dead_letter_read(const struct wt_record *record, struct wt_dead_letter_head *head_out)
{
    int64_t partition = wt_headers_find_integer(record, "wiretag.source.partition", -1);
    *head_out = (struct wt_dead_letter_head){
        .code = wt_headers_find(record, "wiretag.error.code"),
        .topic = wt_headers_find(record, "wiretag.source.topic"),
        .partition = partition >= 0 && partition <= INT32_MAX ? (int32_t)partition : -1,
        .offset = wt_headers_find_integer(record, "wiretag.source.offset", -1),
        .tries = wt_headers_find_integer(record, "wiretag.tries", 1),
    };
    return head_out->code != NULL && head_out->topic != NULL && head_out->topic->value_bytes > 0 &&
           head_out->partition >= 0 && head_out->offset >= 0;
}
