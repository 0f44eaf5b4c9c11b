#include "kafka/sessions.h"

#include "base/clock.h"
#include "kafka/security_cause.h"
#include "kafka/security_status.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Limit on sessions of all clients that are being renewed at the same time; more are not noted. */
#define RENEWALS_MAX 256u

struct renewal {
    const rd_kafka_t *client; /* NULL: free */
    int32_t broker;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the renewals */
static struct renewal renewals[RENEWALS_MAX];

/* The connection of this thread: librdkafka has one thread for each connection and changes the
 * connection's state there. */
static _Thread_local struct wt_session session;

int64_t wt_session_enter(struct wt_session *connection, const char *state, int64_t now_us)
{
    if (strcmp(state, "REAUTH") == 0) {
        connection->renews = connection->up;
        connection->up = false;
        int64_t next_us = connection->renewed_us + WT_SESSION_RENEW_US_MIN;
        bool early = connection->renews && connection->renewed_us != 0 && now_us < next_us;
        return early ? next_us - now_us : 0;
    }
    if (strcmp(state, "UP") == 0) {
        connection->renewed_us = connection->renews ? now_us : connection->renewed_us;
        connection->renews = false;
        connection->up = true;
    } else if (strncmp(state, "AUTH_", 5) != 0) {
        *connection = (struct wt_session){.up = false};
    }
    return 0;
}

static void note(const rd_kafka_t *client, int32_t broker, bool renews)
{
    struct renewal *free_one = NULL;
    struct renewal *found = NULL;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < RENEWALS_MAX; i++) {
        struct renewal *renewal = &renewals[i];
        if (renewal->client == client && renewal->broker == broker) {
            found = renewal;
        } else if (renewal->client == NULL) {
            free_one = renewal;
        }
    }
    if (!renews && found != NULL) {
        found->client = NULL;
    } else if (renews && found == NULL && free_one != NULL) {
        *free_one = (struct renewal){.client = client, .broker = broker};
    }
    (void)pthread_mutex_unlock(&lock);
}

bool wt_sessions_renews(const rd_kafka_t *client, int32_t broker)
{
    bool found = false;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < RENEWALS_MAX; i++) {
        found |= renewals[i].client == client && renewals[i].broker == broker;
    }
    (void)pthread_mutex_unlock(&lock);
    return found;
}

/* Thread: the connection's. librdkafka holds the broker's lock, so a wait here delays other threads
 * that need it. */
static rd_kafka_resp_err_t on_state(rd_kafka_t *client, int32_t broker, const char *protocol,
                                    const char *name, int port, const char *state, void *opaque)
{
    (void)opaque;
    if (strncmp(protocol, "sasl_", 5) != 0) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    bool renewed = session.renews;
    int64_t wait_us = wt_session_enter(&session, state, wt_clock_us());
    if (broker >= 0 && (renewed || session.renews)) {
        note(client, broker, session.renews);
    }
    if (session.up && port != 0) { /* 0: a coordinator, whose broker has its own connection */
        char address[WT_SECURITY_ADDRESS_BYTES_MAX];
        (void)snprintf(address, sizeof address, "%s:%d", name, port);
        wt_security_logged_in(address);
    }
    struct timespec wait = {.tv_sec = wait_us / 1000000,
                            .tv_nsec = (long)(wait_us % 1000000) * 1000};
    (void)nanosleep(&wait, NULL);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *opaque,
                                  char *reason, size_t reason_bytes)
{
    (void)conf, (void)opaque, (void)reason, (void)reason_bytes;
    return rd_kafka_interceptor_add_on_broker_state_change(client, "sessions", on_state, NULL);
}

void wt_sessions_watch(rd_kafka_conf_t *conf)
{
    (void)rd_kafka_conf_interceptor_add_on_new(conf, "sessions", on_new, NULL);
}
