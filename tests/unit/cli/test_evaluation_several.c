/* The figures of wiretag eval for models that give several labels: hand-made cases, a plain reference
 * on random ones, and that the order of the articles changes nothing. */
#include "cli/eval/evaluation.h"

#include "dice.h"
#include "support.h"

#define LABELS 4u
#define ARTICLES 1500u

static const double halves[LABELS] = {0.5, 0.5, 0.5, 0.5};

static void assert_near(double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-12 * fmax(1.0, fabs(wanted)))) {
        fail_msg("%.17g instead of %.17g", found, wanted);
    }
}

static double sigmoid(float logit)
{
    return 1.0 / (1.0 + exp(-(double)logit));
}

static void a_hand_made_case_has_the_figures_of_the_textbook(void **state)
{
    const uint32_t gold[] = {0, 1};
    struct wt_evaluation *evaluation = wt_evaluation_create(3, halves);
    struct wt_figures figures;
    (void)state;
    wt_evaluation_add(evaluation, (const float[3]){2.0F, 2.0F, -2.0F}, gold, 2);   /* exact */
    wt_evaluation_add(evaluation, (const float[3]){2.0F, -2.0F, 2.0F}, gold, 2);   /* one of each */
    wt_evaluation_add(evaluation, (const float[3]){-2.0F, -2.0F, -2.0F}, NULL, 0); /* exact */
    wt_evaluation_figures(evaluation, &figures);
    assert_true(figures.several);
    assert_near(figures.accuracy, 2.0 / 3.0);
    assert_near(figures.labels[0].f1, 1.0);
    assert_near(figures.labels[1].precision, 1.0);
    assert_near(figures.labels[1].recall, 0.5);
    assert_near(figures.labels[2].precision, 0.0);
    assert_near(figures.micro.precision, 3.0 / 4.0);
    assert_near(figures.micro.recall, 3.0 / 4.0);
    assert_near(figures.micro.f1, 3.0 / 4.0);
    assert_near(figures.macro.f1, (1.0 + 2.0 / 3.0 + 0.0) / 3.0);
    assert_near(figures.weighted.recall, (1.0 * 2.0 + 0.5 * 2.0) / 4.0);
    /* Of the third article all is zero divided by zero, which is 0. */
    assert_near(figures.samples.f1, (1.0 + 0.5 + 0.0) / 3.0);
    assert_near(figures.loss, (7.0 * log1p(exp(-2.0)) + 2.0 * log1p(exp(2.0))) / 9.0);
    wt_figures_free(&figures);
    wt_evaluation_destroy(evaluation);
}

static void a_score_equal_to_its_threshold_has_the_label(void **state)
{
    static const uint32_t gold = 0;
    struct wt_evaluation *evaluation = wt_evaluation_create(1, halves);
    struct wt_figures figures;
    (void)state;
    wt_evaluation_add(evaluation, (const float[1]){0.0F}, &gold, 1);
    wt_evaluation_figures(evaluation, &figures);
    assert_near(figures.labels[0].recall, 1.0);
    assert_near(figures.labels[0].threshold, 0.5);
    assert_near(figures.labels[0].best_threshold, 0.5);
    wt_figures_free(&figures);
    wt_evaluation_destroy(evaluation);
}

static void of_equally_good_thresholds_the_nearest_to_a_half_is_best(void **state)
{
    static const uint32_t gold = 0;
    static const struct {
        float gold, other; /* logits of an article with the label and of one without */
        double best;
    } cases[] = {{2.0F, -2.0F, 0.5},    /* 0.881 and 0.119: all between are as good */
                 {4.0F, 2.0F, 0.881},   /* 0.982 and 0.8808 */
                 {-2.0F, -4.0F, 0.119}, /* 0.1192 and 0.018 */
                 {40.0F, -40.0F, 0.5}}; /* 1 and 0 */
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wt_evaluation *evaluation = wt_evaluation_create(1, halves);
        struct wt_figures figures;
        wt_evaluation_add(evaluation, &cases[i].gold, &gold, 1);
        wt_evaluation_add(evaluation, &cases[i].other, NULL, 0);
        wt_evaluation_figures(evaluation, &figures);
        assert_near(figures.labels[0].best_f1, 1.0);
        assert_near(figures.labels[0].best_threshold, cases[i].best);
        wt_figures_free(&figures);
        wt_evaluation_destroy(evaluation);
    }
}

static void extreme_logits_give_finite_figures(void **state)
{
    static const uint32_t gold[] = {1};
    struct wt_evaluation *evaluation = wt_evaluation_create(2, halves);
    struct wt_figures figures;
    (void)state;
    wt_evaluation_add(evaluation, (const float[2]){3e38F, -3e38F}, gold, 1);
    wt_evaluation_add(evaluation, (const float[2]){-3e38F, 3e38F}, gold, 1);
    wt_evaluation_figures(evaluation, &figures);
    assert_true(isfinite(figures.loss) && figures.loss > 1e11);
    assert_true(figures.calibration_error >= 0.0 && figures.calibration_error <= 1.0);
    wt_figures_free(&figures);
    wt_evaluation_destroy(evaluation);
}

/* --- random articles ------------------------------------------------------------------------- */

struct article {
    float logits[LABELS];
    uint32_t gold[LABELS];
    uint32_t gold_count;
};

/* Labels are the likelier gold the higher their scores, so that the thresholds matter. */
static struct article *make_articles(struct dice *dice)
{
    struct article *articles = calloc(ARTICLES, sizeof *articles);
    assert_non_null(articles);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        for (uint32_t j = 0; j < LABELS; j++) {
            articles[i].logits[j] = (float)dice_below(dice, 120001) / 10000.0F - 6.0F;
            double chance = sigmoid(2.0F * articles[i].logits[j] - (float)j);
            if (dice_below(dice, 1000000) < chance * 1e6) {
                articles[i].gold[articles[i].gold_count++] = j;
            }
        }
    }
    return articles;
}

static const double own[LABELS] = {0.5, 0.3, 0.71, 0.9};

static void evaluate(const struct article *articles, struct wt_figures *figures)
{
    struct wt_evaluation *evaluation = wt_evaluation_create(LABELS, own);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        wt_evaluation_add(evaluation, articles[i].logits, articles[i].gold, articles[i].gold_count);
    }
    wt_evaluation_figures(evaluation, figures);
    wt_evaluation_destroy(evaluation);
}

static void no_order_of_the_articles_changes_a_bit(void **state)
{
    struct dice dice = {.state = 23};
    struct article *articles = make_articles(&dice);
    struct wt_figures wanted;
    (void)state;
    evaluate(articles, &wanted);
    for (uint32_t round = 0; round < 6; round++) {
        for (uint32_t i = ARTICLES - 1; i > 0; i--) {
            uint32_t j = dice_below(&dice, i + 1);
            struct article article = articles[i];
            articles[i] = articles[j];
            articles[j] = article;
        }
        struct wt_figures figures;
        evaluate(articles, &figures);
        assert_memory_equal(&figures.loss, &wanted.loss, sizeof(double));
        assert_memory_equal(&figures.samples, &wanted.samples, sizeof wanted.samples);
        assert_memory_equal(&figures.micro, &wanted.micro, sizeof wanted.micro);
        assert_memory_equal(figures.labels, wanted.labels, LABELS * sizeof *wanted.labels);
        assert_memory_equal(figures.bins, wanted.bins, sizeof wanted.bins);
        wt_figures_free(&figures);
    }
    wt_figures_free(&wanted);
    free(articles);
}

static bool has(const struct article *article, uint32_t label)
{
    for (uint32_t i = 0; i < article->gold_count; i++) {
        if (article->gold[i] == label) {
            return true;
        }
    }
    return false;
}

/* F1 of a label at a threshold, by counting. */
static double f1_at(const struct article *articles, uint32_t label, double threshold)
{
    uint32_t right = 0;
    uint32_t either = 0;
    for (uint32_t i = 0; i < ARTICLES; i++) {
        bool gold = has(&articles[i], label);
        bool predicted = sigmoid(articles[i].logits[label]) >= threshold;
        right += gold && predicted;
        either += (uint32_t)gold + predicted;
    }
    return either > 0 ? 2.0 * right / either : 0.0;
}

static void random_articles_have_the_figures_of_a_plain_reference(void **state)
{
    struct dice dice = {.state = 5};
    struct article *articles = make_articles(&dice);
    struct wt_figures figures;
    double loss = 0.0;
    double samples = 0.0;
    uint32_t exact = 0;
    (void)state;
    evaluate(articles, &figures);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        uint32_t right = 0;
        uint32_t predicted = 0;
        for (uint32_t j = 0; j < LABELS; j++) {
            double score = sigmoid(articles[i].logits[j]);
            bool gold = has(&articles[i], j);
            predicted += score >= own[j];
            right += gold && score >= own[j];
            loss -= log(gold ? score : 1.0 - score);
        }
        uint32_t either = predicted + articles[i].gold_count;
        samples += either > 0 ? 2.0 * right / either : 0.0;
        exact += right == predicted && right == articles[i].gold_count;
    }
    assert_near(figures.accuracy, (double)exact / ARTICLES);
    assert_near(figures.samples.f1, samples / ARTICLES);
    assert_true(fabs(figures.loss - loss / ARTICLES / LABELS) < 1e-10);
    for (uint32_t j = 0; j < LABELS; j++) {
        const struct wt_label_figures *label = &figures.labels[j];
        assert_near(label->f1, f1_at(articles, j, own[j]));
        assert_near(label->best_f1, f1_at(articles, j, label->best_threshold));
        for (uint32_t step = 0; step <= WT_EVALUATION_STEPS; step++) {
            double threshold = (double)step / WT_EVALUATION_STEPS;
            double f1 = f1_at(articles, j, threshold);
            bool worse = f1 < label->best_f1;
            bool farther = fabs(threshold - 0.5) >= fabs(label->best_threshold - 0.5);
            assert_true(worse || (f1 <= label->best_f1 && farther));
        }
    }
    wt_figures_free(&figures);
    free(articles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hand_made_case_has_the_figures_of_the_textbook),
        cmocka_unit_test(a_score_equal_to_its_threshold_has_the_label),
        cmocka_unit_test(of_equally_good_thresholds_the_nearest_to_a_half_is_best),
        cmocka_unit_test(extreme_logits_give_finite_figures),
        cmocka_unit_test(no_order_of_the_articles_changes_a_bit),
        cmocka_unit_test(random_articles_have_the_figures_of_a_plain_reference),
    };
    return cmocka_run_group_tests_name("evaluation of several labels", tests, NULL, NULL);
}
