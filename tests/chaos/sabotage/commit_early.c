/* commit_early.c: a worker that commits what is sent, not what is acknowledged. Linked with --wrap;
 * tests/chaos proves with it that its books notice lost records. */
#include "pipeline/publish/order.h"

int64_t __real_wt_order_position(const struct wt_order *order);
int64_t __wrap_wt_order_position(const struct wt_order *order);
void __real_wt_order_committed(struct wt_order *order, int64_t offset);
void __wrap_wt_order_committed(struct wt_order *order, int64_t offset);

int64_t __wrap_wt_order_position(const struct wt_order *order)
{
    return wt_order_released_position(order);
}

/* The order asserts that no more than the acknowledged prefix is committed. */
void __wrap_wt_order_committed(struct wt_order *order, int64_t offset)
{
    int64_t acknowledged = __real_wt_order_position(order);
    __real_wt_order_committed(order, offset < acknowledged ? offset : acknowledged);
}
