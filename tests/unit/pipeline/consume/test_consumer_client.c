/* The consumer is made so that nothing is skipped, whatever librdkafka does by default. */
#include "config/config_load.h"
#include "pipeline/consume/consumer_client.h"

#include "support.h"

#include <inttypes.h>

static int on_statistics(rd_kafka_t *client, char *text, size_t bytes, void *opaque)
{
    (void)client, (void)text, (void)bytes, (void)opaque;
    return 0;
}

/* A consumer with more properties, "a: b, c: d", or ""; no broker is asked for anything. */
static enum wt_status create_in(const char *guarantee, const char *properties, uint64_t bytes_max,
                                rd_kafka_t **client_out, struct wt_error *error)
{
    char text[512];
    struct wt_config *config = NULL;
    const struct wt_consumer_client_callbacks callbacks = {.statistics = on_statistics};
    (void)snprintf(text, sizeof text,
                   "kafka:\n"
                   "  common: {bootstrap.servers: \"127.0.0.1:1\"}\n"
                   "  consumer: {group.id: unit%s%s}\n"
                   "input: {topics: [articles]}\n"
                   "output: {topic: labelled}\n"
                   "delivery: {guarantee: %s}\n"
                   "in_flight: {bytes_max: %" PRIu64 "}\n",
                   properties[0] != '\0' ? ", " : "", properties, guarantee, bytes_max);
    assert_int_equal(wt_config_parse(text, strlen(text), "unit", NULL, 0, &config, error), WT_OK);
    enum wt_status status = wt_consumer_client_create(config, false, &callbacks, client_out, error);
    wt_config_destroy(config);
    return status;
}

static enum wt_status create(const char *guarantee, const char *properties, rd_kafka_t **client_out,
                             struct wt_error *error)
{
    return create_in(guarantee, properties, 64u << 20, client_out, error);
}

static void check(rd_kafka_t *client, const char *name, const char *expected)
{
    char value[128] = "";
    size_t bytes = sizeof value;
    assert_int_equal(rd_kafka_conf_get(rd_kafka_conf(client), name, value, &bytes),
                     RD_KAFKA_CONF_OK);
    if (strcmp(value, expected) != 0) {
        fail_msg("%s is %s, not %s", name, value, expected);
    }
}

static void what_is_there_is_read_whole_and_only_once_committed(void **state)
{
    (void)state;
    static const char *const guarantees[] = {"exactly-once", "at-least-once"};
    for (size_t i = 0; i < COUNT_OF(guarantees); i++) {
        struct wt_error error = {.message = ""};
        rd_kafka_t *client = NULL;
        assert_int_equal(create(guarantees[i], "", &client, &error), WT_OK);
        check(client, "auto.offset.reset", "smallest"); /* librdkafka's other word for earliest */
        check(client, "check.crcs", "true");
        check(client, "isolation.level", "read_committed");
        check(client, "enable.auto.offset.store", "false");
        check(client, "enable.auto.commit", i == 0 ? "false" : "true"); /* of what publish stores */
        rd_kafka_destroy(client);
    }
}

static void what_the_user_sets_holds_where_delivery_allows_it(void **state)
{
    (void)state;
    struct wt_error error = {.message = ""};
    rd_kafka_t *client = NULL;
    assert_int_equal(create("at-least-once",
                            "auto.offset.reset: latest, check.crcs: false, "
                            "isolation.level: read_uncommitted",
                            &client, &error),
                     WT_OK);
    check(client, "auto.offset.reset", "largest");
    check(client, "check.crcs", "false");
    check(client, "isolation.level", "read_uncommitted");
    rd_kafka_destroy(client);
}

static void exactly_once_never_reads_what_is_not_committed(void **state)
{
    (void)state;
    struct wt_error error = {.message = ""};
    rd_kafka_t *client = NULL;
    assert_int_equal(create("exactly-once", "isolation.level: read_uncommitted", &client, &error),
                     WT_INVALID);
    assert_string_equal(error.code, "isolation-level");
    assert_non_null(strstr(error.message, "unit:3"));
}

static void a_static_member_joins_with_no_partitions_in_hand(void **state)
{
    (void)state;
    const char *both = "group.instance.id: a, partition.assignment.strategy: cooperative-sticky";
    const char *name = "partition.assignment.strategy";
    struct wt_error error = {.message = ""};
    rd_kafka_t *client = NULL;
    assert_int_equal(create("exactly-once", "", &client, &error), WT_OK);
    check(client, name, "cooperative-sticky");
    rd_kafka_destroy(client);
    assert_int_equal(create("exactly-once", "group.instance.id: a", &client, &error), WT_OK);
    check(client, name, "range");
    rd_kafka_destroy(client);
    assert_int_equal(create("at-least-once", both, &client, &error), WT_OK);
    check(client, name, "cooperative-sticky");
    rd_kafka_destroy(client);
    client = NULL;
    assert_int_equal(create("exactly-once", both, &client, &error), WT_INVALID);
    assert_null(client);
    assert_string_equal(error.code, "static-membership");
    assert_non_null(strstr(error.message, "unit:3: partition.assignment.strategy must be range"));
}

static void where_the_coordinator_assigns_the_client_has_no_say(void **state)
{
    (void)state;
    static const char *const others[] = {"partition.assignment.strategy: range",
                                         "session.timeout.ms: 6000", "heartbeat.interval.ms: 500",
                                         "group.protocol.type: consumer", "group.instance.id: a"};
    struct wt_error error = {.message = ""};
    rd_kafka_t *client = NULL;
    assert_int_equal(create("exactly-once", "group.protocol: consumer", &client, &error), WT_OK);
    check(client, "group.protocol", "consumer");
    rd_kafka_destroy(client);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char both[128];
        (void)snprintf(both, sizeof both, "group.protocol: consumer, %s", others[i]);
        client = NULL;
        assert_int_equal(create("exactly-once", both, &client, &error), WT_INVALID);
        assert_null(client);
        assert_string_equal(error.code, "group-protocol");
        assert_non_null(strstr(error.message, "unit:3: "));
        assert_non_null(
            strstr(error.message, "cannot be set with group.protocol: consumer, where"));
        assert_non_null(strstr(error.message, "; leave it out, or set "));
    }
    assert_non_null(strstr(error.message, "UNRELEASED_INSTANCE_ID, which ends librdkafka's"));
}

/* librdkafka takes no more than 2 GiB for what it fetches ahead. */
static void a_bound_of_a_terabyte_starts(void **state)
{
    (void)state;
    struct wt_error error = {.message = ""};
    rd_kafka_t *client = NULL;
    if (create_in("exactly-once", "", UINT64_C(1) << 40, &client, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    check(client, "queued.max.messages.kbytes", "2097151");
    rd_kafka_destroy(client);
    assert_int_equal(create_in("exactly-once", "", 8u << 20, &client, &error), WT_OK);
    check(client, "queued.max.messages.kbytes", "8192");
    rd_kafka_destroy(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_read_whole_and_only_once_committed),
        cmocka_unit_test(what_the_user_sets_holds_where_delivery_allows_it),
        cmocka_unit_test(exactly_once_never_reads_what_is_not_committed),
        cmocka_unit_test(a_static_member_joins_with_no_partitions_in_hand),
        cmocka_unit_test(where_the_coordinator_assigns_the_client_has_no_say),
        cmocka_unit_test(a_bound_of_a_terabyte_starts),
    };
    return cmocka_run_group_tests_name("consumer_client", tests, NULL, NULL);
}
