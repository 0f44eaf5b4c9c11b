/* What the log promises: one whole line an event, valid whatever the message holds, and repeats
 * counted instead of repeated. The monotonic clock is the test's own (see __wrap_wt_clock_us). */
#include "log_cases.h"

#include <stdint.h>
#include <sys/stat.h>

/* The message of the one JSON line in `text`, as a JSON parser reads it; the caller frees it. */
static char *json_message(const char *text)
{
    json_error_t error;
    json_t *line = json_loads(text, 0, &error);
    if (line == NULL) {
        fail_msg("not one JSON object: %s: %s", error.text, text);
    }
    char *message = strdup(json_string_value(json_object_get(line, "message")));
    json_decref(line);
    return message;
}

static void a_line_is_a_json_object_where_stderr_is_no_terminal(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_AUTO);
    wt_log_info("consume", "%d partitions", 6);
    assert_matches(written(),
                   "^\\{\"time\":\"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
                   "[0-6][0-9]\\.[0-9]{3}Z\",\"level\":\"info\",\"component\":\"consume\","
                   "\"message\":\"6 partitions\"\\}\n$");
}

static void text_can_be_asked_for_and_is_not_coloured_in_a_file(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_warn("infer", "slow");
    assert_matches(written(), "^[0-2][0-9]:[0-5][0-9]:[0-6][0-9] WARN  infer    slow\n$");
}

static void any_bytes_give_valid_json(void **state)
{
    (void)state;
    char bytes[256];
    for (int i = 1; i < 256; i++) {
        bytes[i - 1] = (char)i;
    }
    bytes[255] = '\0';
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    wt_log_info("decode", "%s", bytes);
    char *message = json_message(written());
    assert_memory_equal(message, bytes, 0x7F);
    free(message);
}

static void malformed_utf8_becomes_replacement_characters(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *read;
    } cases[] = {
        {"Париж", "Париж"},
        {"\xF0\x9F\x97\x9E", "\xF0\x9F\x97\x9E"},
        {"a\xFFz", "a\uFFFDz"},
        {"a\xD0", "a\uFFFD"},
        {"\xC0\xAF", "\uFFFD\uFFFD"},
        {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
        {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
        {"\xE0\x80\xAF", "\uFFFD\uFFFD\uFFFD"},
    };
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wt_log_info("decode", "%s", cases[i].bytes);
        char *message = json_message(written());
        assert_string_equal(message, cases[i].read);
        free(message);
    }
}

static void a_message_cannot_forge_a_line_or_steer_a_terminal(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_info("decode", "id \"x\"\n00:00:00 ERROR fake\x1b[2J\r\xC2\x9B"
                          "1m");
    assert_matches(written(), "INFO  decode   id \"x\"\\\\x0a00:00:00 ERROR fake\\\\x1b\\[2J\\\\x0d"
                              "\\\\x9b1m\n$");
}

static void a_long_message_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[2 * WT_LOG_MESSAGE_BYTES_MAX + 1];
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 1 < sizeof text; i += 2) {
            memcpy(text + i, "я", 2);
        }
        text[sizeof text - 1 - shift] = '\0';
        wt_log_info("decode", "%s", text);
        char *message = json_message(written());
        size_t length = strlen(message);
        assert_in_range(length, WT_LOG_MESSAGE_BYTES_MAX - 1, WT_LOG_MESSAGE_BYTES_MAX + 3);
        assert_string_equal(message + length - 3, "…");
        assert_memory_equal(message, text, length - 3);
        free(message);
    }
}

static void a_message_of_exactly_the_limit_is_whole(void **state)
{
    (void)state;
    char text[WT_LOG_MESSAGE_BYTES_MAX + 1];
    memset(text, '\x01', WT_LOG_MESSAGE_BYTES_MAX);
    text[WT_LOG_MESSAGE_BYTES_MAX] = '\0';
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    wt_log_info("decode", "%s", text);
    char *message = json_message(written());
    assert_string_equal(message, text);
    free(message);
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_WARN, WT_LOG_TEXT);
    wt_log_debug("consume", "no");
    wt_log_info("consume", "no");
    assert_false(wt_log_wanted(WT_LOG_INFO));
    assert_string_equal(written(), "");
    wt_log_warn("consume", "yes");
    wt_log_error("consume", "yes");
    assert_matches(written(), "WARN  consume  yes\n.*ERROR consume  yes\n$");
}

static void a_repeated_line_is_written_once_and_counted_at_the_end(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    for (int i = 0; i < 100; i++) {
        wt_log_error("publish", "broker down");
    }
    assert_matches(written(), "^[^\n]*\"message\":\"broker down\"\\}\n$");
    wt_log_flush();
    assert_matches(written(), "^[^\n]*\"message\":\"broker down\",\"repeated\":99\\}\n$");
    wt_log_flush();
    assert_string_equal(written(), "");
}

static void repeats_are_reported_after_ten_seconds(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_error("publish", "broker down");
    wt_log_error("publish", "broker down");
    (void)written();
    clock_us += 9999999;
    wt_log_tick();
    assert_string_equal(written(), "");
    clock_us += 1;
    wt_log_tick();
    assert_matches(written(), "broker down \\(1 more time\\)\n$");
    wt_log_error("publish", "broker down");
    assert_matches(written(), "^[^\n]*broker down\n$");
}

static void the_next_line_reports_old_repeats_first(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    for (int i = 0; i < 3; i++) {
        wt_log_error("publish", "broker down");
    }
    (void)written();
    clock_us += 10000000;
    wt_log_info("publish", "broker up");
    assert_matches(written(), "^[^\n]*broker down \\(2 more times\\)\n[^\n]*broker up\n$");
}

static void lines_differ_by_level_and_component_too(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_error("publish", "down");
    wt_log_warn("publish", "down");
    wt_log_error("consume", "down");
    assert_matches(written(),
                   "^[^\n]*ERROR publish[^\n]*\n[^\n]*WARN[^\n]*\n[^\n]*consume[^\n]*\n$");
}

static void a_count_is_not_lost_when_many_other_lines_come(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_error("publish", "broker down");
    wt_log_error("publish", "broker down");
    (void)written();
    for (int i = 0; i < 20; i++) {
        clock_us++;
        wt_log_info("consume", "line %d", i);
    }
    assert_matches(written(), "broker down \\(1 more time\\)\n");
}

static void errno_survives_a_log_call(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    (void)close(STDERR_FILENO);
    errno = ENOTBLK;
    wt_log_info("consume", "into nothing");
    assert_int_equal(errno, ENOTBLK);
    assert_int_equal(dup2(captured, STDERR_FILENO), STDERR_FILENO);
}

#define WRITERS 4u
#define LINES_EACH 500u

static void *write_lines(void *opaque)
{
    size_t writer = (size_t)opaque;
    for (size_t i = 0; i < LINES_EACH; i++) {
        wt_log_info("thread", "writer %zu line %zu %0200d", writer, i, 7);
    }
    return NULL;
}

/* A pipe as stderr that has room for `pages` more pages, and no more. Its reading end. */
static int full_pipe(int pages)
{
    static char page[4096];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    redirect(ends[1]);
    assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK), 0);
    while (write(STDERR_FILENO, page, sizeof page) > 0) {
    }
    assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, 0), 0);
    for (int i = 0; i < pages; i++) {
        assert_int_equal(read(ends[0], page, sizeof page), sizeof page);
    }
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    return ends[0];
}

/* Reads all of it; what was logged is its end. */
static const char *empty_pipe(int reader)
{
    size_t length = 0;
    ssize_t got;
    while ((got = read(reader, capture + length, sizeof capture - 1 - length)) > 0) {
        length += (size_t)got;
    }
    capture[length] = '\0';
    const char *first = memchr(capture, '{', length);
    return first != NULL ? first : "";
}

static void close_pipe(int reader)
{
    (void)dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    (void)close(captured);
    (void)close(reader);
}

static void a_log_that_nobody_reads_blocks_nobody_and_says_later_what_is_missing(void **state)
{
    (void)state;
    clock_us += 60000000;
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    int reader = full_pipe(0);
    wt_log_info("unit", "one");
    wt_log_info("unit", "two");
    wt_log_tick();
    assert_string_equal(empty_pipe(reader), "");
    wt_log_tick();
    wt_log_info("unit", "three");
    wt_log_tick();
    assert_matches(empty_pipe(reader),
                   "^.*\"component\":\"log\",\"message\":\"lines dropped because nobody read "
                   "the log: 2\"}\n.*\"three\"}\n$");
    close_pipe(reader);
}

static void after_a_part_of_a_line_the_next_one_has_a_line_of_its_own(void **state)
{
    (void)state;
    clock_us += 60000000;
    char long_message[WT_LOG_MESSAGE_BYTES_MAX];
    memset(long_message, '\x01', sizeof long_message - 1); /* six bytes each in JSON */
    long_message[sizeof long_message - 1] = '\0';
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    int reader = full_pipe(1);
    wt_log_info("unit", "%s", long_message);
    const char *part = empty_pipe(reader);
    assert_int_equal(strlen(part), 4096);
    assert_null(strchr(part, '\n'));
    wt_log_info("unit", "next");
    assert_matches(empty_pipe(reader), "^.*\"message\":\"next\"}\n$");
    assert_int_equal(capture[0], '\n');
    wt_log_tick();
    assert_matches(empty_pipe(reader), "^.*because nobody read the log: 1\"}\n$");
    close_pipe(reader);
}

static void lines_of_several_threads_never_mix(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    pthread_t threads[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, (void *)i), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    size_t next[WRITERS] = {0};
    char *rest = NULL;
    (void)written();
    for (char *line = strtok_r(capture, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *message = json_message(line);
        size_t writer;
        size_t number;
        assert_int_equal(sscanf(message, "writer %zu line %zu", &writer, &number), 2);
        assert_in_range(writer, 0, WRITERS - 1);
        assert_int_equal(number, next[writer]++);
        free(message);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(next[i], LINES_EACH);
    }
}

/* Logs one line to a pseudo terminal and reads it back from its other end. */
static const char *line_on_a_terminal(void)
{
    static char line[256];
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    int end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_true(end >= 0);
    int before = dup(STDERR_FILENO);
    (void)dup2(end, STDERR_FILENO);
    wt_log_init(WT_LOG_INFO, WT_LOG_AUTO);
    clock_us += 60000000;
    wt_log_info("consume", "message");
    (void)dup2(before, STDERR_FILENO);
    read_terminal(terminal, line, sizeof line);
    (void)close(before);
    (void)close(end);
    (void)close(terminal);
    return line;
}

static void a_terminal_gets_coloured_text_unless_no_color_is_set(void **state)
{
    (void)state;
    (void)setenv("TERM", "xterm", 1);
    (void)unsetenv("NO_COLOR");
    assert_matches(line_on_a_terminal(),
                   "^[0-9:]{8} \033\\[32mINFO \033\\[0m consume  message\r\n$");
    (void)setenv("NO_COLOR", "1", 1);
    assert_matches(line_on_a_terminal(), "^[0-9:]{8} INFO  consume  message\r\n$");
    (void)unsetenv("NO_COLOR");
    (void)setenv("TERM", "dumb", 1);
    assert_matches(line_on_a_terminal(), "^[0-9:]{8} INFO  consume  message\r\n$");
}

/* As logrotate's copytruncate does, with the file of a shell's ">". */
static void a_log_file_that_is_cut_has_no_hole(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
    wt_log_info("consume", "before");
    assert_int_equal(ftruncate(captured, 0), 0);
    wt_log_info("consume", "after");
    assert_matches(written(), "^\\{[^\n]*\"message\":\"after\"\\}\n$");
}

static void name_stream(ino_t inode_off)
{
    struct stat status;
    char stream[64];
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    (void)snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)(status.st_ino + inode_off));
    (void)setenv("JOURNAL_STREAM", stream, 1);
}

static void the_journal_gets_each_line_with_its_priority(void **state)
{
    (void)state;
    name_stream(0);
    wt_log_init(WT_LOG_DEBUG, WT_LOG_AUTO);
    wt_log_debug("consume", "a");
    wt_log_info("consume", "b");
    wt_log_warn("consume", "c");
    wt_log_error("consume", "d");
    assert_matches(written(), "^<7>\\{[^\n]*\"debug\"[^\n]*\n<6>\\{[^\n]*\"info\"[^\n]*\n"
                              "<4>\\{[^\n]*\"warn\"[^\n]*\n<3>\\{[^\n]*\"error\"[^\n]*\n$");
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    wt_log_error("consume", "e");
    assert_matches(written(), "^<3>[0-9:]{8} ERROR consume  e\n$");
}

static void a_stream_that_is_not_the_journals_gets_no_priority(void **state)
{
    (void)state;
    static const char *const others[] = {"", "0:0", "journal", "1:2:3"};
    name_stream(1);
    for (size_t i = 0; i <= sizeof others / sizeof others[0]; i++) {
        wt_log_init(WT_LOG_INFO, WT_LOG_JSON);
        wt_log_warn("consume", "message %zu", i);
        assert_matches(written(), "^\\{[^\n]*\n$");
        (void)setenv("JOURNAL_STREAM", i < 4 ? others[i] : "", 1);
    }
    (void)unsetenv("JOURNAL_STREAM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(a_line_is_a_json_object_where_stderr_is_no_terminal),
        CAPTURED(text_can_be_asked_for_and_is_not_coloured_in_a_file),
        CAPTURED(any_bytes_give_valid_json),
        CAPTURED(malformed_utf8_becomes_replacement_characters),
        CAPTURED(a_message_cannot_forge_a_line_or_steer_a_terminal),
        CAPTURED(a_long_message_is_cut_at_a_character),
        CAPTURED(a_message_of_exactly_the_limit_is_whole),
        CAPTURED(lines_below_the_level_are_not_written),
        CAPTURED(a_repeated_line_is_written_once_and_counted_at_the_end),
        CAPTURED(repeats_are_reported_after_ten_seconds),
        CAPTURED(the_next_line_reports_old_repeats_first),
        CAPTURED(lines_differ_by_level_and_component_too),
        CAPTURED(a_count_is_not_lost_when_many_other_lines_come),
        CAPTURED(errno_survives_a_log_call),
        cmocka_unit_test(a_log_that_nobody_reads_blocks_nobody_and_says_later_what_is_missing),
        cmocka_unit_test(after_a_part_of_a_line_the_next_one_has_a_line_of_its_own),
        CAPTURED(lines_of_several_threads_never_mix),
        CAPTURED(a_terminal_gets_coloured_text_unless_no_color_is_set),
        CAPTURED(a_log_file_that_is_cut_has_no_hole),
        CAPTURED(the_journal_gets_each_line_with_its_priority),
        CAPTURED(a_stream_that_is_not_the_journals_gets_no_priority),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
