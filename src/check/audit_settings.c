/* audit_settings.c: the part of audit.h that checks the configuration alone: time-outs and sizes. */
#include "check/audit.h"

#include "base/buffer.h"
#include "kafka/client_sizes.h"

#include <inttypes.h>
#include <stdlib.h>

/* librdkafka's defaults (its CONFIGURATION.md). */
#define SESSION_MS 45000
#define HEARTBEAT_MS 3000
#define POLL_INTERVAL_MS 300000

const char *wt_audit_principal(const struct wt_config *config)
{
    const struct wt_property *user = wt_config_consumer_property(config, "sasl.username");
    return user != NULL ? user->value : "NAME";
}

/* --- the feed -------------------------------------------------------------------------------- */

void wt_audit_input(const struct wt_config *config, struct wt_findings *findings)
{
    for (size_t i = 0; i < config->input.where.count; i++) {
        const struct wt_filter *filter = &config->input.where.items[i];
        struct wt_buffer values = {0};
        for (size_t j = 0; j < filter->values.count; j++) {
            wt_buffer_append_text(&values, j > 0 ? ", " : "");
            wt_buffer_append_text(&values, filter->values.items[j]);
        }
        wt_buffer_append_text(&values, !filter->null ? "" : values.count > 0 ? " or null" : "null");
        char *text = wt_buffer_take(&values, NULL);
        wt_finding_add(findings, config, "input.where", WT_FINDING_NOTE, "input-filtered",
                       "only articles whose %.100s is %.200s are labelled; all others are passed "
                       "over and counted as filtered",
                       filter->pointer, text);
        free(text);
    }
}

/* --- time-outs ------------------------------------------------------------------------------- */

static void audit_heartbeat(const struct wt_config *config, int64_t session_ms,
                            struct wt_findings *findings)
{
    char place[WT_FINDING_PLACE_MAX];
    const struct wt_property *heartbeat =
        wt_config_consumer_property(config, "heartbeat.interval.ms");
    const struct wt_property *session = wt_config_consumer_property(config, "session.timeout.ms");
    int64_t heartbeat_ms = wt_property_number(heartbeat, HEARTBEAT_MS);
    if (heartbeat_ms * 3 <= session_ms) {
        return;
    }
    (void)wt_finding_place(config, heartbeat != NULL ? heartbeat : session, "kafka.consumer",
                           place);
    wt_finding_add_at(findings, place,
                      heartbeat_ms >= session_ms ? WT_FINDING_ERROR : WT_FINDING_WARNING,
                      "timeout-heartbeat",
                      "heartbeat.interval.ms %" PRId64 " against session.timeout.ms %" PRId64
                      ": after one late heartbeat the group removes a healthy worker",
                      heartbeat_ms, session_ms);
    wt_finding_remedy(findings, "keep heartbeat.interval.ms at a third of session.timeout.ms");
}

static void audit_poll_interval(const struct wt_config *config, int64_t session_ms,
                                struct wt_findings *findings)
{
    char place[WT_FINDING_PLACE_MAX];
    const struct wt_property *poll = wt_config_consumer_property(config, "max.poll.interval.ms");
    int64_t poll_ms = wt_property_number(poll, POLL_INTERVAL_MS);
    if (poll_ms < session_ms) {
        wt_finding_add_at(findings, wt_finding_place(config, poll, "kafka.consumer", place),
                          WT_FINDING_ERROR, "timeout-poll-interval",
                          "max.poll.interval.ms %" PRId64 " is below session.timeout.ms %" PRId64,
                          poll_ms, session_ms);
        wt_finding_remedy(findings, "raise it to session.timeout.ms at least, or leave it out");
    }
    if ((int64_t)config->delivery.drain_ms_max >= poll_ms) {
        wt_finding_add(findings, config, "delivery.drain_ms_max", WT_FINDING_ERROR, "timeout-drain",
                       "%" PRIu32 " ms is not below max.poll.interval.ms %" PRId64
                       ": while this worker drains, the group assigns its partitions to others",
                       config->delivery.drain_ms_max, poll_ms);
        wt_finding_remedy(findings, "lower delivery.drain_ms_max or raise max.poll.interval.ms");
    }
}

static void audit_transaction(const struct wt_config *config, struct wt_findings *findings)
{
    char place[WT_FINDING_PLACE_MAX];
    const struct wt_property *own = wt_config_producer_property(config, "transaction.timeout.ms");
    int64_t needed_ms =
        (int64_t)config->delivery.commit_interval_ms + config->delivery.drain_ms_max;
    if (config->delivery.guarantee == WT_EXACTLY_ONCE &&
        wt_client_sizes_transaction_ms(config) <= needed_ms) {
        wt_finding_add_at(findings, wt_finding_place(config, own, "kafka.producer", place),
                          WT_FINDING_ERROR, "timeout-transaction",
                          "%" PRId64 " ms does not exceed delivery.commit_interval_ms plus "
                          "delivery.drain_ms_max, %" PRId64
                          " ms: the broker aborts transactions that "
                          "are still in use",
                          wt_client_sizes_transaction_ms(config), needed_ms);
        wt_finding_remedy(findings, "raise it, lower those, or leave it out: its default fits");
    }
}

void wt_audit_timeouts(const struct wt_config *config, struct wt_findings *findings)
{
    int64_t session_ms =
        wt_property_number(wt_config_consumer_property(config, "session.timeout.ms"), SESSION_MS);
    size_t before = findings->count;
    audit_heartbeat(config, session_ms, findings);
    audit_poll_interval(config, session_ms, findings);
    audit_transaction(config, findings);
    if (findings->count == before) {
        wt_finding_add_at(findings, "", WT_FINDING_OK, "timeouts",
                          "time-outs do not contradict each other");
    }
}

/* --- sizes ----------------------------------------------------------------------------------- */

void wt_audit_sizes(const struct wt_config *config, struct wt_findings *findings)
{
    char place[WT_FINDING_PLACE_MAX];
    const struct wt_property *own = wt_client_sizes_small_queue(config);
    int64_t record_bytes_max = (int64_t)wt_client_sizes_record_bytes_max(config);
    if (own == NULL) {
        return;
    }
    wt_finding_add_at(findings, wt_finding_place(config, own, "kafka.producer", place),
                      WT_FINDING_ERROR, "producer-queue",
                      "%" PRId64 " kB have no room for one record of message.max.bytes, %" PRId64
                      ": such a record would block the worker for ever",
                      wt_property_number(own, 0), record_bytes_max);
    wt_finding_remedy(findings, "set %" PRId64 " at least, or leave it out",
                      record_bytes_max / 1024 + 1);
}
