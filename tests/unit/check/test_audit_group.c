/* Strangers in the group and offsets that are gone are found, and workers of the group are no strangers. */
#include "check/audit_group.h"

#include "config/config_cases.h"
#include "support.h"

#define CONFIG "kafka:\n  consumer: {group.id: g}\n"

static void assert_only(struct wt_findings *findings, const char *check,
                        enum wt_finding_level level, const char *part)
{
    assert_int_equal(findings->count, check != NULL ? 1 : 0);
    if (check != NULL) {
        assert_string_equal(findings->items[0].check, check);
        assert_int_equal(findings->items[0].level, level);
        if (strstr(findings->items[0].message, part) == NULL) {
            fail_msg("%s", findings->items[0].message);
        }
        assert_true(level < WT_FINDING_WARNING || findings->items[0].remedy[0] != '\0');
    }
    wt_findings_free(findings);
}

static void assert_group(const char *text, const struct wt_group_facts *group, const char *check,
                         enum wt_finding_level level, const char *part)
{
    struct wt_findings findings = {0};
    struct wt_config *config = load(text, NULL);
    wt_audit_group(config, group, &findings);
    assert_only(&findings, check, level, part);
    wt_config_destroy(config);
}

static struct wt_member_facts member(char *client_id)
{
    return (struct wt_member_facts){.client_id = client_id, .host = (char *)"/10.0.0.7"};
}

static void workers_of_the_group_are_no_strangers(void **state)
{
    (void)state;
    struct wt_member_facts members[] = {member((char *)"wiretag"), member((char *)"wiretag")};
    struct wt_group_facts group = {.known = true,
                                   .strategy = (char *)"cooperative-sticky",
                                   .members = members,
                                   .member_count = 2};
    assert_group(CONFIG, &group, NULL, WT_FINDING_OK, "");
    members[0] = member((char *)"wiretag-1");
    members[1] = member((char *)"wiretag.west.2");
    assert_group(CONFIG, &group, NULL, WT_FINDING_OK, "");
    members[0] = member((char *)"tagger-1");
    members[1] = member((char *)"tagger-2");
    assert_group("kafka:\n  consumer: {group.id: g, client.id: tagger-3}\n", &group, NULL,
                 WT_FINDING_OK, "");
    struct wt_group_facts empty = {.known = true, .strategy = (char *)""};
    assert_group(CONFIG, &empty, NULL, WT_FINDING_OK, "");
}

static void strangers_are_named(void **state)
{
    (void)state;
    struct wt_member_facts members[] = {member((char *)"wiretag"),
                                        member((char *)"console-consumer")};
    struct wt_group_facts group = {.known = true,
                                   .strategy = (char *)"cooperative-sticky",
                                   .members = members,
                                   .member_count = 2};
    assert_group(CONFIG, &group, "group-strangers", WT_FINDING_WARNING,
                 "console-consumer (/10.0.0.7)");
    members[1].client_id = (char *)"wiretagger";
    assert_group(CONFIG, &group, "group-strangers", WT_FINDING_WARNING, "wiretagger");
    members[1].client_id = (char *)"wiretag";
    members[1].foreign_topic = (char *)"payments";
    assert_group(CONFIG, &group, "group-strangers", WT_FINDING_WARNING, "payments");
    struct wt_group_facts other = {
        .known = true, .refusal = (char *)"GroupId g is not a consumer group (connect)."};
    assert_group(CONFIG, &other, "group-strangers", WT_FINDING_ERROR, "(connect)");
}

static void another_strategy_is_named_with_whoever_has_it(void **state)
{
    (void)state;
    struct wt_member_facts members[] = {member((char *)"wiretag")};
    struct wt_group_facts group = {
        .known = true, .strategy = (char *)"range", .members = members, .member_count = 1};
    assert_group(CONFIG, &group, "group-strategy", WT_FINDING_ERROR,
                 "by range, and this worker offers cooperative-sticky");
    assert_group("kafka:\n  consumer: {group.id: g, partition.assignment.strategy: "
                 "\"range,roundrobin\"}\n",
                 &group, NULL, WT_FINDING_OK, "");
    group.next_generation = true;
    assert_group(CONFIG, &group, NULL, WT_FINDING_OK, "");
}

static void assert_position(const char *text, struct wt_group_position position, const char *check,
                            enum wt_finding_level level, const char *part)
{
    struct wt_findings findings = {0};
    struct wt_config *config = load(text, NULL);
    position.known = true;
    wt_audit_position(config, &position, 1, &findings);
    assert_only(&findings, check, level, part);
    wt_config_destroy(config);
}

static void offsets_that_are_gone_are_told_from_those_of_a_new_group(void **state)
{
    (void)state;
    struct wt_topic_position topic = {
        .topic = (char *)"news", .partitions = 2, .uncommitted = 2, .records = 7};
    struct wt_group_position position = {.topics = &topic, .topic_count = 1};
    assert_position(CONFIG, position, "group-offsets", WT_FINDING_NOTE,
                    "no offset yet for topic news: a worker that starts reads the 7 records from "
                    "offset 0 on");
    assert_position("kafka:\n  consumer: {group.id: g, auto.offset.reset: latest}\n", position,
                    "group-offsets", WT_FINDING_NOTE, "leaves out the 7 records");
    topic.labelled_in = "labelled";
    assert_position(CONFIG, position, "group-offsets", WT_FINDING_WARNING,
                    "labels once more the 7 records from offset 0 on");
    assert_position("kafka:\n  consumer: {group.id: g, auto.offset.reset: latest}\n", position,
                    "group-offsets", WT_FINDING_WARNING, "leaves out the 7 records");
    assert_position("kafka:\n  consumer: {group.id: g, auto.offset.reset: error}\n", position,
                    "group-offsets", WT_FINDING_WARNING, "does not read");
}

static void partitions_without_an_offset_are_counted_among_those_that_have_one(void **state)
{
    (void)state;
    struct wt_topic_position topic = {.topic = (char *)"news",
                                      .partitions = 3,
                                      .uncommitted = 2,
                                      .records = 7,
                                      .first_min = 5,
                                      .first_max = 9};
    struct wt_group_position position = {.topics = &topic, .topic_count = 1};
    assert_position(CONFIG, position, "group-offsets", WT_FINDING_NOTE,
                    "for 2 of 3 partitions of topic news: a worker that starts reads the 7 records "
                    "from offset 5 (other partitions: 9 at most) on");
    topic = (struct wt_topic_position){.topic = (char *)"news", .partitions = 3};
    assert_position(CONFIG, position, NULL, WT_FINDING_OK, "");
}

static void offsets_that_the_log_does_not_hold_are_named(void **state)
{
    (void)state;
    struct wt_group_position position = {.deleted_records = 3};
    assert_position(CONFIG, position, "group-offsets", WT_FINDING_WARNING, "3 records");
    position = (struct wt_group_position){.beyond = 1};
    assert_position(CONFIG, position, "group-offsets", WT_FINDING_WARNING, "beyond the end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_of_the_group_are_no_strangers),
        cmocka_unit_test(strangers_are_named),
        cmocka_unit_test(another_strategy_is_named_with_whoever_has_it),
        cmocka_unit_test(offsets_that_are_gone_are_told_from_those_of_a_new_group),
        cmocka_unit_test(partitions_without_an_offset_are_counted_among_those_that_have_one),
        cmocka_unit_test(offsets_that_the_log_does_not_hold_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
