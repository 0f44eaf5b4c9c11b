/* exactly_once.c: release into transactions, which hold the offsets too. */
#include "base/clock.h"
#include "pipeline/publish/lane.h"
#include "pipeline/publish/release_internal.h"

void wt_exactly_once_report(struct wt_release *release, struct wt_record *record,
                            enum wt_delivery delivery, const char *reason)
{
    switch (delivery) {
    case WT_DELIVERED:
    case WT_DELIVERY_PURGED:
        return;
    case WT_DELIVERY_REJECTED:
    case WT_DELIVERY_TOO_LARGE:
        wt_release_note_rejected(release, record, delivery, reason);
        wt_transaction_require_abort(release->transaction);
        return;
    case WT_DELIVERY_RETRY:
        wt_release_log_undelivered(record, reason, "its transaction is aborted");
        wt_transaction_require_abort(release->transaction);
        return;
    case WT_DELIVERY_FATAL:
        wt_transaction_replace_producer(release->transaction);
        return;
    }
}

static void on_committed(struct wt_release *release, struct wt_partition *const *partitions,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wt_lane *lane = partitions[i]->lane;
        if (wt_lane_epoch(lane) != 0) {
            wt_lane_acknowledge_released(lane);
            wt_lane_committed(lane, wt_lane_position(lane));
        }
    }
    wt_release_new_round(release);
    wt_poison_search_committed(&release->search, release->ports.config->in_flight.records_max);
    release->back_off_ms = 0;
    wt_early_commit_committed(&release->idle, wt_clock_us());
}

/* What the group has committed is done with, although the reply was never seen. */
static void settle_all(struct wt_release *release, struct wt_partition *const *partitions,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wt_lane *lane = partitions[i]->lane;
        if (wt_lane_epoch(lane) != 0) {
            wt_lane_resolve_unknown(lane, wt_transaction_committed_offset(release->transaction, i));
            wt_lane_committed(lane, wt_lane_position(lane));
        }
    }
}

/* The transaction holds all that is in flight: nothing is worth waiting for. */
static bool commit_idle(const struct wt_release *release)
{
    return release->search.records > 0 &&
           wt_in_flight_records(release->ports.in_flight) == release->search.records &&
           wt_early_commit_allows(&release->idle, wt_clock_us());
}

/* What is released stays in flight until its commit: waiting for the interval would make consume wait
 * too, once the transaction holds half of what may be in flight. With a backlog consume always fills it
 * up, which alone is no reason. */
static bool commit_early(const struct wt_release *release)
{
    return !wt_poison_search_has_room(&release->search) || release->crowded ||
           commit_idle(release) ||
           release->search.records >= release->ports.config->in_flight.records_max / 2 ||
           (2 * release->search.records >= wt_in_flight_records(release->ports.in_flight) &&
            wt_in_flight_full(release->ports.in_flight));
}

void wt_exactly_once_step(struct wt_release *release, struct wt_partition *const *partitions,
                          size_t count, bool commit_now)
{
    struct wt_error error;
    if (release->stopping && release->outstanding == 0 && release->search.records == 0) {
        return;
    }
    switch (wt_transaction_step(release->transaction, partitions, count,
                                commit_now || commit_early(release), &error)) {
    case WT_STEP_NOTHING:
        return;
    case WT_STEP_COMMITTED:
        on_committed(release, partitions, count);
        break;
    case WT_STEP_ABORTED:
        wt_release_rewind(partitions, count);
        if (release->rejected == NULL) {
            wt_release_back_off(release);
        }
        wt_release_aborted(release);
        break;
    case WT_STEP_RECOVERED:
        release->started = true;
        release->outstanding = 0;
        wt_release_back_off(release);
        wt_release_rewind(partitions, count);
        settle_all(release, partitions, count);
        release->rejected = NULL;
        wt_release_new_round(release);
        wt_poison_search_aborted(&release->search);
        break;
    case WT_STEP_FAILED:
        wt_producer_close(release->produce);
        wt_release_give_up(release, &error);
        break;
    }
}
