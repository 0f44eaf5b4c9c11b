/* What a count proves: intervals that hold the true rate as often as they promise. */
#include "compare/evidence.h"
#include "dice.h"
#include "support.h"

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance)) {
        fail_msg("%.6f is not %.6f", value, expected);
    }
}

/* Worked out apart from the code, by the formula of the paper. */
static void one_look_gives_wilsons_interval(void **state)
{
    (void)state;
    struct wt_interval interval = wt_interval_once(10, 100);
    assert_near(interval.low, 0.055229, 1e-6);
    assert_near(interval.high, 0.174366, 1e-6);
    interval = wt_interval_once(0, 10);
    assert_near(interval.low, 0.0, 0.0);
    assert_near(interval.high, 0.277533, 1e-6);
    interval = wt_interval_once(10, 10);
    assert_near(interval.low, 0.722467, 1e-6);
    assert_near(interval.high, 1.0, 0.0);
}

static void nothing_is_known_of_no_articles(void **state)
{
    (void)state;
    assert_near(wt_interval_once(0, 0).high, 1.0, 0.0);
    assert_near(wt_interval_always(0, 0).low, 0.0, 0.0);
    assert_near(wt_interval_always(0, 0).high, 1.0, 0.0);
    assert_false(wt_evidence_enough(0, 0, 0.99));
}

/* With s = 0 the end has a closed form: (1 - p)^n = miss B(1/2, n + 1/2) / pi. */
static void the_sequence_has_the_ends_of_its_formula(void **state)
{
    (void)state;
    double n = 1000.0;
    double mixture = lgamma(0.5) + lgamma(n + 0.5) - lgamma(n + 1.0) - log(acos(-1.0));
    double high = -expm1((mixture + log(WT_EVIDENCE_MISS)) / n);
    assert_near(wt_interval_always(0, 1000).low, 0.0, 0.0);
    assert_near(wt_interval_always(0, 1000).high, high, 1e-9);
    assert_near(wt_interval_always(1000, 1000).low, 1.0 - high, 1e-9);
    assert_near(wt_interval_always(1000, 1000).high, 1.0, 0.0);
}

static void the_price_of_many_looks_is_a_wider_interval(void **state)
{
    (void)state;
    for (uint64_t n = 10; n <= 10000000; n *= 10) {
        for (uint64_t changed = 0; changed <= n; changed += n / 10) {
            struct wt_interval once = wt_interval_once(changed, n);
            struct wt_interval always = wt_interval_always(changed, n);
            double rate = (double)changed / (double)n;
            assert_true(always.low <= rate && rate <= always.high);
            assert_true(always.high - always.low > once.high - once.low);
            assert_true(always.high - always.low < 3.5 * (once.high - once.low));
        }
    }
}

/* Looks at every article of 1,000 runs. A fixed-size interval would miss the rate somewhere in many of
 * them, the sequence in at most one of twenty. */
static void the_sequence_holds_the_rate_at_every_look(void **state)
{
    (void)state;
    enum { RUNS = 1000, ARTICLES = 1000 };
    static const uint32_t percents[] = {1, 10, 50};
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        struct dice dice = {7 + i};
        double rate = percents[i] / 100.0;
        uint32_t missed = 0;
        uint32_t missed_once = 0;
        for (uint32_t run = 0; run < RUNS; run++) {
            uint64_t changed = 0;
            bool held = true;
            bool held_once = true;
            for (uint64_t n = 1; n <= ARTICLES; n++) {
                changed += dice_percent(&dice, percents[i]);
                struct wt_interval once = wt_interval_once(changed, n);
                held_once = held_once && once.low <= rate && rate <= once.high;
                if (n % 10 == 0) {
                    struct wt_interval always = wt_interval_always(changed, n);
                    held = held && always.low <= rate && rate <= always.high;
                }
            }
            missed += !held;
            missed_once += !held_once;
        }
        assert_true(missed <= (uint32_t)(WT_EVIDENCE_MISS * RUNS));
        assert_true(missed_once > RUNS / 10);
    }
}

static void enough_is_when_the_rate_is_known_to_what_was_asked(void **state)
{
    (void)state;
    assert_false(wt_evidence_enough(30, 1000, 0.01));
    assert_true(wt_evidence_enough(300, 10000, 0.01));
    assert_false(wt_evidence_enough(5000, 10000, 0.01));
    assert_true(wt_evidence_enough(50000, 100000, 0.01));
    assert_true(wt_evidence_enough(0, 1000, 0.01));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_look_gives_wilsons_interval),
        cmocka_unit_test(nothing_is_known_of_no_articles),
        cmocka_unit_test(the_sequence_has_the_ends_of_its_formula),
        cmocka_unit_test(the_price_of_many_looks_is_a_wider_interval),
        cmocka_unit_test(the_sequence_holds_the_rate_at_every_look),
        cmocka_unit_test(enough_is_when_the_rate_is_known_to_what_was_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
