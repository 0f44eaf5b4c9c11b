/* What the watch makes of answers and silence: readiness, with every reason, in page and log. */
#include "monitor_cases.h"
#include "observe/log.h"

#include <sys/mman.h>
#include <unistd.h>

static void assert_ready(void)
{
    char reason[200] = "";
    if (wt_stall_any(reason, sizeof reason)) {
        fail_msg("not ready: %s", reason);
    }
    assert_string_equal(reason, "");
}

static void assert_not_ready(const char *why)
{
    char reason[200] = "";
    assert_true(wt_stall_any(reason, sizeof reason));
    assert_string_equal(reason, why);
}

static void without_an_answer_for_ten_seconds_it_is_not_ready(void **state)
{
    (void)state;
    (void)assign(0, 1);
    leaders_there = false; /* one of them answers nothing */
    pass(60);
    assert_ready();
    broker_there = false;
    pass(6); /* one question without an answer */
    assert_ready();
    pass(10);
    int silent = 0;
    char reason[200] = "";
    assert_true(wt_stall_any(reason, sizeof reason));
    assert_int_equal(
        sscanf(reason, "no broker of bootstrap.servers has answered for %d s", &silent), 1);
    assert_in_range(silent, 11, 21);
    assert_true(value_of("wiretag_stalled{reason=\"brokers\"} ") == 1);
    assert_true(value_of("wiretag_broker_reachable ") == 1);
    pass(20);
    assert_true(value_of("wiretag_broker_reachable ") == 0);
    broker_there = true;
    pass(6);
    assert_ready();
    assert_true(value_of("wiretag_stalled{reason=\"brokers\"} ") == 0);
    assert_true(value_of("wiretag_broker_reachable ") == 1);
}

/* How often the log, which goes to `file`, has this. */
static int logged(int file, const char *what)
{
    static char text[1 << 16];
    wt_log_flush();
    ssize_t bytes = pread(file, text, sizeof text - 1, 0);
    assert_true(bytes >= 0);
    text[bytes] = '\0';
    int count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

/* librdkafka's own event does not come in every outage. */
static void silence_is_told_once_and_so_is_its_end(void **state)
{
    (void)state;
    static const char told[] = "brokers: stalled for";
    static const char again[] = "brokers: still stalled for";
    static const char over[] = "brokers: over after";
    int stderr_before = dup(STDERR_FILENO);
    int file = memfd_create("log", 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    (void)assign(0, 1);
    pass(6);
    for (int outage = 1; outage <= 2; outage++) {
        broker_there = false;
        pass(9);
        int after_some = logged(file, told);
        pass(12); /* of silence, as it was seen first when it was six seconds old */
        int after_enough = logged(file, told);
        pass(60);
        int after_all = logged(file, told);
        int over_before = logged(file, over);
        broker_there = true;
        pass(60);
        int over_after = logged(file, over);
        assert_int_equal(after_some, outage - 1);
        assert_int_equal(after_enough, outage);
        assert_int_equal(after_all, outage);
        assert_int_equal(logged(file, again), outage);
        assert_int_equal(over_before, outage - 1);
        assert_int_equal(over_after, outage);
    }
    (void)dup2(stderr_before, STDERR_FILENO);
    (void)close(stderr_before);
    (void)close(file);
}

static void without_a_partition_it_is_ready_only_as_a_member_of_the_group(void **state)
{
    (void)state;
    wt_metric_add(WT_METRIC_REBALANCES, 1);
    in_group = false;
    pass(6);
    assert_not_ready("no partition is assigned: the group  is being joined; a "
                     "killed member holds it up for its session.timeout.ms");
    in_group = true;
    pass(6);
    assert_ready();
}

/* As while the group is being joined: its coordinator answers nothing before that is done. */
static void partitions_with_records_are_no_rest_where_the_groups_place_is_not_known(void **state)
{
    (void)state;
    (void)assign(0, 1);
    (void)assign(1, 1);
    ends[1] = 3;
    coordinator_there = false;
    pass(20);
    assert_ready();
    pass(10);
    char reason[200] = "";
    assert_true(wt_stall_any(reason, sizeof reason));
    assert_non_null(strstr(reason, "the start offset is unknown in 1 partitions with records"));
    assert_true(value_of("wiretag_stalled{reason=\"unknown\"} ") == 1);
    coordinator_there = true;
    start = 3;
    pass(6);
    assert_ready();
}

static void every_reason_is_given(void **state)
{
    (void)state;
    in_group = false;
    broker_there = false;
    clock_us += 45 * (int64_t)SECOND;
    pass(1);
    assert_not_ready("no broker of bootstrap.servers has answered for 45 s; retrying; no "
                     "partition is assigned: the group  is being joined; a "
                     "killed member holds it up for its session.timeout.ms");
}

static void brokers_are_asked_every_few_seconds_only(void **state)
{
    (void)state;
    (void)assign(0, 1);
    pass(60);
    assert_in_range(asked, 10, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_an_answer_for_ten_seconds_it_is_not_ready),
        TEST(silence_is_told_once_and_so_is_its_end),
        TEST(without_a_partition_it_is_ready_only_as_a_member_of_the_group),
        TEST(partitions_with_records_are_no_rest_where_the_groups_place_is_not_known),
        TEST(every_reason_is_given),
        TEST(brokers_are_asked_every_few_seconds_only),
    };
    return cmocka_run_group_tests_name("watch_ready", tests, NULL, NULL);
}
