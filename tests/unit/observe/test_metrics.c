/* What the metrics promise: nothing counted is lost, and the page is one Prometheus accepts. */
#include "observe/metrics.h"

#include <math.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NAMES_MAX 100u

static char *page(void)
{
    size_t bytes;
    char *text = wt_metrics_page(WT_METRICS_TEXT, &bytes);
    assert_int_equal(bytes, strlen(text));
    return text;
}

/* The value of `series` ("name" or "name{labels}") on the page; fails when it is not there. */
static double value_of(const char *series)
{
    char *text = page();
    size_t length = strlen(series);
    double value = 0;
    bool found = false;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, series, length) == 0 && line[length] == ' ') {
            assert_false(found);
            found = true;
            value = strtod(line + length, NULL);
        }
    }
    free(text);
    if (!found) {
        fail_msg("no series %s", series);
    }
    return value;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* Bytes of the metric's name that a sample line belongs to, without _bucket, _sum and _count. */
static size_t family_length(const char *line, bool histogram)
{
    static const char *const endings[] = {"_bucket", "_sum", "_count"};
    size_t length = strcspn(line, "{ ");
    for (size_t i = 0; histogram && i < 3; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strncmp(line + length - ending, endings[i], ending) == 0) {
            return length - ending;
        }
    }
    return length;
}

static void every_sample_follows_the_help_and_type_of_its_name(void **state)
{
    (void)state;
    char *text = page();
    char names[NAMES_MAX][80];
    size_t name_count = 0;
    char name[80] = "";
    char type[20] = "";
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line, "# HELP %79s", name), 1);
            assert_true(matches(line, "^# HELP [a-z_]+ [A-Z0-9].*\\.$"));
            for (size_t i = 0; i < name_count; i++) {
                assert_string_not_equal(names[i], name);
            }
            assert_in_range(name_count, 0, NAMES_MAX - 1);
            memcpy(names[name_count++], name, sizeof name);
            type[0] = '\0';
        } else if (line[0] == '#') {
            char typed[80];
            assert_int_equal(sscanf(line, "# TYPE %79s %19s", typed, type), 2);
            assert_string_equal(typed, name);
            assert_int_equal(strcmp(type, "counter") == 0, matches(name, "_total$"));
        } else {
            assert_string_not_equal(type, "");
            size_t length = family_length(line, strcmp(type, "histogram") == 0);
            assert_int_equal(length, strlen(name));
            assert_memory_equal(line, name, length);
            assert_true(matches(line, "^(wiretag|process)_[a-z_]+"
                                      "(\\{[a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*\\})? "
                                      "([0-9.e+-]+|\\+Inf)$"));
        }
    }
    assert_true(name_count > 25);
    free(text);
}

static void each_family_has_a_name_of_its_own_and_a_sentence_that_explains_it(void **state)
{
    (void)state;
    for (int i = 0; i < WT_FAMILY_COUNT; i++) {
        const struct wt_family_entry *entry = wt_family_entry((enum wt_family)i);
        assert_true(matches(entry->name, "^(wiretag|process)_[a-z_]+$"));
        assert_true(matches(entry->help, "^[A-Z0-9].*\\.$"));
        assert_int_equal(entry->type == WT_COUNTER, matches(entry->name, "_total$"));
        assert_true(i > 0 || entry->section != NULL);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(wt_family_entry((enum wt_family)j)->name, entry->name);
        }
    }
}

static void
metrics_and_histograms_have_a_label_value_just_where_their_family_has_a_label(void **state)
{
    (void)state;
    for (int i = 0; i < WT_METRIC_COUNT; i++) {
        const struct wt_metric_entry *entry = wt_metric_entry((enum wt_metric)i);
        const struct wt_family_entry *family = wt_family_entry(entry->family);
        assert_true(family->type != WT_HISTOGRAM && family->labels[1] == NULL);
        assert_int_equal(family->labels[0] == NULL, entry->label_value == NULL);
    }
    for (int i = 0; i < WT_HISTOGRAM_COUNT; i++) {
        const struct wt_histogram_entry *entry = wt_histogram_entry((enum wt_histogram)i);
        const struct wt_family_entry *family = wt_family_entry(entry->family);
        assert_true(family->type == WT_HISTOGRAM && family->labels[1] == NULL);
        assert_int_equal(family->labels[0] == NULL, entry->label_value == NULL);
        for (size_t j = 1; j < WT_BUCKETS_MAX && entry->bounds[j] > 0; j++) {
            assert_true(entry->bounds[j] > entry->bounds[j - 1]);
        }
    }
}

static bool on_page(const char *part)
{
    char *text = page();
    bool found = strstr(text, part) != NULL;
    free(text);
    return found;
}

static void series_of_run_time_come_and_go(void **state)
{
    (void)state;
    const char *const first[] = {"news.articles", "0"};
    const char *const second[] = {"news.articles", "1"};
    assert_false(on_page("wiretag_consumer_lag_records"));
    struct wt_series *series = wt_series_get(WT_FAMILY_LAG_RECORDS, first);
    wt_series_set(wt_series_get(WT_FAMILY_LAG_RECORDS, second), INFINITY);
    wt_series_add(series, 40);
    wt_series_add(series, 2.5);
    assert_ptr_equal(wt_series_get(WT_FAMILY_LAG_RECORDS, first), series);
    assert_true(
        on_page("# TYPE wiretag_consumer_lag_records gauge\n"
                "wiretag_consumer_lag_records{topic=\"news.articles\",partition=\"0\"} 42.5\n"
                "wiretag_consumer_lag_records{topic=\"news.articles\",partition=\"1\"} "
                "+Inf\n"));
    wt_series_remove(WT_FAMILY_LAG_RECORDS, first);
    assert_false(on_page("partition=\"0\""));
    assert_true(on_page("partition=\"1\""));
    wt_series_remove(WT_FAMILY_LAG_RECORDS, first);
    wt_series_remove(WT_FAMILY_LAG_RECORDS, second);
    assert_false(on_page("wiretag_consumer_lag_records"));
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    const char *const category[] = {"a\"b\\c\nd \xd0\xb3\xd0\xbb"};
    wt_series_set(wt_series_get(WT_FAMILY_LABELS, category), 1);
    assert_true(on_page("wiretag_labels_total{category=\"a\\\"b\\\\c\\nd \xd0\xb3\xd0\xbb\"} 1\n"));
    wt_series_remove(WT_FAMILY_LABELS, category);
}

static void histograms_of_one_family_differ_by_their_label(void **state)
{
    (void)state;
    wt_metric_observe(WT_HISTOGRAM_STAGE_INFER, 0.5, 64);
    assert_true(value_of("wiretag_stage_seconds_count{stage=\"infer\"}") == 64);
    assert_true(value_of("wiretag_stage_seconds_sum{stage=\"infer\"}") == 32);
    assert_true(value_of("wiretag_stage_seconds_bucket{stage=\"infer\",le=\"0.25\"}") == 0);
    assert_true(value_of("wiretag_stage_seconds_bucket{stage=\"infer\",le=\"1\"}") == 64);
    assert_true(value_of("wiretag_stage_seconds_count{stage=\"decode\"}") == 0);
}

static void every_metric_of_the_enum_is_on_the_page(void **state)
{
    (void)state;
    for (int i = 0; i < WT_METRIC_COUNT; i++) {
        wt_metric_add((enum wt_metric)i, 700001 + i);
    }
    char *text = page();
    for (int i = 0; i < WT_METRIC_COUNT; i++) {
        char value[40];
        (void)snprintf(value, sizeof value, " %lld\n", (long long)wt_metric_get((enum wt_metric)i));
        assert_non_null(strstr(text, value));
    }
    free(text);
}

static void gauges_go_up_and_down_and_can_be_set(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 10);
    wt_metric_add(WT_METRIC_IN_FLIGHT_RECORDS, 5);
    wt_metric_add(WT_METRIC_IN_FLIGHT_RECORDS, -12);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS), 3);
    assert_true(value_of("wiretag_in_flight_records") == 3);
}

static void outcomes_are_labels_of_one_counter(void **state)
{
    (void)state;
    double before = value_of("wiretag_records_total{outcome=\"skipped\"}");
    wt_metric_add(WT_METRIC_RECORDS_SKIPPED, 2);
    assert_true(value_of("wiretag_records_total{outcome=\"skipped\"}") == before + 2);
}

static void records_have_ended_with_whichever_outcome_and_with_nothing_else(void **state)
{
    (void)state;
    for (int i = 0; i < WT_METRIC_COUNT; i++) {
        bool outcome = wt_metric_entry((enum wt_metric)i)->family == WT_FAMILY_RECORDS;
        int64_t before = wt_metric_ended_records();
        wt_metric_add((enum wt_metric)i, 3);
        assert_int_equal(wt_metric_ended_records(), before + (outcome ? 3 : 0));
    }
}

static void padding_ratio_is_the_share_of_computed_tokens_that_are_no_article(void **state)
{
    (void)state;
    int64_t tokens = wt_metric_get(WT_METRIC_TOKENS);
    int64_t computed = wt_metric_get(WT_METRIC_TOKENS_COMPUTED);
    wt_metric_add(WT_METRIC_TOKENS, 3000000 - tokens);
    wt_metric_add(WT_METRIC_TOKENS_COMPUTED, 4000000 - computed);
    assert_float_equal(value_of("wiretag_padding_ratio"), 0.25, 1e-9);
}

static void unknown_token_ratio_is_the_share_of_the_articles_tokens(void **state)
{
    (void)state;
    wt_metric_add(WT_METRIC_TOKENS, 6000000 - wt_metric_get(WT_METRIC_TOKENS));
    wt_metric_add(WT_METRIC_TOKENS_UNKNOWN, 1500000 - wt_metric_get(WT_METRIC_TOKENS_UNKNOWN));
    assert_float_equal(value_of("wiretag_unknown_token_ratio"), 0.25, 1e-9);
}

static void ratios_are_zero_before_anything_was_counted(void **state)
{
    (void)state;
    assert_true(value_of("wiretag_padding_ratio") == 0);
    assert_true(value_of("wiretag_unknown_token_ratio") == 0);
}

static void histogram_buckets_add_up_and_include_their_bound(void **state)
{
    (void)state;
    static const double seconds[] = {0.0005, 0.001, 0.3, 0.5, 1000};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        wt_metric_observe(WT_HISTOGRAM_INFER_SECONDS, seconds[i], 1);
    }
    assert_true(value_of("wiretag_infer_seconds_bucket{le=\"0.001\"}") == 2);
    assert_true(value_of("wiretag_infer_seconds_bucket{le=\"0.25\"}") == 2);
    assert_true(value_of("wiretag_infer_seconds_bucket{le=\"0.5\"}") == 4);
    assert_true(value_of("wiretag_infer_seconds_bucket{le=\"60\"}") == 4);
    assert_true(value_of("wiretag_infer_seconds_bucket{le=\"+Inf\"}") == 5);
    assert_true(value_of("wiretag_infer_seconds_count") == 5);
    assert_float_equal(value_of("wiretag_infer_seconds_sum"), 1000.8015, 1e-6);
}

#define THREADS 4u
#define EACH 20000u

static void *count_many(void *opaque)
{
    (void)opaque;
    for (size_t i = 0; i < EACH; i++) {
        wt_metric_add(WT_METRIC_BATCHES, 1);
        wt_metric_observe(WT_HISTOGRAM_BATCH_ARTICLES, 64, 1);
    }
    return NULL;
}

static void nothing_is_lost_when_threads_count_at_once(void **state)
{
    (void)state;
    int64_t before = wt_metric_get(WT_METRIC_BATCHES);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    }
    free(page());
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(wt_metric_get(WT_METRIC_BATCHES) - before, THREADS * EACH);
    assert_true(value_of("wiretag_batch_articles_count") == THREADS * EACH);
    assert_true(value_of("wiretag_batch_articles_sum") == 64.0 * THREADS * EACH);
}

static void memory_and_threads_are_counted(void)
{
    if (getenv("WIRETAG_EMULATED") != NULL) {
        return;
    }
    double resident = value_of("process_resident_memory_bytes");
    size_t bytes = 16u << 20;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    memset(memory, 1, bytes);
    double grown = value_of("process_resident_memory_bytes") - resident;
    assert_true(grown > 15e6);
    (void)munmap(memory, bytes);
    assert_true(value_of("process_threads") >= 1);
}

static void process_figures_are_those_of_this_process(void **state)
{
    (void)state;
    double fds = value_of("process_open_fds");
    int file = dup(STDOUT_FILENO);
    assert_true(value_of("process_open_fds") == fds + 1);
    (void)close(file);

    memory_and_threads_are_counted();

    double cpu = value_of("process_cpu_seconds_total");
    clock_t until = clock() + CLOCKS_PER_SEC / 20;
    while (clock() < until) {
    }
    assert_true(value_of("process_cpu_seconds_total") >= cpu + 0.04);
    double age = (double)time(NULL) - value_of("process_start_time_seconds");
    assert_true(age >= -2 && age < 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratios_are_zero_before_anything_was_counted),
        cmocka_unit_test(every_sample_follows_the_help_and_type_of_its_name),
        cmocka_unit_test(each_family_has_a_name_of_its_own_and_a_sentence_that_explains_it),
        cmocka_unit_test(
            metrics_and_histograms_have_a_label_value_just_where_their_family_has_a_label),
        cmocka_unit_test(series_of_run_time_come_and_go),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(histograms_of_one_family_differ_by_their_label),
        cmocka_unit_test(gauges_go_up_and_down_and_can_be_set),
        cmocka_unit_test(outcomes_are_labels_of_one_counter),
        cmocka_unit_test(records_have_ended_with_whichever_outcome_and_with_nothing_else),
        cmocka_unit_test(padding_ratio_is_the_share_of_computed_tokens_that_are_no_article),
        cmocka_unit_test(unknown_token_ratio_is_the_share_of_the_articles_tokens),
        cmocka_unit_test(histogram_buckets_add_up_and_include_their_bound),
        cmocka_unit_test(nothing_is_lost_when_threads_count_at_once),
        cmocka_unit_test(process_figures_are_those_of_this_process),
        cmocka_unit_test(every_metric_of_the_enum_is_on_the_page),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
