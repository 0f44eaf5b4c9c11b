/* Brokers to which the last connection failed. */
#include "kafka/unreachable.h"

#include "support.h"

static int64_t clock_us = 1000000;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

static void a_failed_connection_is_known_until_another_succeeds(void **state)
{
    (void)state;
    assert_false(wt_unreachable("kafka-1:9092"));
    wt_unreachable_note("broker kafka-1:9092: Connection refused; retrying");
    assert_true(wt_unreachable("kafka-1:9092"));
    assert_false(wt_unreachable("kafka-1:909"));
    wt_unreachable_clear("kafka-2:9092");
    assert_true(wt_unreachable("kafka-1:9092"));
    wt_unreachable_clear("kafka-1:9092");
    assert_false(wt_unreachable("kafka-1:9092"));
}

static void a_closed_connection_is_no_failed_one(void **state)
{
    (void)state;
    wt_unreachable_note("broker kafka-3:9092: Disconnected; retrying");
    wt_unreachable_note("broker kafka-3:9092");
    wt_unreachable_note("GETPID: broker kafka-3:9092: Connection refused; retrying");
    assert_false(wt_unreachable("kafka-3:9092"));
}

static void a_failure_is_forgotten_after_ten_minutes(void **state)
{
    (void)state;
    wt_unreachable_note("broker kafka-4:9092: Connection refused; retrying");
    clock_us += 599000000;
    assert_true(wt_unreachable("kafka-4:9092"));
    wt_unreachable_note("broker kafka-4:9092: timed out; retrying");
    clock_us += 599000000;
    assert_true(wt_unreachable("kafka-4:9092"));
    clock_us += 2000000;
    assert_false(wt_unreachable("kafka-4:9092"));
}

static void of_many_brokers_the_last_ones_are_known(void **state)
{
    (void)state;
    char line[80];
    for (int i = 0; i < 40; i++) {
        (void)snprintf(line, sizeof line, "broker many-%d:9092: Connection refused; retrying", i);
        wt_unreachable_note(line);
    }
    assert_true(wt_unreachable("many-39:9092"));
    assert_true(wt_unreachable("many-8:9092"));
    assert_false(wt_unreachable("many-7:9092"));
    char wide[300] = "broker ";
    memset(wide + 7, 'a', 200);
    (void)snprintf(wide + 207, 40, ": Connection refused");
    wt_unreachable_note(wide); /* does not fit, and is left out */
    wide[207] = '\0';
    assert_false(wt_unreachable(wide + 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_connection_is_known_until_another_succeeds),
        cmocka_unit_test(a_closed_connection_is_no_failed_one),
        cmocka_unit_test(a_failure_is_forgotten_after_ten_minutes),
        cmocka_unit_test(of_many_brokers_the_last_ones_are_known),
    };
    return cmocka_run_group_tests_name("unreachable brokers", tests, NULL, NULL);
}
