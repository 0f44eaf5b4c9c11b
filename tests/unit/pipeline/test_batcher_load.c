/* The batcher under load: little padding, full batches, the oldest first, nobody starves. */
#include "batcher_cases.h"

/* Keeps `waiting` records of real lengths waiting through `takes` batches; calls `look` at each. */
static void run_load(struct fixture *fixture, struct dice *dice, uint32_t waiting, uint32_t takes,
                     void (*look)(struct fixture *fixture, void *opaque), void *opaque)
{
    int64_t now_us = 0;
    for (uint32_t i = 0; i < takes; i++) {
        while (wt_batcher_count(fixture->batcher) < waiting) {
            add(fixture, dice_article_tokens(dice), now_us, now_us);
            now_us++;
        }
        assert_true(take(fixture, now_us));
        assert_sound(fixture);
        look(fixture, opaque);
        batch_end(&fixture->batch);
    }
}

struct computed {
    uint64_t tokens;
    uint64_t padded;
};

static void count_padding(struct fixture *fixture, void *opaque)
{
    struct computed *computed = opaque;
    computed->tokens += fixture->batch.tokens;
    computed->padded += (uint64_t)fixture->batch.width * fixture->batch.count;
}

static void at_full_load_padding_stays_below_five_percent_of_what_is_computed(void **state)
{
    (void)state;
    static const uint32_t budgets[] = {1024, 2048, 8192, 16384};
    for (size_t i = 0; i < COUNT_OF(budgets); i++) {
        struct wt_batcher_limits limits = DEFAULTS;
        limits.tokens_max = budgets[i];
        struct fixture fixture = fixture_create(&limits);
        struct dice dice = {.state = 158};
        struct computed computed = {0};
        run_load(&fixture, &dice, 4096, 4000, count_padding, &computed);
        double share = 1.0 - (double)computed.tokens / (double)computed.padded;
        print_message("tokens_max %u: padding %.2f %%\n", budgets[i], 100.0 * share);
        assert_true(share < 0.05);
        fixture_destroy(&fixture);
    }
}

static void count_fill(struct fixture *fixture, void *opaque)
{
    uint64_t *padded = opaque;
    *padded += (uint64_t)fixture->batch.width * fixture->batch.count;
}

static void at_full_load_batches_use_their_budget(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    struct dice dice = {.state = 2};
    uint64_t padded = 0;
    run_load(&fixture, &dice, 4096, 4000, count_fill, &padded);
    print_message("a batch holds %.0f of 1024 tokens\n", (double)padded / 4000);
    assert_true(padded > UINT64_C(4000) * 1024 * 80 / 100);
    fixture_destroy(&fixture);
}

/* The oldest of those that waited is at the head of every batch. Offsets here are arrival times,
 * and all below `next` but those in `waiting` have been taken. */
struct arrivals {
    bool taken[400000];
    int64_t oldest;
};

static void assert_oldest_first(struct fixture *fixture, void *opaque)
{
    struct arrivals *arrivals = opaque;
    while (arrivals->taken[arrivals->oldest]) {
        arrivals->oldest++;
    }
    assert_int_equal(fixture->batch.records[0]->offset, arrivals->oldest);
    for (uint32_t i = 0; i < fixture->batch.count; i++) {
        bool *taken = &arrivals->taken[fixture->batch.records[i]->offset];
        assert_false(*taken);
        *taken = true;
    }
}

static void every_batch_begins_with_the_record_that_waited_longest(void **state)
{
    (void)state;
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    struct fixture fixture = fixture_create(&DEFAULTS);
    struct dice dice = {.state = 3};
    run_load(&fixture, &dice, 1000, 5000, assert_oldest_first, arrivals);
    fixture_destroy(&fixture);
    free(arrivals);
}

static void no_article_starves_however_odd_its_length(void **state)
{
    (void)state;
    /* One long record among short ones that always make up a full batch without it. */
    struct fixture fixture = fixture_create(&DEFAULTS);
    int64_t now_us = 0;
    for (uint32_t i = 0; i < 200; i++) {
        add(&fixture, 16, 0, now_us++);
    }
    uint32_t before = wt_batcher_count(fixture.batcher);
    add(&fixture, 512, 1, now_us++);
    uint32_t takes = 0;
    for (bool out = false; !out; takes++) {
        /* Each batch takes at least one of those that came before it. */
        assert_true(takes <= before);
        for (uint32_t i = 0; i < 64; i++) {
            add(&fixture, 16, 0, now_us++);
        }
        assert_true(take(&fixture, now_us));
        for (uint32_t i = 0; i < fixture.batch.count; i++) {
            out |= fixture.batch.records[i]->offset == 1;
        }
        batch_end(&fixture.batch);
    }
    assert_true(takes <= 200 / 64 + 2);
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_full_load_padding_stays_below_five_percent_of_what_is_computed),
        cmocka_unit_test(at_full_load_batches_use_their_budget),
        cmocka_unit_test(every_batch_begins_with_the_record_that_waited_longest),
        cmocka_unit_test(no_article_starves_however_odd_its_length),
    };
    return cmocka_run_group_tests_name("batcher_load", tests, NULL, NULL);
}
