/* How often one broker is connected to: by all clients of the process together. */
#include "kafka/connect_limit.h"

#include "support.h"

#include <netdb.h>
#include <stdio.h>

static void clients_start_at_once_and_then_wait_for_their_turns(void **state)
{
    (void)state;
    int64_t now_us = 1000000000;
    for (int i = 0; i < WT_CONNECT_BURST; i++) {
        assert_int_equal(wt_connect_limit_us("broker", "9092", now_us), 0);
    }
    assert_int_equal(wt_connect_limit_us("broker", "9092", now_us), WT_CONNECT_EVERY_US);
    assert_int_equal(wt_connect_limit_us("broker", "9092", now_us), 2 * WT_CONNECT_EVERY_US);
    for (int i = 0; i < 100; i++) {
        assert_true(wt_connect_limit_us("broker", "9092", now_us) <= WT_CONNECT_WAIT_US_MAX);
    }
    /* Another broker, or another port of that host, has a budget of its own. */
    assert_int_equal(wt_connect_limit_us("other", "9092", now_us), 0);
    assert_int_equal(wt_connect_limit_us("broker", "9093", now_us), 0);
    /* After a pause all may come at once again, and no more than that. */
    now_us += 3600000000;
    for (int i = 0; i < WT_CONNECT_BURST; i++) {
        assert_int_equal(wt_connect_limit_us("broker", "9092", now_us), 0);
    }
    assert_true(wt_connect_limit_us("broker", "9092", now_us) > 0);
}

static void clients_that_try_for_ever_connect_four_times_a_second(void **state)
{
    (void)state;
    /* Three clients, each of which connects again as soon as it was refused, for a minute. */
    int64_t next_us[3] = {2000000000, 2000000000, 2000000000};
    int count = 0;
    for (int64_t now_us = next_us[0]; now_us < 2060000000; now_us += 1000) {
        for (size_t i = 0; i < 3; i++) {
            if (next_us[i] <= now_us) {
                next_us[i] = now_us + wt_connect_limit_us("tried", "9092", now_us) + 1000;
                count++;
            }
        }
    }
    assert_in_range(count, 60 * 4, 60 * 4 + WT_CONNECT_BURST + 3);
}

static void more_brokers_than_are_remembered_are_not_held_up(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char host[32];
        (void)snprintf(host, sizeof host, "broker-%d", i);
        assert_int_equal(wt_connect_limit_us(host, "9092", 3000000000 + i), 0);
    }
}

static void names_are_resolved_as_without_it(void **state)
{
    (void)state;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *addresses = NULL;
    assert_int_equal(wt_connect_resolve("127.0.0.1", "9092", &hints, &addresses, NULL), 0);
    assert_int_equal(addresses->ai_family, AF_INET);
    assert_int_equal(wt_connect_resolve(NULL, NULL, NULL, &addresses, NULL), 0);
    assert_int_equal(wt_connect_resolve("no address", "9092", &hints, &addresses, NULL),
                     EAI_NONAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_start_at_once_and_then_wait_for_their_turns),
        cmocka_unit_test(clients_that_try_for_ever_connect_four_times_a_second),
        cmocka_unit_test(more_brokers_than_are_remembered_are_not_held_up),
        cmocka_unit_test(names_are_resolved_as_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
