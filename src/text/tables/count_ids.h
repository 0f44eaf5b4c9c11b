/* count_ids.h: counts one id among many. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_TABLES_COUNT_IDS_H
#define WIRETAG_TEXT_TABLES_COUNT_IDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How often `id` is among them. Four ids at a time: what compilers do not do at -O2. */
static inline uint32_t wt_count_ids(const int32_t *ids, size_t count, int32_t id)
{
    typedef int32_t four_ids __attribute__((vector_size(16)));
    four_ids found = {0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        four_ids here;
        memcpy(&here, ids + i, sizeof here);
        found -= here == id;
    }
    uint32_t sum = (uint32_t)(found[0] + found[1] + found[2] + found[3]);
    for (; i < count; i++) {
        sum += ids[i] == id;
    }
    return sum;
}

#endif
