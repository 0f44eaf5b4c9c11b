#include "record/promotions.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wt_promotions {
    struct wt_mutex mutex; /* guards what follows */
    int64_t read_us;
    bool any;
    bool elsewhere;
    bool over;
    struct wt_promotion announced;
    struct wt_promotion_place *places;
    size_t count;
    char lacking[WT_SHA256_TEXT_BYTES]; /* "": none */
};

struct wt_promotions *wt_promotions_create(void)
{
    struct wt_promotions *promotions = wt_alloc_zeroed(1, sizeof *promotions);
    wt_mutex_init(&promotions->mutex);
    return promotions;
}

static void free_places(struct wt_promotion_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(places[i].topic);
    }
    free(places);
}

void wt_promotions_destroy(struct wt_promotions *promotions)
{
    if (promotions == NULL) {
        return;
    }
    free_places(promotions->places, promotions->count);
    wt_mutex_destroy(&promotions->mutex);
    free(promotions);
}

void wt_promotions_announce(struct wt_promotions *promotions, const struct wt_promotion *announced,
                            struct wt_promotion_place *places, size_t count)
{
    wt_mutex_lock(&promotions->mutex);
    struct wt_promotion_place *old = promotions->places;
    size_t old_count = promotions->count;
    if (announced == NULL || !promotions->any || announced->id != promotions->announced.id) {
        promotions->elsewhere = false;
        promotions->over = false;
    }
    promotions->read_us = wt_clock_us();
    promotions->any = announced != NULL;
    if (announced != NULL) {
        promotions->announced = *announced;
    }
    promotions->places = places;
    promotions->count = count;
    wt_mutex_unlock(&promotions->mutex);
    free_places(old, old_count);
}

void wt_promotions_note_read(struct wt_promotions *promotions)
{
    wt_mutex_lock(&promotions->mutex);
    promotions->read_us = wt_clock_us();
    wt_mutex_unlock(&promotions->mutex);
}

int64_t wt_promotions_read_us(struct wt_promotions *promotions)
{
    wt_mutex_lock(&promotions->mutex);
    int64_t read_us = promotions->read_us;
    wt_mutex_unlock(&promotions->mutex);
    return read_us;
}

bool wt_promotions_announced(struct wt_promotions *promotions, struct wt_promotion *announced_out)
{
    wt_mutex_lock(&promotions->mutex);
    bool any = promotions->any;
    if (any) {
        *announced_out = promotions->announced;
    }
    wt_mutex_unlock(&promotions->mutex);
    return any;
}

int64_t wt_promotions_from(struct wt_promotions *promotions, const char *topic, int32_t partition)
{
    int64_t from = -1;
    wt_mutex_lock(&promotions->mutex);
    for (size_t i = 0; i < promotions->count; i++) {
        const struct wt_promotion_place *place = &promotions->places[i];
        if (strcmp(place->topic, topic) == 0 && (from < 0 || place->partition == partition)) {
            from = place->partition == partition ? place->from : 0;
        }
    }
    wt_mutex_unlock(&promotions->mutex);
    return from;
}

void wt_promotions_note_lacking(struct wt_promotions *promotions, const char *sha256)
{
    wt_mutex_lock(&promotions->mutex);
    (void)snprintf(promotions->lacking, sizeof promotions->lacking, "%s",
                   sha256 != NULL ? sha256 : "");
    wt_mutex_unlock(&promotions->mutex);
}

void wt_promotions_note_elsewhere(struct wt_promotions *promotions, bool elsewhere)
{
    wt_mutex_lock(&promotions->mutex);
    promotions->elsewhere = elsewhere;
    wt_mutex_unlock(&promotions->mutex);
}

void wt_promotions_note_over(struct wt_promotions *promotions, bool over)
{
    wt_mutex_lock(&promotions->mutex);
    promotions->over = over;
    wt_mutex_unlock(&promotions->mutex);
}

bool wt_promotions_over(struct wt_promotions *promotions)
{
    wt_mutex_lock(&promotions->mutex);
    bool over = promotions->over;
    wt_mutex_unlock(&promotions->mutex);
    return over;
}

bool wt_promotions_lack(struct wt_promotions *promotions, const char *sha256)
{
    wt_mutex_lock(&promotions->mutex);
    bool lack = strcmp(promotions->lacking, sha256) == 0;
    wt_mutex_unlock(&promotions->mutex);
    return lack;
}

bool wt_promotions_elsewhere(struct wt_promotions *promotions)
{
    wt_mutex_lock(&promotions->mutex);
    bool elsewhere = promotions->elsewhere;
    wt_mutex_unlock(&promotions->mutex);
    return elsewhere;
}
