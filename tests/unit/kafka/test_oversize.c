/* Answers that are larger than receive.message.max.bytes. */
#include "kafka/oversize.h"

#include "support.h"

static int64_t clock_us = 1000000;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

static void assert_says(const char *words)
{
    char text[WT_OVERSIZE_BYTES_MAX];
    wt_oversize_say(text);
    assert_string_equal(text, words);
}

static void an_answer_that_is_too_large_is_said_for_a_minute(void **state)
{
    (void)state;
    static const char said[] = "; a broker's answer has 3000146 bytes, more than "
                               "receive.message.max.bytes, 2000000: raise that";
    assert_says("");
    wt_oversize_note("127.0.0.1:9092/1: Disconnected (after 3ms in state UP)");
    wt_oversize_note("127.0.0.1:9092/1: Receive failed: Invalid response size");
    assert_says("");
    wt_oversize_note("[thrd:127.0.0.1:9092/1]: 127.0.0.1:9092/1: Receive failed: Invalid response "
                     "size 3000146 (0..2000000): increase receive.message.max.bytes (after 30ms in "
                     "state UP)");
    assert_says(said);
    clock_us += 59000000;
    assert_says(said);
    clock_us += 2000000;
    assert_says("");
}

static void a_negative_size_is_another_servers(void **state)
{
    (void)state;
    wt_oversize_note("127.0.0.1:80/bootstrap: Receive failed: Invalid response size -1213486160 "
                     "(0..2000000): increase receive.message.max.bytes");
    assert_says("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_is_too_large_is_said_for_a_minute),
        cmocka_unit_test(a_negative_size_is_another_servers),
    };
    return cmocka_run_group_tests_name("oversize", tests, NULL, NULL);
}
