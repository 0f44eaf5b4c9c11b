/* Which topic a label goes to: the first of output.routes whose conditions it meets, else output.topic. */
#include "codec/routes.h"

#include "config/config_cases.h"
#include "encode_cases.h"

/* The topic that labels of this category and score go to; a score of null is negative. */
static const char *topic_of(const struct wt_config *config, const char *category, double score)
{
    return wt_config_label_topic(config, wt_routes_choose(&config->output.routes, category, score));
}

static void without_routes_every_label_goes_to_the_output(void **state)
{
    (void)state;
    struct wt_config *config = load("output: {topic: out}\n", NULL);
    assert_string_equal(topic_of(config, "sports", 0.9), "out");
    assert_string_equal(topic_of(config, NULL, -1), "out");
    assert_int_equal(wt_config_label_topic_count(config), 1);
    wt_config_destroy(config);
}

static void the_first_route_that_a_label_meets_decides(void **state)
{
    (void)state;
    struct wt_config *config = load("output:\n  topic: out\n  routes:\n"
                                    "  - {category: [sports, science], topic: a}\n"
                                    "  - {score_below: 0.5, topic: review}\n"
                                    "  - {category: politics, topic: b}\n",
                                    NULL);
    assert_string_equal(topic_of(config, "science", 0.1), "a");
    assert_string_equal(topic_of(config, "politics", 0.49), "review");
    assert_string_equal(topic_of(config, "politics", 0.5), "b");
    assert_string_equal(topic_of(config, "society", 0.5), "out");
    wt_config_destroy(config);
}

static void both_conditions_of_a_route_must_hold(void **state)
{
    (void)state;
    struct wt_config *config = load(
        "output: {topic: out, routes: [{category: sports, score_below: 1, topic: a}]}\n", NULL);
    assert_string_equal(topic_of(config, "sports", 0.99), "a");
    assert_string_equal(topic_of(config, "sports", 1.0), "out");
    assert_string_equal(topic_of(config, "science", 0.1), "out");
    wt_config_destroy(config);
}

static void what_has_no_category_is_named_null_and_no_score_is_below_every_score(void **state)
{
    (void)state;
    struct wt_config *config =
        load("output: {topic: out, routes: [{category: [sports, null], topic: a}]}\n", NULL);
    assert_string_equal(topic_of(config, NULL, 0.3), "a");
    assert_string_equal(topic_of(config, "sports", 0.3), "a");
    assert_string_equal(topic_of(config, "null", 0.3), "out");
    wt_config_destroy(config);
    config = load("output: {topic: out, routes: [{category: 'null', topic: a},"
                  "{score_below: 0.01, topic: b}]}\n",
                  NULL);
    assert_string_equal(topic_of(config, "null", 0.3), "a");
    assert_string_equal(topic_of(config, NULL, 0.3), "out");
    assert_string_equal(topic_of(config, NULL, -1), "b");
    wt_config_destroy(config);
}

static void topics_are_numbered_once_with_the_output_first(void **state)
{
    (void)state;
    struct wt_config *config =
        load("output: {routes: [{category: x, topic: a}, {category: y, topic: out},"
             "{category: z, topic: b}, {category: w, topic: a}]}\n",
             SETS("output.topic=out"));
    assert_int_equal(wt_config_label_topic_count(config), 3);
    assert_string_equal(wt_config_label_topic(config, 0), "out");
    assert_string_equal(wt_config_label_topic(config, 1), "a");
    assert_string_equal(wt_config_label_topic(config, 2), "b");
    assert_string_equal(topic_of(config, "y", 1), "out");
    assert_string_equal(topic_of(config, "w", 1), "a");
    wt_config_destroy(config);
    config = load("output: {routes: [{category: x, topic: a}]}\n", SETS("output.routes=[]"));
    assert_int_equal(wt_config_label_topic_count(config), 1);
    wt_config_destroy(config);
}

static void a_route_by_a_label_that_the_model_lacks_names_the_nearest(void **state)
{
    (void)state;
    struct wt_error error;
    struct fixture fixture = fixture_create("{}", NULL, 0);
    struct wt_config *config = load("output:\n  routes:\n  - {category: sports, topic: a}\n"
                                    "  - {category: [null, sience], topic: b}\n",
                                    NULL);
    assert_int_equal(wt_routes_check(config, &fixture.info, &error), WT_INVALID);
    assert_string_equal(error.code, "label-unknown");
    assert_string_equal(error.message,
                        "test.yaml:4: output.routes: the model demo has no label \"sience\"; the "
                        "nearest of its labels is \"science\"");
    config->output.routes.count = 1;
    assert_int_equal(wt_routes_check(config, &fixture.info, &error), WT_OK);
    config->output.routes.count = 2;
    wt_config_destroy(config);
    fixture_destroy(&fixture);
}

static void encoding_sends_labels_by_route_and_tombstones_to_the_output(void **state)
{
    (void)state;
    static const float sports[] = {0, 0, 5, 0};
    static const float politics[] = {5, 0, 0, 0};
    struct fixture fixture = fixture_create("{}", NULL, 0);
    wt_config_destroy(fixture.config);
    fixture.config = load("output: {routes: [{category: sports, topic: a},"
                          "{category: null, topic: b}]}\n",
                          NULL);
    label(&fixture, sports);
    (void)encode(&fixture);
    assert_int_equal(fixture.record->target, 1);
    memcpy(fixture.record->logits, politics, sizeof politics);
    (void)encode(&fixture);
    assert_int_equal(fixture.record->target, 0);
    fixture.config->output.threshold.all = 1.0;
    (void)encode(&fixture);
    assert_int_equal(fixture.record->target, 2);
    fixture.record->outcome = WT_OUTCOME_TOMBSTONE;
    (void)encode(&fixture);
    assert_int_equal(fixture.record->target, 0);
    fixture_destroy(&fixture);
}

static void of_several_labels_the_best_one_decides(void **state)
{
    (void)state;
    static const double thresholds[] = {0.5, 0.5, 0.5, 0.5};
    static const float both[] = {1, -5, 2, -5}; /* sports before politics */
    struct fixture fixture = fixture_create("{}", NULL, 0);
    wt_config_destroy(fixture.config);
    fixture.config = load("output: {routes: [{category: politics, topic: a},"
                          "{category: sports, topic: b}, {category: null, topic: c}]}\n",
                          NULL);
    fixture.info.task = WT_MULTI_LABEL;
    fixture.info.thresholds = thresholds;
    label(&fixture, both);
    (void)encode(&fixture);
    assert_int_equal(fixture.record->reached_count, 2);
    assert_int_equal(fixture.record->target, 2);
    fixture.config->output.threshold.all = 1.0;
    (void)encode(&fixture);
    assert_int_equal(fixture.record->target, 3);
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_routes_every_label_goes_to_the_output),
        cmocka_unit_test(the_first_route_that_a_label_meets_decides),
        cmocka_unit_test(both_conditions_of_a_route_must_hold),
        cmocka_unit_test(what_has_no_category_is_named_null_and_no_score_is_below_every_score),
        cmocka_unit_test(topics_are_numbered_once_with_the_output_first),
        cmocka_unit_test(a_route_by_a_label_that_the_model_lacks_names_the_nearest),
        cmocka_unit_test(encoding_sends_labels_by_route_and_tombstones_to_the_output),
        cmocka_unit_test(of_several_labels_the_best_one_decides),
    };
    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
