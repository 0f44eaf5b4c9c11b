/* queue.h: a bounded queue of records between two stages.
 *
 * The queue owns its records. Its bound is in_flight.records_max. The consume stage admits no more
 * records than that into the whole pipeline: a push never waits, and a push past the bound is a
 * bug. Records move in lists, so that a busy stage takes the lock once for many records. */
#ifndef WIRETAG_RECORD_QUEUE_H
#define WIRETAG_RECORD_QUEUE_H

#include "record/record.h"

struct wt_queue;

/* Creates a queue for at most `records_max` (> 0) records. Thread: any, before use. */
struct wt_queue *wt_queue_create(uint32_t records_max);

/* Destroys the queue and the records in it; accepts NULL. Thread: any, after the threads that use
 * it have ended. */
void wt_queue_destroy(struct wt_queue *queue);

/* Moves all records of `list` into the queue; the list is empty afterwards. Thread: any. Locks: the
 * queue's own. */
void wt_queue_push(struct wt_queue *queue, struct wt_record_list *list);

/* Appends up to `records_max` records to `list_out`. Waits up to `wait_ms` (-1: without limit) for
 * the first record or for wt_queue_wake. WT_OK, also when no record came; WT_CLOSED once the queue
 * is closed and empty. Thread: any. Locks: the queue's own, hold no other. */
enum wt_status wt_queue_pop(struct wt_queue *queue, int wait_ms, uint32_t records_max,
                            struct wt_record_list *list_out);

/* The number of records in the queue. Thread: any. */
uint32_t wt_queue_count(struct wt_queue *queue);

/* Ends the current wait in wt_queue_pop, or else the next one. Thread: any. */
void wt_queue_wake(struct wt_queue *queue);

/* No records are pushed after this; threads that wait in wt_queue_pop return. Thread: any. */
void wt_queue_close(struct wt_queue *queue);

#endif
