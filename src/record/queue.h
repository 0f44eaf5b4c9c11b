/* queue.h: bounded hand-off of records between two stages.
 *
 * The queue owns what is inside. Its bound is in_flight.records_max: consume admits no more records
 * than that into the whole pipeline, so a push never has to wait, and one that would exceed the
 * bound is a bug. Records move in lists, so that a busy stage pays for the lock once a handful. */
#ifndef WIRETAG_RECORD_QUEUE_H
#define WIRETAG_RECORD_QUEUE_H

#include "record/record.h"

struct wt_queue;

/* A queue for at most `records_max` (> 0) records. Thread: any, before use. */
struct wt_queue *wt_queue_create(uint32_t records_max);

/* Destroys the queue and what is left inside. Thread: any, after its users have ended. */
void wt_queue_destroy(struct wt_queue *queue);

/* Moves all of `list` in; the list is empty afterwards. Thread: any. Locks: the queue's own. */
void wt_queue_push(struct wt_queue *queue, struct wt_record_list *list);

/* Moves out up to `records_max` records, waiting up to `wait_ms` (-1: for ever) for the first or
 * for wt_queue_wake. WT_OK, also with nothing in it; WT_CLOSED once the queue is closed and empty.
 * Thread: any. Locks: the queue's own, hold no other. */
enum wt_status wt_queue_pop(struct wt_queue *queue, int wait_ms, uint32_t records_max,
                            struct wt_record_list *list_out);

/* How many records wait inside. Thread: any. */
uint32_t wt_queue_count(struct wt_queue *queue);

/* Ends a wait in wt_queue_pop, now or the next one. Thread: any. */
void wt_queue_wake(struct wt_queue *queue);

/* No more pushes will come; those who wait return. Thread: any. */
void wt_queue_close(struct wt_queue *queue);

#endif
