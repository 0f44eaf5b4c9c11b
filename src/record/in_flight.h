/* in_flight.h: the memory bound of the worker.
 *
 * Counts records and their bytes from consume to acknowledgement. Only the consume stage adds
 * records, and it takes none while a bound is reached. So every later queue is bounded by
 * records_max. Thread: any; the counters are atomics.
 *
 * With input.long windows, the bound in records counts windows. Until it is tokenized, an article
 * counts as the most windows that its bytes can make; then as those that it has; and once they are
 * joined as one. */
#ifndef WIRETAG_RECORD_IN_FLIGHT_H
#define WIRETAG_RECORD_IN_FLIGHT_H

#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_in_flight;

/* `records_max` and `bytes_max` are in_flight.records_max and in_flight.bytes_max (> 0). */
struct wt_in_flight *wt_in_flight_create(uint32_t records_max, uint64_t bytes_max);
void wt_in_flight_destroy(struct wt_in_flight *in_flight);

/* Adds a new record to the counters, with its `rows` and `bytes`. Thread: consume. */
void wt_in_flight_add(struct wt_in_flight *in_flight, const struct wt_record *record);

/* Subtracts *record from the counters, destroys it and sets *record to NULL. Thread: any. */
void wt_in_flight_end(struct wt_in_flight *in_flight, struct wt_record **record);

/* Changes record->rows, and record->bytes by its row_bytes for each. Thread: any. */
void wt_in_flight_resize(struct wt_in_flight *in_flight, struct wt_record *record, uint32_t rows);

/* Ends *record, a record that is dropped uncommitted because its partition was revoked, and counts
 * it. A piece is joined; with the last one its whole is ended and counted. Thread: any. */
void wt_in_flight_drop(struct wt_in_flight *in_flight, struct wt_record **record);

/* Sets the bound in records to `records_wanted`, clipped to 64..records_max. The monitor chooses it
 * so that the model needs a few seconds for all records in flight. Thread: any. */
void wt_in_flight_limit(struct wt_in_flight *in_flight, uint32_t records_wanted);

/* True while the bound in records or in bytes is reached. Thread: any. */
bool wt_in_flight_full(const struct wt_in_flight *in_flight);

/* The number of records in flight, whatever their windows. Thread: any. */
uint32_t wt_in_flight_records(const struct wt_in_flight *in_flight);

#endif
