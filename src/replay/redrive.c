#include "replay/redrive.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "codec/dead_letter.h"
#include "codec/headers.h"

#include <stdlib.h>
#include <string.h>

/* The codes of errors of class WT_ERROR_RECORD, and those an article may end with for another reason. A test
 * compares them with the sources. */
static const char *const codes_known[] = {
    "batch-id",     "batch-length",    "batch-shape",     "device-memory",     "headers-unreadable",
    "id-type",      "json-invalid",    "json-not-object", "logits-not-finite", "model-failed",
    "model-output", "record-rejected", "text-blank",      "text-missing",      "text-too-large",
    "text-type",    "value-empty",
};

const char *const *wt_dead_letter_codes(size_t *count_out)
{
    *count_out = sizeof codes_known / sizeof codes_known[0];
    return codes_known;
}

/* --- codes as they are written --------------------------------------------------------------- */

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

/* --- letters --------------------------------------------------------------------------------- */

/* `header` is one of the words in `codes`. */
static bool is_one_of(const char *codes, const struct wt_header *header)
{
    for (const char *at = codes; *at != '\0';) {
        size_t length = strcspn(at, ",");
        if (length == header->value_bytes && memcmp(at, header->value, length) == 0) {
            return true;
        }
        at += length + (at[length] == ',');
    }
    return false;
}

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

enum wt_redrive_choice wt_redrive_choose(const struct wt_dead_letter_head *head, const char *codes,
                                         int64_t tries_max)
{
    if (codes != NULL && !is_one_of(codes, head->code)) {
        return WT_REDRIVE_OTHER_CODE;
    }
    return head->tries >= tries_max ? WT_REDRIVE_TRIED : WT_REDRIVE_OPENED;
}

/* A letter that is cut and the only one of its article is worth a word of its own. */
static enum wt_redrive_choice judge(const struct wt_redrive *letters,
                                    const struct wt_record *record,
                                    struct wt_dead_letter_head *head)
{
    char words[WT_CUT_WORDS_BYTES_MAX];
    if (!wt_dead_letter_read(record, head)) {
        return WT_REDRIVE_FOREIGN;
    }
    enum wt_redrive_choice chosen = wt_redrive_choose(head, letters->codes, letters->tries_max);
    if (chosen == WT_REDRIVE_OPENED && letters->origins != NULL) {
        enum wt_origin_state state = wt_origins_look(letters->origins, record);
        chosen = state == WT_ORIGIN_SUPERSEDED ? WT_REDRIVE_SUPERSEDED
                 : state == WT_ORIGIN_LABELLED ? WT_REDRIVE_LABELLED
                                               : WT_REDRIVE_OPENED;
    }
    bool whole = wt_dead_letter_cut(record, words)[0] == '\0';
    bool stands = chosen == WT_REDRIVE_OPENED || chosen == WT_REDRIVE_LABELLED;
    return stands && !whole ? WT_REDRIVE_CUT : chosen;
}

enum wt_redrive_choice wt_redrive_open(const struct wt_redrive *letters, struct wt_record *record)
{
    struct wt_dead_letter_head head;
    enum wt_redrive_choice letter = judge(letters, record, &head);
    if (letters->counts != NULL) {
        atomic_fetch_add_explicit(&letters->counts->of[letter], 1, memory_order_relaxed);
    }
    if (letter != WT_REDRIVE_OPENED && letter != WT_REDRIVE_CUT) {
        return letter;
    }
    record->origin_topic =
        wt_format("%.*s", (int)head.topic->value_bytes, (const char *)head.topic->value);
    record->origin = (struct wt_origin){
        .topic = record->origin_topic, .partition = head.partition, .offset = head.offset};
    if (letter == WT_REDRIVE_OPENED && wt_dead_letter_keyed(record)) {
        record->key = NULL;
        record->key_bytes = 0;
    }
    if (letter == WT_REDRIVE_OPENED) {
        record->timestamp_ms =
            wt_headers_find_integer(record, "wiretag.source.timestamp", record->timestamp_ms);
    }
    return letter;
}
