#include "replay/redrive.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "codec/dead_letter.h"
#include "codec/headers.h"

#include <stdlib.h>
#include <string.h>

/* --- dead letters ---------------------------------------------------------------------------- */

/* A dead letter that would be redriven but was cut has a result of its own: it cannot be
 * labelled. */
static enum wt_redrive_choice choose(const struct wt_redrive *redrive,
                                     const struct wt_record *record,
                                     struct wt_dead_letter_head *head)
{
    char words[WT_CUT_WORDS_BYTES_MAX];
    if (!wt_dead_letter_read(record, head)) {
        return WT_REDRIVE_FOREIGN;
    }
    enum wt_redrive_choice choice = wt_redrive_choose(head, redrive->codes, redrive->tries_max);
    if (choice == WT_REDRIVE_OPENED && redrive->origins != NULL) {
        enum wt_origin_state state = wt_origins_look(redrive->origins, record);
        choice = state == WT_ORIGIN_SUPERSEDED ? WT_REDRIVE_SUPERSEDED
                 : state == WT_ORIGIN_LABELLED ? WT_REDRIVE_LABELLED
                                               : WT_REDRIVE_OPENED;
    }
    bool whole = wt_dead_letter_cut(record, words)[0] == '\0';
    bool counts = choice == WT_REDRIVE_OPENED || choice == WT_REDRIVE_LABELLED;
    return counts && !whole ? WT_REDRIVE_CUT : choice;
}

enum wt_redrive_choice wt_redrive_open(const struct wt_redrive *redrive, struct wt_record *record)
{
    struct wt_dead_letter_head head;
    enum wt_redrive_choice choice = choose(redrive, record, &head);
    if (redrive->counts != NULL) {
        atomic_fetch_add_explicit(&redrive->counts->of[choice], 1, memory_order_relaxed);
    }
    if (choice != WT_REDRIVE_OPENED && choice != WT_REDRIVE_CUT) {
        return choice;
    }
    record->origin_topic =
        wt_format("%.*s", (int)head.topic->value_bytes, (const char *)head.topic->value);
    record->origin = (struct wt_origin){
        .topic = record->origin_topic, .partition = head.partition, .offset = head.offset};
    if (choice == WT_REDRIVE_OPENED && wt_dead_letter_keyed(record)) {
        record->key = NULL;
        record->key_bytes = 0;
    }
    if (choice == WT_REDRIVE_OPENED) {
        record->timestamp_ms =
            wt_headers_find_integer(record, "wiretag.source.timestamp", record->timestamp_ms);
    }
    return choice;
}
