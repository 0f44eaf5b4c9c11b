#include "pipeline/promotion_watch.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/promotion_group.h"
#include "kafka/query.h"
#include "observe/log.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_US 2000000
#define ANSWER_MS 700

/* A client that cannot be created, or may not read, is tried again after this time: brokers log what they
 * refuse. */
#define CLIENT_US 60000000

struct wt_promotion_watch {
    const struct wt_config *config;
    struct wt_partitions *partitions;
    struct wt_promotions *promotions;
    rd_kafka_t *client; /* of the group that announces */
    rd_kafka_t *own;    /* of the worker's group; made where it is needed */
    int64_t look_us;
    int64_t pause_us; /* from one question to the next */
    bool denied;      /* the announcement could not be read; logged */
};

struct wt_promotion_watch *wt_promotion_watch_create(const struct wt_config *config,
                                                     struct wt_partitions *partitions,
                                                     struct wt_promotions *promotions)
{
    struct wt_promotion_watch *watch = wt_alloc_zeroed(1, sizeof *watch);
    watch->config = config;
    watch->partitions = partitions;
    watch->promotions = promotions;
    return watch;
}

void wt_promotion_watch_destroy(struct wt_promotion_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    wt_query_client_destroy(watch->client);
    wt_query_client_destroy(watch->own);
    free(watch);
}

/* Callbacks, such as token refreshes, are served between the questions. `group` NULL: the worker's own. */
static bool open_client(struct wt_promotion_watch *watch, const char *group, rd_kafka_t **client)
{
    struct wt_error error;
    if (*client == NULL &&
        wt_query_group_client_create(watch->config, group, client, &error) != WT_OK) {
        wt_log_warn("promotion", "promotions are not noticed: %s", error.message);
        watch->look_us = wt_clock_us() + CLIENT_US;
        return false;
    }
    rd_kafka_message_t *message = rd_kafka_consumer_poll(*client, 0);
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
    return true;
}

/* Of a topic that was deleted there is no commit; its partitions may be assigned for a while. True: there was
 * no other. */
static bool pass_over_missing(rd_kafka_topic_partition_list_t *list)
{
    int missing = 0;
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *item = &list->elems[i];
        if (item->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            item->err = RD_KAFKA_RESP_ERR_NO_ERROR;
            item->offset = RD_KAFKA_OFFSET_INVALID;
            missing++;
        }
    }
    return missing == list->cnt;
}

/* Sets what is committed for the partitions of `list`. Without the right to the group: nothing, so nothing is
 * announced. False: not answered.
 *
 * The admin call that reads all commits of a group would need no list of partitions. But repeated every few
 * seconds it ends the process: librdkafka (seen in 2.16) fails an assertion where an answer and a time-out
 * meet. */
static bool read_commits(struct wt_promotion_watch *watch, rd_kafka_t *client,
                         rd_kafka_topic_partition_list_t *list)
{
    watch->pause_us = LOOK_US;
    rd_kafka_resp_err_t code =
        list->cnt > 0 ? rd_kafka_committed(client, list, ANSWER_MS) : RD_KAFKA_RESP_ERR__NO_OFFSET;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && pass_over_missing(list)) {
        code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    }
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        code = list->elems[i].err;
    }
    if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
        watch->pause_us = CLIENT_US;
        for (int i = 0; i < list->cnt; i++) {
            list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
        }
        return true;
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_topic_partition_list_t *list_assigned(const struct wt_promotion_watch *watch)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);
    const struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(watch->partitions, i)) != NULL; i++) {
        if (atomic_load_explicit(&partition->epoch_live, memory_order_acquire) != 0) {
            (void)rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
        }
    }
    return list;
}

/* Adds all partitions of the topic to `list`. */
static void add_topic(rd_kafka_t *client, const char *name, rd_kafka_topic_partition_list_t *list)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    if (topic == NULL) {
        return;
    }
    if (rd_kafka_metadata(client, 0, topic, &metadata, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; metadata->topic_cnt > 0 && i < metadata->topics[0].partition_cnt; i++) {
            (void)rd_kafka_topic_partition_list_add(list, name,
                                                    metadata->topics[0].partitions[i].id);
        }
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
}

/* All partitions of the topics of which `some` has partitions. The caller destroys the list. */
static rd_kafka_topic_partition_list_t *
list_whole_topics(rd_kafka_t *client, const rd_kafka_topic_partition_list_t *some)
{
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(0);
    for (int i = 0; i < some->cnt; i++) {
        const char *name = some->elems[i].topic;
        if (rd_kafka_topic_partition_list_find(all, name, some->elems[i].partition) == NULL) {
            add_topic(client, name, all);
        }
    }
    return all;
}

/* A worker of this group that has fixed an offset has the model, or knows of one that has. */
static void look_elsewhere(struct wt_promotion_watch *watch, const struct wt_promotion *announced,
                           const rd_kafka_topic_partition_list_t *asked)
{
    if (!open_client(watch, NULL, &watch->own)) {
        return;
    }
    rd_kafka_topic_partition_list_t *all = list_whole_topics(watch->own, asked);
    bool elsewhere = false;
    bool read = read_commits(watch, watch->own, all);
    for (int i = 0; read && i < all->cnt && !elsewhere; i++) {
        struct wt_promotion fixed;
        elsewhere = wt_promotion_of(&all->elems[i], &fixed) && fixed.id == announced->id;
    }
    rd_kafka_topic_partition_list_destroy(all);
    if (elsewhere) {
        wt_promotions_note_elsewhere(watch->promotions, true);
    }
}

/* Whether all partitions have passed their offsets: then a worker without any needs the new model alone. */
static void look_for_the_end(struct wt_promotion_watch *watch, const struct wt_promotion *announced,
                             const rd_kafka_topic_partition_list_t *asked)
{
    if (!open_client(watch, NULL, &watch->own)) {
        return;
    }
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_copy(asked);
    bool read = read_commits(watch, watch->own, all);
    bool over = read;
    for (int i = 0; i < all->cnt && over; i++) {
        struct wt_promotion fixed;
        over = wt_promotion_of(&all->elems[i], &fixed) && fixed.id >= announced->id &&
               all->elems[i].offset >= fixed.at;
    }
    rd_kafka_topic_partition_list_destroy(all);
    if (read) {
        wt_promotions_note_over(watch->promotions, over);
    }
}

/* What is announced for each partition of a list. */
static struct wt_promotion_place *places_of(const rd_kafka_topic_partition_list_t *asked,
                                            const struct wt_promotion *announced)
{
    struct wt_promotion_place *places = wt_alloc_zeroed((size_t)asked->cnt + 1, sizeof *places);
    for (int i = 0; i < asked->cnt; i++) {
        struct wt_promotion one;
        bool known = wt_promotion_of(&asked->elems[i], &one) && one.id == announced->id;
        places[i] = (struct wt_promotion_place){.topic = wt_strdup(asked->elems[i].topic),
                                                .partition = asked->elems[i].partition,
                                                .from = known ? one.at : 0};
    }
    return places;
}

/* An announcement does not change, but for its end. */
static bool has_places(const struct wt_promotion_watch *watch,
                       const rd_kafka_topic_partition_list_t *asked)
{
    bool all = true;
    for (int i = 0; i < asked->cnt && all; i++) {
        all = wt_promotions_from(watch->promotions, asked->elems[i].topic,
                                 asked->elems[i].partition) >= 0;
    }
    return all;
}

/* With the places of all partitions of the topics, for those that this worker may get. False: they cannot be
 * read. */
static bool announce(struct wt_promotion_watch *watch, const struct wt_promotion *announced,
                     const rd_kafka_topic_partition_list_t *asked)
{
    rd_kafka_topic_partition_list_t *all = list_whole_topics(watch->client, asked);
    bool read = read_commits(watch, watch->client, all);
    if (read) {
        wt_promotions_announce(watch->promotions, announced, places_of(all, announced),
                               (size_t)all->cnt);
    }
    rd_kafka_topic_partition_list_destroy(all);
    return read;
}

static void take(struct wt_promotion_watch *watch, const struct wt_promotion *announced,
                 const rd_kafka_topic_partition_list_t *asked, bool assigned)
{
    struct wt_promotion known;
    bool any = wt_promotions_announced(watch->promotions, &known);
    bool news = !any || known.id != announced->id || known.ended != announced->ended;
    if (news) {
        wt_log_info("promotion",
                    announced->ended ? "the promotion to the model of SHA-256 %s (%s) is called off"
                                     : "the group is promoted to the model of SHA-256 %s (%s)",
                    announced->model.sha256, announced->model.path);
    }
    bool same = !news && has_places(watch, asked);
    if (!same && !announce(watch, announced, asked)) {
        return;
    }
    if (same) {
        wt_promotions_note_read(watch->promotions);
    }
    if (!announced->ended && wt_promotions_lack(watch->promotions, announced->model.sha256) &&
        !wt_promotions_elsewhere(watch->promotions)) {
        look_elsewhere(watch, announced, asked);
    }
    if (!announced->ended && !assigned) {
        look_for_the_end(watch, announced, asked);
    }
}

/* For a worker without partitions. Which topics a pattern matches it learns with its first partition. */
static void add_named_topics(struct wt_promotion_watch *watch, const char *group,
                             rd_kafka_topic_partition_list_t *list)
{
    const struct wt_strings *topics = &watch->config->input.topics;
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->items[i][0] != '^' && open_client(watch, group, &watch->client)) {
            add_topic(watch->client, topics->items[i], list);
        }
    }
}

void wt_promotion_watch_step(struct wt_promotion_watch *watch)
{
    if (wt_clock_us() < watch->look_us) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = list_assigned(watch);
    char *group = wt_promotion_group(watch->config);
    bool assigned = list->cnt > 0;
    if (!assigned) {
        add_named_topics(watch, group, list);
    }
    bool open = list->cnt > 0 && open_client(watch, group, &watch->client);
    bool read = open && read_commits(watch, watch->client, list);
    struct wt_promotion announced;
    if (read && wt_promotion_group_newest(list, &announced)) {
        take(watch, &announced, list, assigned);
    } else if (read) {
        wt_promotions_announce(watch->promotions, NULL, NULL, 0);
    } else if (open && !watch->denied) {
        watch->denied = true;
        wt_log_debug("promotion", "what %s has announced cannot be read; trying again", group);
    }
    if (read || !assigned) {
        watch->look_us = wt_clock_us() + (read ? watch->pause_us : LOOK_US);
    }
    free(group);
    rd_kafka_topic_partition_list_destroy(list);
}
