#include "pipeline/search.h"

struct wt_search wt_search_begin(void)
{
    return (struct wt_search){.records = 0, .records_max = UINT32_MAX};
}

bool wt_search_has_room(const struct wt_search *search)
{
    return search->records < search->records_max;
}

void wt_search_add(struct wt_search *search)
{
    search->records++;
}

void wt_search_committed(struct wt_search *search, uint32_t records_wanted)
{
    search->records = 0;
    search->records_max =
        search->records_max < records_wanted / 2 ? search->records_max * 2 : UINT32_MAX;
}

bool wt_search_rejected(struct wt_search *search)
{
    bool alone = search->records <= 1;
    search->records_max = alone ? 1 : search->records / 2;
    search->records = 0;
    return alone;
}

void wt_search_aborted(struct wt_search *search)
{
    search->records = 0;
}
