/* The logits of articles that come again: what is found, what goes, how much there may be. */
#include "record/label_cache.h"

#include "base/alloc.h"
#include "dice.h"
#include "observe/metrics.h"
#include "support.h"

#include <pthread.h>

#define LABELS 3
#define BYTES_MAX 65536

/* What a model would say of these ids. */
static void logits_of(const int32_t *ids, uint32_t count, float logits[LABELS])
{
    for (uint32_t label = 0; label < LABELS; label++) {
        uint32_t state = label + 1;
        for (uint32_t i = 0; i < count; i++) {
            state = (state ^ (uint32_t)ids[i]) * 2654435761u;
        }
        logits[label] = (float)state * 1e-6F;
    }
}

static void keep(struct wt_label_cache *cache, const int32_t *ids, uint32_t count)
{
    float logits[LABELS];
    logits_of(ids, count, logits);
    wt_label_cache_keep(cache, ids, count, logits);
}

/* Whether it is there; if it is, it must be right to the last bit. */
static bool finds(struct wt_label_cache *cache, const int32_t *ids, uint32_t count)
{
    float expected[LABELS];
    logits_of(ids, count, expected);
    float *found = wt_label_cache_find(cache, ids, count);
    bool there = found != NULL;
    if (there) {
        assert_memory_equal(found, expected, sizeof expected);
    }
    free(found);
    return there;
}

static void the_same_ids_are_found_and_no_others(void **state)
{
    (void)state;
    static const int32_t ids[] = {2, 40, 41, 42, 3};
    static const int32_t other[] = {2, 40, 42, 41, 3};
    struct wt_label_cache *cache = wt_label_cache_create(BYTES_MAX, LABELS);
    int64_t hits = wt_metric_get(WT_METRIC_CACHE_HITS);
    assert_false(finds(cache, ids, 5));
    keep(cache, ids, 5);
    assert_true(finds(cache, ids, 5));
    assert_false(finds(cache, ids, 4));
    assert_false(finds(cache, other, 5));
    keep(cache, ids, 5);
    assert_true(finds(cache, ids, 5));
    assert_int_equal(wt_metric_get(WT_METRIC_CACHE_HITS) - hits, 2);
    wt_label_cache_destroy(cache);
    assert_int_equal(wt_metric_get(WT_METRIC_CACHE_BYTES), 0);
}

static void articles_of_one_hash_are_told_apart_by_their_ids(void **state)
{
    (void)state;
    /* FNV-1a over the ids, as label_cache.c has it, gives one number for both. */
    static const int32_t ids[] = {57017, 27194, 7};
    static const int32_t other[] = {56984, 84540, 31674316};
    struct wt_label_cache *cache = wt_label_cache_create(BYTES_MAX, LABELS);
    keep(cache, ids, 3);
    assert_false(finds(cache, other, 3));
    keep(cache, other, 3);
    assert_true(finds(cache, other, 3));
    assert_true(finds(cache, ids, 3));
    wt_label_cache_destroy(cache);
}

static void without_room_there_is_no_cache(void **state)
{
    (void)state;
    static const int32_t ids[] = {2, 3};
    assert_null(wt_label_cache_create(0, LABELS));
    struct wt_label_cache *tiny = wt_label_cache_create(1, LABELS);
    keep(tiny, ids, 2);
    assert_false(finds(tiny, ids, 2));
    wt_label_cache_destroy(tiny);
    wt_label_cache_destroy(NULL);
    wt_label_cache_close(NULL);
}

static void the_least_recently_used_go_first_and_the_bound_holds(void **state)
{
    (void)state;
    struct wt_label_cache *cache = wt_label_cache_create(BYTES_MAX, LABELS);
    const int32_t favourite[] = {7, 7, 7};
    keep(cache, favourite, 3);
    for (int32_t i = 0; i < 3000; i++) {
        const int32_t ids[] = {i, i + 1, 9};
        keep(cache, ids, 3);
        assert_true(finds(cache, ids, 3));
        assert_true(finds(cache, favourite, 3));
        assert_in_range(wt_metric_get(WT_METRIC_CACHE_BYTES), 1, BYTES_MAX);
    }
    uint32_t left = 0;
    uint32_t first = 3000;
    for (int32_t i = 2999; i >= 0; i--) {
        const int32_t ids[] = {i, i + 1, 9};
        if (finds(cache, ids, 3)) {
            left++;
            first = (uint32_t)i;
        }
    }
    /* The newest, without a gap, and the memory is used. */
    assert_int_equal(left, 3000 - first);
    assert_in_range(left, 300, 700);
    wt_label_cache_destroy(cache);
}

static void an_article_longer_than_the_cache_is_not_kept(void **state)
{
    (void)state;
    int32_t *ids = wt_alloc_zeroed(BYTES_MAX, sizeof *ids);
    const int32_t small[] = {1, 2};
    struct wt_label_cache *cache = wt_label_cache_create(BYTES_MAX, LABELS);
    keep(cache, small, 2);
    keep(cache, ids, BYTES_MAX);
    assert_false(finds(cache, ids, BYTES_MAX));
    assert_true(finds(cache, small, 2));
    free(ids);
    wt_label_cache_destroy(cache);
}

static void closed_it_forgets_and_keeps_nothing(void **state)
{
    (void)state;
    const int32_t ids[] = {1, 2};
    struct wt_label_cache *cache = wt_label_cache_create(BYTES_MAX, LABELS);
    keep(cache, ids, 2);
    wt_label_cache_close(cache);
    assert_false(finds(cache, ids, 2));
    keep(cache, ids, 2);
    assert_false(finds(cache, ids, 2));
    wt_label_cache_destroy(cache);
}

static void *work(void *opaque)
{
    struct dice dice = {.state = (uint64_t)(uintptr_t)&dice};
    for (int i = 0; i < 20000; i++) {
        int32_t ids[8] = {0};
        uint32_t count = dice_between(&dice, 1, 8);
        ids[0] = (int32_t)dice_below(&dice, 200);
        if (!finds(opaque, ids, count)) {
            keep(opaque, ids, count);
        }
    }
    return NULL;
}

static void among_threads_each_gets_what_belongs_to_its_ids(void **state)
{
    (void)state;
    struct wt_label_cache *cache = wt_label_cache_create(BYTES_MAX / 2, LABELS);
    pthread_t threads[4];
    int64_t hits = wt_metric_get(WT_METRIC_CACHE_HITS);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, cache), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_true(wt_metric_get(WT_METRIC_CACHE_HITS) > hits);
    assert_in_range(wt_metric_get(WT_METRIC_CACHE_BYTES), 1, BYTES_MAX / 2);
    wt_label_cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_ids_are_found_and_no_others),
        cmocka_unit_test(articles_of_one_hash_are_told_apart_by_their_ids),
        cmocka_unit_test(without_room_there_is_no_cache),
        cmocka_unit_test(the_least_recently_used_go_first_and_the_bound_holds),
        cmocka_unit_test(an_article_longer_than_the_cache_is_not_kept),
        cmocka_unit_test(closed_it_forgets_and_keeps_nothing),
        cmocka_unit_test(among_threads_each_gets_what_belongs_to_its_ids),
    };
    return cmocka_run_group_tests_name("label cache", tests, NULL, NULL);
}
