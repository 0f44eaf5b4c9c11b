#include "kafka/group_member.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The generation of a client that is not a member of a group (Kafka protocol guide). */
#define NO_GENERATION (-1)

/* A request may be under way for socket.timeout.ms (a minute unless configured), and was written before
 * the session was over. */
#define REMOVED_US_MAX INT64_C(120000000)

struct wt_group_member {
    rd_kafka_t *consumer;
    const struct wt_config *config;
    char *assigned_id;     /* the member id of the latest assignment; NULL: there was none */
    int64_t removed_us;    /* when an assignment came with another member id; 0: never */
    pthread_mutex_t mutex; /* guards the members below */
    bool pinned;
    rd_kafka_consumer_group_metadata_t *metadata; /* while pinned; NULL: not a member then */
};

/* librdkafka has no accessor for the generation, so compares the serialized metadata. */
static bool is_equal(const rd_kafka_consumer_group_metadata_t *left,
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

/* The metadata of this client if it were not a member: the same group and member id, but no
 * generation. */
static rd_kafka_consumer_group_metadata_t *without_generation(const struct wt_config *config,
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
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(consumer);
    char *member_id = rd_kafka_memberid(consumer);
    if (metadata != NULL) {
        rd_kafka_consumer_group_metadata_t *outside =
            without_generation(config, member_id != NULL ? member_id : "");
        if (is_equal(metadata, outside)) {
            rd_kafka_consumer_group_metadata_destroy(metadata);
            metadata = NULL;
        }
        rd_kafka_consumer_group_metadata_destroy(outside);
    }
    if (member_id != NULL) {
        rd_kafka_mem_free(consumer, member_id);
    }
    return metadata;
}

static rd_kafka_consumer_group_metadata_t *
copy_of(const rd_kafka_consumer_group_metadata_t *metadata)
{
    rd_kafka_consumer_group_metadata_t *copy = NULL;
    void *bytes = NULL;
    size_t count = 0;
    rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(metadata, &bytes, &count);
    if (error == NULL) {
        error = rd_kafka_consumer_group_metadata_read(&copy, bytes, count);
        rd_kafka_mem_free(NULL, bytes);
    }
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    return copy;
}

void wt_group_member_free(rd_kafka_consumer_group_metadata_t *metadata)
{
    if (metadata != NULL) {
        rd_kafka_consumer_group_metadata_destroy(metadata);
    }
}

bool wt_group_member_is_out(rd_kafka_t *client)
{
    return rd_kafka_assignment_lost(client) ||
           rd_kafka_fatal_error(client, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* --- removal --------------------------------------------------------------------------------- */

/* True: `member_id`, which may be NULL, is not that of the latest assignment. */
static bool is_new(const struct wt_group_member *member, const char *member_id)
{
    return member->assigned_id != NULL &&
           (member_id == NULL || strcmp(member_id, member->assigned_id) != 0);
}

void wt_group_member_note_assigned(struct wt_group_member *member)
{
    char *member_id = rd_kafka_memberid(member->consumer);
    if (is_new(member, member_id)) {
        member->removed_us = wt_clock_us();
    }
    if (member_id != NULL) {
        free(member->assigned_id);
        member->assigned_id = wt_strdup(member_id);
        rd_kafka_mem_free(member->consumer, member_id);
    }
}

bool wt_group_member_was_removed(const struct wt_group_member *member)
{
    char *member_id = rd_kafka_memberid(member->consumer);
    bool removed = is_new(member, member_id);
    if (member_id != NULL) {
        rd_kafka_mem_free(member->consumer, member_id);
    }
    return removed ||
           (member->removed_us != 0 && wt_clock_us() - member->removed_us < REMOVED_US_MAX);
}

/* --- pinning --------------------------------------------------------------------------------- */

struct wt_group_member *wt_group_member_create(rd_kafka_t *consumer, const struct wt_config *config)
{
    struct wt_group_member *member = wt_alloc_zeroed(1, sizeof *member);
    member->consumer = consumer;
    member->config = config;
    (void)pthread_mutex_init(&member->mutex, NULL);
    return member;
}

void wt_group_member_destroy(struct wt_group_member *member)
{
    if (member == NULL) {
        return;
    }
    wt_group_member_free(member->metadata);
    free(member->assigned_id);
    (void)pthread_mutex_destroy(&member->mutex);
    free(member);
}

static void set(struct wt_group_member *member, bool pinned,
                rd_kafka_consumer_group_metadata_t *metadata)
{
    (void)pthread_mutex_lock(&member->mutex);
    wt_group_member_free(member->metadata);
    member->pinned = pinned;
    member->metadata = metadata;
    (void)pthread_mutex_unlock(&member->mutex);
}

void wt_group_member_pin(struct wt_group_member *member)
{
    set(member, true, wt_group_member_now(member->consumer, member->config));
}

void wt_group_member_unpin(struct wt_group_member *member)
{
    set(member, false, NULL);
}

/* False: not pinned. */
static bool get_pinned(struct wt_group_member *member,
                       rd_kafka_consumer_group_metadata_t **metadata_out)
{
    (void)pthread_mutex_lock(&member->mutex);
    bool pinned = member->pinned;
    *metadata_out = pinned && member->metadata != NULL ? copy_of(member->metadata) : NULL;
    (void)pthread_mutex_unlock(&member->mutex);
    return pinned;
}

rd_kafka_consumer_group_metadata_t *wt_group_member_get(struct wt_group_member *member)
{
    rd_kafka_consumer_group_metadata_t *metadata;
    return get_pinned(member, &metadata) ? metadata
                                         : wt_group_member_now(member->consumer, member->config);
}

bool wt_group_member_is_over(struct wt_group_member *member)
{
    rd_kafka_consumer_group_metadata_t *metadata;
    if (!get_pinned(member, &metadata)) {
        return false;
    }
    rd_kafka_consumer_group_metadata_t *now = wt_group_member_now(member->consumer, member->config);
    bool over = metadata == NULL || now == NULL || !is_equal(metadata, now);
    wt_group_member_free(metadata);
    wt_group_member_free(now);
    return over;
}
