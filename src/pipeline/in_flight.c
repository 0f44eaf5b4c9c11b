#include "pipeline/in_flight.h"

#include "base/alloc.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct wt_in_flight {
    atomic_uint records;
    atomic_ullong bytes;
    atomic_uint records_limit; /* <= records_max: follows the model's rate */
    uint32_t records_max;
    uint64_t bytes_max;
};

/* Fewer than this starve the length-aware batcher of neighbours. */
#define RECORDS_MIN 64u

struct wt_in_flight *wt_in_flight_create(uint32_t records_max, uint64_t bytes_max)
{
    assert(records_max > 0 && bytes_max > 0);
    struct wt_in_flight *in_flight = wt_alloc_zeroed(1, sizeof *in_flight);
    in_flight->records_max = records_max;
    in_flight->bytes_max = bytes_max;
    atomic_init(&in_flight->records, 0);
    atomic_init(&in_flight->bytes, 0);
    atomic_init(&in_flight->records_limit, records_max);
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS_MAX, records_max);
    return in_flight;
}

void wt_in_flight_destroy(struct wt_in_flight *in_flight)
{
    free(in_flight);
}

void wt_in_flight_add(struct wt_in_flight *in_flight, const struct wt_record *record)
{
    atomic_fetch_add_explicit(&in_flight->records, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&in_flight->bytes, record->bytes, memory_order_relaxed);
    wt_metric_add(WT_METRIC_IN_FLIGHT_RECORDS, 1);
    wt_metric_add(WT_METRIC_IN_FLIGHT_BYTES, (int64_t)record->bytes);
}

void wt_in_flight_end(struct wt_in_flight *in_flight, struct wt_record **record)
{
    uint64_t bytes = (*record)->bytes;
    wt_record_destroy(*record);
    *record = NULL;
    unsigned before = atomic_fetch_sub_explicit(&in_flight->records, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    atomic_fetch_sub_explicit(&in_flight->bytes, bytes, memory_order_relaxed);
    wt_metric_add(WT_METRIC_IN_FLIGHT_RECORDS, -1);
    wt_metric_add(WT_METRIC_IN_FLIGHT_BYTES, -(int64_t)bytes);
}

void wt_in_flight_limit(struct wt_in_flight *in_flight, uint32_t records_wanted)
{
    uint32_t limit = records_wanted < RECORDS_MIN ? RECORDS_MIN : records_wanted;
    if (limit > in_flight->records_max) {
        limit = in_flight->records_max;
    }
    atomic_store_explicit(&in_flight->records_limit, limit, memory_order_relaxed);
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS_MAX, limit);
}

uint32_t wt_in_flight_records(const struct wt_in_flight *in_flight)
{
    return atomic_load_explicit(&in_flight->records, memory_order_relaxed);
}

bool wt_in_flight_full(const struct wt_in_flight *in_flight)
{
    return wt_in_flight_records(in_flight) >=
               atomic_load_explicit(&in_flight->records_limit, memory_order_relaxed) ||
           atomic_load_explicit(&in_flight->bytes, memory_order_relaxed) >= in_flight->bytes_max;
}
