/* Lines about records, and the status line of a terminal: who a line is about is never lost, a flood
 * is counted, and a status never mixes with the lines above it. */
#include "log_cases.h"

#include <sys/ioctl.h>

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"

static const struct wt_log_record traced = {"news", 3, 1207, TRACE_ID};

static void a_line_about_a_record_names_it_in_keys_of_its_own(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    wt_log_about(WT_LOG_WARN, "publish", &traced, "dead letter: %s", "json-invalid");
    json_t *line = json_loads(written(), 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "message")),
                        "dead letter: json-invalid");
    assert_string_equal(json_string_value(json_object_get(line, "topic")), "news");
    assert_int_equal(json_integer_value(json_object_get(line, "partition")), 3);
    assert_int_equal(json_integer_value(json_object_get(line, "offset")), 1207);
    assert_string_equal(json_string_value(json_object_get(line, "trace_id")), TRACE_ID);
    json_decref(line);
}

static void a_line_about_a_partition_has_topic_and_partition_as_keys(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    wt_log_partition(WT_LOG_INFO, "consume", "news", 3, "assigned %s [%d]", "news", 3);
    json_t *line = json_loads(written(), 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "message")), "assigned news [3]");
    assert_string_equal(json_string_value(json_object_get(line, "topic")), "news");
    assert_int_equal(json_integer_value(json_object_get(line, "partition")), 3);
    assert_null(json_object_get(line, "offset"));
    json_decref(line);
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_partition(WT_LOG_INFO, "consume", "news", 4, "revoked %s [%d]", "news", 4);
    assert_matches(written(), "INFO  consume  revoked news \\[4\\]\n$");
    wt_log_init(WT_LOG_WARN, WT_LOG_TEXT);
    wt_log_partition(WT_LOG_INFO, "consume", "news", 5, "revoked");
    assert_string_equal(written(), "");
}

static void a_record_without_a_trace_has_no_trace_id(void **state)
{
    (void)state;
    const struct wt_log_record none = {"news", 0, 1, NULL};
    const struct wt_log_record empty = {"news", 0, 2, ""};
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    wt_log_about(WT_LOG_WARN, "publish", &none, "one");
    wt_log_about(WT_LOG_WARN, "publish", &empty, "two");
    assert_null(strstr(written(), "trace"));
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_about(WT_LOG_WARN, "publish", &none, "three");
    assert_matches(written(), "publish  news \\[0\\] offset 1: three\n$");
}

static void text_names_the_record_before_the_message(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_about(WT_LOG_WARN, "publish", &traced, "skipped");
    assert_matches(written(),
                   "WARN  publish  news \\[3\\] offset 1207 trace " TRACE_ID ": skipped\n$");
}

static void lines_about_records_keep_to_the_level(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_ERROR, WT_LOG_TEXT);
    wt_log_about(WT_LOG_WARN, "publish", &traced, "skipped");
    assert_string_equal(written(), "");
}

static size_t line_count(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

static void a_flood_about_many_records_is_written_in_part_and_counted(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    for (int64_t offset = 0; offset < 500; offset++) {
        struct wt_log_record record = {"news", 1, offset, NULL};
        wt_log_about(WT_LOG_WARN, "publish", &record, "dead letter: json-invalid");
    }
    assert_int_equal(line_count(written()), WT_LOG_RECORDS_MAX);
    clock_us += 10000000;
    wt_log_tick();
    /* The count stands with the newest record. */
    assert_matches(written(), "^[^\n]*\"offset\":499,\"repeated\":490\\}\n$");
}

static void other_messages_get_through_a_flood(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    for (int64_t offset = 0; offset < 100; offset++) {
        struct wt_log_record record = {"news", 1, offset, NULL};
        wt_log_about(WT_LOG_WARN, "publish", &record, "dead letter: json-invalid");
    }
    (void)written();
    wt_log_about(WT_LOG_WARN, "publish", &traced, "dead letter: text-blank");
    assert_matches(written(), "offset 1207[^\n]*text-blank\n$");
}

/* --- the status line ------------------------------------------------------------------------- */

/* stderr on a pseudo terminal of `columns`; what is read from `terminal` is what a person sees. */
struct screen {
    int terminal;
    int end;
    int before;
    char seen[4096];
};

static void screen_open(struct screen *screen, unsigned short columns)
{
    screen->terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(screen->terminal >= 0);
    assert_int_equal(grantpt(screen->terminal), 0);
    assert_int_equal(unlockpt(screen->terminal), 0);
    screen->end = open(ptsname(screen->terminal), O_RDWR | O_NOCTTY);
    assert_true(screen->end >= 0);
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    assert_int_equal(ioctl(screen->end, TIOCSWINSZ, &size), 0);
    screen->before = dup(STDERR_FILENO);
    (void)dup2(screen->end, STDERR_FILENO);
    (void)setenv("NO_COLOR", "1", 1);
    wt_log_init(WT_LOG_INFO, WT_LOG_AUTO);
}

static const char *screen_read(struct screen *screen)
{
    read_terminal(screen->terminal, screen->seen, sizeof screen->seen);
    return screen->seen;
}

static void screen_close(struct screen *screen)
{
    wt_log_status(NULL);
    (void)dup2(screen->before, STDERR_FILENO);
    (void)close(screen->before);
    (void)close(screen->end);
    (void)close(screen->terminal);
    (void)unsetenv("NO_COLOR");
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
}

static void a_status_stays_below_the_lines_of_the_log(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, 80);
    assert_true(wt_log_on_terminal());
    wt_log_status("31 %");
    assert_string_equal(screen_read(&screen), "31 %");
    wt_log_info("consume", "assigned");
    assert_matches(screen_read(&screen), "^\r\033\\[K[0-9:]{8} INFO  consume  assigned\r\n31 %$");
    wt_log_status("32 %");
    assert_string_equal(screen_read(&screen), "\r\033[K32 %");
    wt_log_status("");
    assert_string_equal(screen_read(&screen), "\r\033[K");
    wt_log_info("consume", "alone");
    assert_matches(screen_read(&screen), "^[0-9:]{8} INFO  consume  alone\r\n$");
    screen_close(&screen);
}

static void a_status_is_cut_to_a_narrow_terminal_at_a_character(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, 6);
    wt_log_status("статья 31 %");
    assert_string_equal(screen_read(&screen), "стать");
    screen_close(&screen);
}

static void a_status_cannot_steer_the_terminal(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, 80);
    wt_log_status("a\x1b[2Jb\n");
    assert_string_equal(screen_read(&screen), "a\\x1b[2Jb\\x0a");
    screen_close(&screen);
}

static void there_is_no_status_where_nobody_watches(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    assert_false(wt_log_on_terminal());
    wt_log_status("31 %");
    assert_string_equal(written(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(a_line_about_a_record_names_it_in_keys_of_its_own),
        CAPTURED(a_line_about_a_partition_has_topic_and_partition_as_keys),
        CAPTURED(a_record_without_a_trace_has_no_trace_id),
        CAPTURED(text_names_the_record_before_the_message),
        CAPTURED(lines_about_records_keep_to_the_level),
        CAPTURED(a_flood_about_many_records_is_written_in_part_and_counted),
        CAPTURED(other_messages_get_through_a_flood),
        CAPTURED(a_status_stays_below_the_lines_of_the_log),
        CAPTURED(a_status_is_cut_to_a_narrow_terminal_at_a_character),
        CAPTURED(a_status_cannot_steer_the_terminal),
        CAPTURED(there_is_no_status_where_nobody_watches),
    };
    return cmocka_run_group_tests_name("log_records", tests, NULL, NULL);
}
