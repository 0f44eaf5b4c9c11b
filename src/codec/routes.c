#include "codec/routes.h"

#include "codec/label_names.h"

#include <string.h>

static bool has_category(const struct wt_route *route, const char *category)
{
    if (!route->by_category || category == NULL) {
        return !route->by_category || route->none;
    }
    for (size_t i = 0; i < route->categories.count; i++) {
        if (strcmp(route->categories.items[i], category) == 0) {
            return true;
        }
    }
    return false;
}

uint32_t wt_routes_choose(const struct wt_routes *routes, const char *category, double score)
{
    for (size_t i = 0; i < routes->count; i++) {
        const struct wt_route *route = &routes->items[i];
        /* A score of null is negative. */
        if (has_category(route, category) && score < route->score_below) {
            return route->target;
        }
    }
    return 0;
}

enum wt_status wt_routes_check(const struct wt_config *config,
                               const struct wt_model_info *model_info, struct wt_error *error)
{
    const struct wt_routes *routes = &config->output.routes;
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < routes->count; i++) {
        const struct wt_route *route = &routes->items[i];
        for (size_t j = 0; j < route->categories.count && status == WT_OK; j++) {
            status = wt_label_need(model_info, route->place, "output.routes",
                                   route->categories.items[j], error);
        }
    }
    return status;
}
