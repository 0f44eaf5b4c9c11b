/* poison_search.h: finds the record for which the broker rejects a transaction.
 *
 * A rejected record aborts its whole transaction, again and again. So transactions are cut to an eighth
 * of the records after each rejection, until the rejected one stands alone, and once as many have
 * been committed as were in question they grow again with each commit. An eighth and not half: after
 * such an abort librdkafka takes half a second to begin anew, a commit takes a few milliseconds.
 * At-least-once, a round of records that are acknowledged together takes the transaction's place. A
 * pure state machine. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_POISON_SEARCH_H
#define WIRETAG_PIPELINE_PUBLISH_POISON_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

struct wt_poison_search {
    uint32_t records;     /* in the open transaction */
    uint32_t records_max; /* UINT32_MAX: not searching */
    uint32_t suspects;    /* the rejected one is among so many to come; 0: not known */
};

struct wt_poison_search wt_poison_search_begin(void);

/* The open transaction may take one more record. */
bool wt_poison_search_has_room(const struct wt_poison_search *search);

/* A record was added to the open transaction. */
void wt_poison_search_add(struct wt_poison_search *search);

/* The transaction was committed. A search is over once as many as `records_wanted` fit again. */
void wt_poison_search_committed(struct wt_poison_search *search, uint32_t records_wanted);

/* The transaction was aborted because a record of it was rejected. True: there was only that one.
 */
bool wt_poison_search_rejected(struct wt_poison_search *search);

/* The transaction came to nothing for another reason. */
void wt_poison_search_aborted(struct wt_poison_search *search);

#endif
