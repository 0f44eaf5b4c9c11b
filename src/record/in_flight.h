/* in_flight.h: the memory bound of the worker.
 *
 * Counts records and their bytes from consume to acknowledgement. Consume is the only one that
 * adds, and takes no record while a bound is reached. Every later queue inherits the bound in
 * records. Thread: any; counters are atomics. */
#ifndef WIRETAG_RECORD_IN_FLIGHT_H
#define WIRETAG_RECORD_IN_FLIGHT_H

#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_in_flight;

/* `records_max` and `bytes_max` as configured (> 0). */
struct wt_in_flight *wt_in_flight_create(uint32_t records_max, uint64_t bytes_max);
void wt_in_flight_destroy(struct wt_in_flight *in_flight);

/* Counts a new record in. Thread: consume. */
void wt_in_flight_add(struct wt_in_flight *in_flight, const struct wt_record *record);

/* Counts *record out, destroys it and sets it to NULL. Thread: any. */
void wt_in_flight_end(struct wt_in_flight *in_flight, struct wt_record **record);

/* Lowers the record bound so that what is in flight takes the model a few seconds:
 * `records_wanted` is clipped to records_min..records_max. Thread: any. */
void wt_in_flight_limit(struct wt_in_flight *in_flight, uint32_t records_wanted);

bool wt_in_flight_full(const struct wt_in_flight *in_flight);

uint32_t wt_in_flight_records(const struct wt_in_flight *in_flight);

#endif
