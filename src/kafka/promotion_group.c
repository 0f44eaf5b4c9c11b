#include "kafka/promotion_group.h"

#include "base/alloc.h"
#include "kafka/group_query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

char *wt_promotion_group(const struct wt_config *config)
{
    const struct wt_property *group = wt_config_consumer_property(config, "group.id");
    return wt_format("%s" WT_PROMOTION_SUFFIX, group != NULL ? group->value : "");
}

bool wt_promotion_of(const rd_kafka_topic_partition_t *commit, struct wt_promotion *promotion_out)
{
    return commit->offset >= 0 &&
           wt_promotion_read(commit->metadata, commit->metadata_size, promotion_out);
}

/* Of several announcements, as after partitions were added or two commands ran at once, the newest one
 * counts. */
bool wt_promotion_group_newest(const rd_kafka_topic_partition_list_t *commits,
                               struct wt_promotion *announced_out)
{
    bool found = false;
    for (int i = 0; i < commits->cnt; i++) {
        struct wt_promotion one;
        if (wt_promotion_of(&commits->elems[i], &one) && (!found || one.id > announced_out->id)) {
            *announced_out = one;
            found = true;
        }
    }
    return found;
}

static bool take(const rd_kafka_topic_partition_list_t *commits, struct wt_promotion *announced_out,
                 struct wt_promotion_place **places_out, size_t *count_out)
{
    *places_out = NULL;
    *count_out = 0;
    if (!wt_promotion_group_newest(commits, announced_out)) {
        return false;
    }
    *places_out = wt_alloc_zeroed((size_t)commits->cnt, sizeof **places_out);
    for (int i = 0; i < commits->cnt; i++) {
        struct wt_promotion one;
        const rd_kafka_topic_partition_t *commit = &commits->elems[i];
        if (wt_promotion_of(commit, &one) && one.id == announced_out->id) {
            (*places_out)[(*count_out)++] = (struct wt_promotion_place){
                .topic = wt_strdup(commit->topic), .partition = commit->partition, .from = one.at};
        }
    }
    return true;
}

enum wt_status wt_promotion_group_read(rd_kafka_t *client, const char *group, int wait_ms,
                                       struct wt_promotion *announced_out, bool *found_out,
                                       struct wt_promotion_place **places_out, size_t *count_out,
                                       struct wt_error *error)
{
    rd_kafka_topic_partition_list_t *commits = NULL;
    *found_out = false;
    *count_out = 0;
    *places_out = NULL;
    enum wt_status status = wt_group_commits(client, group, wait_ms, &commits, error);
    if (status == WT_OK) {
        *found_out = take(commits, announced_out, places_out, count_out);
        rd_kafka_topic_partition_list_destroy(commits);
    }
    return status;
}

void wt_promotion_note(const struct wt_partition *partition, rd_kafka_topic_partition_t *commit)
{
    const struct wt_partition_promotion *own =
        atomic_load_explicit(&partition->promotion, memory_order_acquire);
    if (own != NULL) {
        assert(commit->metadata == NULL);        /* a replay has no promotions */
        commit->metadata = wt_strdup(own->text); /* the list frees it */
        commit->metadata_size = strlen(own->text);
    }
}
