/* promotion.h: at which offset of a partition one model takes over from another, for a whole group.
 *
 * `wiretag promote` announces a promotion: in a companion group, GROUP.promote, each partition has as its
 * committed offset the first one that may be the new model's (kafka/promotion_group.h). The worker that owns
 * a partition then fixes the offset `at` (takeover.h) and adds the promotion to the metadata of every offset
 * that it commits, so it is in the same transaction as the labels and cannot be lost by a restart:
 *
 *     wiretag promotion 1 id=1795493319012 at=1200 sha256=… path=/models/b.pt was=… was_path=… older=…,…
 *
 * Of the two the group's own metadata decides: only the owner of a partition can write it. Records before
 * `at` are labelled by the model `was`, those from it on by `sha256`, whoever owns the partition.
 *
 * Pure. Thread: any. */
#ifndef WIRETAG_RECORD_PROMOTION_H
#define WIRETAG_RECORD_PROMOTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_SHA256_TEXT_BYTES 65u /* 64 hex digits and NUL */
#define WT_PROMOTION_PATH_BYTES 768u
#define WT_PROMOTION_OLDER_MAX 8u

/* A model by the hash of its bundle, and a file where it may lie; "": not known. */
struct wt_model_name {
    char sha256[WT_SHA256_TEXT_BYTES];
    char path[WT_PROMOTION_PATH_BYTES];
};

struct wt_promotion {
    int64_t id; /* when it was announced, in ms since 1970 */
    int64_t at; /* the first offset of the new model */
    bool ended; /* called off: of an announcement, or of what a partition has afterwards */
    struct wt_model_name model;
    struct wt_model_name was; /* the model before; of an announcement: "" */
    /* Models that earlier promotions replaced, the newest first. */
    char older[WT_PROMOTION_OLDER_MAX][WT_SHA256_TEXT_BYTES];
    uint32_t older_count;
    /* Of an announcement: promotions with these ids were called off, but their partitions may still have
     * them. 0: none. */
    int64_t void_from;
    int64_t void_to;
};

/* The longest text, including NUL; below the broker's offset.metadata.max.bytes (4096). */
#define WT_PROMOTION_BYTES_MAX 3072u

/* Writes it to `text`, which has room for WT_PROMOTION_BYTES_MAX. False: it would be longer. */
bool wt_promotion_write(const struct wt_promotion *promotion, char *text);

/* Reads what wt_promotion_write wrote: `bytes` bytes without a NUL. False: `text`, which may be NULL, is no
 * promotion. */
bool wt_promotion_read(const void *text, size_t bytes, struct wt_promotion *promotion_out);

/* *announcement follows `last`: gets a higher id, and knows which promotions before it were called off. */
void wt_promotion_follow(struct wt_promotion *announcement, const struct wt_promotion *last);

/* True: what a partition has was called off, as far as `announced` tells. It is to be reverted, unless a
 * record behind its offset was taken. */
bool wt_promotion_is_void(const struct wt_promotion *announced, const struct wt_promotion *own);

/* The promotion that the owner of a partition fixes at `at`: as announced, with what it replaces. `before`:
 * the one that the partition has; NULL: none. `own`: the model that the configuration names. */
struct wt_promotion wt_promotion_fix(const struct wt_promotion *announced,
                                     const struct wt_promotion *before,
                                     const struct wt_model_name *own, int64_t at);

/* Calls it off for a partition that has not reached `at`. True: *promotion is now the one before, which holds
 * from offset 0 on. False: there was none, the configuration's model labels. */
bool wt_promotion_revert(struct wt_promotion *promotion);

/* The model that labels the record at `offset`. `promotion` NULL: none. A configuration that names a third
 * model is newer than the promotion and decides. */
const struct wt_model_name *wt_promotion_model_at(const struct wt_promotion *promotion,
                                                  const struct wt_model_name *own, int64_t offset);

#endif
