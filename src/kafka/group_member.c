#include "kafka/group_member.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The generation of who is in no group (Kafka protocol guide). */
#define NO_GENERATION (-1)

struct wt_group_member {
    rd_kafka_t *consumer;
    const struct wt_config *config;
    pthread_mutex_t mutex; /* guards what follows */
    bool held;
    rd_kafka_consumer_group_metadata_t *place; /* while held; NULL: none */
};

/* librdkafka has no accessor for the generation; but equal metadata are written alike. */
static bool says_the_same(const rd_kafka_consumer_group_metadata_t *left,
                          const rd_kafka_consumer_group_metadata_t *right)
{
    void *bytes[2] = {NULL, NULL};
    size_t counts[2] = {0, 0};
    rd_kafka_error_t *errors[2] = {
        rd_kafka_consumer_group_metadata_write(left, &bytes[0], &counts[0]),
        rd_kafka_consumer_group_metadata_write(right, &bytes[1], &counts[1])};
    bool same = errors[0] == NULL && errors[1] == NULL && counts[0] == counts[1] &&
                memcmp(bytes[0], bytes[1], counts[0]) == 0;
    for (int i = 0; i < 2; i++) {
        if (errors[i] != NULL) {
            rd_kafka_error_destroy(errors[i]);
        } else {
            rd_kafka_mem_free(NULL, bytes[i]);
        }
    }
    return same;
}

/* What the client would commit by, were it in no group: its name and member id stay, its generation
 * does not. */
static rd_kafka_consumer_group_metadata_t *nobody(const struct wt_config *config,
                                                  const char *member_id)
{
    const struct wt_property *instance = wt_config_consumer_property(config, "group.instance.id");
    return rd_kafka_consumer_group_metadata_new_with_genid(
        wt_config_consumer_property(config, "group.id")->value, NO_GENERATION, member_id,
        instance != NULL ? instance->value : NULL);
}

rd_kafka_consumer_group_metadata_t *wt_group_member_now(rd_kafka_t *consumer,
                                                        const struct wt_config *config)
{
    rd_kafka_consumer_group_metadata_t *membership = rd_kafka_consumer_group_metadata(consumer);
    char *member_id = rd_kafka_memberid(consumer);
    if (membership != NULL) {
        rd_kafka_consumer_group_metadata_t *outside =
            nobody(config, member_id != NULL ? member_id : "");
        if (says_the_same(membership, outside)) {
            rd_kafka_consumer_group_metadata_destroy(membership);
            membership = NULL;
        }
        rd_kafka_consumer_group_metadata_destroy(outside);
    }
    if (member_id != NULL) {
        rd_kafka_mem_free(consumer, member_id);
    }
    return membership;
}

static rd_kafka_consumer_group_metadata_t *copy_of(const rd_kafka_consumer_group_metadata_t *place)
{
    rd_kafka_consumer_group_metadata_t *copy = NULL;
    void *bytes = NULL;
    size_t count = 0;
    rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(place, &bytes, &count);
    if (error == NULL) {
        error = rd_kafka_consumer_group_metadata_read(&copy, bytes, count);
        rd_kafka_mem_free(NULL, bytes);
    }
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    return copy;
}

void wt_group_member_free(rd_kafka_consumer_group_metadata_t *place)
{
    if (place != NULL) {
        rd_kafka_consumer_group_metadata_destroy(place);
    }
}

bool wt_group_member_is_out(rd_kafka_t *client)
{
    return rd_kafka_assignment_lost(client) ||
           rd_kafka_fatal_error(client, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* --- held ------------------------------------------------------------------------------------ */

struct wt_group_member *wt_group_member_create(rd_kafka_t *consumer, const struct wt_config *config)
{
    struct wt_group_member *membership = wt_alloc_zeroed(1, sizeof *membership);
    membership->consumer = consumer;
    membership->config = config;
    (void)pthread_mutex_init(&membership->mutex, NULL);
    return membership;
}

void wt_group_member_destroy(struct wt_group_member *membership)
{
    if (membership == NULL) {
        return;
    }
    wt_group_member_free(membership->place);
    (void)pthread_mutex_destroy(&membership->mutex);
    free(membership);
}

static void set(struct wt_group_member *membership, bool held,
                rd_kafka_consumer_group_metadata_t *place)
{
    (void)pthread_mutex_lock(&membership->mutex);
    wt_group_member_free(membership->place);
    membership->held = held;
    membership->place = place;
    (void)pthread_mutex_unlock(&membership->mutex);
}

void wt_group_member_pin(struct wt_group_member *membership)
{
    set(membership, true, wt_group_member_now(membership->consumer, membership->config));
}

void wt_group_member_unpin(struct wt_group_member *membership)
{
    set(membership, false, NULL);
}

/* False: none is held. */
static bool get_held(struct wt_group_member *membership,
                     rd_kafka_consumer_group_metadata_t **place_out)
{
    (void)pthread_mutex_lock(&membership->mutex);
    bool held = membership->held;
    *place_out = held && membership->place != NULL ? copy_of(membership->place) : NULL;
    (void)pthread_mutex_unlock(&membership->mutex);
    return held;
}

rd_kafka_consumer_group_metadata_t *wt_group_member_get(struct wt_group_member *membership)
{
    rd_kafka_consumer_group_metadata_t *place;
    return get_held(membership, &place)
               ? place
               : wt_group_member_now(membership->consumer, membership->config);
}

bool wt_group_member_is_over(struct wt_group_member *membership)
{
    rd_kafka_consumer_group_metadata_t *place;
    if (!get_held(membership, &place)) {
        return false;
    }
    rd_kafka_consumer_group_metadata_t *now =
        wt_group_member_now(membership->consumer, membership->config);
    bool over = place == NULL || now == NULL || !says_the_same(place, now);
    wt_group_member_free(place);
    wt_group_member_free(now);
    return over;
}
