/* What hinders is a reason at once, a line after ten seconds and every minute, and its end is said.
 * The clock is the test's. */
#include "observe/stall.h"

#include "observe/log.h"
#include "observe/metrics.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t clock_us = 1000000;
static int file;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

/* Time passes in ticks, as in a worker. */
static void pass(int seconds)
{
    for (int i = 0; i < 4 * seconds; i++) {
        clock_us += 250000;
        wt_stall_tick(clock_us);
    }
}

/* The log goes to a file of its own, which takes the place of stderr meanwhile. */
static int stderr_before;

static int begin(void **state)
{
    (void)state;
    wt_stall_forget();
    (void)fflush(stderr);
    stderr_before = dup(STDERR_FILENO);
    file = memfd_create("log", 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wt_stall_forget();
    wt_log_flush();
    (void)dup2(stderr_before, STDERR_FILENO);
    (void)close(stderr_before);
    (void)close(file);
    return 0;
}

/* The messages of the log so far, one a line, with their level: "warn group: stalled…". */
static const char *lines(void)
{
    static char text[1 << 16];
    static char messages[1 << 16];
    ssize_t bytes = pread(file, text, sizeof text - 1, 0);
    assert_true(bytes >= 0);
    text[bytes] = '\0';
    messages[0] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *event = json_loads(line, 0, NULL);
        assert_non_null(event);
        (void)strcat(messages, json_string_value(json_object_get(event, "level")));
        (void)strcat(messages, " ");
        (void)strcat(messages, json_string_value(json_object_get(event, "message")));
        (void)strcat(messages, "\n");
        json_decref(event);
    }
    return messages;
}

static void assert_reasons(const char *wanted)
{
    char text[2000] = "";
    bool any = wt_stall_any(text, sizeof text);
    assert_string_equal(text, wanted);
    assert_int_equal(any, wanted[0] != '\0');
}

static void a_stall_is_a_reason_and_a_metric_at_once_until_its_end(void **state)
{
    (void)state;
    assert_reasons("");
    wt_stall_begin(WT_STALL_OUTPUT_TOPIC, "the topic %s does not exist", "labels");
    assert_reasons("the topic labels does not exist");
    assert_int_equal(wt_metric_get(WT_METRIC_STALLED_OUTPUT_TOPIC), 1);
    assert_int_equal(wt_metric_get(WT_METRIC_STALLED_BROKERS), 0);
    assert_true(wt_stall_is(WT_STALL_OUTPUT_TOPIC));
    wt_stall_end(WT_STALL_OUTPUT_TOPIC);
    assert_reasons("");
    assert_int_equal(wt_metric_get(WT_METRIC_STALLED_OUTPUT_TOPIC), 0);
    assert_string_equal(lines(), "");
}

static void every_reason_is_on_the_page_and_has_a_name_of_its_own(void **state)
{
    (void)state;
    size_t bytes;
    char *page = wt_metrics_page(WT_METRICS_TEXT, &bytes);
    for (int i = 0; i < WT_STALL_COUNT; i++) {
        char series[80];
        (void)snprintf(series, sizeof series, "wiretag_stalled{reason=\"%s\"} 0\n",
                       wt_stall_name((enum wt_stall)i));
        const char *found = strstr(page, series);
        assert_non_null(found);
        assert_null(strstr(found + 1, series));
    }
    free(page);
    assert_string_equal(wt_stall_name(WT_STALL_DEAD_LETTER_TOPIC), "dead-letter-topic");
    assert_string_equal(wt_stall_name(WT_STALL_UNKNOWN), "unknown");
}

static void reasons_stand_causes_first_whoever_came_first(void **state)
{
    (void)state;
    wt_stall_begin(WT_STALL_GROUP, "no partition");
    wt_stall_begin(WT_STALL_BROKERS, "no broker");
    assert_reasons("no broker; no partition");
}

static void what_lasts_is_told_after_ten_seconds_then_every_minute_and_so_is_its_end(void **state)
{
    (void)state;
    wt_stall_begin(WT_STALL_GROUP, "removed from the group");
    pass(9);
    assert_string_equal(lines(), "");
    pass(2);
    assert_string_equal(lines(), "warn group: stalled for 10 s: removed from the group\n");
    pass(58);
    wt_stall_begin(WT_STALL_GROUP, "still out of it"); /* the newest words count, the first start */
    assert_string_equal(lines(), "warn group: stalled for 10 s: removed from the group\n");
    pass(2);
    assert_string_equal(lines(), "warn group: stalled for 10 s: removed from the group\n"
                                 "warn group: still stalled for 70 s: still out of it\n");
    wt_stall_end(WT_STALL_GROUP);
    wt_stall_end(WT_STALL_GROUP);
    pass(200);
    assert_string_equal(lines(), "warn group: stalled for 10 s: removed from the group\n"
                                 "warn group: still stalled for 70 s: still out of it\n"
                                 "info group: over after 71 s; it was: still out of it\n");
}

static void what_is_over_sooner_leaves_no_line(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        wt_stall_begin(WT_STALL_TRANSACTIONS, "the coordinator does not answer");
        pass(9);
        wt_stall_end(WT_STALL_TRANSACTIONS);
        pass(1);
    }
    assert_string_equal(lines(), "");
}

static void what_is_seen_late_is_told_in_time(void **state)
{
    (void)state;
    pass(60);
    wt_stall_begin_since(WT_STALL_BROKERS, clock_us - 7 * 1000000, "no broker answers");
    pass(2);
    assert_string_equal(lines(), "");
    pass(2);
    assert_string_equal(lines(), "warn brokers: stalled for 10 s: no broker answers\n");
}

static void
one_failure_is_one_line_and_what_follows_from_it_is_told_where_it_outlasts_it(void **state)
{
    (void)state;
    wt_stall_begin(WT_STALL_TRANSACTIONS, "no coordinator");
    wt_stall_begin(WT_STALL_GROUP, "no partition");
    wt_stall_begin(WT_STALL_BROKERS, "no broker");
    pass(11);
    assert_string_equal(lines(), "warn brokers: stalled for 10 s: no broker\n");
    assert_reasons("no broker; no partition; no coordinator");
    wt_stall_end(WT_STALL_BROKERS);
    wt_stall_end(WT_STALL_GROUP);
    pass(9);
    const char *over = "warn brokers: stalled for 10 s: no broker\n"
                       "info brokers: over after 11 s; it was: no broker\n";
    assert_string_equal(lines(), over);
    pass(2);
    assert_int_equal(strncmp(lines(), over, strlen(over)), 0);
    assert_string_equal(lines() + strlen(over),
                        "warn transactions: stalled for 21 s: no coordinator\n");
}

static void nothing_moves_for_an_unknown_reason_only_where_no_other_is_known(void **state)
{
    (void)state;
    wt_stall_begin(WT_STALL_UNKNOWN, "nothing has moved");
    wt_stall_begin(WT_STALL_DEAD_LETTER_TOPIC, "the topic is missing");
    pass(11);
    assert_string_equal(lines(),
                        "warn dead-letter-topic: stalled for 10 s: the topic is missing\n");
}

static void a_cause_found_later_stands_behind_the_words_until_the_end(void **state)
{
    (void)state;
    wt_stall_hint(WT_STALL_TRANSACTIONS, "of another time");
    wt_stall_begin(WT_STALL_TRANSACTIONS, "transactions cannot start");
    assert_reasons("transactions cannot start");
    wt_stall_hint(WT_STALL_TRANSACTIONS, "the factor is 3");
    wt_stall_begin(WT_STALL_TRANSACTIONS, "transactions cannot start yet");
    assert_reasons("transactions cannot start yet: the factor is 3");
    pass(11);
    assert_int_equal(wt_stall_age_us(WT_STALL_TRANSACTIONS), 11 * 1000000);
    assert_string_equal(lines(),
                        "warn transactions: stalled for 10 s: transactions cannot start yet: "
                        "the factor is 3\n");
    wt_stall_end(WT_STALL_TRANSACTIONS);
    assert_int_equal(wt_stall_age_us(WT_STALL_TRANSACTIONS), 0);
    wt_stall_begin(WT_STALL_TRANSACTIONS, "again");
    assert_reasons("again");
}

static void forgotten_stalls_are_over_without_a_line(void **state)
{
    (void)state;
    wt_stall_begin(WT_STALL_MODEL, "sick");
    pass(16);
    wt_stall_forget();
    assert_reasons("");
    assert_int_equal(wt_metric_get(WT_METRIC_STALLED_MODEL), 0);
    pass(100);
    assert_string_equal(lines(), "warn model: stalled for 10 s: sick\n");
}

static void long_words_are_cut(void **state)
{
    (void)state;
    char words[2 * WT_STALL_TEXT_BYTES_MAX];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    wt_stall_begin(WT_STALL_RIGHTS, "%s", words);
    char text[4 * WT_STALL_TEXT_BYTES_MAX] = "";
    assert_true(wt_stall_any(text, sizeof text));
    assert_int_equal(strlen(text), WT_STALL_TEXT_BYTES_MAX - 1);
    char little[8] = "";
    assert_true(wt_stall_any(little, sizeof little));
    assert_string_equal(little, "xxxxxxx");
}

static void *hinder(void *opaque)
{
    const enum wt_stall *reason = opaque;
    for (int i = 0; i < 20000; i++) {
        wt_stall_begin(*reason, "hindered %d", i);
        char text[2000] = "";
        (void)wt_stall_any(text, sizeof text);
        wt_stall_end(*reason);
    }
    return NULL;
}

static void threads_begin_and_end_side_by_side(void **state)
{
    (void)state;
    enum wt_stall reasons[] = {WT_STALL_DAMAGED, WT_STALL_INPUT_TOPIC, WT_STALL_OUTPUT_TOPIC};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hinder, &reasons[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_reasons("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    const struct CMUnitTest tests[] = {
        TEST(a_stall_is_a_reason_and_a_metric_at_once_until_its_end),
        TEST(every_reason_is_on_the_page_and_has_a_name_of_its_own),
        TEST(reasons_stand_causes_first_whoever_came_first),
        TEST(what_lasts_is_told_after_ten_seconds_then_every_minute_and_so_is_its_end),
        TEST(what_is_over_sooner_leaves_no_line),
        TEST(what_is_seen_late_is_told_in_time),
        TEST(one_failure_is_one_line_and_what_follows_from_it_is_told_where_it_outlasts_it),
        TEST(nothing_moves_for_an_unknown_reason_only_where_no_other_is_known),
        TEST(a_cause_found_later_stands_behind_the_words_until_the_end),
        TEST(forgotten_stalls_are_over_without_a_line),
        TEST(long_words_are_cut),
        TEST(threads_begin_and_end_side_by_side),
    };
    return cmocka_run_group_tests_name("stall", tests, NULL, NULL);
}
