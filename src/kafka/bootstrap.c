#include "kafka/bootstrap.h"

#include "base/alloc.h"
#include "observe/log.h"

#include <assert.h>
#include <stdlib.h>

/* How many statistics in a row showed that the client has given up its brokers. */
struct look {
    const rd_kafka_t *client;
    unsigned count;
};

static struct look looks[] = {[RD_KAFKA_PRODUCER] = {NULL, 0}, [RD_KAFKA_CONSUMER] = {NULL, 0}};

static void add_servers(rd_kafka_t *client)
{
    size_t bytes = 0;
    const rd_kafka_conf_t *conf = rd_kafka_conf(client);
    if (rd_kafka_conf_get(conf, "bootstrap.servers", NULL, &bytes) != RD_KAFKA_CONF_OK) {
        return;
    }
    char *servers = wt_alloc(bytes);
    if (rd_kafka_conf_get(conf, "bootstrap.servers", servers, &bytes) == RD_KAFKA_CONF_OK) {
        wt_log_info("kafka", "the %s has no broker left; starting again from bootstrap.servers",
                    rd_kafka_type(client) == RD_KAFKA_CONSUMER ? "consumer" : "producer");
        (void)rd_kafka_brokers_add(client, servers);
    }
    free(servers);
}

void wt_bootstrap_look(rd_kafka_t *client, bool given_up)
{
    assert(client != NULL);
    struct look *look = &looks[rd_kafka_type(client)];
    if (look->client != client || !given_up) {
        *look = (struct look){.client = client};
        return;
    }
    look->count++;
    if (look->count >= 2 && (look->count & (look->count - 1)) == 0) {
        add_servers(client);
    }
}
