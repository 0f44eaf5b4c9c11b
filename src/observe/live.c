#include "observe/live.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mix.h"
#include "base/mutex.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint viewers;
static _Atomic uint64_t seen; /* offers since the last take */

/* Guards what follows. */
static struct wt_mutex mutex = WT_MUTEX_INIT;
static struct wt_live_taken kept;
static uint64_t failures_ever;
static char *description;

/* Copies what fits, whole characters only. */
static void copy(char *out, size_t out_bytes, const char *text)
{
    size_t bytes = strlen(text);
    if (bytes >= out_bytes) {
        bytes = wt_utf8_cut(text, out_bytes - 1);
    }
    memcpy(out, text, bytes);
    out[bytes] = '\0';
}

/* How many bytes the character of a JSON string at `at` has, escapes included. */
static size_t character_bytes(const char *at)
{
    if (at[0] == '\\') {
        return at[1] == 'u' ? 6 : 2;
    }
    uint32_t code_point;
    uint32_t bytes = wt_utf8_decode((const uint8_t *)at, strlen(at), &code_point);
    return bytes > 0 ? bytes : 1;
}

/* An id as a JSON string, also if it is a number: a browser would round its digits. */
static void copy_id(char out[WT_LIVE_ID_BYTES_MAX], const char *id_json)
{
    static const char ellipsis[] = "\xE2\x80\xA6\"";
    const char *at = id_json[0] == '"' ? id_json + 1 : id_json;
    size_t used = 0;
    out[used++] = '"';
    while (*at != '\0' && *at != '"') {
        size_t bytes = character_bytes(at);
        if (used + bytes + sizeof ellipsis > WT_LIVE_ID_BYTES_MAX || strlen(at) < bytes) {
            memcpy(out + used, ellipsis, sizeof ellipsis);
            return;
        }
        memcpy(out + used, at, bytes);
        used += bytes;
        at += bytes;
    }
    memcpy(out + used, "\"", 2);
}

bool wt_live_watched(void)
{
    return atomic_load_explicit(&viewers, memory_order_relaxed) > 0;
}

void wt_live_watch(unsigned count)
{
    atomic_store_explicit(&viewers, count, memory_order_relaxed);
}

/* Reservoir sampling (Vitter, "Random sampling with a reservoir", 1985, algorithm R): after n
 * offers each has been kept with the same probability. */
void wt_live_offer(const struct wt_live_item *item)
{
    static _Atomic uint64_t ever;
    uint64_t number = atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed);
    uint64_t salt = atomic_fetch_add_explicit(&ever, 1, memory_order_relaxed);
    uint64_t slot = number < WT_LIVE_ITEMS_MAX ? number : wt_mix(salt) % (number + 1);
    if (slot >= WT_LIVE_ITEMS_MAX || !wt_mutex_try(&mutex)) {
        return;
    }
    if (slot >= kept.item_count) {
        slot = kept.item_count++;
        assert(kept.item_count <= WT_LIVE_ITEMS_MAX);
    }
    struct wt_live_taken_item *own = &kept.items[slot];
    *own = (struct wt_live_taken_item){.score = item->score, .seconds = item->seconds};
    if (item->id_json != NULL) {
        copy_id(own->id, item->id_json);
    }
    copy(own->category, sizeof own->category, item->category != NULL ? item->category : "");
    copy(own->text, sizeof own->text, item->text != NULL ? item->text : "");
    wt_mutex_unlock(&mutex);
}

void wt_live_fail(const struct wt_live_failure *failure)
{
    wt_mutex_lock(&mutex);
    if (kept.failure_count == WT_LIVE_FAILURES_MAX) {
        memmove(&kept.failures[0], &kept.failures[1],
                (WT_LIVE_FAILURES_MAX - 1) * sizeof kept.failures[0]);
        kept.failure_count--;
    }
    struct wt_live_taken_failure *own = &kept.failures[kept.failure_count++];
    *own = (struct wt_live_taken_failure){.number = ++failures_ever,
                                          .at_ms = wt_clock_wall_ms(),
                                          .partition = failure->partition,
                                          .offset = failure->offset};
    copy(own->topic, sizeof own->topic, failure->topic);
    copy(own->stage, sizeof own->stage, failure->stage);
    copy(own->code, sizeof own->code, failure->code);
    copy(own->message, sizeof own->message, failure->message != NULL ? failure->message : "");
    wt_mutex_unlock(&mutex);
}

void wt_live_describe(const char *json)
{
    wt_mutex_lock(&mutex);
    free(description);
    description = json[0] != '\0' ? wt_strdup(json) : NULL;
    wt_mutex_unlock(&mutex);
}

void wt_live_take(struct wt_live_taken *taken_out, char **description_out)
{
    wt_mutex_lock(&mutex);
    *taken_out = kept;
    kept.item_count = 0;
    atomic_store_explicit(&seen, 0, memory_order_relaxed);
    *description_out = description != NULL ? wt_strdup(description) : NULL;
    wt_mutex_unlock(&mutex);
}
