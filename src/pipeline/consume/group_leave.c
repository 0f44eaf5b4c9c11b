#include "pipeline/consume/group_leave.h"

#include "base/clock.h"
#include "observe/log.h"

#include <assert.h>

/* Longest wait of one poll. */
#define WAIT_MS 50

static bool await_end(rd_kafka_t *client, rd_kafka_queue_t *queue, struct wt_drain_clock *drains,
                      int64_t ms_max)
{
    struct wt_drain_stretch leave = wt_drain_stretch(drains, wt_clock_us());
    while (!rd_kafka_consumer_closed(client) &&
           !wt_drain_stretch_over(drains, &leave, wt_clock_us(), ms_max)) {
        (void)rd_kafka_queue_poll_callback(queue, WAIT_MS);
    }
    bool closed = rd_kafka_consumer_closed(client) != 0;
    if (!closed) {
        wt_log_warn("consume", "leaving the group timed out; the group notices after "
                               "session.timeout.ms");
    }
    return closed;
}

bool wt_group_leave(rd_kafka_t *client, struct wt_drain_clock *drains, int64_t ms_max)
{
    assert(ms_max > 0 && !atomic_load_explicit(&drains->draining, memory_order_relaxed));
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(client, queue);
    bool closed = error == NULL && await_end(client, queue, drains, ms_max);
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    rd_kafka_queue_destroy(queue);
    return closed;
}
