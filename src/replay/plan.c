#include "replay/plan.h"

#include <stdio.h>
#include <string.h>

static int64_t within(int64_t offset, struct wt_extent extent)
{
    return offset < extent.begin ? extent.begin : offset > extent.end ? extent.end : offset;
}

struct wt_plan wt_plan_make(int64_t from, int64_t to, struct wt_extent extent)
{
    struct wt_plan plan = {.from = within(from, extent), .to = within(to, extent)};
    if (from > to) {
        plan.to = plan.from;
        plan.notes |= WT_PLAN_REVERSED;
    } else {
        plan.notes |= from < extent.begin ? WT_PLAN_DELETED : 0u;
        plan.notes |= to > extent.end ? WT_PLAN_BEYOND : 0u;
    }
    plan.notes |= plan.from == plan.to ? WT_PLAN_EMPTY : 0u;
    return plan;
}

void wt_plan_notes_write(unsigned notes, char *text)
{
    static const struct {
        unsigned bit;
        const char *words;
    } table[] = {{WT_PLAN_REVERSED, "reversed"},
                 {WT_PLAN_DELETED, "its first records are deleted already"},
                 {WT_PLAN_BEYOND, "cut at the end of the partition"},
                 {WT_PLAN_EMPTY, "empty"}};
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if ((notes & table[i].bit) != 0) {
            length += (size_t)snprintf(text + length, WT_PLAN_NOTES_BYTES_MAX - length, "%s%s",
                                       length > 0 ? ", " : "", table[i].words);
        }
    }
}
