#include "pipeline/publish/missing_topics.h"

#include "base/alloc.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* How long the records of a topic wait before it is tried again: the first time, then twice as long
 * each time, and the longest. */
#define WAIT_US 5000000
#define WAIT_US_MAX 60000000

/* How long topics that were not tried yet, or are to be tried again, have the first turn. */
#define TURN_US 100000

struct topic {
    const char *name;
    int64_t wait_us;  /* 0: it was tried, and is known */
    int64_t until_us; /* no record of it before */
    /* While it is to be tried again: until when all others wait for it; 0: it is not its turn yet. */
    int64_t turn_us;
};

struct wt_missing_topics {
    struct topic *topics;
    size_t count;
    size_t capacity;
    bool trying;       /* a transaction has one topic */
    int64_t turn_us;   /* until when those that were tried wait for the others */
    const char *first; /* of the transaction; NULL: it has no records */
    bool several;      /* the transaction has others, too */
};

struct wt_missing_topics *wt_missing_topics_create(void)
{
    return wt_alloc_zeroed(1, sizeof(struct wt_missing_topics));
}

void wt_missing_topics_destroy(struct wt_missing_topics *missing)
{
    if (missing == NULL) {
        return;
    }
    free(missing->topics);
    free(missing);
}

static struct topic *find(const struct wt_missing_topics *missing, const char *name)
{
    for (size_t i = 0; i < missing->count; i++) {
        if (strcmp(missing->topics[i].name, name) == 0) {
            return &missing->topics[i];
        }
    }
    return NULL;
}

static struct topic *add(struct wt_missing_topics *missing, const char *name)
{
    struct topic *topic = find(missing, name);
    if (topic != NULL) {
        return topic;
    }
    if (missing->count == missing->capacity) {
        missing->capacity = missing->capacity > 0 ? missing->capacity * 2 : 8;
        missing->topics = wt_realloc(missing->topics, missing->capacity * sizeof *missing->topics);
    }
    topic = &missing->topics[missing->count++];
    *topic = (struct topic){.name = name};
    return topic;
}

/* Forgets the topic; `topic` is the next one then. */
static void drop(struct wt_missing_topics *missing, struct topic *topic)
{
    *topic = missing->topics[--missing->count];
}

/* Forgets which topics are known. */
static void forget_tried(struct wt_missing_topics *missing)
{
    for (size_t i = missing->count; i-- > 0;) {
        if (missing->topics[i].wait_us == 0) {
            drop(missing, &missing->topics[i]);
        }
    }
}

/* True: another topic than `name` is to be tried again in the next transaction. One that has no records
 * then is forgotten: its partitions were taken away. */
static bool another_has_its_turn(struct wt_missing_topics *missing, const char *name,
                                 int64_t now_us)
{
    bool own = false;
    bool another = false;
    for (size_t i = missing->count; i-- > 0;) {
        struct topic *topic = &missing->topics[i];
        if (topic->wait_us == 0 || now_us < topic->until_us) {
            continue;
        }
        topic->turn_us = topic->turn_us > 0 ? topic->turn_us : now_us + TURN_US;
        if (now_us >= topic->turn_us) {
            drop(missing, topic);
        } else if (strcmp(topic->name, name) == 0) {
            own = true;
        } else {
            another = true;
        }
    }
    return another && !own;
}

bool wt_missing_topics_withholds(struct wt_missing_topics *missing, const char *topic,
                                 int64_t now_us)
{
    if (missing->count == 0 && !missing->trying) {
        return false;
    }
    if (missing->first == NULL && another_has_its_turn(missing, topic, now_us)) {
        return true;
    }
    const struct topic *known = find(missing, topic);
    bool waits = known != NULL && known->wait_us > 0;
    if (waits && now_us < known->until_us) {
        return true;
    }
    if (missing->first != NULL && strcmp(missing->first, topic) != 0) {
        const struct topic *first = find(missing, missing->first);
        return missing->trying || waits || (first != NULL && first->wait_us > 0);
    }
    bool tried = missing->trying && known != NULL && known->wait_us == 0;
    return tried && missing->first == NULL && now_us < missing->turn_us;
}

bool wt_missing_topics_hurries(const struct wt_missing_topics *missing)
{
    const struct topic *first = missing->first != NULL ? find(missing, missing->first) : NULL;
    return missing->first != NULL && (missing->trying || (first != NULL && first->wait_us > 0));
}

void wt_missing_topics_joined(struct wt_missing_topics *missing, const char *topic)
{
    if (missing->first == NULL) {
        missing->first = topic;
    }
    missing->several = missing->several || strcmp(missing->first, topic) != 0;
}

const char *wt_missing_topics_committed(struct wt_missing_topics *missing, int64_t now_us)
{
    const char *first = missing->first;
    struct topic *topic = first != NULL ? find(missing, first) : NULL;
    bool known_again = topic != NULL && topic->wait_us > 0;
    missing->first = NULL;
    missing->several = false;
    if (known_again) {
        drop(missing, topic);
    }
    if (missing->trying && first != NULL) {
        if (topic != NULL && !known_again) {
            forget_tried(missing); /* no other topic has records: from the start */
        }
        (void)add(missing, first);
        missing->turn_us = now_us + TURN_US;
    }
    return known_again ? first : NULL;
}

const char *wt_missing_topics_aborted(struct wt_missing_topics *missing, bool refused,
                                      int64_t now_us)
{
    const char *first = missing->first;
    bool several = missing->several;
    missing->first = NULL;
    missing->several = false;
    if (!refused || first == NULL) {
        return NULL;
    }
    if (several) {
        missing->trying = true;
        missing->turn_us = now_us;
        return NULL;
    }
    missing->trying = false;
    forget_tried(missing);
    struct topic *topic = add(missing, first);
    bool first_time = topic->wait_us == 0;
    int64_t longer_us = first_time ? WAIT_US : topic->wait_us * 2;
    topic->wait_us = longer_us < WAIT_US_MAX ? longer_us : WAIT_US_MAX;
    topic->until_us = now_us + topic->wait_us;
    topic->turn_us = 0;
    return first_time ? first : NULL;
}
