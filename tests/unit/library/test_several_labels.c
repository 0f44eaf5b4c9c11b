/* wt_classify with models whose labels have URIs and thresholds, of one label an article and of several. */
#include "base/clock.h"
#include "pipeline/infer_cases.h"
#include "wiretag/classify.h"

#include <math.h>

#define TEXTS 300u

/* The results outlive their classifier. */
static struct wt_results *classify(struct wt_model *model)
{
    char memory[TEXTS][32];
    struct wt_text texts[TEXTS];
    for (uint32_t i = 0; i < TEXTS; i++) {
        int count = snprintf(memory[i], sizeof memory[i], "%u %u", ID_WORD + i, ID_WORD + 2 * i);
        texts[i] = (struct wt_text){.bytes = memory[i], .count = (size_t)count};
    }
    struct wt_classifier *classifier = NULL;
    struct wt_results *results = NULL;
    assert_int_equal(wt_classifier_create(model, NULL, &classifier, NULL), WT_OK);
    assert_int_equal(wt_classify(classifier, texts, TEXTS, &results, NULL), WT_OK);
    wt_classifier_destroy(classifier);
    return results;
}

#define DESCRIBED                                                                                  \
    "\"bundle_format\":2,\"labels\":[{\"name\":\"a\",\"uri\":\"u:1\"},"                            \
    "{\"name\":\"b\",\"threshold\":0.8},\"c\"],\"task\":"

/* The ids of labels that reach 0.5, 0.8 and 0.5, by the scores themselves: best first. */
static uint32_t expect_reached(const double *scores, uint32_t ids[3])
{
    static const double thresholds[] = {0.5, 0.8, 0.5};
    uint32_t count = 0;
    for (uint32_t id = 0; id < 3; id++) {
        uint32_t at = count;
        if (scores[id] >= thresholds[id]) {
            for (; at > 0 && scores[id] > scores[ids[at - 1]]; at--) {
                ids[at] = ids[at - 1];
            }
            ids[at] = id;
            count++;
        }
    }
    return count;
}

static void a_model_of_several_labels_gives_all_that_reach_their_threshold(void **state)
{
    (void)state;
    struct wt_model *model = model_of(DESCRIBED "\"multi-label\"", "{}");
    struct wt_results *results = classify(model);
    uint32_t texts_by_count[4] = {0};
    for (uint32_t i = 0; i < TEXTS; i++) {
        const struct wt_result *result = wt_results_get(results, i);
        uint32_t ids[3];
        assert_int_equal(result->task, WT_MULTI_LABEL);
        for (uint32_t id = 0; id < 3; id++) {
            double score = 1.0 / (1.0 + exp(-(double)result->logits[id]));
            assert_true(fabs(result->scores[id] - score) < 1e-15);
        }
        assert_int_equal(result->label_count, expect_reached(result->scores, ids));
        assert_memory_equal(result->labels, ids, result->label_count * sizeof *ids);
        assert_true(result->score == result->scores[result->label]);
        assert_true(result->uri == NULL || strcmp(result->uri, "u:1") == 0);
        assert_int_equal(result->uri != NULL, result->label == 0);
        texts_by_count[result->label_count]++;
    }
    assert_true(texts_by_count[0] > 0 && texts_by_count[1] > 0 && texts_by_count[2] > 0);
    wt_results_destroy(results);
    wt_model_destroy(model);
}

static void of_a_model_of_one_label_at_most_the_best_reaches_its_threshold(void **state)
{
    (void)state;
    struct wt_model *model = model_of(DESCRIBED "\"single-label\"", "{}");
    struct wt_results *results = classify(model);
    uint32_t below = 0;
    for (uint32_t i = 0; i < TEXTS; i++) {
        const struct wt_result *result = wt_results_get(results, i);
        bool reached = result->label != 1 || result->score >= 0.8;
        assert_int_equal(result->task, WT_SINGLE_LABEL);
        assert_int_equal(result->label_count, reached);
        assert_int_equal(result->labels[0], result->label);
        below += !reached;
    }
    assert_in_range(below, 1, TEXTS / 2);
    wt_results_destroy(results);
    wt_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_of_several_labels_gives_all_that_reach_their_threshold),
        cmocka_unit_test(of_a_model_of_one_label_at_most_the_best_reaches_its_threshold),
    };
    return cmocka_run_group_tests_name("several labels", tests, NULL, NULL);
}
