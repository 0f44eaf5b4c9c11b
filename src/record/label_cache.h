/* label_cache.h: the logits of articles that a model has already labelled, by their token ids.
 *
 * News agencies send many articles twice. One whose token ids are those of an earlier one gets the very
 * logits that the model gave then, without the model. A labeller has its own cache (labellers.h), so nothing
 * is kept across models, precisions or policies, and a reload begins with an empty one. With input.long
 * windows each window is an entry.
 *
 * The memory is bounded, with what the allocator adds: the least recently used go first. Two articles are the
 * same if all ids are; the hash only finds them. Thread: any, for all functions. */
#ifndef WIRETAG_RECORD_LABEL_CACHE_H
#define WIRETAG_RECORD_LABEL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct wt_label_cache;

/* For a model of `label_count` labels. NULL if `bytes_max` is 0. */
struct wt_label_cache *wt_label_cache_create(uint64_t bytes_max, uint32_t label_count);

/* Accepts NULL. */
void wt_label_cache_destroy(struct wt_label_cache *cache);

/* Copies the logits of these ids to a new array, which the caller frees. NULL: they are not there. Counts
 * a hit; a miss is the caller's to count, who may ask again later. */
float *wt_label_cache_find(struct wt_label_cache *cache, const int32_t *ids, uint32_t count);

/* Keeps the logits, unless the ids are there already. */
void wt_label_cache_keep(struct wt_label_cache *cache, const int32_t *ids, uint32_t count,
                         const float *logits);

/* Forgets everything and keeps nothing from now on: another labeller has the memory. Accepts NULL. */
void wt_label_cache_close(struct wt_label_cache *cache);

#endif
