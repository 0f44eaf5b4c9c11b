/* shadow_choice.h: which articles the shadow model labels, too. Pure. Thread: any. */
#ifndef WIRETAG_PIPELINE_SHADOW_SHADOW_CHOICE_H
#define WIRETAG_PIPELINE_SHADOW_SHADOW_CHOICE_H

#include "base/mix.h"
#include "record/record.h"

#include <stdbool.h>

/* True for about `share` (0 to 1) of all records, and for the same ones each time, in every worker: it
 * depends on topic, partition and offset alone. What a share has, every larger one has, too. */
static inline bool wt_shadow_chooses(double share, const struct wt_origin *origin)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *at = origin->topic; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    }
    hash = wt_mix(hash ^ (uint32_t)origin->partition);
    hash = wt_mix(hash ^ (uint64_t)origin->offset);
    return (double)(hash >> 11) * 0x1p-53 < share;
}

#endif
