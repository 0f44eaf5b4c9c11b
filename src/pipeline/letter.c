#include "pipeline/letter.h"

#include "base/alloc.h"
#include "pipeline/dead_letter.h"
#include "pipeline/headers.h"

#include <string.h>

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

enum wt_letter wt_letter_open(const struct wt_letters *letters, struct wt_record *record)
{
    const struct wt_header *code = wt_headers_find(record, "wiretag.error.code");
    const struct wt_header *topic = wt_headers_find(record, "wiretag.source.topic");
    int64_t partition = wt_headers_find_integer(record, "wiretag.source.partition", -1);
    int64_t offset = wt_headers_find_integer(record, "wiretag.source.offset", -1);
    char words[WT_CUT_WORDS_BYTES_MAX];
    if (code == NULL || topic == NULL || topic->value_bytes == 0 || partition < 0 ||
        partition > INT32_MAX || offset < 0) {
        return WT_LETTER_FOREIGN;
    }
    if (letters->codes != NULL && !is_one_of(letters->codes, code)) {
        return WT_LETTER_OTHER_CODE;
    }
    if (wt_headers_find_integer(record, "wiretag.tries", 1) >= letters->tries_max) {
        return WT_LETTER_TRIED;
    }
    record->origin_topic = wt_format("%.*s", (int)topic->value_bytes, (const char *)topic->value);
    record->origin = (struct wt_origin){
        .topic = record->origin_topic, .partition = (int32_t)partition, .offset = offset};
    if (wt_dead_letter_cut(record, words)[0] != '\0') {
        return WT_LETTER_CUT;
    }
    if (wt_dead_letter_keyed(record)) {
        record->key = NULL;
        record->key_bytes = 0;
    }
    record->timestamp_ms =
        wt_headers_find_integer(record, "wiretag.source.timestamp", record->timestamp_ms);
    return WT_LETTER_OPENED;
}
