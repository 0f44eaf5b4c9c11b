#include "check/preflight.h"

#include "check/cluster_facts.h"
#include "kafka/query.h"
#include "kafka/reach.h"

#define WAIT_MS 10000

enum wt_status wt_preflight(const struct wt_config *config, struct wt_error *error)
{
    rd_kafka_t *client = NULL;
    struct wt_cluster_facts facts = {0};
    enum wt_status status = wt_reach_need(config, false, WAIT_MS, error);
    if (status == WT_OK) {
        status = wt_query_client_create(config, "read_uncommitted", &client, error);
    }
    if (status == WT_OK) {
        status = wt_facts_gather(config, client, WAIT_MS, &facts, error);
    }
    if (status == WT_OK) {
        status = wt_audit_need_coordinators(config, &facts, error);
    }
    wt_facts_free(&facts);
    wt_query_client_destroy(client);
    return status;
}
