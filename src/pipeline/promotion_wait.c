#include "pipeline/promotion_wait.h"

#include "base/alloc.h"
#include "pipeline/promotion_watch.h"

#include <stdlib.h>
#include <string.h>

struct wt_promotion_wait {
    char *sha256;
    struct wt_partitions *partitions; /* none: nothing is assigned */
    struct wt_promotions *promotions;
    struct wt_promotion_watch *watch;
};

struct wt_promotion_wait *wt_promotion_wait_create(const struct wt_config *config,
                                                   const char *sha256)
{
    struct wt_promotion_wait *wait = wt_alloc_zeroed(1, sizeof *wait);
    wait->sha256 = wt_strdup(sha256);
    wait->partitions = wt_partitions_create();
    wait->promotions = wt_promotions_create();
    wait->watch = wt_promotion_watch_create(config, wait->partitions, wait->promotions);
    return wait;
}

void wt_promotion_wait_destroy(struct wt_promotion_wait *wait)
{
    if (wait == NULL) {
        return;
    }
    wt_promotion_watch_destroy(wait->watch);
    wt_promotions_destroy(wait->promotions);
    wt_partitions_destroy(wait->partitions);
    free(wait->sha256);
    free(wait);
}

bool wt_promotion_wait_is_over(struct wt_promotion_wait *wait)
{
    struct wt_promotion announced;
    wt_promotion_watch_step(wait->watch);
    return wt_promotions_announced(wait->promotions, &announced) &&
           (announced.ended || (strcmp(announced.model.sha256, wait->sha256) != 0 &&
                                wt_promotions_over(wait->promotions)));
}
