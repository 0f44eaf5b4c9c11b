/* What is counted of two models, and how it is said. */
#include "pipeline/shadow/shadow_comparison.h"

#include "base/alloc.h"
#include "observe/metrics.h"
#include "support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const shadow_labels[] = {"sports", "politics", "science"};
static const struct wt_model_info shadow_info = {
    .name = "news", .version = "B", .sha256 = "bb", .labels = shadow_labels, .label_count = 3};

/* A live model of `count` labels: politics, sports, then 2, 3 and so on. */
static struct wt_shadow_live *live_of(const char *version, uint32_t count, bool several)
{
    struct wt_shadow_live *live = wt_alloc_zeroed(1, sizeof *live);
    atomic_init(&live->holders, 1);
    live->name = wt_strdup("news");
    live->version = wt_strdup(version);
    live->sha256 = wt_strdup("aa");
    live->several = several;
    live->label_count = count;
    live->labels = wt_alloc_zeroed(count, sizeof(char *));
    for (uint32_t i = 0; i < count; i++) {
        live->labels[i] = i == 0   ? wt_strdup("politics")
                          : i == 1 ? wt_strdup("sports")
                                   : wt_format("%u", i);
    }
    return live;
}

/* Counts an article of two single-label models; label_count: none. */
static void count(struct wt_shadow_comparison *comparison, struct wt_shadow_live *live, uint32_t a,
                  uint32_t b)
{
    const struct wt_shadow_item item = {.live = live, .category = a};
    struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    record->outcome = WT_OUTCOME_LABELLED;
    record->category = b;
    wt_shadow_comparison_count(comparison, &item, record);
    wt_record_destroy(record);
}

static json_t *answer_of(struct wt_shadow_comparison *comparison)
{
    char *text = wt_shadow_comparison_json(comparison);
    json_t *answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (answer == NULL) {
        fail_msg("not JSON: %s", text);
    }
    free(text);
    return answer;
}

static json_int_t integer(const json_t *object, const char *name)
{
    assert_true(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

static void assert_pair(const json_t *answer, size_t index, const char *live, const char *shadow,
                        json_int_t articles)
{
    const json_t *pair = json_array_get(json_object_get(answer, "pairs"), index);
    const char *const names[] = {"live", "shadow"};
    const char *const wanted[] = {live, shadow};
    for (int i = 0; i < 2; i++) {
        const json_t *label = json_object_get(pair, names[i]);
        if (wanted[i] == NULL) {
            assert_true(json_is_null(label));
        } else {
            assert_string_equal(json_string_value(label), wanted[i]);
        }
    }
    assert_int_equal(integer(pair, "count"), articles);
}

static void before_the_first_article_nothing_is_known(void **state)
{
    (void)state;
    struct wt_shadow_comparison *comparison = wt_shadow_comparison_create(&shadow_info, 0.25);
    json_t *answer = answer_of(comparison);
    assert_true(json_is_null(json_object_get(answer, "agreement")));
    assert_int_equal(integer(answer, "compared"), 0);
    assert_int_equal(json_array_size(json_object_get(answer, "pairs")), 0);
    assert_true(json_is_false(json_object_get(answer, "enough")));
    assert_null(json_object_get(answer, "live"));
    assert_null(wt_shadow_comparison_say(comparison));
    json_decref(answer);
    wt_shadow_comparison_destroy(comparison);
}

static void pairs_are_by_name_and_those_that_differ_come_first(void **state)
{
    (void)state;
    struct wt_shadow_comparison *comparison = wt_shadow_comparison_create(&shadow_info, 1.0);
    struct wt_shadow_live *live = live_of("A", 2, false);
    for (int i = 0; i < 95; i++) {
        count(comparison, live, 0, 1); /* both politics */
    }
    for (int i = 0; i < 3; i++) {
        count(comparison, live, 1, 2);
    }
    count(comparison, live, 0, 3); /* the shadow gives none */
    count(comparison, live, 2, 3); /* neither does */
    json_t *answer = answer_of(comparison);
    assert_int_equal(integer(answer, "compared"), 100);
    assert_int_equal(integer(answer, "differ"), 4);
    assert_true(json_number_value(json_object_get(answer, "agreement")) == 0.96);
    assert_pair(answer, 0, "sports", "science", 3);
    assert_pair(answer, 1, "politics", NULL, 1);
    assert_pair(answer, 2, "politics", "politics", 95);
    assert_pair(answer, 3, NULL, NULL, 1);
    assert_int_equal(integer(answer, "pairs_all"), 4);
    json_decref(answer);
    char *said = wt_shadow_comparison_say(comparison);
    static const char begin[] = "news B differs from news A on 4.0 % ± ";
    static const char end[] = " of 100 articles, most often sports → science; the evidence is not "
                              "yet enough";
    assert_memory_equal(said, begin, sizeof begin - 1);
    assert_string_equal(said + strlen(said) - (sizeof end - 1), end);
    free(said);
    wt_shadow_live_release(live);
    wt_shadow_comparison_destroy(comparison);
}

static void the_evidence_is_enough_when_the_rate_is_known(void **state)
{
    (void)state;
    struct wt_shadow_comparison *comparison = wt_shadow_comparison_create(&shadow_info, 1.0);
    struct wt_shadow_live *live = live_of("A", 2, false);
    for (int i = 0; i < 12345; i++) {
        count(comparison, live, i % 30 == 0, 1);
    }
    char *said = wt_shadow_comparison_say(comparison);
    assert_non_null(strstr(said,
                           " of 12,345 articles, most often sports → politics; the evidence is "
                           "enough"));
    assert_non_null(strstr(said, "on 3.3 % ± 0."));
    json_t *answer = answer_of(comparison);
    assert_true(json_is_true(json_object_get(answer, "enough")));
    json_decref(answer);
    free(said);
    wt_shadow_live_release(live);
    wt_shadow_comparison_destroy(comparison);
}

static void another_live_model_begins_anew(void **state)
{
    (void)state;
    struct wt_shadow_comparison *comparison = wt_shadow_comparison_create(&shadow_info, 1.0);
    struct wt_shadow_live *first = live_of("A", 2, false);
    struct wt_shadow_live *second = live_of("A2", 5, false);
    count(comparison, first, 0, 1);
    wt_shadow_live_release(first);
    count(comparison, second, 4, 0);
    const struct wt_shadow_item failed = {.live = second};
    wt_shadow_comparison_fail(comparison, &failed);
    json_t *answer = answer_of(comparison);
    assert_int_equal(integer(answer, "compared"), 1);
    assert_int_equal(integer(answer, "failed"), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(answer, "live"), "version")), "A2");
    assert_pair(answer, 0, "4", "sports", 1);
    json_decref(answer);
    wt_shadow_live_release(second);
    wt_shadow_comparison_destroy(comparison);
}

static void several_labels_differ_by_any_of_them(void **state)
{
    (void)state;
    struct wt_shadow_comparison *comparison = wt_shadow_comparison_create(&shadow_info, 1.0);
    struct wt_shadow_live *live = live_of("A", 2, true);
    uint32_t own[] = {0, 1};
    const struct wt_shadow_item item = {.live = live, .labels = own, .label_count = 2};
    static const uint32_t theirs[][2] = {{1, 0}, {1, 2}, {0, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
        record->outcome = WT_OUTCOME_LABELLED;
        record->labels = wt_alloc(sizeof theirs[i]);
        memcpy(record->labels, theirs[i], sizeof theirs[i]);
        record->reached_count = 2;
        record->category = theirs[i][0];
        wt_shadow_comparison_count(comparison, &item, record);
        wt_record_destroy(record);
    }
    json_t *answer = answer_of(comparison);
    assert_int_equal(integer(answer, "compared"), 3);
    assert_int_equal(integer(answer, "differ"), 2); /* another label; another category */
    assert_int_equal(integer(answer, "same_category"), 2);
    json_decref(answer);
    wt_shadow_live_release(live);
    wt_shadow_comparison_destroy(comparison);
}

static uint32_t series_on_the_page(const char *with)
{
    size_t bytes;
    char *page = wt_metrics_page(WT_METRICS_TEXT, &bytes);
    uint32_t found = 0;
    for (const char *at = strstr(page, with); at != NULL; at = strstr(at + 1, with)) {
        found++;
    }
    free(page);
    return found;
}

static void pairs_have_a_bounded_number_of_series(void **state)
{
    (void)state;
    static const char any[] = "\nwiretag_shadow_disagreements_total{";
    struct wt_shadow_comparison *comparison = wt_shadow_comparison_create(&shadow_info, 1.0);
    struct wt_shadow_live *live = live_of("A", 300, false);
    uint32_t before = series_on_the_page(any);
    /* Labels that no other test has. */
    for (uint32_t i = 0; i < WT_SHADOW_SERIES_MAX + 50; i++) {
        count(comparison, live, 100 + i, 0);
        count(comparison, live, 100 + i, 0);
    }
    assert_int_equal(series_on_the_page(any), before + WT_SHADOW_SERIES_MAX + 1);
    assert_int_equal(series_on_the_page("{live=\"100\",shadow=\"sports\"} 2\n"), 1);
    assert_int_equal(series_on_the_page("{live=\"200\",shadow=\"sports\"}"), 0);
    assert_int_equal(series_on_the_page("{live=\"other\",shadow=\"other\"} 100\n"), 1);
    wt_shadow_live_release(live);
    wt_shadow_comparison_destroy(comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_first_article_nothing_is_known),
        cmocka_unit_test(pairs_are_by_name_and_those_that_differ_come_first),
        cmocka_unit_test(the_evidence_is_enough_when_the_rate_is_known),
        cmocka_unit_test(another_live_model_begins_anew),
        cmocka_unit_test(several_labels_differ_by_any_of_them),
        cmocka_unit_test(pairs_have_a_bounded_number_of_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
