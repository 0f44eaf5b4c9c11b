#include "observe/log.h"
#include "pipeline/consume/takeover_internal.h"

#include <assert.h>
#include <inttypes.h>

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

/* False: the announced offset, or the log's end, is not known yet. */
static bool choose_offset(struct wt_takeover *takeover, struct wt_partition *partition,
                          int64_t *at_out)
{
    struct wt_extent_answer answer;
    int64_t from =
        wt_promotions_from(takeover->ports.promotions, partition->topic, partition->number);
    *at_out = larger(from, wt_takeover_next(partition));
    if (from < 0) {
        return false; /* assigned since the announcement was read */
    }
    if (takeover->ports.config->delivery.guarantee == WT_EXACTLY_ONCE) {
        return true;
    }
    struct wt_extent_query *query = takeover->ports.query;
    bool answered =
        partition->promotion_request != 0 &&
        wt_extent_query_get(query, partition, WT_EXTENT_LOG, partition->promotion_request, &answer);
    if (answered && answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        partition->promotion_request = 0;
        *at_out = larger(from, larger(answer.log.end, wt_takeover_next(partition)) + 1);
        return true;
    }
    if (answered || partition->promotion_request == 0) {
        partition->promotion_request = wt_extent_query_ask(query, partition, WT_EXTENT_LOG);
    }
    return false;
}

/* Exactly-once: the metadata is committed although nothing moves. (At-least-once librdkafka commits only
 * offsets that have grown.) */
static void commit_anew(struct wt_takeover *takeover, struct wt_partition *partition)
{
    if (takeover->ports.config->delivery.guarantee == WT_EXACTLY_ONCE &&
        partition->next_offset >= 0 && !wt_takeover_waits(takeover, partition)) {
        takeover->ports.hole(takeover->ports.opaque, partition, partition->next_offset);
    }
}

static void fix(struct wt_takeover *takeover, struct wt_partition *partition,
                const struct wt_promotion *announced)
{
    int64_t at = 0;
    if (!choose_offset(takeover, partition, &at)) {
        return;
    }
    char text[WT_PROMOTION_BYTES_MAX];
    struct wt_model_name own = wt_labellers_own(takeover->ports.labellers);
    struct wt_promotion fixed =
        wt_promotion_fix(announced, wt_partition_promotion(partition), &own, at);
    while (!wt_promotion_write(&fixed, text)) {
        assert(fixed.older_count > 0); /* the rest fits: promotion.c */
        fixed.older_count--;
    }
    wt_partition_set_promotion(partition, &fixed);
    partition->promotion_from = wt_takeover_next(partition);
    partition->promotion_passed = false;
    takeover->stale = true;
    commit_anew(takeover, partition);
    wt_log_partition(WT_LOG_INFO, "consume", partition->topic, partition->number,
                     "%s [%" PRId32 "]: the promoted model, SHA-256 %s, takes over at offset "
                     "%" PRId64 "; %" PRId64 " is read next",
                     partition->topic, partition->number, fixed.model.sha256, at,
                     partition->next_offset);
}

/* The promotion was called off, and no record of the new model was taken. */
static void revert(struct wt_takeover *takeover, struct wt_partition *partition)
{
    struct wt_promotion promotion = *wt_partition_promotion(partition);
    bool before = wt_promotion_revert(&promotion);
    wt_partition_set_promotion(partition, before ? &promotion : NULL);
    partition->promotion_from = -1;
    takeover->stale = true;
    commit_anew(takeover, partition);
    wt_log_partition(WT_LOG_INFO, "consume", partition->topic, partition->number,
                     "%s [%" PRId32 "]: the promotion was called off before its offset was reached",
                     partition->topic, partition->number);
}

bool wt_takeover_is_called_off(const struct wt_partition *partition,
                               const struct wt_promotion *announced)
{
    const struct wt_promotion *own = wt_partition_promotion(partition);
    return own != NULL && wt_promotion_is_void(announced, own);
}

void wt_takeover_look_at(struct wt_takeover *takeover, struct wt_partition *partition,
                         const struct wt_promotion *announced)
{
    if (wt_takeover_is_called_off(partition, announced) && !partition->promotion_passed) {
        revert(takeover, partition);
    }
    if (announced->ended) {
        return;
    }
    const struct wt_promotion *own = wt_partition_promotion(partition);
    struct wt_promotions *promotions = takeover->ports.promotions;
    const char *sha256 = announced->model.sha256;
    bool newer = own == NULL || own->id < announced->id;
    if (newer &&
        (wt_labellers_have(takeover->ports.labellers, sha256) ||
         (wt_promotions_lack(promotions, sha256) && wt_promotions_elsewhere(promotions)))) {
        fix(takeover, partition, announced);
    }
}
