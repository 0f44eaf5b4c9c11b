#include "replay/redrive_choice.h"

#include <string.h>

/* True if `header` is one of the comma-separated `codes`. */
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

enum wt_redrive_choice wt_redrive_choose(const struct wt_dead_letter_head *head, const char *codes,
                                         int64_t tries_max)
{
    if (codes != NULL && !is_one_of(codes, head->code)) {
        return WT_REDRIVE_OTHER_CODE;
    }
    return head->tries >= tries_max ? WT_REDRIVE_TRIED : WT_REDRIVE_OPENED;
}
