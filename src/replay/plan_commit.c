#include "replay/plan_commit.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/client.h"
#include "observe/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 5000
#define BROKER_MS_MAX 30000

struct wt_plan_commit {
    const struct wt_config *config;
    rd_kafka_t *client;
    rd_kafka_t *producer; /* NULL: at-least-once */
};

static const char *group_of(const struct wt_config *config)
{
    return wt_config_consumer_property(config, "group.id")->value;
}

/* The result of a transactional call. Consumes the error. */
enum outcome { DONE, AGAIN, FENCED, FAILED };

static enum outcome outcome_of(rd_kafka_error_t *error, char reason[256])
{
    if (error == NULL) {
        return DONE;
    }
    (void)snprintf(reason, 256, "%s", rd_kafka_error_string(error));
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    bool retriable = rd_kafka_error_is_retriable(error) != 0;
    bool fenced = wt_client_is_fenced(code);
    rd_kafka_error_destroy(error);
    return fenced ? FENCED : retriable ? AGAIN : FAILED;
}

static enum wt_status failed(const struct wt_plan_commit *plan_commit, const char *what,
                             const char *reason, struct wt_error *error)
{
    return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "plan",
                        "the plan cannot be committed in the consumer group %s: %s: %s",
                        group_of(plan_commit->config), what, reason);
}

static enum wt_status create_producer(struct wt_plan_commit *plan_commit, struct wt_error *error)
{
    const struct wt_config *config = plan_commit->config;
    const char *own = config->delivery.transactional_id;
    char *id = wt_format("%s-plan", strcmp(own, "auto") == 0 ? group_of(config) : own);
    rd_kafka_conf_t *conf = NULL;
    enum wt_status status = wt_client_conf_create(config, RD_KAFKA_PRODUCER, &conf, error);
    if (status == WT_OK) {
        status = wt_client_conf_set(conf, "transactional.id", id, error);
    }
    if (status == WT_OK) {
        status = wt_client_create(RD_KAFKA_PRODUCER, &conf, &plan_commit->producer, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    free(id);
    return status;
}

enum wt_status wt_plan_commit_begin(const struct wt_config *config, rd_kafka_t *client,
                                    struct wt_plan_commit **plan_commit_out, struct wt_error *error)
{
    struct wt_plan_commit *plan_commit = wt_alloc_zeroed(1, sizeof *plan_commit);
    plan_commit->config = config;
    plan_commit->client = client;
    enum wt_status status = WT_OK;
    if (config->delivery.guarantee == WT_EXACTLY_ONCE) {
        status = create_producer(plan_commit, error);
        int64_t deadline_us = wt_clock_us() + (int64_t)BROKER_MS_MAX * 1000;
        char reason[256] = "";
        enum outcome outcome = DONE;
        while (status == WT_OK &&
               (outcome = outcome_of(rd_kafka_init_transactions(plan_commit->producer, ANSWER_MS),
                                     reason)) == AGAIN &&
               wt_clock_us() < deadline_us) {
        }
        /* If fenced, the commit fails and reports it. */
        if (status == WT_OK && outcome != DONE && outcome != FENCED) {
            status = failed(plan_commit, "starting a transaction", reason, error);
        }
    }
    if (status != WT_OK) {
        wt_plan_commit_end(plan_commit);
        return status;
    }
    *plan_commit_out = plan_commit;
    return WT_OK;
}

static enum outcome commit_transaction(struct wt_plan_commit *plan_commit,
                                       const rd_kafka_topic_partition_list_t *plan,
                                       char reason[256])
{
    int64_t deadline_us = wt_clock_us() + (int64_t)BROKER_MS_MAX * 1000;
    rd_kafka_consumer_group_metadata_t *group =
        rd_kafka_consumer_group_metadata_new(group_of(plan_commit->config));
    enum outcome outcome = outcome_of(rd_kafka_begin_transaction(plan_commit->producer), reason);
    if (outcome == DONE) {
        do {
            outcome = outcome_of(
                rd_kafka_send_offsets_to_transaction(plan_commit->producer, plan, group, ANSWER_MS),
                reason);
        } while (outcome == AGAIN && wt_clock_us() < deadline_us);
    }
    if (outcome == DONE) {
        do {
            outcome =
                outcome_of(rd_kafka_commit_transaction(plan_commit->producer, ANSWER_MS), reason);
        } while (outcome == AGAIN && wt_clock_us() < deadline_us);
    }
    rd_kafka_consumer_group_metadata_destroy(group);
    return outcome;
}

static enum outcome commit_offsets(struct wt_plan_commit *plan_commit,
                                   const rd_kafka_topic_partition_list_t *plan, char reason[256])
{
    rd_kafka_resp_err_t code = rd_kafka_commit(plan_commit->client, plan, 0);
    (void)snprintf(reason, 256, "%s", rd_kafka_err2str(code));
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return DONE;
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
        return FENCED; /* the group has members, so a plan exists */
    default:
        return FAILED;
    }
}

enum wt_status wt_plan_commit_write(struct wt_plan_commit *plan_commit,
                                    const rd_kafka_topic_partition_list_t *plan,
                                    bool *committed_out, struct wt_error *error)
{
    char reason[256] = "";
    enum outcome outcome = plan_commit->producer != NULL
                               ? commit_transaction(plan_commit, plan, reason)
                               : commit_offsets(plan_commit, plan, reason);
    *committed_out = outcome == DONE;
    if (outcome == FENCED) {
        wt_log_info("replay", "another worker is committing a plan at the same time; retrying");
        return WT_OK;
    }
    return outcome == DONE ? WT_OK : failed(plan_commit, "commit", reason, error);
}

void wt_plan_commit_end(struct wt_plan_commit *plan_commit)
{
    if (plan_commit == NULL) {
        return;
    }
    if (plan_commit->producer != NULL) {
        rd_kafka_destroy(plan_commit->producer);
    }
    free(plan_commit);
}
