/* mock_cases.h: a cluster for each test, and a worker that none leaves behind. */
#ifndef WIRETAG_TESTS_MOCK_CASES_H
#define WIRETAG_TESTS_MOCK_CASES_H

#include "base/alloc.h"
#include "base/clock.h"
#include "observe/log.h"
#include "pipeline/publish/release.h"

#include "apart.h"
#include "mock_lab.h"

#define RECORDS 20 /* of each partition, in one go */
#define SETTLE_S 60

/* A broker refuses what was under way behind a refused request, by its sequence numbers; the mock does
 * not look at them, and the client would take what it accepts for proof of what lies before it. So
 * one request at a time. And what the client had not taken back yet when a request was refused may
 * get there first: then the order is no matter for the mock. */
#define ONE_REQUEST "max.in.flight: 1, linger.ms: 0"

/* No request is taken for lost, however slow the machine is; nor its transaction. */
#define PATIENT "socket.timeout.ms: 30000, request.timeout.ms: 30000, transaction.timeout.ms: 60000"
#define PATIENT_ONE_REQUEST ONE_REQUEST ", " PATIENT

/* Where librdkafka sends what was prepared behind a refused request all the same: everything in one. */
#define ALL_IN_ONE_REQUEST "max.in.flight: 1, linger.ms: 100, " PATIENT

static struct mock_lab lab;

static int mock_create(void **state)
{
    (void)state;
    wt_log_init(WT_LOG_ERROR, WT_LOG_TEXT);
    mock_lab_create(&lab, 1);
    return 0;
}

static int mock_stop(void **state)
{
    (void)state;
    mock_lab_stop(&lab);
    return 0;
}

static int mock_destroy(void **state)
{
    (void)state;
    mock_lab_destroy(&lab);
    return 0;
}

/* No producer can be made any more. */
static inline void mock_forbid_producers(void)
{
    struct wt_property *property = &lab.config->kafka.producer.items[0];
    free(property->value);
    property->value = wt_strdup("nonsense");
}

/* Turns until there have been so many producers; everything else may take as long as the machine likes. */
static inline void mock_await_producers(uint32_t count)
{
    int64_t until_us = wt_clock_us() + (int64_t)SETTLE_S * 1000000;
    while (mock_lab_producers(&lab) < count && !lab.failed && wt_clock_us() < until_us) {
        mock_lab_turn(&lab);
    }
    assert_false(lab.failed);
    assert_int_equal(mock_lab_producers(&lab), count);
}

/* The worker stops for this reason; what is released will not be committed, so nobody is to wait. */
static inline void mock_assert_over(const char *code)
{
    assert_true(lab.failed);
    assert_string_equal(lab.error.code, code);
    mock_lab_step(&lab, 50);
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        assert_true(wt_release_settled(lab.release, lab.sources[i]));
    }
}

#endif
