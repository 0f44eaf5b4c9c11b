#include "check/audit_group.h"

#include "kafka/consumer_settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAMES_BYTES_MAX 300u
#define NAMES_MAX 5

void wt_group_facts_free(struct wt_group_facts *group)
{
    for (size_t i = 0; i < group->member_count; i++) {
        free(group->members[i].client_id);
        free(group->members[i].host);
        free(group->members[i].foreign_topic);
    }
    free(group->members);
    free(group->refusal);
    free(group->strategy);
    *group = (struct wt_group_facts){0};
}

void wt_group_position_free(struct wt_group_position *position)
{
    for (size_t i = 0; i < position->topic_count; i++) {
        free(position->topics[i].topic);
    }
    free(position->topics);
    *position = (struct wt_group_position){0};
}

static const char *group_of(const struct wt_config *config)
{
    const struct wt_property *own = wt_config_consumer_property(config, "group.id");
    return own != NULL ? own->value : "";
}

/* --- members --------------------------------------------------------------------------------- */

/* The length of the client.id's first word. Workers may differ in the rest: wiretag-1,
 * wiretag-2. */
static size_t stem_of(const char *client_id)
{
    size_t length = strcspn(client_id, "-_.0123456789");
    return length > 0 ? length : strlen(client_id);
}

static bool is_stranger(const struct wt_config *config, const struct wt_member_facts *member)
{
    const struct wt_property *own = wt_config_consumer_property(config, "client.id");
    const char *client_id = own != NULL ? own->value : "wiretag";
    size_t stem = stem_of(client_id);
    return stem_of(member->client_id) != stem || strncmp(client_id, member->client_id, stem) != 0;
}

/* Writes "console-consumer (/10.0.0.7), x (/10.0.0.8) and 3 more": all members, or only
 * `strangers`, which are no workers by their client.id. Returns how many there are. */
static int name_members(const struct wt_config *config, const struct wt_group_facts *group,
                        bool strangers, char names[NAMES_BYTES_MAX])
{
    int count = 0;
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; i < group->member_count; i++) {
        const struct wt_member_facts *member = &group->members[i];
        if (strangers && !is_stranger(config, member)) {
            continue;
        }
        if (count < NAMES_MAX && used < NAMES_BYTES_MAX) {
            used += (size_t)snprintf(names + used, NAMES_BYTES_MAX - used, "%s%s (%s)",
                                     count > 0 ? ", " : "", member->client_id, member->host);
        }
        count++;
    }
    if (count > NAMES_MAX && used < NAMES_BYTES_MAX) {
        (void)snprintf(names + used, NAMES_BYTES_MAX - used, " and %d more", count - NAMES_MAX);
    }
    return count;
}

/* True: a list like "range, cooperative-sticky" contains `name`. */
static bool has_name(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (*list != '\0') {
        list += strspn(list, ", ");
        size_t item = strcspn(list, ", ");
        if (item == length && strncmp(list, name, length) == 0) {
            return true;
        }
        list += item;
    }
    return false;
}

static void audit_strategy(const struct wt_config *config, const struct wt_group_facts *group,
                           struct wt_findings *findings)
{
    char names[NAMES_BYTES_MAX];
    const char *own = wt_consumer_strategy(config);
    if (group->next_generation || wt_consumer_has_coordinator_assign(config) ||
        group->member_count == 0 || group->strategy == NULL || group->strategy[0] == '\0' ||
        has_name(own, group->strategy)) {
        return;
    }
    (void)name_members(config, group, false, names);
    wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_ERROR, "group-strategy",
                   "consumer group %s assigns its partitions by %s, and this worker offers %s: it "
                   "cannot join, unless all members offer that as well. Members: %s",
                   group_of(config), group->strategy, own, names);
    wt_finding_remedy(findings,
                      "give the worker a group of its own (kafka.consumer.group.id), or set "
                      "partition.assignment.strategy: %s",
                      group->strategy);
}

static const char *foreign_topic(const struct wt_group_facts *group)
{
    for (size_t i = 0; i < group->member_count; i++) {
        if (group->members[i].foreign_topic != NULL) {
            return group->members[i].foreign_topic;
        }
    }
    return NULL;
}

static void audit_members(const struct wt_config *config, const struct wt_group_facts *group,
                          struct wt_findings *findings)
{
    char names[NAMES_BYTES_MAX];
    const char *foreign = foreign_topic(group);
    int strangers = name_members(config, group, true, names);
    if (foreign != NULL) {
        (void)name_members(config, group, strangers > 0, names);
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_WARNING, "group-strangers",
                       "members of consumer group %s read other topics, such as %s: each of their "
                       "restarts is a rebalance of this worker too. Members: %s",
                       group_of(config), foreign, names);
    } else if (strangers > 0) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_WARNING, "group-strangers",
                       "consumer group %s has members whose client.id is not a worker's: the "
                       "records they read are not labelled. Members%s%s: %s",
                       group_of(config),
                       group->strategy != NULL && group->strategy[0] != '\0' ? ", assigned by "
                                                                             : "",
                       group->strategy != NULL ? group->strategy : "", names);
    } else {
        return;
    }
    wt_finding_remedy(findings, "give the worker a group of its own (kafka.consumer.group.id), or "
                                "stop them; all workers have the same first word in client.id");
}

void wt_audit_group(const struct wt_config *config, const struct wt_group_facts *group,
                    struct wt_findings *findings)
{
    if (group->refusal != NULL) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_ERROR, "group-strangers",
                       "consumer group %s is not a group of consumers: %s", group_of(config),
                       group->refusal);
        wt_finding_remedy(findings, "give the worker a group of its own (kafka.consumer.group.id)");
        return;
    }
    audit_strategy(config, group, findings);
    audit_members(config, group, findings);
}

/* --- committed offsets ----------------------------------------------------------------------- */

/* Writes "topic news" or "2 of 12 partitions of topic news". */
static void name_place(const struct wt_topic_position *position, char *place, size_t bytes)
{
    if (position->uncommitted == position->partitions) {
        (void)snprintf(place, bytes, "topic %s", position->topic);
    } else {
        (void)snprintf(place, bytes, "%" PRId32 " of %" PRId32 " partitions of topic %s",
                       position->uncommitted, position->partitions, position->topic);
    }
}

/* Writes "the 7 records from offset 0 on". */
static void name_records(const struct wt_topic_position *position, char *records, size_t bytes)
{
    int length = snprintf(records, bytes, "the %" PRId64 " records from offset %" PRId64,
                          position->records, position->first_min);
    if (position->first_max > position->first_min && (size_t)length < bytes) {
        (void)snprintf(records + length, bytes - (size_t)length,
                       " (other partitions: %" PRId64 " at most) on", position->first_max);
    } else if ((size_t)length < bytes) {
        (void)snprintf(records + length, bytes - (size_t)length, " on");
    }
}

/* What a worker of a group without offsets does with the existing records; a verb. */
static const char *verb_of(const struct wt_config *config, bool labelled)
{
    const struct wt_property *reset = wt_config_consumer_property(config, "auto.offset.reset");
    if (!wt_consumer_begins_at_end(config)) {
        return labelled ? "labels once more" : "reads";
    }
    return strcmp(reset->value, "error") == 0 || strcmp(reset->value, "none") == 0
               ? "does not read (auto.offset.reset is error)"
               : "leaves out";
}

static void audit_forgotten(const struct wt_config *config,
                            const struct wt_topic_position *position, int64_t minutes,
                            struct wt_findings *findings)
{
    char setting[80] = "offsets.retention.minutes";
    char place[320];
    char records[160];
    bool labelled = position->labelled_in != NULL;
    if (minutes > 0) {
        (void)snprintf(setting, sizeof setting, "offsets.retention.minutes, %" PRId64 " here",
                       minutes);
    }
    name_place(position, place, sizeof place);
    name_records(position, records, sizeof records);
    if (!labelled) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_NOTE, "group-offsets",
                       "consumer group %s has committed no offset yet for %s: a worker that starts "
                       "%s %s",
                       group_of(config), place, verb_of(config, labelled), records);
        return;
    }
    wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_WARNING, "group-offsets",
                   "consumer group %s has no committed offset any more for %s, though topic %s has "
                   "%s of it: they expired (%s), were deleted (as with a topic that is "
                   "re-created), or the group has a new name; a "
                   "worker that starts %s %s",
                   group_of(config), place, position->labelled_in,
                   strcmp(position->labelled_in, config->dead_letter.topic) == 0 ? "dead letters"
                                                                                 : "labels",
                   setting, verb_of(config, labelled), records);
    wt_finding_remedy(findings,
                      "before a start set them: kafka-consumer-groups.sh --group %s --topic %s "
                      "--reset-offsets --to-datetime TIME --execute",
                      group_of(config), position->topic);
}

void wt_audit_position(const struct wt_config *config, const struct wt_group_position *position,
                       int64_t minutes, struct wt_findings *findings)
{
    if (!position->known) {
        return;
    }
    for (size_t i = 0; i < position->topic_count; i++) {
        if (position->topics[i].records > 0) {
            audit_forgotten(config, &position->topics[i], minutes, findings);
        }
    }
    if (position->deleted_records > 0) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_WARNING, "group-offsets",
                       "%" PRId64 " records after the offsets of consumer group %s were deleted "
                       "by retention before they were labelled",
                       position->deleted_records, group_of(config));
        wt_finding_remedy(findings, "they are lost; raise retention.ms of the input topics, or run "
                                    "more workers");
    }
    if (position->beyond > 0) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_WARNING, "group-offsets",
                       "in %" PRId32 " partitions consumer group %s has committed offsets beyond "
                       "the end: a topic was re-created or truncated",
                       position->beyond, group_of(config));
        wt_finding_remedy(findings,
                          "a worker continues at %s; to change that, run "
                          "kafka-consumer-groups.sh --reset-offsets",
                          wt_consumer_begins_at_end(config) ? "the end" : "the first record");
    }
}
