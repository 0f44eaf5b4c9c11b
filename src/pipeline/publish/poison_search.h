/* poison_search.h: finds the record for which the broker rejects a round.
 *
 * A round is a transaction, or, at-least-once, the records that are acknowledged together. A
 * rejected record fails its whole round, and would fail every round that it is part of. So after
 * each rejection a round takes an eighth of the records of the last one, until the rejected record
 * is alone. Once as many records are committed as were suspected, rounds grow again with each
 * commit. If none of them was too large by itself, the round was: then no later round gets more than half
 * of its records. An eighth and not half: after such an abort librdkafka needs half a second, a commit takes
 * a few milliseconds. Pure. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_POISON_SEARCH_H
#define WIRETAG_PIPELINE_PUBLISH_POISON_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

struct wt_poison_search {
    uint32_t records;     /* in this round */
    uint32_t records_max; /* of a round; UINT32_MAX: not searching */
    /* Of any round: larger ones were too large as a whole; UINT32_MAX: none were. */
    uint32_t records_cap;
    uint32_t too_large; /* records of the last round that was refused for its size; 0: none */
    uint32_t suspects; /* the rejected record is one of the next `suspects` records; 0: not known */
};

struct wt_poison_search wt_poison_search_begin(void);

/* The round may take one more record. */
bool wt_poison_search_has_room(const struct wt_poison_search *search);

/* A record was added to the round. */
void wt_poison_search_add(struct wt_poison_search *search);

/* The round was committed. The search ends once `records_wanted` records fit into a round again. True:
 * records_cap is lower from now on. */
bool wt_poison_search_committed(struct wt_poison_search *search, uint32_t records_wanted);

/* The round failed because a record of it was rejected, for its size or for another reason. True: it was
 * the only one. */
bool wt_poison_search_rejected(struct wt_poison_search *search, bool too_large);

/* The round failed for another reason. */
void wt_poison_search_aborted(struct wt_poison_search *search);

#endif
