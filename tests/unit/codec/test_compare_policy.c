/* What becomes of a record that two models label, and which labels follow from logits. */
#include "codec/compare_policy.h"
#include "config/config_load.h"
#include "support.h"

#include <math.h>

#define LABELS 2u

static const char *const names_a[LABELS] = {"politics", "sports"};
static const char *const names_b[LABELS] = {"sports", "politics"};
static const double thresholds[LABELS] = {0.6, 0.6};

static struct wt_model_info info_of(const char *const *names, enum wt_task task)
{
    return (struct wt_model_info){
        .labels = names, .label_count = LABELS, .task = task, .thresholds = thresholds};
}

struct fixture {
    struct wt_config *config;
    struct wt_model_info a; /* borrowed by the policy */
    struct wt_model_info b;
    struct wt_compare_policy *policy;
};

static void begin(struct fixture *fixture, enum wt_task task, bool publishes_changed)
{
    fixture->config = wt_config_defaults();
    fixture->a = info_of(names_a, task);
    fixture->b = info_of(names_b, task);
    fixture->policy =
        wt_compare_policy_create(fixture->config, &fixture->a, &fixture->b, publishes_changed);
}

static void end(struct fixture *fixture)
{
    wt_compare_policy_destroy(fixture->policy);
    wt_config_destroy(fixture->config);
}

/* What either model makes of a record: the index of a label in A's names, NONE, or FAILED. */
#define NONE (-1)
#define FAILED (-2)

static struct wt_record *compared_record(const struct fixture *fixture, int a, int b)
{
    struct wt_record *record = wt_record_create(NULL, 0, "{}", 2, NULL, 0);
    record->compared = calloc(1, sizeof *record->compared);
    record->compared->a.failed = a == FAILED;
    float logits[LABELS] = {0.0F, 0.0F}; /* both below their thresholds */
    if (a != FAILED) {
        if (a >= 0) {
            logits[a] = 9.0F;
        }
        wt_compare_labels(&fixture->policy->a, logits, &record->compared->a);
    }
    if (b == FAILED) {
        struct wt_error error;
        (void)wt_error_set(&error, WT_FAILED, WT_ERROR_RECORD, "model-failed", "no");
        wt_record_fail(record, "infer", &error);
        return record;
    }
    record->outcome = WT_OUTCOME_LABELLED;
    record->logits = calloc(LABELS, sizeof(float));
    if (b >= 0) {
        record->logits[1 - b] = 9.0F; /* B has them the other way round */
    }
    return record;
}

static void a_record_is_published_only_if_b_says_something_else(void **state)
{
    (void)state;
    const struct {
        int a, b;
        enum wt_outcome published;
        enum wt_outcome silent;
    } cases[] = {{0, 0, WT_OUTCOME_COMPARED, WT_OUTCOME_COMPARED},
                 {1, 1, WT_OUTCOME_COMPARED, WT_OUTCOME_COMPARED},
                 {NONE, NONE, WT_OUTCOME_COMPARED, WT_OUTCOME_COMPARED},
                 {0, 1, WT_OUTCOME_LABELLED, WT_OUTCOME_COMPARED},
                 {0, NONE, WT_OUTCOME_LABELLED, WT_OUTCOME_COMPARED},
                 {NONE, 1, WT_OUTCOME_LABELLED, WT_OUTCOME_COMPARED},
                 {FAILED, 0, WT_OUTCOME_LABELLED, WT_OUTCOME_COMPARED},
                 {0, FAILED, WT_OUTCOME_DEAD_LETTERED, WT_OUTCOME_SKIPPED},
                 {FAILED, FAILED, WT_OUTCOME_SKIPPED, WT_OUTCOME_SKIPPED}};
    for (int publishes = 0; publishes < 2; publishes++) {
        struct fixture fixture;
        begin(&fixture, WT_SINGLE_LABEL, publishes);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct wt_record *record = compared_record(&fixture, cases[i].a, cases[i].b);
            wt_compare_policy_apply(fixture.policy, record);
            assert_int_equal(record->outcome, publishes ? cases[i].published : cases[i].silent);
            assert_true(record->compared->both);
            assert_int_equal(record->compared->b.failed, cases[i].b == FAILED);
            wt_record_destroy(record);
        }
        end(&fixture);
    }
}

static void what_no_model_decides_about_is_passed_over(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, WT_SINGLE_LABEL, true);
    const enum wt_outcome outcomes[][2] = {{WT_OUTCOME_TOMBSTONE, WT_OUTCOME_SKIPPED},
                                           {WT_OUTCOME_FILTERED, WT_OUTCOME_FILTERED},
                                           {WT_OUTCOME_HOLE, WT_OUTCOME_HOLE}};
    for (size_t i = 0; i < 3; i++) {
        struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
        record->outcome = outcomes[i][0];
        wt_compare_policy_apply(fixture.policy, record);
        assert_int_equal(record->outcome, outcomes[i][1]);
        wt_record_destroy(record);
    }
    end(&fixture);
}

static void several_labels_come_best_first_with_the_score_of_the_first(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, WT_MULTI_LABEL, true);
    const float logits[LABELS] = {1.0F, 3.0F};
    struct wt_labelling labels;
    wt_compare_labels(&fixture.policy->a, logits, &labels);
    assert_int_equal(labels.label_count, 2);
    assert_int_equal(labels.labels[0], 1);
    assert_int_equal(labels.labels[1], 0);
    assert_true(fabs(labels.score - 1.0 / (1.0 + exp(-3.0))) < 1e-9);
    free(labels.labels);
    const float low[LABELS] = {0.1F, -1.0F};
    wt_compare_labels(&fixture.policy->a, low, &labels);
    assert_int_equal(labels.label_count, 0);
    free(labels.labels);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_published_only_if_b_says_something_else),
        cmocka_unit_test(what_no_model_decides_about_is_passed_over),
        cmocka_unit_test(several_labels_come_best_first_with_the_score_of_the_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
