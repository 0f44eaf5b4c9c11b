/* member_cases.h: a consumer that joins a group of a mock cluster of its own. */
#ifndef WIRETAG_TESTS_MEMBER_CASES_H
#define WIRETAG_TESTS_MEMBER_CASES_H

#include "base/alloc.h"
#include "config/config.h"
#include "config/config_load.h"

#include "mock_group.h"
#include "support.h"

#define MEMBER_PARTITIONS 4

/* With more properties of the consumer, "a: b" at least. The caller destroys it. */
static inline struct wt_config *member_config(const char *consumer)
{
    char text[512];
    struct wt_config *config = NULL;
    struct wt_error error = {.message = ""};
    (void)snprintf(text, sizeof text,
                   "kafka:\n"
                   "  common: {bootstrap.servers: mock, test.mock.num.brokers: 1}\n"
                   "  consumer: {group.id: unit, %s}\n"
                   "input: {topics: [articles]}\n"
                   "output: {topic: labelled}\n",
                   consumer);
    if (wt_config_parse(text, strlen(text), "unit", NULL, 0, &config, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    return config;
}

/* Clients made of the configuration from now on are of this client's cluster, not of one of their own. */
static inline void member_share_cluster(struct wt_config *config, rd_kafka_t *client)
{
    const char *const values[][2] = {
        {"bootstrap.servers",
         rd_kafka_mock_cluster_bootstraps(rd_kafka_handle_mock_cluster(client))},
        {"test.mock.num.brokers", "0"}};
    for (size_t i = 0; i < config->kafka.common.count; i++) {
        struct wt_property *property = &config->kafka.common.items[i];
        for (size_t j = 0; j < COUNT_OF(values); j++) {
            if (strcmp(property->name, values[j][0]) == 0) {
                free(property->value);
                property->value = wt_strdup(values[j][1]);
            }
        }
    }
}

/* What it reads, in the cluster of this client, whose groups form soon. Before it subscribes. */
static inline void member_make_topic(rd_kafka_t *client)
{
    rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(client);
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, MOCK_GROUP_DELAY_SHORT);
    assert_int_equal(rd_kafka_mock_topic_create(cluster, "articles", MEMBER_PARTITIONS, 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

#endif
