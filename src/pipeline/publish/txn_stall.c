#include "pipeline/publish/txn_stall.h"

#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"

#include <stdio.h>
#include <string.h>

/* Transactions that do not come through for this long are a stall; what hindered them is over where nothing
 * has been in flight for as long, or none has been tried for the second. */
#define HINDERED_US_MAX 3000000
#define UNTRIED_US_MAX 15000000

/* The brokers drop a transactional id that has been idle for transactional.id.expiration.ms, a week unless
 * configured, and take it up again after an abort: the normal way after a pause. */
static bool is_expired(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID;
}

/* Without times, so that the words stay the same while it lasts. */
void wt_txn_stall_error(struct wt_txn_stall *hindrance, const struct wt_config *config,
                        const char *what, const rd_kafka_error_t *error)
{
    const char *reason = rd_kafka_error_string(error);
    const char *end = strstr(reason, " (after ");
    bool denied = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    bool letters = denied && config->dead_letter.enabled;
    (void)snprintf(hindrance->words, sizeof hindrance->words, "%s: %.*s%s%s%s%s", what,
                   end != NULL ? (int)(end - reason) : (int)strlen(reason), reason,
                   denied ? "; this user needs Write on " : "", denied ? config->output.topic : "",
                   letters ? " and " : "", letters ? config->dead_letter.topic : "");
}

void wt_txn_stall_log(struct wt_txn_stall *hindrance, const char *what,
                      const rd_kafka_error_t *error, const char *next)
{
    bool expired = is_expired(rd_kafka_error_code(error));
    enum wt_log_level level = hindrance->logged ? WT_LOG_DEBUG
                              : expired         ? WT_LOG_INFO
                                                : WT_LOG_WARN;
    wt_log(level, "transaction", "%s: %s; %s", what,
           expired ? "the transactional id has expired at the brokers while it was idle"
                   : rd_kafka_error_string(error),
           next);
    hindrance->logged = true;
}

/* Behind "cannot start", the call's own name, "start: …", would only stutter. */
static const char *words_of(const struct wt_txn_stall *hindrance, bool starting)
{
    static const char mark[] = "start: ";
    bool stutters = starting && strncmp(hindrance->words, mark, strlen(mark)) == 0;
    return hindrance->words + (stutters ? strlen(mark) : 0);
}

/* What hindered is over. An error may come again with the next transaction: so only after a commit, or
 * where none has been wanted for a while, or none has been tried for long. */
static bool is_over(const struct wt_txn_stall *hindrance, int64_t now_us, bool at_rest,
                    bool committed)
{
    int64_t rest_us = at_rest ? now_us - hindrance->rest_us : 0;
    bool nothing_wanted = wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS) == 0;
    return committed || (at_rest && !hindrance->logged) ||
           rest_us > (nothing_wanted ? HINDERED_US_MAX : UNTRIED_US_MAX);
}

void wt_txn_stall_step(struct wt_txn_stall *hindrance, const char *transactional_id, bool starting,
                       bool at_rest, bool committed)
{
    int64_t now_us = wt_clock_us();
    hindrance->rest_us = !at_rest ? 0 : hindrance->rest_us != 0 ? hindrance->rest_us : now_us;
    hindrance->started = hindrance->started || at_rest;
    if (is_over(hindrance, now_us, at_rest, committed)) {
        hindrance->words[0] = '\0';
        hindrance->logged = false;
        if (hindrance->since_us != 0) {
            hindrance->since_us = 0;
            wt_stall_end(WT_STALL_TRANSACTIONS);
        }
    } else if (!at_rest && hindrance->since_us == 0) {
        hindrance->since_us = now_us;
        if (!hindrance->started) {
            wt_stall_begin(WT_STALL_TRANSACTIONS, "transactions of %s are being started",
                           transactional_id);
        }
    } else if (!at_rest && now_us - hindrance->since_us > HINDERED_US_MAX) {
        wt_stall_begin_since(
            WT_STALL_TRANSACTIONS, hindrance->since_us, "transactions of %s %s%s%s; trying again",
            transactional_id, starting ? "cannot start" : "do not come through",
            hindrance->words[0] != '\0' ? ": " : "", words_of(hindrance, starting));
    }
}
