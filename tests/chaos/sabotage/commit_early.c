/* commit_early.c: a worker that commits what is sent, not what is acknowledged. Linked with --wrap;
 * tests/chaos proves with it that its books notice lost records. */
#include "pipeline/publish/order.h"

int64_t __real_wt_lane_position(const struct wt_lane *lane);
int64_t __wrap_wt_lane_position(const struct wt_lane *lane);
void __real_wt_lane_committed(struct wt_lane *lane, int64_t offset);
void __wrap_wt_lane_committed(struct wt_lane *lane, int64_t offset);

int64_t __wrap_wt_lane_position(const struct wt_lane *lane)
{
    return wt_lane_released_position(lane);
}

/* The lane asserts that no more than the acknowledged prefix is committed. */
void __wrap_wt_lane_committed(struct wt_lane *lane, int64_t offset)
{
    int64_t acknowledged = __real_wt_lane_position(lane);
    __real_wt_lane_committed(lane, offset < acknowledged ? offset : acknowledged);
}
