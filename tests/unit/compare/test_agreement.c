/* How far two models agree: pairs of categories, sets of labels, labels that one model lacks. */
#include "compare/agreement.h"
#include "support.h"

#include <pthread.h>

static const char *const names_a[] = {"politics", "society", "sports"};
/* Another order, without sports, with science. */
static const char *const names_b[] = {"science", "society", "politics"};

enum { A_POLITICS, A_SOCIETY, A_SPORTS };
enum { B_SCIENCE, B_SOCIETY, B_POLITICS };

static struct wt_agreement *make(void)
{
    return wt_agreement_create(&(struct wt_agreement_names){names_a, 3},
                               &(struct wt_agreement_names){names_b, 3});
}

#define GIVEN(...)                                                                                 \
    ((struct wt_given){(const uint32_t[]){__VA_ARGS__},                                            \
                       sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)})
#define NOTHING ((struct wt_given){NULL, 0})

static void labels_are_the_same_if_their_names_are(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make();
    assert_true(wt_agreement_equal(agreement, GIVEN(A_POLITICS), GIVEN(B_POLITICS)));
    assert_true(wt_agreement_equal(agreement, GIVEN(A_SOCIETY), GIVEN(B_SOCIETY)));
    assert_false(wt_agreement_equal(agreement, GIVEN(A_POLITICS), GIVEN(B_SCIENCE)));
    assert_false(wt_agreement_equal(agreement, GIVEN(A_SPORTS), GIVEN(B_POLITICS)));
    assert_int_equal(wt_agreement_counts(agreement).compared, 0);
    wt_agreement_destroy(agreement);
}

static void none_is_a_category_too(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make();
    assert_true(wt_agreement_equal(agreement, NOTHING, NOTHING));
    assert_false(wt_agreement_equal(agreement, NOTHING, GIVEN(B_SOCIETY)));
    assert_false(wt_agreement_equal(agreement, GIVEN(A_SOCIETY), NOTHING));
    wt_agreement_count(agreement, NOTHING, GIVEN(B_SOCIETY));
    wt_agreement_count(agreement, NOTHING, NOTHING);
    assert_int_equal(wt_agreement_pair(agreement, WT_AGREEMENT_NONE, B_SOCIETY), 1);
    assert_int_equal(wt_agreement_pair(agreement, WT_AGREEMENT_NONE, WT_AGREEMENT_NONE), 1);
    assert_string_equal(wt_agreement_name_a(agreement, WT_AGREEMENT_NONE), "none");
    wt_agreement_destroy(agreement);
}

static void several_labels_are_equal_as_a_set_behind_the_first(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make();
    struct wt_given a = GIVEN(A_POLITICS, A_SOCIETY);
    assert_true(wt_agreement_equal(agreement, a, GIVEN(B_POLITICS, B_SOCIETY)));
    assert_false(wt_agreement_equal(agreement, a, GIVEN(B_SOCIETY, B_POLITICS)));
    assert_false(wt_agreement_equal(agreement, a, GIVEN(B_POLITICS)));
    assert_false(wt_agreement_equal(agreement, a, GIVEN(B_POLITICS, B_SCIENCE)));
    assert_false(wt_agreement_equal(agreement, a, GIVEN(B_POLITICS, B_SOCIETY, B_SCIENCE)));
    assert_true(wt_agreement_equal(agreement, GIVEN(A_POLITICS, A_SOCIETY),
                                   GIVEN(B_POLITICS, B_SOCIETY))); /* no mark is left */
    wt_agreement_destroy(agreement);
}

static void articles_are_counted_by_their_pair_of_categories(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make();
    for (int i = 0; i < 5; i++) {
        wt_agreement_count(agreement, GIVEN(A_SOCIETY), GIVEN(B_POLITICS));
    }
    for (int i = 0; i < 9; i++) {
        wt_agreement_count(agreement, GIVEN(A_POLITICS), GIVEN(B_POLITICS));
    }
    wt_agreement_count(agreement, GIVEN(A_SPORTS), GIVEN(B_SCIENCE));
    wt_agreement_count(agreement, GIVEN(A_POLITICS, A_SOCIETY), GIVEN(B_POLITICS));
    struct wt_agreement_counts counts = wt_agreement_counts(agreement);
    assert_int_equal(counts.compared, 16);
    assert_int_equal(counts.equal, 9);
    assert_int_equal(counts.same_category, 10);
    assert_int_equal(wt_agreement_pair_count(agreement), 3);

    struct wt_agreement_pair pairs[8];
    assert_int_equal(wt_agreement_pairs(agreement, false, 8, pairs), 3);
    assert_int_equal(pairs[0].articles, 10);
    assert_int_equal(wt_agreement_pairs(agreement, true, 8, pairs), 2);
    assert_int_equal(pairs[0].articles, 5);
    assert_string_equal(wt_agreement_name_a(agreement, pairs[0].a), "society");
    assert_string_equal(wt_agreement_name_b(agreement, pairs[0].b), "politics");
    assert_int_equal(pairs[1].a, A_SPORTS);
    assert_int_equal(wt_agreement_pairs(agreement, true, 1, pairs), 1);
    wt_agreement_destroy(agreement);
}

static void every_label_of_either_model_is_counted_by_its_name(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make();
    struct wt_agreement_label labels[4];
    wt_agreement_count(agreement, GIVEN(A_POLITICS, A_SPORTS), GIVEN(B_SOCIETY, B_POLITICS));
    wt_agreement_count(agreement, GIVEN(A_POLITICS), GIVEN(B_SCIENCE, B_SOCIETY));
    assert_int_equal(wt_agreement_label_count(agreement), 4);
    wt_agreement_labels(agreement, labels);
    const struct {
        const char *name;
        uint32_t a, b;
        uint64_t both, only_a, only_b;
    } expected[] = {{"politics", A_POLITICS, B_POLITICS, 1, 1, 0},
                    {"society", A_SOCIETY, B_SOCIETY, 0, 0, 2},
                    {"sports", A_SPORTS, WT_AGREEMENT_NONE, 0, 1, 0},
                    {"science", WT_AGREEMENT_NONE, B_SCIENCE, 0, 0, 1}};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(labels[i].name, expected[i].name);
        assert_int_equal(labels[i].a, expected[i].a);
        assert_int_equal(labels[i].b, expected[i].b);
        assert_int_equal(labels[i].both, expected[i].both);
        assert_int_equal(labels[i].only_a, expected[i].only_a);
        assert_int_equal(labels[i].only_b, expected[i].only_b);
    }
    wt_agreement_destroy(agreement);
}

static void articles_that_one_model_cannot_label_are_counted_apart(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make();
    wt_agreement_count_failed(agreement, true, false);
    wt_agreement_count_failed(agreement, false, true);
    wt_agreement_count_failed(agreement, false, true);
    wt_agreement_count_failed(agreement, true, true);
    struct wt_agreement_counts counts = wt_agreement_counts(agreement);
    assert_int_equal(counts.failed_a, 1);
    assert_int_equal(counts.failed_b, 2);
    assert_int_equal(counts.failed_both, 1);
    assert_int_equal(counts.compared, 0);
    wt_agreement_destroy(agreement);
}

/* Names "0", "1" and so on. */
static char **number_names(uint32_t count)
{
    char **names = calloc(count, sizeof *names);
    for (uint32_t i = 0; i < count; i++) {
        names[i] = malloc(12);
        (void)snprintf(names[i], 12, "%u", i);
    }
    return names;
}

static void free_names(char **names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

static void no_pair_is_lost_up_to_the_bound_and_all_beyond_are_counted(void **state)
{
    (void)state;
    enum { LABELS = 300 }; /* 90,000 pairs */
    char **names = number_names(LABELS);
    const struct wt_agreement_names all = {(const char *const *)names, LABELS};
    struct wt_agreement *agreement = wt_agreement_create(&all, &all);
    for (uint32_t a = 0; a < LABELS; a++) {
        for (uint32_t b = 0; b < LABELS; b++) {
            wt_agreement_count(agreement, GIVEN(a), GIVEN(b));
            wt_agreement_count(agreement, GIVEN(a), GIVEN(b));
        }
    }
    struct wt_agreement_counts counts = wt_agreement_counts(agreement);
    assert_int_equal(counts.compared, 2 * LABELS * LABELS);
    assert_int_equal(counts.equal, 2 * LABELS);
    assert_int_equal(wt_agreement_pair_count(agreement), WT_AGREEMENT_PAIRS_MAX);
    assert_int_equal(counts.pairs_left, 2 * (LABELS * LABELS - (int)WT_AGREEMENT_PAIRS_MAX));
    for (uint32_t place = 0; place < WT_AGREEMENT_PAIRS_MAX; place++) {
        assert_int_equal(wt_agreement_pair(agreement, place / LABELS, place % LABELS), 2);
    }
    assert_int_equal(wt_agreement_pair(agreement, LABELS - 1, LABELS - 1), 0);
    wt_agreement_destroy(agreement);
    free_names(names, LABELS);
}

static void sums_are_those_of_one_that_counted_everything(void **state)
{
    (void)state;
    struct wt_agreement *whole = make();
    struct wt_agreement *parts[2] = {make(), make()};
    struct wt_agreement *sum = make();
    for (uint32_t i = 0; i < 100; i++) {
        struct wt_given a = GIVEN(i % 3, (i + 1) % 3);
        struct wt_given b = GIVEN((i / 7) % 3);
        wt_agreement_count(whole, a, b);
        wt_agreement_count(parts[i % 2], a, b);
    }
    wt_agreement_count_failed(whole, true, false);
    wt_agreement_count_failed(parts[1], true, false);
    wt_agreement_add(sum, parts[0]);
    wt_agreement_add(sum, parts[1]);

    struct wt_agreement_counts expected = wt_agreement_counts(whole);
    struct wt_agreement_counts counts = wt_agreement_counts(sum);
    assert_memory_equal(&counts, &expected, sizeof counts);
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(wt_agreement_pair(sum, i / 3, i % 3),
                         wt_agreement_pair(whole, i / 3, i % 3));
    }
    struct wt_agreement_label labels[4];
    struct wt_agreement_label of_whole[4];
    wt_agreement_labels(sum, labels);
    wt_agreement_labels(whole, of_whole);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(labels[i].both, of_whole[i].both);
        assert_int_equal(labels[i].only_a, of_whole[i].only_a);
        assert_int_equal(labels[i].only_b, of_whole[i].only_b);
    }
    wt_agreement_clear(sum);
    assert_int_equal(wt_agreement_counts(sum).compared, 0);
    assert_int_equal(wt_agreement_pair_count(sum), 0);
    wt_agreement_destroy(whole);
    wt_agreement_destroy(parts[0]);
    wt_agreement_destroy(parts[1]);
    wt_agreement_destroy(sum);
}

enum { THREADS = 4, ARTICLES_EACH = 5000 };

static void *count_many(void *opaque)
{
    for (uint32_t i = 0; i < ARTICLES_EACH; i++) {
        wt_agreement_count(opaque, GIVEN(i % 3), GIVEN(i % 2));
    }
    return NULL;
}

static void many_threads_count_each_article_once(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, agreement), 0);
    }
    struct wt_agreement_counts counts;
    do {
        counts = wt_agreement_counts(agreement);
        assert_true(counts.equal <= counts.compared);
    } while (counts.compared < (uint64_t)THREADS * ARTICLES_EACH);
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    struct wt_agreement_pair pairs[9];
    uint64_t sum = 0;
    uint32_t count = wt_agreement_pairs(agreement, false, 9, pairs);
    for (uint32_t i = 0; i < count; i++) {
        sum += pairs[i].articles;
    }
    assert_int_equal(sum, THREADS * ARTICLES_EACH);
    wt_agreement_destroy(agreement);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_the_same_if_their_names_are),
        cmocka_unit_test(none_is_a_category_too),
        cmocka_unit_test(several_labels_are_equal_as_a_set_behind_the_first),
        cmocka_unit_test(articles_are_counted_by_their_pair_of_categories),
        cmocka_unit_test(every_label_of_either_model_is_counted_by_its_name),
        cmocka_unit_test(articles_that_one_model_cannot_label_are_counted_apart),
        cmocka_unit_test(no_pair_is_lost_up_to_the_bound_and_all_beyond_are_counted),
        cmocka_unit_test(sums_are_those_of_one_that_counted_everything),
        cmocka_unit_test(many_threads_count_each_article_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
