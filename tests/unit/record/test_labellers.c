/* Which model labels a record, and when a replaced one is free. */
#include "record/labellers.h"

#include "base/alloc.h"
#include "dice.h"
#include "record/piece.h"
#include "support.h"

#include <pthread.h>

static const struct wt_model_info INFO = {.name = "fake", .version = "1", .label_count = 2};

static struct wt_record *record_by(struct wt_labellers *labellers)
{
    struct wt_record *record = record_of("{}");
    record->labeller = wt_labellers_hold(labellers);
    return record;
}

static void a_record_keeps_the_labeller_that_was_current(void **state)
{
    (void)state;
    struct wt_labeller first = {.number = 1, .info = &INFO};
    struct wt_labeller second = {.number = 2, .info = &INFO};
    struct wt_labellers *labellers = wt_labellers_create(&first);
    struct wt_record *early = record_by(labellers);
    assert_ptr_equal(wt_labellers_replace(labellers, &second, NULL), &first);
    struct wt_record *late = record_by(labellers);
    assert_ptr_equal(early->labeller, &first);
    assert_ptr_equal(late->labeller, &second);
    wt_record_destroy(early);
    assert_true(wt_labellers_await_retired(labellers));
    assert_int_equal(atomic_load(&first.holders), 0);
    wt_record_destroy(late);
    assert_ptr_equal(wt_labellers_destroy(labellers), &second);
    assert_int_equal(atomic_load(&second.holders), 0);
}

static void one_that_no_record_has_is_retired_at_once(void **state)
{
    (void)state;
    struct wt_labeller all[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct wt_labellers *labellers = wt_labellers_create(&all[0]);
    for (int i = 1; i < 4; i++) {
        assert_ptr_equal(wt_labellers_replace(labellers, &all[i], NULL), &all[i - 1]);
        assert_true(wt_labellers_await_retired(labellers));
    }
    assert_ptr_equal(wt_labellers_destroy(labellers), &all[3]);
}

static void the_configuration_names_the_model_that_it_is_said_to_name(void **state)
{
    (void)state;
    static const struct wt_model_name name = {.sha256 = "b", .path = "/models/b.pt"};
    struct wt_labeller all[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct wt_labellers *labellers = wt_labellers_create(&all[0]);
    (void)wt_labellers_replace(labellers, &all[1], &name);
    assert_true(wt_labellers_await_retired(labellers));
    struct wt_model_name own = wt_labellers_own(labellers);
    assert_string_equal(own.sha256, "b");
    (void)wt_labellers_replace(labellers, &all[2], NULL);
    assert_true(wt_labellers_await_retired(labellers));
    own = wt_labellers_own(labellers);
    assert_string_equal(own.path, "/models/b.pt");
    (void)wt_labellers_destroy(labellers);
}

static void the_pieces_of_an_article_hold_it_until_the_last_has_ended(void **state)
{
    (void)state;
    static const struct wt_windows windows = {
        .before = 1, .behind = 1, .room = 8, .step = 6, .count_max = 16};
    int32_t ids[40] = {0};
    struct wt_labeller first = {.number = 1, .info = &INFO};
    struct wt_labeller second = {.number = 2, .info = &INFO};
    struct wt_labellers *labellers = wt_labellers_create(&first);
    struct wt_record *whole = record_by(labellers);
    struct wt_record_list pieces = {0};
    whole->token_count = COUNT_OF(ids);
    wt_record_cut(whole, &windows, ids, INFO.label_count, &pieces);
    assert_true(pieces.count > 3);
    (void)wt_labellers_replace(labellers, &second, NULL);
    for (struct wt_record *piece; (piece = wt_record_list_take(&pieces)) != NULL;) {
        assert_ptr_equal(piece->labeller, &first);
        assert_true(atomic_load(&first.holders) > 0);
        wt_record_destroy(piece);
    }
    assert_true(wt_labellers_await_retired(labellers));
    (void)wt_labellers_destroy(labellers);
}

static void a_stop_ends_the_wait_for_records_that_stay(void **state)
{
    (void)state;
    struct wt_labeller first = {.number = 1};
    struct wt_labeller second = {.number = 2};
    struct wt_labellers *labellers = wt_labellers_create(&first);
    struct wt_record *record = record_by(labellers);
    (void)wt_labellers_replace(labellers, &second, NULL);
    wt_labellers_stop(labellers);
    assert_false(wt_labellers_await_retired(labellers));
    wt_record_destroy(record);
    assert_int_equal(atomic_load(&first.holders), 0);
    (void)wt_labellers_destroy(labellers);
}

/* --- several threads ------------------------------------------------------------------------- */

#define REPLACEMENTS 300

struct shared {
    struct wt_labellers *labellers;
    atomic_bool over;
    atomic_uint_least64_t freed; /* the number of the last one that was freed */
};

/* Holds the current one for a moment, over and over: it is never one that was freed. */
static void *work(void *opaque)
{
    struct shared *shared = opaque;
    struct dice dice = {.state = (uint64_t)(uintptr_t)&dice};
    struct wt_record *kept[8] = {NULL};
    uint64_t newest = 0;
    while (!atomic_load(&shared->over)) {
        struct wt_record **place = &kept[dice_below(&dice, COUNT_OF(kept))];
        wt_record_destroy(*place);
        *place = record_by(shared->labellers);
        assert_true((*place)->labeller->number >= newest);
        newest = (*place)->labeller->number;
        assert_true(newest > atomic_load(&shared->freed));
    }
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        wt_record_destroy(kept[i]);
    }
    return NULL;
}

static void among_threads_none_is_freed_that_a_record_has(void **state)
{
    (void)state;
    struct wt_labeller *first = wt_alloc_zeroed(1, sizeof *first);
    first->number = 1;
    struct shared shared = {.labellers = wt_labellers_create(first)};
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &shared), 0);
    }
    for (uint64_t number = 2; number < REPLACEMENTS; number++) {
        struct wt_labeller *next = wt_alloc_zeroed(1, sizeof *next);
        next->number = number;
        struct wt_labeller *replaced = wt_labellers_replace(shared.labellers, next, NULL);
        assert_true(wt_labellers_await_retired(shared.labellers));
        assert_int_equal(atomic_load(&replaced->holders), 0);
        atomic_store(&shared.freed, replaced->number);
        free(replaced);
    }
    atomic_store(&shared.over, true);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    free(wt_labellers_destroy(shared.labellers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_keeps_the_labeller_that_was_current),
        cmocka_unit_test(one_that_no_record_has_is_retired_at_once),
        cmocka_unit_test(the_configuration_names_the_model_that_it_is_said_to_name),
        cmocka_unit_test(the_pieces_of_an_article_hold_it_until_the_last_has_ended),
        cmocka_unit_test(a_stop_ends_the_wait_for_records_that_stay),
        cmocka_unit_test(among_threads_none_is_freed_that_a_record_has),
    };
    return cmocka_run_group_tests_name("labellers", tests, NULL, NULL);
}
