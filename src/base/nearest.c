#include "base/nearest.h"

#include <stddef.h>
#include <string.h>

unsigned wt_nearest_distance(const char *a, const char *b)
{
    unsigned row[WT_NEAREST_BYTES_MAX + 1];
    size_t a_length = strnlen(a, WT_NEAREST_BYTES_MAX);
    size_t b_length = strnlen(b, WT_NEAREST_BYTES_MAX);
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}
