#include "record/in_flight.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "observe/metrics.h"
#include "record/partition.h"
#include "record/piece.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct wt_in_flight {
    struct wt_owner adder; /* the consume thread, which alone adds */
    atomic_uint records;
    atomic_uint rows; /* with input.long windows: windows; else as many as records */
    atomic_ullong bytes;
    atomic_uint records_limit; /* <= records_max; follows the model's rate */
    uint32_t records_max;
    uint64_t bytes_max;
};

/* With fewer records the batcher finds too few of similar length. */
#define RECORDS_MIN 64u

struct wt_in_flight *wt_in_flight_create(uint32_t records_max, uint64_t bytes_max)
{
    assert(records_max > 0 && bytes_max > 0);
    struct wt_in_flight *in_flight = wt_alloc_zeroed(1, sizeof *in_flight);
    in_flight->records_max = records_max;
    in_flight->bytes_max = bytes_max;
    atomic_init(&in_flight->records, 0);
    atomic_init(&in_flight->rows, 0);
    atomic_init(&in_flight->bytes, 0);
    atomic_init(&in_flight->records_limit, records_max);
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS_MAX, records_max);
    wt_metric_set(WT_METRIC_IN_FLIGHT_BYTES_MAX, (int64_t)bytes_max);
    return in_flight;
}

void wt_in_flight_destroy(struct wt_in_flight *in_flight)
{
    free(in_flight);
}

static int64_t timestamp_ms(const struct wt_record *record)
{
    return record->timestamp_ms >= 0 ? record->timestamp_ms : wt_clock_wall_ms();
}

/* Records of a partition start and end in order. So the record that ended last is older than every
 * record still in flight; a record that starts while none is in flight is the oldest itself. */
static void begin_in_source(const struct wt_record *record)
{
    struct wt_partition *source = record->source;
    if (source != NULL &&
        atomic_fetch_add_explicit(&source->pending, 1, memory_order_acq_rel) == 0) {
        atomic_store_explicit(&source->oldest_ms, timestamp_ms(record), memory_order_relaxed);
    }
}

static void end_in_source(const struct wt_record *record)
{
    struct wt_partition *source = record->source;
    if (source != NULL) {
        atomic_store_explicit(&source->oldest_ms, timestamp_ms(record), memory_order_relaxed);
        unsigned before = atomic_fetch_sub_explicit(&source->pending, 1, memory_order_acq_rel);
        assert(before > 0);
        (void)before;
    }
}

void wt_in_flight_add(struct wt_in_flight *in_flight, const struct wt_record *record)
{
    wt_owner_assert(&in_flight->adder);
    begin_in_source(record);
    atomic_fetch_add_explicit(&in_flight->records, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&in_flight->rows, record->rows, memory_order_relaxed);
    atomic_fetch_add_explicit(&in_flight->bytes, record->bytes, memory_order_relaxed);
    wt_metric_add(WT_METRIC_IN_FLIGHT_RECORDS, record->rows);
    wt_metric_add(WT_METRIC_IN_FLIGHT_BYTES, (int64_t)record->bytes);
}

void wt_in_flight_end(struct wt_in_flight *in_flight, struct wt_record **record)
{
    uint64_t bytes = (*record)->bytes;
    uint32_t rows = (*record)->rows;
    assert((*record)->whole == NULL && rows > 0);
    end_in_source(*record);
    wt_record_destroy(*record);
    *record = NULL;
    unsigned before = atomic_fetch_sub_explicit(&in_flight->records, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    atomic_fetch_sub_explicit(&in_flight->rows, rows, memory_order_relaxed);
    atomic_fetch_sub_explicit(&in_flight->bytes, bytes, memory_order_relaxed);
    wt_metric_add(WT_METRIC_IN_FLIGHT_RECORDS, -(int64_t)rows);
    wt_metric_add(WT_METRIC_IN_FLIGHT_BYTES, -(int64_t)bytes);
}

void wt_in_flight_resize(struct wt_in_flight *in_flight, struct wt_record *record, uint32_t rows)
{
    assert(rows > 0 && record->rows > 0);
    int64_t more = (int64_t)rows - (int64_t)record->rows;
    if (more == 0) {
        return;
    }
    int64_t bytes = more * (int64_t)record->row_bytes;
    record->rows = rows;
    record->bytes += (uint64_t)bytes;
    /* Unsigned arithmetic: adding the complement subtracts. */
    atomic_fetch_add_explicit(&in_flight->rows, (unsigned)more, memory_order_relaxed);
    atomic_fetch_add_explicit(&in_flight->bytes, (uint64_t)bytes, memory_order_relaxed);
    wt_metric_add(WT_METRIC_IN_FLIGHT_RECORDS, more);
    wt_metric_add(WT_METRIC_IN_FLIGHT_BYTES, bytes);
}

void wt_in_flight_drop(struct wt_in_flight *in_flight, struct wt_record **record)
{
    (*record)->abandoned = true;
    struct wt_record *whole = wt_piece_join(record);
    if (whole != NULL) {
        wt_metric_add(WT_METRIC_RECORDS_DROPPED, wt_record_weight(whole));
        wt_in_flight_end(in_flight, &whole);
    }
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
    return atomic_load_explicit(&in_flight->rows, memory_order_relaxed) >=
               atomic_load_explicit(&in_flight->records_limit, memory_order_relaxed) ||
           atomic_load_explicit(&in_flight->bytes, memory_order_relaxed) >= in_flight->bytes_max;
}
