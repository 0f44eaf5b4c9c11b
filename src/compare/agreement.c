#include "compare/agreement.h"

#include "base/alloc.h"
#include "base/mix.h"
#include "base/mutex.h"
#include "compare/agreement_labels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* By how many models, and which, an article got a label. */
#define BY_A 1u
#define BY_B 2u

struct label_counts {
    uint64_t both;
    uint64_t only_a;
    uint64_t only_b;
};

struct wt_agreement {
    struct wt_mutex mutex; /* guards what follows but `places`, which does not change */
    struct wt_agreement_places places;
    struct wt_agreement_counts counts;
    struct label_counts *labels; /* one for each place */
    uint8_t *given;              /* by place, of the article at hand: BY_A, BY_B; else all 0 */
    /* Open addressing. A slot of 0 articles is empty. At most half are taken. */
    struct wt_agreement_pair *pairs;
    uint32_t capacity; /* a power of two */
    uint32_t pair_count;
};

#define CAPACITY_MIN 64u

struct wt_agreement *wt_agreement_create(const struct wt_agreement_names *a,
                                         const struct wt_agreement_names *b)
{
    struct wt_agreement *agreement = wt_alloc_zeroed(1, sizeof *agreement);
    wt_mutex_init(&agreement->mutex);
    agreement->places = wt_agreement_places(a, b);
    size_t count = agreement->places.count + (size_t)1;
    agreement->labels = wt_alloc_zeroed(count, sizeof *agreement->labels);
    agreement->given = wt_alloc_zeroed(count, 1);
    agreement->capacity = CAPACITY_MIN;
    agreement->pairs = wt_alloc_zeroed(CAPACITY_MIN, sizeof *agreement->pairs);
    return agreement;
}

struct wt_agreement *wt_agreement_create_alike(const struct wt_agreement *like)
{
    const struct wt_agreement_places *places = &like->places;
    const char **names = wt_alloc(((size_t)places->count_a + places->count_b + 1) * sizeof *names);
    for (uint32_t i = 0; i < places->count_a; i++) {
        names[i] = places->places[i].name;
    }
    for (uint32_t i = 0; i < places->count_b; i++) {
        names[places->count_a + i] = places->places[places->of_b[i]].name;
    }
    struct wt_agreement *agreement =
        wt_agreement_create(&(struct wt_agreement_names){names, places->count_a},
                            &(struct wt_agreement_names){names + places->count_a, places->count_b});
    free(names);
    return agreement;
}

void wt_agreement_destroy(struct wt_agreement *agreement)
{
    if (agreement == NULL) {
        return;
    }
    wt_mutex_destroy(&agreement->mutex);
    wt_agreement_places_free(&agreement->places);
    free(agreement->labels);
    free(agreement->given);
    free(agreement->pairs);
    free(agreement);
}

/* --- pairs ----------------------------------------------------------------------------------- */

/* The pair's slot, or the empty one that it would have. */
static struct wt_agreement_pair *slot_of(struct wt_agreement_pair *pairs, uint32_t capacity,
                                         uint32_t a, uint32_t b)
{
    uint64_t at = wt_mix((uint64_t)a << 32 | b);
    while (pairs[at & (capacity - 1)].articles > 0 &&
           (pairs[at & (capacity - 1)].a != a || pairs[at & (capacity - 1)].b != b)) {
        at++;
    }
    return &pairs[at & (capacity - 1)];
}

static void grow(struct wt_agreement *agreement)
{
    uint32_t capacity = agreement->capacity * 2;
    struct wt_agreement_pair *pairs = wt_alloc_zeroed(capacity, sizeof *pairs);
    for (uint32_t i = 0; i < agreement->capacity; i++) {
        const struct wt_agreement_pair *pair = &agreement->pairs[i];
        if (pair->articles > 0) {
            *slot_of(pairs, capacity, pair->a, pair->b) = *pair;
        }
    }
    free(agreement->pairs);
    agreement->pairs = pairs;
    agreement->capacity = capacity;
}

static void count_pair(struct wt_agreement *agreement, uint32_t a, uint32_t b, uint64_t articles)
{
    struct wt_agreement_pair *slot = slot_of(agreement->pairs, agreement->capacity, a, b);
    if (slot->articles == 0) {
        if (agreement->pair_count == WT_AGREEMENT_PAIRS_MAX) {
            agreement->counts.pairs_left += articles;
            return;
        }
        if (agreement->pair_count++ == agreement->capacity / 2) {
            grow(agreement);
            slot = slot_of(agreement->pairs, agreement->capacity, a, b);
        }
        *slot = (struct wt_agreement_pair){.a = a, .b = b};
    }
    slot->articles += articles;
}

/* Most frequent first, then by ids. */
static int compare_pairs(const void *left, const void *right)
{
    const struct wt_agreement_pair *one = left;
    const struct wt_agreement_pair *other = right;
    if (one->articles != other->articles) {
        return one->articles > other->articles ? -1 : 1;
    }
    if (one->a != other->a) {
        return one->a < other->a ? -1 : 1;
    }
    return (one->b > other->b) - (one->b < other->b);
}

/* --- articles -------------------------------------------------------------------------------- */

static uint32_t place_of_a(const struct wt_agreement *agreement, uint32_t label)
{
    assert(label < agreement->places.count_a);
    return label;
}

static uint32_t place_of_b(const struct wt_agreement *agreement, uint32_t label)
{
    assert(label < agreement->places.count_b);
    return agreement->places.of_b[label];
}

static bool is_same_category(const struct wt_agreement *agreement, struct wt_given a,
                             struct wt_given b)
{
    if (a.count == 0 || b.count == 0) {
        return a.count == b.count;
    }
    return place_of_a(agreement, a.labels[0]) == place_of_b(agreement, b.labels[0]);
}

static void mark(struct wt_agreement *agreement, struct wt_given a, struct wt_given b)
{
    wt_mutex_assert_held(&agreement->mutex);
    for (uint32_t i = 0; i < a.count; i++) {
        agreement->given[place_of_a(agreement, a.labels[i])] |= BY_A;
    }
    for (uint32_t i = 0; i < b.count; i++) {
        agreement->given[place_of_b(agreement, b.labels[i])] |= BY_B;
    }
}

/* Takes the mark off a label. Returns what it was. */
static uint8_t unmark(struct wt_agreement *agreement, uint32_t place)
{
    uint8_t given = agreement->given[place];
    agreement->given[place] = 0;
    return given;
}

static void count_label(struct label_counts *counts, uint8_t given)
{
    counts->both += given == (BY_A | BY_B);
    counts->only_a += given == BY_A;
    counts->only_b += given == BY_B;
}

/* Compares the sets of labels; with `count` also counts each of them. */
static bool compare_labels(struct wt_agreement *agreement, struct wt_given a, struct wt_given b,
                           bool count)
{
    bool same = true;
    mark(agreement, a, b);
    for (uint32_t i = 0; i < a.count + b.count; i++) {
        uint32_t place = i < a.count ? place_of_a(agreement, a.labels[i])
                                     : place_of_b(agreement, b.labels[i - a.count]);
        uint8_t given = unmark(agreement, place); /* 0: was met among A's */
        same = same && (given == 0 || given == (BY_A | BY_B));
        if (count) {
            count_label(&agreement->labels[place], given);
        }
    }
    return same;
}

bool wt_agreement_equal(struct wt_agreement *agreement, struct wt_given a, struct wt_given b)
{
    wt_mutex_lock(&agreement->mutex);
    bool equal = compare_labels(agreement, a, b, false) && is_same_category(agreement, a, b);
    wt_mutex_unlock(&agreement->mutex);
    return equal;
}

void wt_agreement_count(struct wt_agreement *agreement, struct wt_given a, struct wt_given b)
{
    wt_mutex_lock(&agreement->mutex);
    bool same_labels = compare_labels(agreement, a, b, true);
    bool same_category = is_same_category(agreement, a, b);
    agreement->counts.compared++;
    agreement->counts.same_category += same_category;
    agreement->counts.equal += same_category && same_labels;
    count_pair(agreement, a.count > 0 ? a.labels[0] : WT_AGREEMENT_NONE,
               b.count > 0 ? b.labels[0] : WT_AGREEMENT_NONE, 1);
    wt_mutex_unlock(&agreement->mutex);
}

void wt_agreement_count_failed(struct wt_agreement *agreement, bool by_a, bool by_b)
{
    assert(by_a || by_b);
    wt_mutex_lock(&agreement->mutex);
    agreement->counts.failed_a += by_a && !by_b;
    agreement->counts.failed_b += by_b && !by_a;
    agreement->counts.failed_both += by_a && by_b;
    wt_mutex_unlock(&agreement->mutex);
}

/* --- the whole ------------------------------------------------------------------------------- */

static void add_counts(struct wt_agreement_counts *sum, const struct wt_agreement_counts *more)
{
    sum->compared += more->compared;
    sum->equal += more->equal;
    sum->same_category += more->same_category;
    sum->failed_a += more->failed_a;
    sum->failed_b += more->failed_b;
    sum->failed_both += more->failed_both;
    sum->pairs_left += more->pairs_left;
}

void wt_agreement_add(struct wt_agreement *agreement, struct wt_agreement *more)
{
    uint32_t label_count = agreement->places.count;
    assert(agreement != more && label_count == more->places.count);
    /* Copied first: the two locks are never held together. */
    struct label_counts *labels = wt_alloc((label_count + (size_t)1) * sizeof *labels);
    wt_mutex_lock(&more->mutex);
    struct wt_agreement_counts counts = more->counts;
    uint32_t capacity = more->capacity;
    struct wt_agreement_pair *pairs = wt_alloc(capacity * sizeof *pairs);
    memcpy(pairs, more->pairs, capacity * sizeof *pairs);
    memcpy(labels, more->labels, label_count * sizeof *labels);
    wt_mutex_unlock(&more->mutex);

    wt_mutex_lock(&agreement->mutex);
    add_counts(&agreement->counts, &counts);
    for (uint32_t i = 0; i < label_count; i++) {
        agreement->labels[i].both += labels[i].both;
        agreement->labels[i].only_a += labels[i].only_a;
        agreement->labels[i].only_b += labels[i].only_b;
    }
    for (uint32_t i = 0; i < capacity; i++) {
        if (pairs[i].articles > 0) {
            count_pair(agreement, pairs[i].a, pairs[i].b, pairs[i].articles);
        }
    }
    wt_mutex_unlock(&agreement->mutex);
    free(pairs);
    free(labels);
}

void wt_agreement_add_counts(struct wt_agreement *agreement,
                             const struct wt_agreement_counts *counts)
{
    wt_mutex_lock(&agreement->mutex);
    add_counts(&agreement->counts, counts);
    wt_mutex_unlock(&agreement->mutex);
}

void wt_agreement_add_pair(struct wt_agreement *agreement, const struct wt_agreement_pair *pair)
{
    wt_mutex_lock(&agreement->mutex);
    count_pair(agreement, pair->a, pair->b, pair->articles);
    wt_mutex_unlock(&agreement->mutex);
}

void wt_agreement_add_label(struct wt_agreement *agreement, uint32_t place,
                            const struct wt_agreement_label *label)
{
    assert(place < agreement->places.count);
    wt_mutex_lock(&agreement->mutex);
    agreement->labels[place].both += label->both;
    agreement->labels[place].only_a += label->only_a;
    agreement->labels[place].only_b += label->only_b;
    wt_mutex_unlock(&agreement->mutex);
}

void wt_agreement_clear(struct wt_agreement *agreement)
{
    wt_mutex_lock(&agreement->mutex);
    agreement->counts = (struct wt_agreement_counts){0};
    memset(agreement->labels, 0, agreement->places.count * sizeof *agreement->labels);
    memset(agreement->pairs, 0, agreement->capacity * sizeof *agreement->pairs);
    agreement->pair_count = 0;
    wt_mutex_unlock(&agreement->mutex);
}

/* --- reading --------------------------------------------------------------------------------- */

struct wt_agreement_counts wt_agreement_counts(struct wt_agreement *agreement)
{
    wt_mutex_lock(&agreement->mutex);
    struct wt_agreement_counts counts = agreement->counts;
    wt_mutex_unlock(&agreement->mutex);
    return counts;
}

uint64_t wt_agreement_pair(struct wt_agreement *agreement, uint32_t a, uint32_t b)
{
    wt_mutex_lock(&agreement->mutex);
    uint64_t articles = slot_of(agreement->pairs, agreement->capacity, a, b)->articles;
    wt_mutex_unlock(&agreement->mutex);
    return articles;
}

uint32_t wt_agreement_pair_count(struct wt_agreement *agreement)
{
    wt_mutex_lock(&agreement->mutex);
    uint32_t count = agreement->pair_count;
    wt_mutex_unlock(&agreement->mutex);
    return count;
}

bool wt_agreement_same_category(const struct wt_agreement *agreement, uint32_t a, uint32_t b)
{
    return is_same_category(agreement, (struct wt_given){&a, a != WT_AGREEMENT_NONE},
                            (struct wt_given){&b, b != WT_AGREEMENT_NONE});
}

uint32_t wt_agreement_pairs(struct wt_agreement *agreement, bool changed, uint32_t count_max,
                            struct wt_agreement_pair *pairs_out)
{
    uint32_t found = 0;
    wt_mutex_lock(&agreement->mutex);
    struct wt_agreement_pair *pairs = wt_alloc((agreement->pair_count + (size_t)1) * sizeof *pairs);
    for (uint32_t i = 0; i < agreement->capacity; i++) {
        const struct wt_agreement_pair *pair = &agreement->pairs[i];
        if (pair->articles > 0 &&
            (!changed || !wt_agreement_same_category(agreement, pair->a, pair->b))) {
            pairs[found++] = *pair;
        }
    }
    wt_mutex_unlock(&agreement->mutex);
    qsort(pairs, found, sizeof *pairs, compare_pairs);
    found = found < count_max ? found : count_max;
    memcpy(pairs_out, pairs, found * sizeof *pairs);
    free(pairs);
    return found;
}

uint32_t wt_agreement_label_count(const struct wt_agreement *agreement)
{
    return agreement->places.count;
}

void wt_agreement_model_labels(const struct wt_agreement *agreement, uint32_t *count_a_out,
                               uint32_t *count_b_out)
{
    *count_a_out = agreement->places.count_a;
    *count_b_out = agreement->places.count_b;
}

void wt_agreement_labels(struct wt_agreement *agreement, struct wt_agreement_label *labels_out)
{
    wt_mutex_lock(&agreement->mutex);
    for (uint32_t i = 0; i < agreement->places.count; i++) {
        const struct wt_agreement_place *place = &agreement->places.places[i];
        labels_out[i] = (struct wt_agreement_label){.name = place->name,
                                                    .a = place->a,
                                                    .b = place->b,
                                                    .both = agreement->labels[i].both,
                                                    .only_a = agreement->labels[i].only_a,
                                                    .only_b = agreement->labels[i].only_b};
    }
    wt_mutex_unlock(&agreement->mutex);
}

const char *wt_agreement_name_a(const struct wt_agreement *agreement, uint32_t label)
{
    return label == WT_AGREEMENT_NONE ? "none"
                                      : agreement->places.places[place_of_a(agreement, label)].name;
}

const char *wt_agreement_name_b(const struct wt_agreement *agreement, uint32_t label)
{
    return label == WT_AGREEMENT_NONE ? "none"
                                      : agreement->places.places[place_of_b(agreement, label)].name;
}
