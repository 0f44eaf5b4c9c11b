/* The figures of wiretag eval: hand-made cases, a plain reference on random ones, and that the order
 * of the articles changes nothing. */
#include "cli/eval/evaluation.h"

#include "dice.h"
#include "support.h"

#define LABELS 5u
#define ARTICLES 3000u

static void assert_near(double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-12 * fmax(1.0, fabs(wanted)))) {
        fail_msg("%.17g instead of %.17g", found, wanted);
    }
}

static void add(struct wt_evaluation *evaluation, const float *logits, uint32_t gold)
{
    wt_evaluation_add(evaluation, logits, &gold, 1);
}

/* Logits of two labels that make the first one's score `score`. */
static void add_scored(struct wt_evaluation *evaluation, double score, uint32_t gold)
{
    const float logits[2] = {(float)log(score / (1.0 - score)), 0.0F};
    add(evaluation, logits, gold);
}

static void a_hand_made_case_has_the_figures_of_the_textbook(void **state)
{
    /* Gold 0, 0, 0, 1, 1; predicted 0, 0, 1, 1, 0. */
    static const float as[2][3] = {{2.0F, 0.0F, 0.0F}, {0.0F, 2.0F, 0.0F}};
    static const struct {
        uint32_t gold, predicted;
    } rows[] = {{0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}};
    struct wt_evaluation *evaluation = wt_evaluation_create(3, NULL);
    struct wt_figures figures;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        add(evaluation, as[rows[i].predicted], rows[i].gold);
    }
    wt_evaluation_figures(evaluation, &figures);
    assert_int_equal(figures.articles, 5);
    assert_int_equal(wt_evaluation_count(evaluation, 0, 1), 1);
    assert_int_equal(wt_evaluation_count(evaluation, 1, 0), 1);
    assert_near(figures.accuracy, 3.0 / 5.0);
    assert_near(figures.labels[0].precision, 2.0 / 3.0);
    assert_near(figures.labels[0].recall, 2.0 / 3.0);
    assert_near(figures.labels[1].f1, 1.0 / 2.0);
    assert_int_equal(figures.labels[2].support + figures.labels[2].predicted, 0);
    assert_near(figures.labels[2].f1, 0.0);
    /* The third label does not occur: it is not in the averages. */
    assert_near(figures.macro.f1, (2.0 / 3.0 + 1.0 / 2.0) / 2.0);
    assert_near(figures.weighted.f1, 2.0 / 3.0 * 0.6 + 1.0 / 2.0 * 0.4);
    double score = exp(2.0) / (exp(2.0) + 2.0);
    double other = 1.0 / (exp(2.0) + 2.0);
    assert_near(figures.loss, -(3.0 * log(score) + 2.0 * log(other)) / 5.0);
    assert_near(figures.calibration_error, fabs(0.6 - score));
    wt_figures_free(&figures);
    wt_evaluation_destroy(evaluation);
}

static void a_label_that_is_only_predicted_counts_in_the_macro_average(void **state)
{
    const float logits[3] = {0.0F, 1.0F, 0.0F};
    struct wt_evaluation *evaluation = wt_evaluation_create(3, NULL);
    struct wt_figures figures;
    (void)state;
    add(evaluation, logits, 1);
    add(evaluation, logits, 0);
    add(evaluation, (const float[3]){0.0F, 0.0F, 9.0F}, 1);
    wt_evaluation_figures(evaluation, &figures);
    assert_near(figures.labels[0].precision, 0.0); /* never predicted */
    assert_near(figures.labels[2].recall, 0.0);    /* never gold */
    assert_near(figures.macro.f1, 0.5 / 3.0);
    wt_figures_free(&figures);
    wt_evaluation_destroy(evaluation);
}

static void scores_fall_into_bins_of_equal_width(void **state)
{
    struct wt_evaluation *evaluation = wt_evaluation_create(2, NULL);
    struct wt_figures figures;
    (void)state;
    add_scored(evaluation, 0.5001, 0); /* (7/15, 8/15] */
    add_scored(evaluation, 0.99, 0);
    add_scored(evaluation, 0.95, 1);
    add(evaluation, (const float[2]){1000.0F, 0.0F}, 0); /* exactly 1 */
    wt_evaluation_figures(evaluation, &figures);
    assert_int_equal(figures.bins[7].count, 1);
    assert_int_equal(figures.bins[14].count, 3);
    assert_near(figures.bins[14].accuracy, 2.0 / 3.0);
    assert_true(fabs(figures.bins[14].confidence - (0.99 + 0.95 + 1.0) / 3.0) < 1e-6);
    assert_near(figures.bins[0].from, 0.0);
    assert_near(figures.bins[14].to, 1.0);
    wt_figures_free(&figures);
    wt_evaluation_destroy(evaluation);
}

static void a_score_on_the_edge_of_two_bins_is_in_the_lower_one(void **state)
{
    struct wt_evaluation *evaluation = wt_evaluation_create(3, NULL);
    struct wt_figures figures;
    (void)state;
    add(evaluation, (const float[3]){1.0F, 1.0F, 1.0F}, 0); /* a third is 5/15 */
    wt_evaluation_figures(evaluation, &figures);
    assert_int_equal(figures.bins[4].count, 1);
    wt_figures_free(&figures);
    wt_evaluation_destroy(evaluation);
}

static void equal_logits_are_the_lowest_label_as_the_worker_has_it(void **state)
{
    struct wt_evaluation *evaluation = wt_evaluation_create(3, NULL);
    (void)state;
    add(evaluation, (const float[3]){1.0F, 3.0F, 3.0F}, 2);
    assert_int_equal(wt_evaluation_count(evaluation, 2, 1), 1);
    wt_evaluation_destroy(evaluation);
}

static void extreme_logits_give_finite_figures(void **state)
{
    struct wt_evaluation *evaluation = wt_evaluation_create(2, NULL);
    struct wt_figures figures;
    (void)state;
    add(evaluation, (const float[2]){3e38F, -3e38F}, 1);
    add(evaluation, (const float[2]){-3e38F, -3e38F}, 0);
    add(evaluation, (const float[2]){0.0F, -90.0F}, 0);
    wt_evaluation_figures(evaluation, &figures);
    assert_true(isfinite(figures.loss) && figures.loss > 1e11);
    assert_true(figures.calibration_error >= 0.0 && figures.calibration_error <= 1.0);
    wt_figures_free(&figures);
    wt_evaluation_destroy(evaluation);
}

/* --- random articles ------------------------------------------------------------------------- */

struct article {
    float logits[LABELS];
    uint32_t gold;
};

static struct article *make_articles(struct dice *dice)
{
    struct article *articles = calloc(ARTICLES, sizeof *articles);
    assert_non_null(articles);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        for (uint32_t j = 0; j < LABELS; j++) {
            articles[i].logits[j] = (float)dice_below(dice, 160001) / 10000.0F - 8.0F;
        }
        articles[i].gold = dice_below(dice, 4); /* the last label is never gold */
    }
    return articles;
}

static void evaluate(const struct article *articles, struct wt_figures *figures)
{
    struct wt_evaluation *evaluation = wt_evaluation_create(LABELS, NULL);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        add(evaluation, articles[i].logits, articles[i].gold);
    }
    wt_evaluation_figures(evaluation, figures);
    wt_evaluation_destroy(evaluation);
}

static void no_order_of_the_articles_changes_a_bit(void **state)
{
    struct dice dice = {.state = 17};
    struct article *articles = make_articles(&dice);
    struct wt_figures wanted;
    (void)state;
    evaluate(articles, &wanted);
    for (uint32_t round = 0; round < 8; round++) {
        for (uint32_t i = ARTICLES - 1; i > 0; i--) {
            uint32_t j = dice_below(&dice, i + 1);
            struct article article = articles[i];
            articles[i] = articles[j];
            articles[j] = article;
        }
        struct wt_figures figures;
        evaluate(articles, &figures);
        assert_memory_equal(&figures.loss, &wanted.loss, sizeof(double));
        assert_memory_equal(&figures.accuracy, &wanted.accuracy, sizeof(double));
        assert_memory_equal(&figures.macro, &wanted.macro, sizeof wanted.macro);
        assert_memory_equal(&figures.weighted, &wanted.weighted, sizeof wanted.weighted);
        assert_memory_equal(figures.labels, wanted.labels, LABELS * sizeof *wanted.labels);
        assert_memory_equal(figures.bins, wanted.bins, sizeof wanted.bins);
        assert_memory_equal(&figures.calibration_error, &wanted.calibration_error, sizeof(double));
        wt_figures_free(&figures);
    }
    wt_figures_free(&wanted);
    free(articles);
}

/* The best label and its score, without the project's own softmax. */
static uint32_t reference_label(const struct article *article, double *score_out, double *loss_out)
{
    uint32_t best = 0;
    double sum = 0.0;
    for (uint32_t j = 0; j < LABELS; j++) {
        best = article->logits[j] > article->logits[best] ? j : best;
        sum += exp((double)article->logits[j]);
    }
    *score_out = exp((double)article->logits[best]) / sum;
    *loss_out = log(sum) - (double)article->logits[article->gold];
    return best;
}

static void random_articles_have_the_figures_of_a_plain_reference(void **state)
{
    struct dice dice = {.state = 4};
    struct article *articles = make_articles(&dice);
    struct wt_figures figures;
    double loss = 0.0;
    uint32_t right = 0;
    double gap[WT_EVALUATION_BINS] = {0.0};
    uint32_t hits[LABELS] = {0};
    uint32_t said[LABELS] = {0};
    uint32_t gold[LABELS] = {0};
    (void)state;
    evaluate(articles, &figures);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        double score;
        double article_loss;
        uint32_t label = reference_label(&articles[i], &score, &article_loss);
        bool hit = label == articles[i].gold;
        uint32_t bin = 0;
        while (score > (double)(bin + 1) / WT_EVALUATION_BINS) {
            bin++;
        }
        gap[bin] += (hit ? 1.0 : 0.0) - score;
        loss += article_loss;
        right += hit;
        hits[label] += hit;
        said[label]++;
        gold[articles[i].gold]++;
    }
    double error = 0.0;
    for (uint32_t i = 0; i < WT_EVALUATION_BINS; i++) {
        error += fabs(gap[i]) / ARTICLES;
    }
    double macro = 0.0;
    for (uint32_t j = 0; j < LABELS; j++) {
        double f1 = 2.0 * hits[j] / (said[j] + gold[j]);
        macro += f1 / LABELS;
        assert_near(figures.labels[j].f1, f1);
        assert_near(figures.labels[j].precision, (double)hits[j] / said[j]);
        assert_near(figures.labels[j].recall, gold[j] > 0 ? (double)hits[j] / gold[j] : 0.0);
    }
    assert_near(figures.macro.f1, macro);
    assert_near(figures.accuracy, (double)right / ARTICLES);
    assert_near(figures.loss, loss / ARTICLES);
    assert_near(figures.calibration_error, error);
    wt_figures_free(&figures);
    free(articles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hand_made_case_has_the_figures_of_the_textbook),
        cmocka_unit_test(a_label_that_is_only_predicted_counts_in_the_macro_average),
        cmocka_unit_test(scores_fall_into_bins_of_equal_width),
        cmocka_unit_test(a_score_on_the_edge_of_two_bins_is_in_the_lower_one),
        cmocka_unit_test(equal_logits_are_the_lowest_label_as_the_worker_has_it),
        cmocka_unit_test(extreme_logits_give_finite_figures),
        cmocka_unit_test(no_order_of_the_articles_changes_a_bit),
        cmocka_unit_test(random_articles_have_the_figures_of_a_plain_reference),
    };
    return cmocka_run_group_tests_name("evaluation", tests, NULL, NULL);
}
