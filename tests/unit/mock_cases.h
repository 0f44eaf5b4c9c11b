/* mock_cases.h: a cluster for each test, and a worker that none leaves behind. */
#ifndef WIRETAG_TESTS_MOCK_CASES_H
#define WIRETAG_TESTS_MOCK_CASES_H

#include "base/log.h"

#include "apart.h"
#include "mock_lab.h"

#define RECORDS 20 /* of each partition, in one go */
#define SETTLE_S 60

/* A broker refuses what was under way behind a refused request, by its sequence numbers; the mock does
 * not look at them, and the client would take what it accepts for proof of what lies before it. So
 * one request at a time. And what the client had not taken back yet when a request was refused may
 * get there first: then the order is no matter for the mock. */
#define ONE_REQUEST "max.in.flight: 1, linger.ms: 0"

/* And where librdkafka sends what was prepared behind a refused request all the same: everything in one. */
#define ALL_IN_ONE_REQUEST "max.in.flight: 1, linger.ms: 100"

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

#endif
