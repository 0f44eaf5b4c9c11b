/* Which form of the metrics page a scraper gets, and what is different in OpenMetrics. */
#include "observe/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static void openmetrics_is_chosen_where_accept_asks_for_it(void **state)
{
    (void)state;
    static const char *const asking[] = {
        "application/openmetrics-text",
        "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8",
        "application/openmetrics-text;version=\"1.0.0\"",
        "text/plain;q=0.5, application/openmetrics-text;q=0.50",
        "*/*;q=0.9,application/openmetrics-text;q=0.1",
        "application/openmetrics-text;version=2.0.0;q=0.9,application/"
        "openmetrics-text;version=1.0.0;q=0.8",
        /* Prometheus 2.42 and 3.5 */
        "application/openmetrics-text;version=1.0.0,application/"
        "openmetrics-text;version=0.0.1;q=0.75,"
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping="
        "allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    };
    for (size_t i = 0; i < sizeof asking / sizeof asking[0]; i++) {
        assert_int_equal(wt_metrics_format_of(asking[i]), WT_METRICS_OPEN);
    }
}

static void everybody_else_gets_the_text_format(void **state)
{
    (void)state;
    static const char *const others[] = {
        NULL,
        "",
        ",;=,;q,;q=",
        "*/*",
        "application/*",
        "text/plain",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.000",
        "application/openmetrics-text;q=no",
        "application/openmetrics-text;q=0.1,text/plain;q=0.2",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;version=1.0.0.0.0.0.0.0.0.0.0",
        "application/openmetrics-text-of-another-kind",
        "application/"
        "vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(wt_metrics_format_of(others[i]), WT_METRICS_TEXT);
    }
}

static bool on_page(enum wt_metrics_format format, const char *part)
{
    size_t bytes;
    char *text = wt_metrics_page(format, &bytes);
    bool found = strstr(text, part) != NULL;
    assert_int_equal(bytes, strlen(text));
    free(text);
    return found;
}

static void openmetrics_names_counters_without_their_ending_and_has_an_end(void **state)
{
    (void)state;
    assert_true(on_page(WT_METRICS_OPEN, "\n# TYPE wiretag_records counter\n"
                                         "wiretag_records_total{outcome=\"labelled\"} 0\n"));
    assert_true(on_page(WT_METRICS_TEXT, "\n# TYPE wiretag_records_total counter\n"
                                         "wiretag_records_total{outcome=\"labelled\"} 0\n"));
    assert_true(on_page(WT_METRICS_OPEN, "\n# EOF\n"));
    assert_false(on_page(WT_METRICS_TEXT, "# EOF"));
}

static void bounds_are_floats_in_openmetrics(void **state)
{
    (void)state;
    assert_true(on_page(WT_METRICS_OPEN, "wiretag_record_seconds_bucket{le=\"300.0\"} 0\n"));
    assert_true(on_page(WT_METRICS_TEXT, "wiretag_record_seconds_bucket{le=\"300\"} 0\n"));
    assert_true(on_page(WT_METRICS_OPEN, "wiretag_record_seconds_bucket{le=\"0.005\"} 0\n"));
    assert_true(on_page(WT_METRICS_OPEN, "wiretag_record_seconds_bucket{le=\"+Inf\"} 0\n"));
}

/* An escape would be written otherwise in one form than in the other. */
static void no_help_text_needs_an_escape(void **state)
{
    (void)state;
    for (int i = 0; i < WT_FAMILY_COUNT; i++) {
        assert_null(strpbrk(wt_family_entry((enum wt_family)i)->help, "\"\\\n"));
    }
}

static void an_exemplar_stands_in_the_bucket_that_counts_its_value(void **state)
{
    (void)state;
    wt_metric_exemplar(WT_HISTOGRAM_STAGE_INFER, 0.5, TRACE, SPAN);
    assert_false(on_page(WT_METRICS_OPEN, TRACE)); /* nothing is counted there */
    wt_metric_observe(WT_HISTOGRAM_STAGE_INFER, 0.5, 1);
    assert_true(
        on_page(WT_METRICS_OPEN,
                "\nwiretag_stage_seconds_bucket{stage=\"infer\",le=\"0.25\"} 0\n"
                "wiretag_stage_seconds_bucket{stage=\"infer\",le=\"1.0\"} 1 # {trace_id=\"" TRACE
                "\",span_id=\"" SPAN "\"} 0.5 "));
    assert_true(on_page(WT_METRICS_OPEN, "{stage=\"infer\",le=\"2.5\"} 1\n"));
    assert_false(on_page(WT_METRICS_TEXT, TRACE));
}

static void a_bucket_keeps_its_latest_exemplar(void **state)
{
    (void)state;
    wt_metric_observe(WT_HISTOGRAM_RECORD_SECONDS, 1000, 1);
    wt_metric_exemplar(WT_HISTOGRAM_RECORD_SECONDS, 1000, TRACE, SPAN);
    wt_metric_exemplar(WT_HISTOGRAM_RECORD_SECONDS, 2000, TRACE, "1111111111111111");
    assert_true(on_page(WT_METRICS_OPEN, "{le=\"+Inf\"} 1 # {trace_id=\"" TRACE
                                         "\",span_id=\"1111111111111111\"} 2000 "));
    assert_false(on_page(WT_METRICS_OPEN, "} 1000 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openmetrics_is_chosen_where_accept_asks_for_it),
        cmocka_unit_test(everybody_else_gets_the_text_format),
        cmocka_unit_test(openmetrics_names_counters_without_their_ending_and_has_an_end),
        cmocka_unit_test(bounds_are_floats_in_openmetrics),
        cmocka_unit_test(no_help_text_needs_an_escape),
        cmocka_unit_test(an_exemplar_stands_in_the_bucket_that_counts_its_value),
        cmocka_unit_test(a_bucket_keeps_its_latest_exemplar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
