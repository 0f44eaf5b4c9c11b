/* at_least_once.c: release with an idempotent producer; offsets follow acknowledgements. */
#include "observe/log.h"
#include "pipeline/publish/lane.h"
#include "pipeline/publish/release_internal.h"

void wt_at_least_once_report(struct wt_release *release, struct wt_record *record,
                             enum wt_delivery delivery, const char *reason)
{
    switch (delivery) {
    case WT_DELIVERED:
        wt_lane_acknowledge(record->source->lane, record);
        if (release->outstanding == 0 && release->again.count == 0 && !release->broken) {
            release->back_off_ms = 0; /* this producer delivers all that it is given */
        }
        return;
    case WT_DELIVERY_REJECTED:
    case WT_DELIVERY_TOO_LARGE:
        wt_release_note_rejected(release, record, delivery, reason);
        release->broken = true;
        return;
    case WT_DELIVERY_FATAL:
    case WT_DELIVERY_PURGED: /* librdkafka lets go of its queue when the producer fails for good */
        release->broken = true;
        return;
    case WT_DELIVERY_RETRY:
        wt_release_log_undelivered(record, reason, "trying again");
        (void)wt_release_hold(release);
        wt_record_list_append(&release->again, &record);
        return;
    }
}

/* After a fatal producer error or a rejected record: everything not acknowledged is released anew,
 * in order, through a new client. What the old one had delivered unseen comes out twice. */
static void replace_producer(struct wt_release *release, struct wt_partition *const *partitions,
                             size_t count)
{
    struct wt_error error;
    bool blameless = release->rejected == NULL;
    if (blameless) {
        wt_log_warn("publish", "the producer failed for good; making a new one");
    }
    if (wt_producer_reset(release->produce, &error) != WT_OK) {
        wt_release_give_up(release, &error);
        return;
    }
    if (blameless) {
        wt_release_back_off(release);
    }
    release->broken = false;
    release->outstanding = 0;
    while (wt_record_list_take(&release->again) != NULL) {
    }
    uint32_t unacknowledged = 0;
    for (size_t i = 0; i < count; i++) {
        unacknowledged += wt_lane_released_count(partitions[i]->lane);
    }
    if (release->search.records > unacknowledged) {
        release->search.records = unacknowledged;
    }
    wt_release_rewind(partitions, count);
    wt_release_aborted(release);
}

/* A round is over when everything in it is acknowledged. Without a search rounds have no bound: one
 * ends whenever the producer is empty. */
static void end_round(struct wt_release *release)
{
    bool given_up = release->broken && !release->stopping;
    if (release->outstanding == 0 && release->again.count == 0 && !given_up) {
        wt_poison_search_committed(&release->search, release->ports.config->in_flight.records_max);
    }
}

void wt_at_least_once_step(struct wt_release *release, struct wt_partition *const *partitions,
                           size_t count, bool commit_now)
{
    if (release->broken && !release->stopping) {
        replace_producer(release, partitions, count);
    } else if (release->search.records > 0) {
        end_round(release);
    }
    if (release->outstanding == 0) {
        wt_release_new_round(release);
    }
    wt_release_all(release, partitions, count);
    wt_offset_commit_step(release->commit, partitions, count, commit_now);
}
