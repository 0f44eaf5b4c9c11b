/* The ring between publish and the shadow, and which articles go into it. */
#include "pipeline/shadow/shadow_queue.h"

#include "base/alloc.h"
#include "pipeline/shadow/shadow_choice.h"
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 50000

static struct wt_shadow_live *live_create(void)
{
    struct wt_shadow_live *live = wt_alloc_zeroed(1, sizeof *live);
    atomic_init(&live->holders, 1);
    return live;
}

static struct wt_shadow_item item_of(int64_t offset, size_t bytes, struct wt_shadow_live *live)
{
    char *value = wt_alloc_zeroed(1, bytes + 1);
    struct wt_shadow_item item = {.record = wt_record_create(NULL, 0, value, bytes, NULL, 0),
                                  .live = wt_shadow_live_hold(live)};
    item.record->offset = offset;
    free(value);
    return item;
}

struct side {
    struct wt_shadow_queue *queue;
    struct wt_shadow_live *live;
};

static void *put_all(void *opaque)
{
    struct side *side = opaque;
    for (int64_t i = 0; i < ITEMS; i++) {
        struct wt_shadow_item item = item_of(i, 10, side->live);
        while (!wt_shadow_queue_has_room(side->queue, item.record->bytes)) {
            (void)sched_yield();
        }
        wt_shadow_queue_put(side->queue, &item);
        assert_null(item.record);
        if (i % 100 == 0) {
            wt_shadow_queue_wake(side->queue);
        }
    }
    return NULL;
}

static void what_one_thread_puts_in_another_takes_in_order(void **state)
{
    (void)state;
    struct side side = {wt_shadow_queue_create(), live_create()};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, put_all, &side), 0);
    for (int64_t next = 0; next < ITEMS;) {
        struct wt_shadow_item item;
        if (wt_shadow_queue_take(side.queue, &item)) {
            assert_int_equal(item.record->offset, next++);
            wt_shadow_item_clear(&item);
        }
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wt_shadow_queue_count(side.queue), 0);
    assert_int_equal(atomic_load(&side.live->holders), 1);
    wt_shadow_queue_destroy(side.queue);
    wt_shadow_live_release(side.live);
}

/* Puts until there is no room. */
static uint32_t fill(size_t bytes)
{
    struct wt_shadow_queue *queue = wt_shadow_queue_create();
    struct wt_shadow_live *live = live_create();
    struct wt_shadow_item item = item_of(0, bytes, live);
    uint64_t record_bytes = item.record->bytes;
    uint32_t count = 0;
    for (; wt_shadow_queue_has_room(queue, record_bytes); count++) {
        wt_shadow_queue_put(queue, &item);
        item = item_of(0, bytes, live);
    }
    wt_shadow_item_clear(&item);
    /* One out, one in. */
    assert_true(wt_shadow_queue_take(queue, &item));
    wt_shadow_item_clear(&item);
    assert_true(wt_shadow_queue_has_room(queue, record_bytes));
    assert_int_equal(wt_shadow_queue_count(queue), count - 1);
    wt_shadow_queue_destroy(queue); /* with what is in it */
    assert_int_equal(atomic_load(&live->holders), 1);
    wt_shadow_live_release(live);
    return count;
}

static void it_is_bounded_in_articles_and_in_bytes(void **state)
{
    (void)state;
    assert_int_equal(fill(1), WT_SHADOW_ARTICLES_MAX);
    assert_in_range(fill(1 << 20), 15, 16);
}

static void a_record_larger_than_all_is_refused(void **state)
{
    (void)state;
    struct wt_shadow_queue *queue = wt_shadow_queue_create();
    assert_false(wt_shadow_queue_has_room(queue, WT_SHADOW_BYTES_MAX + 1));
    assert_true(wt_shadow_queue_has_room(queue, WT_SHADOW_BYTES_MAX));
    wt_shadow_queue_destroy(queue);
}

static void a_share_is_of_its_size_and_in_every_larger_one(void **state)
{
    (void)state;
    int counts[3] = {0};
    static const double shares[] = {0.01, 0.1, 0.5};
    for (int64_t offset = 0; offset < 20000; offset++) {
        const struct wt_origin origin = {"news.articles", (int32_t)(offset % 7), offset * 31};
        bool before = false;
        for (size_t i = 0; i < 3; i++) {
            bool chosen = wt_shadow_chooses(shares[i], &origin);
            assert_true(chosen || !before);
            before = chosen;
            counts[i] += chosen;
        }
        assert_true(wt_shadow_chooses(1.0, &origin));
        assert_false(wt_shadow_chooses(0.0, &origin));
    }
    for (size_t i = 0; i < 3; i++) {
        assert_in_range(counts[i], (int)(20000 * shares[i] * 0.8), (int)(20000 * shares[i] * 1.2));
    }
}

static void topic_partition_and_offset_each_count(void **state)
{
    (void)state;
    int differ[3] = {0};
    for (int64_t offset = 0; offset < 1000; offset++) {
        const struct wt_origin origins[] = {
            {"a", 0, offset}, {"b", 0, offset}, {"a", 1, offset}, {"a", 0, offset + 1000}};
        bool chosen = wt_shadow_chooses(0.5, &origins[0]);
        for (int i = 0; i < 3; i++) {
            differ[i] += wt_shadow_chooses(0.5, &origins[i + 1]) != chosen;
        }
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(differ[i], 400, 600);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_thread_puts_in_another_takes_in_order),
        cmocka_unit_test(it_is_bounded_in_articles_and_in_bytes),
        cmocka_unit_test(a_record_larger_than_all_is_refused),
        cmocka_unit_test(a_share_is_of_its_size_and_in_every_larger_one),
        cmocka_unit_test(topic_partition_and_offset_each_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
