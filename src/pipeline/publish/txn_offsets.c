#include "pipeline/publish/txn_offsets.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "observe/log.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct wt_txn_offsets_call {
    /* The thread's, until `done`. */
    rd_kafka_t *client;
    rd_kafka_topic_partition_list_t *offsets;
    rd_kafka_consumer_group_metadata_t *generation;
    int wait_ms;

    struct wt_mutex mutex; /* guards what follows */
    pthread_cond_t done_changed;
    bool done;
    bool left; /* the thread destroys the client */
    void *with_client;
    rd_kafka_error_t *error;
};

static void destroy(struct wt_txn_offsets_call *call)
{
    assert(call->done);
    rd_kafka_topic_partition_list_destroy(call->offsets);
    rd_kafka_consumer_group_metadata_destroy(call->generation);
    (void)pthread_cond_destroy(&call->done_changed);
    wt_mutex_destroy(&call->mutex);
    free(call);
}

static void end_client(rd_kafka_t *client, void *with_client)
{
    assert(client != NULL);
    rd_kafka_destroy(client);
    free(with_client);
}

/* Makes the call. True: nobody waits for it any more. */
static bool make(struct wt_txn_offsets_call *call)
{
    rd_kafka_error_t *error = rd_kafka_send_offsets_to_transaction(call->client, call->offsets,
                                                                   call->generation, call->wait_ms);
    wt_mutex_lock(&call->mutex);
    assert(!call->done);
    call->error = error;
    call->done = true;
    bool left = call->left;
    (void)pthread_cond_signal(&call->done_changed);
    wt_mutex_unlock(&call->mutex);
    return left;
}

static void *run(void *opaque)
{
    struct wt_txn_offsets_call *call = opaque;
    if (make(call)) {
        wt_log_debug("transaction", "the last call of a replaced producer has returned");
        end_client(call->client, call->with_client);
        if (call->error != NULL) {
            rd_kafka_error_destroy(call->error);
        }
        destroy(call);
    }
    return NULL;
}

/* Starts a detached thread. False: there is none. */
static bool start(struct wt_txn_offsets_call *call)
{
    pthread_t thread;
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &attributes, run, call) == 0;
    (void)pthread_attr_destroy(&attributes);
    return started;
}

static bool wait_for(struct wt_txn_offsets_call *call, int wait_ms_max)
{
    struct timespec until = wt_clock_timespec(wt_clock_us() + (int64_t)wait_ms_max * 1000);
    wt_mutex_lock(&call->mutex);
    int code = 0;
    while (!call->done && code == 0) {
        code = wt_mutex_wait(&call->mutex, &call->done_changed, &until);
    }
    bool done = call->done;
    wt_mutex_unlock(&call->mutex);
    return done;
}

struct wt_txn_offsets_call *wt_txn_offsets_send(rd_kafka_t *client,
                                                rd_kafka_topic_partition_list_t **offsets,
                                                rd_kafka_consumer_group_metadata_t **generation,
                                                int wait_ms, int wait_ms_max,
                                                rd_kafka_error_t **error_out)
{
    assert(*offsets != NULL && *generation != NULL && wait_ms <= wait_ms_max);
    struct wt_txn_offsets_call *call = wt_alloc_zeroed(1, sizeof *call);
    wt_clock_init_condition(&call->done_changed);
    wt_mutex_init(&call->mutex);
    call->client = client;
    call->offsets = *offsets;
    call->generation = *generation;
    call->wait_ms = wait_ms;
    *offsets = NULL;
    *generation = NULL;
    if (!start(call)) {
        (void)make(call);
    }
    if (!wait_for(call, wait_ms_max)) {
        return call;
    }
    *error_out = call->error;
    destroy(call);
    return NULL;
}

void wt_txn_offsets_leave(struct wt_txn_offsets_call **call, rd_kafka_t *client, void *with_client)
{
    struct wt_txn_offsets_call *given = *call;
    assert(given == NULL || given->client == client);
    *call = NULL;
    bool done = true;
    if (given != NULL) {
        wt_mutex_lock(&given->mutex);
        done = given->done;
        given->left = !done;
        given->with_client = with_client;
        wt_mutex_unlock(&given->mutex);
    }
    if (!done) {
        return; /* the thread may have destroyed it by now */
    }
    end_client(client, with_client);
    if (given != NULL) {
        if (given->error != NULL) {
            rd_kafka_error_destroy(given->error);
        }
        destroy(given);
    }
}
