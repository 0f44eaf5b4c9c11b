#include "kafka/connect_limit.h"

#include "base/clock.h"
#include "base/mutex.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Enough for most clusters. With more brokers, the budget unused for longest is replaced. */
#define BROKERS_MAX 64u

/* A host name, a colon and a port (RFC 1035). */
#define NAME_BYTES_MAX 262u

struct budget {
    char broker[NAME_BYTES_MAX]; /* "": free */
    int64_t next_us; /* when the last connection taken may start; in the past: unused budget */
};

static struct wt_mutex lock = WT_MUTEX_INIT; /* guards the budgets */
static struct budget budgets[BROKERS_MAX];

/* Locks: the caller holds the lock. */
static struct budget *budget_of(const char *broker)
{
    wt_mutex_assert_held(&lock);
    struct budget *oldest = &budgets[0];
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        if (strcmp(budgets[i].broker, broker) == 0) {
            return &budgets[i];
        }
        oldest = budgets[i].next_us < oldest->next_us ? &budgets[i] : oldest;
    }
    *oldest = (struct budget){.next_us = 0};
    (void)snprintf(oldest->broker, sizeof oldest->broker, "%s", broker);
    return oldest;
}

int64_t wt_connect_limit_us(const char *host, const char *port, int64_t now_us)
{
    char broker[NAME_BYTES_MAX];
    (void)snprintf(broker, sizeof broker, "%s:%s", host, port);
    wt_mutex_lock(&lock);
    struct budget *budget = budget_of(broker);
    int64_t full_us = now_us - WT_CONNECT_BURST * WT_CONNECT_EVERY_US;
    budget->next_us = budget->next_us > full_us ? budget->next_us : full_us;
    budget->next_us += WT_CONNECT_EVERY_US;
    if (budget->next_us > now_us + WT_CONNECT_WAIT_US_MAX) {
        budget->next_us = now_us + WT_CONNECT_WAIT_US_MAX;
    }
    int64_t wait_us = budget->next_us - now_us;
    wt_mutex_unlock(&lock);
    return wait_us > 0 ? wait_us : 0;
}

int wt_connect_resolve(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **addresses_out, void *opaque)
{
    (void)opaque;
    if (host == NULL && port == NULL) { /* librdkafka frees the addresses with such a call */
        freeaddrinfo(*addresses_out);
        return 0;
    }
    int64_t wait_us =
        host != NULL && port != NULL ? wt_connect_limit_us(host, port, wt_clock_us()) : 0;
    struct timespec wait = {.tv_sec = wait_us / 1000000,
                            .tv_nsec = (long)(wait_us % 1000000) * 1000};
    (void)nanosleep(&wait, NULL);
    return getaddrinfo(host, port, hints, addresses_out);
}
