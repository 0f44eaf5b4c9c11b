/* A topic that the group's coordinator does not know: its records wait, and no other topic's for long. */
#include "pipeline/publish/missing_topics.h"

#include "support.h"

#include <string.h>

#define TOPICS 4u
#define ROUND_US 50000

static const char *const names[TOPICS] = {"a", "b", "c", "d"};

/* Every topic but `silent` always has records; a transaction with one of a topic in `gone` is refused. */
struct lab {
    struct wt_missing_topics *missing;
    const char *gone;
    const char *silent; /* NULL: none */
    int64_t now_us;
    unsigned committed[TOPICS]; /* records */
    unsigned refused;           /* transactions */
    unsigned told;
    unsigned hurried;
};

static struct lab lab_begin(const char *gone)
{
    return (struct lab){.missing = wt_missing_topics_create(), .gone = gone, .now_us = 1000000};
}

static void make_transaction(struct lab *lab)
{
    bool joined[TOPICS] = {false};
    bool refused = false;
    for (unsigned i = 0; i < TOPICS; i++) {
        bool has_records = lab->silent == NULL || strcmp(lab->silent, names[i]) != 0;
        if (has_records && !wt_missing_topics_withholds(lab->missing, names[i], lab->now_us)) {
            wt_missing_topics_joined(lab->missing, names[i]);
            joined[i] = true;
            refused = refused || strchr(lab->gone, names[i][0]) != NULL;
        }
    }
    lab->now_us += ROUND_US;
    lab->hurried += wt_missing_topics_hurries(lab->missing);
    if (refused) {
        lab->refused++;
        lab->told += wt_missing_topics_aborted(lab->missing, true, lab->now_us) != NULL;
        return;
    }
    for (unsigned i = 0; i < TOPICS; i++) {
        lab->committed[i] += joined[i];
    }
    (void)wt_missing_topics_committed(lab->missing, lab->now_us);
}

static void all_join_while_nothing_is_refused(void **state)
{
    (void)state;
    struct lab lab = lab_begin("");
    for (unsigned i = 0; i < 100; i++) {
        make_transaction(&lab);
        assert_null(wt_missing_topics_aborted(lab.missing, false, lab.now_us));
    }
    for (unsigned i = 0; i < TOPICS; i++) {
        assert_int_equal(lab.committed[i], 100);
    }
    assert_int_equal(lab.hurried, 0);
    wt_missing_topics_destroy(lab.missing);
}

static void whichever_is_refused_the_others_go_on_together(void **state)
{
    (void)state;
    static const char *const gone[] = {"a", "b", "c", "d", "ab", "bd", "acd", "abc"};
    for (unsigned i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        struct lab lab = lab_begin(gone[i]);
        for (unsigned round = 0; round < 1200; round++) { /* a minute */
            make_transaction(&lab);
        }
        unsigned count = (unsigned)strlen(gone[i]);
        assert_int_equal(lab.told, count);
        assert_true(lab.refused <= 8 * count);
        assert_in_range(lab.hurried, lab.refused - count, 8 * count);
        for (unsigned j = 0; j < TOPICS; j++) {
            if (strchr(gone[i], names[j][0]) != NULL) {
                assert_int_equal(lab.committed[j], 0);
            } else {
                assert_true(lab.committed[j] >= 1200 - 16 * count);
            }
        }
        wt_missing_topics_destroy(lab.missing);
    }
}

static void one_that_is_known_again_joins_the_others(void **state)
{
    (void)state;
    struct lab lab = lab_begin("c");
    for (unsigned round = 0; round < 60; round++) {
        make_transaction(&lab);
    }
    assert_int_equal(lab.committed[2], 0);
    lab.gone = "";
    for (unsigned round = 0; round < 400; round++) {
        make_transaction(&lab);
    }
    assert_true(lab.committed[2] > 200);
    memset(lab.committed, 0, sizeof lab.committed);
    make_transaction(&lab);
    for (unsigned i = 0; i < TOPICS; i++) {
        assert_int_equal(lab.committed[i], 1);
    }
    wt_missing_topics_destroy(lab.missing);
}

static void one_whose_partitions_were_taken_away_is_forgotten(void **state)
{
    (void)state;
    struct lab lab = lab_begin("c");
    for (unsigned round = 0; round < 20; round++) {
        make_transaction(&lab);
    }
    assert_int_equal(lab.told, 1);
    lab.silent = "c";
    memset(lab.committed, 0, sizeof lab.committed);
    for (unsigned round = 0; round < 1200; round++) {
        make_transaction(&lab);
    }
    assert_true(lab.committed[0] >= 1195); /* one turn was left to it */
    wt_missing_topics_destroy(lab.missing);
}

/* Those that were tried wait for the others only as long as there may be others. */
static void when_only_tried_topics_have_records_none_of_them_waits(void **state)
{
    (void)state;
    const int64_t later_us = 10000000; /* no topic waits that long for its turn */
    struct wt_missing_topics *missing = wt_missing_topics_create();
    wt_missing_topics_joined(missing, "a");
    wt_missing_topics_joined(missing, "b");
    assert_null(wt_missing_topics_aborted(missing, true, 0));
    for (int i = 0; i < 2; i++) {
        assert_false(wt_missing_topics_withholds(missing, names[i], 0));
        wt_missing_topics_joined(missing, names[i]);
        assert_null(wt_missing_topics_committed(missing, 0));
    }
    assert_true(wt_missing_topics_withholds(missing, "a", 0));
    assert_false(wt_missing_topics_withholds(missing, "a", later_us));
    wt_missing_topics_joined(missing, "a");
    assert_null(wt_missing_topics_committed(missing, later_us));
    assert_false(wt_missing_topics_withholds(missing, "b", later_us));
    wt_missing_topics_destroy(missing);
}

static void other_failures_say_nothing_of_topics(void **state)
{
    (void)state;
    struct lab lab = lab_begin("");
    wt_missing_topics_joined(lab.missing, "a");
    wt_missing_topics_joined(lab.missing, "b");
    assert_null(wt_missing_topics_aborted(lab.missing, false, lab.now_us));
    for (unsigned i = 0; i < TOPICS; i++) {
        assert_false(wt_missing_topics_withholds(lab.missing, names[i], lab.now_us));
    }
    assert_null(wt_missing_topics_aborted(lab.missing, true, lab.now_us)); /* it had no records */
    assert_false(wt_missing_topics_withholds(lab.missing, "a", lab.now_us));
    wt_missing_topics_destroy(lab.missing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_join_while_nothing_is_refused),
        cmocka_unit_test(whichever_is_refused_the_others_go_on_together),
        cmocka_unit_test(one_that_is_known_again_joins_the_others),
        cmocka_unit_test(one_whose_partitions_were_taken_away_is_forgotten),
        cmocka_unit_test(when_only_tried_topics_have_records_none_of_them_waits),
        cmocka_unit_test(other_failures_say_nothing_of_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
