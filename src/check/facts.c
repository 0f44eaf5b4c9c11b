#include "check/facts.h"

const char *wt_topic_role_key(enum wt_topic_role role)
{
    return role == WT_TOPIC_INPUT    ? "input.topics"
           : role == WT_TOPIC_OUTPUT ? "output.topic"
           : role == WT_TOPIC_ROUTE  ? "output.routes"
           : role == WT_TOPIC_SHADOW ? "model.shadow.topic"
                                     : "dead_letter.topic";
}

int64_t wt_facts_batch_bytes(const struct wt_cluster_facts *facts)
{
    int64_t least = -1;
    for (size_t i = 0; i < facts->topic_count; i++) {
        int64_t bytes = facts->topics[i].record_bytes_max;
        if (wt_topic_has_labels(&facts->topics[i]) && bytes > 0 && (least < 0 || bytes < least)) {
            least = bytes;
        }
    }
    return least;
}

const struct wt_topic_facts *wt_facts_find(const struct wt_cluster_facts *facts,
                                           enum wt_topic_role role)
{
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (facts->topics[i].role == role) {
            return &facts->topics[i];
        }
    }
    return NULL;
}
