#include "pipeline/publish/txn_stall.h"

#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Transactions that fail for FAILING_US_MAX are a stall. The stall ends with a commit, or when nothing has
 * been in flight for FAILING_US_MAX, or when no transaction was tried for UNTRIED_US_MAX. */
#define FAILING_US_MAX 3000000
#define UNTRIED_US_MAX 15000000

bool wt_txn_stall_is_expired(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID;
}

/* The right to the topics that this producer writes to. librdkafka does not say which of them. */
static void add_topics(struct wt_txn_stall *stall, const struct wt_config *config)
{
    size_t used = strlen(stall->words);
    for (size_t i = 0; i < wt_config_label_topic_count(config) && used < sizeof stall->words; i++) {
        used += (size_t)snprintf(stall->words + used, sizeof stall->words - used, "%s%s",
                                 i == 0 ? "; this user needs Write on " : ", ",
                                 wt_config_label_topic(config, i));
    }
    if (config->dead_letter.enabled && used < sizeof stall->words) {
        (void)snprintf(stall->words + used, sizeof stall->words - used, " and %s",
                       config->dead_letter.topic);
    }
}

/* The right that is missing; false: the error is another one. */
static bool add_right(struct wt_txn_stall *stall, const struct wt_config *config,
                      rd_kafka_resp_err_t code)
{
    const struct wt_property *group = wt_config_consumer_property(config, "group.id");
    size_t used = strlen(stall->words);
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        add_topics(stall, config);
        return true;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        (void)snprintf(stall->words + used, sizeof stall->words - used,
                       "; this user needs Read on the group %s",
                       group != NULL ? group->value : "of group.id");
        return true;
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        (void)snprintf(stall->words + used, sizeof stall->words - used,
                       "; this user needs Write on this transactional id");
        return true;
    default:
        return false;
    }
}

/* True: it may follow from an earlier error, and says nothing about its cause: librdkafka's own words, and
 * that the transaction which failed is still being ended. */
static bool is_consequence(const rd_kafka_error_t *error)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    return code < RD_KAFKA_RESP_ERR_UNKNOWN || code == RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS ||
           rd_kafka_error_is_retriable(error) != 0;
}

/* Without librdkafka's "(after … ms)", so that the words stay the same while the failure lasts. */
void wt_txn_stall_error(struct wt_txn_stall *stall, const struct wt_config *config,
                        const char *what, const rd_kafka_error_t *error)
{
    assert(error != NULL);
    const char *reason = rd_kafka_error_string(error);
    const char *end = strstr(reason, " (after ");
    if (stall->denied && is_consequence(error)) {
        return;
    }
    (void)snprintf(stall->words, sizeof stall->words, "%s: %.*s", what,
                   end != NULL ? (int)(end - reason) : (int)strlen(reason), reason);
    stall->denied = add_right(stall, config, rd_kafka_error_code(error));
}

void wt_txn_stall_log(struct wt_txn_stall *stall, const char *what, const rd_kafka_error_t *error,
                      const char *next)
{
    assert(error != NULL);
    bool expired = wt_txn_stall_is_expired(rd_kafka_error_code(error));
    enum wt_log_level level = stall->logged ? WT_LOG_DEBUG : expired ? WT_LOG_INFO : WT_LOG_WARN;
    wt_log(level, "transaction", "%s: %s; %s", what,
           expired ? "the transactional id has expired at the brokers while it was idle"
                   : rd_kafka_error_string(error),
           next);
    stall->logged = true;
}

/* The last error. After the words "cannot start" its prefix "start: " is left out. */
static const char *words_of(const struct wt_txn_stall *stall, bool starting)
{
    static const char mark[] = "start: ";
    bool doubled = starting && strncmp(stall->words, mark, strlen(mark)) == 0;
    return stall->words + (doubled ? strlen(mark) : 0);
}

/* True: the failure is over. The next transaction may fail with the same error. So a failure is over only
 * after a commit, or when no transaction was needed for a while, or none was tried for long. */
static bool is_over(const struct wt_txn_stall *stall, int64_t now_us, bool at_rest, bool committed)
{
    int64_t rest_us = at_rest ? now_us - stall->rest_us : 0;
    bool nothing_in_flight = wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS) == 0;
    return committed || (at_rest && !stall->logged) ||
           rest_us > (nothing_in_flight ? FAILING_US_MAX : UNTRIED_US_MAX);
}

void wt_txn_stall_step(struct wt_txn_stall *stall, const char *transactional_id, bool starting,
                       bool at_rest, bool committed)
{
    assert(!(starting && at_rest) && (at_rest || !committed));
    int64_t now_us = wt_clock_us();
    stall->rest_us = !at_rest ? 0 : stall->rest_us != 0 ? stall->rest_us : now_us;
    stall->started = stall->started || at_rest;
    if (is_over(stall, now_us, at_rest, committed)) {
        stall->words[0] = '\0';
        stall->denied = false;
        stall->logged = false;
        if (stall->since_us != 0) {
            stall->since_us = 0;
            wt_stall_end(WT_STALL_TRANSACTIONS);
        }
    } else if (!at_rest && stall->since_us == 0) {
        stall->since_us = now_us;
        if (!stall->started) {
            wt_stall_begin(WT_STALL_TRANSACTIONS, "transactions of %s are starting",
                           transactional_id);
        }
    } else if (!at_rest && now_us - stall->since_us > FAILING_US_MAX) {
        wt_stall_begin_since(WT_STALL_TRANSACTIONS, stall->since_us,
                             "transactions of %s %s%s%s; retrying", transactional_id,
                             starting ? "cannot start" : "fail",
                             stall->words[0] != '\0' ? ": " : "", words_of(stall, starting));
    }
}
