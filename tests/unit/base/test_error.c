/* Errors: a code for machines, a sentence for people, never half a character. */
#include "support.h"

static void setting_an_error_returns_the_status_and_fills_all_fields(void **state)
{
    (void)state;
    struct wt_error error;
    enum wt_status status = wt_error_set(&error, WT_IO, WT_ERROR_RETRIABLE, "broker-down",
                                         "%s is down, attempt %d", "127.0.0.1:9092", 3);
    assert_int_equal(status, WT_IO);
    assert_int_equal(error.error_class, WT_ERROR_RETRIABLE);
    assert_string_equal(error.code, "broker-down");
    assert_string_equal(error.message, "127.0.0.1:9092 is down, attempt 3");
}

static void a_caller_without_interest_in_the_text_may_pass_null(void **state)
{
    (void)state;
    assert_int_equal(wt_error_set(NULL, WT_FAILED, WT_ERROR_FATAL, "code", "%d", 1), WT_FAILED);
}

static void an_old_message_leaves_no_trace_in_a_shorter_new_one(void **state)
{
    (void)state;
    struct wt_error error;
    (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, "a-long-code", "a long message");
    (void)wt_error_set(&error, WT_FAILED, WT_ERROR_RECORD, "b", "c");
    assert_string_equal(error.code, "b");
    assert_string_equal(error.message, "c");
    assert_int_equal(error.error_class, WT_ERROR_RECORD);
}

static void a_message_that_is_too_long_ends_at_a_code_point(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "\xD0\xB6", "\xE2\x82\xAC", "\xF0\x9F\x9A\x80"};
    for (size_t c = 0; c < COUNT_OF(characters); c++) {
        /* Every position of the limit inside a character. */
        for (size_t shift = 0; shift < 4; shift++) {
            char text[2048] = {0};
            memset(text, '.', shift);
            while (strlen(text) + strlen(characters[c]) < sizeof text) {
                (void)strcat(text, characters[c]);
            }
            struct wt_error error;
            (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, "code", "%s", text);
            size_t count = strlen(error.message);
            assert_true(count < WT_ERROR_MESSAGE_BYTES_MAX);
            assert_true(count + 1 + strlen(characters[c]) >= WT_ERROR_MESSAGE_BYTES_MAX);
            assert_true(is_utf8(error.message, count));
            assert_memory_equal(error.message, text, count);
        }
    }
}

static void a_message_that_just_fits_is_whole(void **state)
{
    (void)state;
    char text[WT_ERROR_MESSAGE_BYTES_MAX] = {0};
    while (strlen(text) + 2 < sizeof text) {
        (void)strcat(text, "\xD0\xB6");
    }
    (void)strcat(text, strlen(text) + 1 < sizeof text ? "a" : "");
    assert_int_equal(strlen(text), WT_ERROR_MESSAGE_BYTES_MAX - 1);
    struct wt_error error;
    (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, "code", "%s", text);
    assert_string_equal(error.message, text);
}

static void a_code_that_is_too_long_is_cut(void **state)
{
    (void)state;
    char code[2 * WT_ERROR_CODE_BYTES_MAX] = {0};
    memset(code, 'c', sizeof code - 1);
    struct wt_error error;
    (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, code, "message");
    assert_int_equal(strlen(error.code), WT_ERROR_CODE_BYTES_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_returns_the_status_and_fills_all_fields),
        cmocka_unit_test(a_caller_without_interest_in_the_text_may_pass_null),
        cmocka_unit_test(an_old_message_leaves_no_trace_in_a_shorter_new_one),
        cmocka_unit_test(a_message_that_is_too_long_ends_at_a_code_point),
        cmocka_unit_test(a_message_that_just_fits_is_whole),
        cmocka_unit_test(a_code_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
