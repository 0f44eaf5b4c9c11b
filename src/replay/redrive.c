#include "replay/redrive.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "codec/dead_letter.h"
#include "codec/headers.h"

#include <stdlib.h>
#include <string.h>

/* --- letters --------------------------------------------------------------------------------- */

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
