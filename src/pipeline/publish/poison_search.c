#include "pipeline/publish/poison_search.h"

#include <assert.h>

/* The next round takes the records of a rejected one divided by this. */
#define PARTS 8u

struct wt_poison_search wt_poison_search_begin(void)
{
    return (struct wt_poison_search){
        .records = 0, .records_max = UINT32_MAX, .records_cap = UINT32_MAX};
}

bool wt_poison_search_has_room(const struct wt_poison_search *search)
{
    return search->records < search->records_max;
}

void wt_poison_search_add(struct wt_poison_search *search)
{
    assert(search->records < search->records_max);
    search->records++;
}

bool wt_poison_search_committed(struct wt_poison_search *search, uint32_t records_wanted)
{
    assert(search->records <= search->records_max);
    uint32_t committed = search->records;
    search->records = 0;
    if (committed < search->suspects) {
        search->suspects -= committed;
        return false;
    }
    search->suspects = 0;
    bool capped = search->too_large > 1;
    if (capped) {
        search->records_cap = search->too_large / 2;
    }
    search->too_large = 0;
    search->records_max =
        search->records_max < records_wanted / 2 ? search->records_max * 2 : UINT32_MAX;
    if (search->records_max > search->records_cap) {
        search->records_max = search->records_cap;
    }
    return capped;
}

bool wt_poison_search_rejected(struct wt_poison_search *search, bool too_large)
{
    assert(search->records <= search->records_max);
    bool alone = search->records <= 1;
    search->too_large = too_large && !alone ? search->records : 0;
    if (alone) {
        search->records_max = 1;
    } else {
        search->records_max = search->records < PARTS ? 1 : search->records / PARTS;
        search->suspects = search->records;
    }
    search->records = 0;
    return alone;
}

void wt_poison_search_aborted(struct wt_poison_search *search)
{
    search->records = 0;
}
