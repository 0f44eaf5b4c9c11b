#include "compare/changes.h"

#include <math.h>
#include <stdbool.h>

uint32_t wt_change_score(double score)
{
    return (uint32_t)lround(fmin(1.0, fmax(0.0, score)) * 1000.0);
}

/* True: `change` is larger than `other`. */
static bool is_larger(const struct wt_change *change, const struct wt_change *other)
{
    uint32_t size = change->score_a + change->score_b;
    uint32_t other_size = other->score_a + other->score_b;
    if (size != other_size) {
        return size > other_size;
    }
    return change->partition != other->partition ? change->partition < other->partition
                                                 : change->offset < other->offset;
}

static void swap(struct wt_change *one, struct wt_change *other)
{
    struct wt_change held = *one;
    *one = *other;
    *other = held;
}

static void sink(struct wt_change *heap, uint32_t count)
{
    uint32_t at = 0;
    for (uint32_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_larger(&heap[child], &heap[child + 1])) {
            child++;
        }
        if (!is_larger(&heap[at], &heap[child])) {
            return;
        }
        swap(&heap[at], &heap[child]);
        at = child;
    }
}

void wt_changes_add(struct wt_changes *changes, const struct wt_change *change)
{
    struct wt_change *heap = changes->heap;
    if (changes->count == WT_CHANGES_MAX) {
        if (is_larger(change, &heap[0])) {
            heap[0] = *change;
            sink(heap, changes->count);
        }
        return;
    }
    uint32_t at = changes->count++;
    heap[at] = *change;
    while (at > 0 && is_larger(&heap[(at - 1) / 2], &heap[at])) {
        swap(&heap[(at - 1) / 2], &heap[at]);
        at = (at - 1) / 2;
    }
}

uint32_t wt_changes_sorted(const struct wt_changes *changes, struct wt_change *sorted_out)
{
    struct wt_changes rest = *changes;
    while (rest.count > 0) {
        sorted_out[--rest.count] = rest.heap[0];
        rest.heap[0] = rest.heap[rest.count];
        sink(rest.heap, rest.count);
    }
    return changes->count;
}
