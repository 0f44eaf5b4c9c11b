/* librdkafka properties: how they are given, which are refused, which hold for a client. */
#include "config/config.h"
#include "config/config_load.h"
#include "config_cases.h"

static void below_a_client_the_rest_of_the_path_is_one_librdkafka_name(void **state)
{
    (void)state;
    struct wt_config *config =
        load("kafka: {consumer: {group.id: a, client.id: c}}\n",
             SETS("kafka.consumer.group.id=b", "kafka.common.sasl.oauthbearer.config=x=y z",
                  "kafka.producer.linger.ms=5", "kafka.common.bootstrap.servers=h:1"));
    assert_string_equal(wt_config_consumer_property(config, "group.id")->value, "b");
    assert_string_equal(wt_config_consumer_property(config, "client.id")->value, "c");
    assert_string_equal(wt_config_producer_property(config, "sasl.oauthbearer.config")->value,
                        "x=y z");
    assert_string_equal(wt_config_producer_property(config, "linger.ms")->value, "5");
    assert_null(wt_config_consumer_property(config, "linger.ms"));
    wt_config_destroy(config);
}

static void setting_one_property_keeps_the_default_ones_beside_it(void **state)
{
    (void)state;
    struct wt_config *config =
        load("{}", SETS("kafka.common.client.id=c", "kafka.consumer.fetch.min.bytes=9"));
    assert_string_equal(wt_config_producer_property(config, "bootstrap.servers")->value,
                        "127.0.0.1:9092");
    assert_string_equal(wt_config_producer_property(config, "client.id")->value, "c");
    assert_string_equal(wt_config_consumer_property(config, "group.id")->value, "wiretag");
    assert_string_equal(wt_config_consumer_property(config, "group.id")->place, "the default");
    wt_config_destroy(config);
}

static void a_map_given_by_an_override_replaces_that_of_the_file(void **state)
{
    (void)state;
    struct wt_config *config = load("kafka: {consumer: {group.id: a, client.id: c}}\n",
                                    SETS("kafka.consumer={group.id: b}"));
    assert_string_equal(wt_config_consumer_property(config, "group.id")->value, "b");
    assert_null(wt_config_consumer_property(config, "client.id"));
    wt_config_destroy(config);
}

static void the_clients_own_section_wins_over_common(void **state)
{
    (void)state;
    struct wt_config *config =
        load("kafka:\n  common:\n    bootstrap.servers: h:1\n    client.id: both\n"
             "  producer:\n    client.id: mine\n",
             NULL);
    assert_string_equal(wt_config_producer_property(config, "client.id")->value, "mine");
    const struct wt_property *property = wt_config_consumer_property(config, "client.id");
    assert_string_equal(property->value, "both");
    assert_string_equal(property->place, "test.yaml:4");
    wt_config_destroy(config);
}

static void properties_that_would_break_delivery_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"kafka:\n  common:\n    bootstrap.servers: h:1\n    acks: 1\n",
         NULL,
         {"test.yaml:4: kafka.common: acks cannot have this value (allowed: all -1)", "in-sync"}},
        {NULL,
         "kafka.consumer.enable.auto.commit=true",
         {"--set kafka.consumer.enable.auto.commit=...: ", "acknowledged"}},
        {NULL, "kafka.consumer.auto.commit.interval.ms=5", {"--set ", "commit_interval_ms"}},
        {NULL, "kafka.consumer.enable.auto.offset.store=true", {"--set ", "acknowledged"}},
        {NULL, "kafka.consumer.group.protocol=share", {"--set ", "no other group protocols"}},
        {NULL, "kafka.consumer.queuing.strategy=lifo", {"--set ", "order"}},
        {NULL, "kafka.producer.enable.idempotence=false", {"--set ", "double"}},
        {NULL, "kafka.producer.transactional.id=x", {"--set ", "delivery.transactional_id"}},
        {NULL, "kafka.producer.acks=0", {"--set ", "in-sync"}},
        {NULL, "kafka.producer.request.required.acks=1", {"--set ", "in-sync"}},
        {NULL, "kafka.producer.max.in.flight=6", {"--set ", "reorder"}},
        {NULL, "kafka.producer.retries=0", {"--set ", "retried"}},
        {NULL, "kafka.producer.message.send.max.retries=none", {"--set ", "retried"}},
        {NULL, "kafka.producer.message.timeout.ms=1000", {"--set ", "never expire"}},
        {NULL, "kafka.producer.delivery.timeout.ms=1000", {"--set ", "never expire"}},
        {NULL, "kafka.producer.partitioner=random", {"--set ", "output.partition"}},
        {NULL, "kafka.producer.enable.gapless.guarantee=true", {"--set ", "dead letter"}},
        {NULL, "kafka.producer.delivery.report.only.error=true", {"--set ", "report"}},
        {NULL, "kafka.producer.dr_msg_cb=x", {"--set ", "report"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
}

static void properties_that_change_nothing_or_only_speed_are_accepted(void **state)
{
    (void)state;
    static const char *const sets[] = {
        "kafka.consumer.enable.auto.commit=false",
        "kafka.producer.acks=all",
        "kafka.producer.acks=-1",
        "kafka.producer.enable.idempotence=true",
        "kafka.producer.max.in.flight=5",
        "kafka.producer.retries=10",
        "kafka.producer.linger.ms=50",
        "kafka.producer.queue.buffering.max.kbytes=9",
        "kafka.consumer.group.protocol=classic",
        "kafka.consumer.group.protocol=consumer",
        "kafka.consumer.group.instance.id=w1",
        "kafka.consumer.auto.offset.reset=latest",
        "kafka.producer.compression.type=lz4",
    };
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        wt_config_destroy(load("{}", SETS(sets[i])));
    }
}

static void a_property_in_the_wrong_place_is_told_where_it_goes(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"kafka: {bootstrap.servers: h:1}\n", NULL, {"test.yaml:1: ", "go below kafka.common"}},
        {"bootstrap.servers: h:1\n", NULL, {"test.yaml:1: ", "go below kafka.common"}},
        {"kafka.common.acks: all\n", NULL, {"test.yaml:1: ", "go below kafka.common"}},
        {NULL, "group.id=x", {"--set group.id=x: ", "go below kafka.common"}},
        {NULL, "kafka.group.id=x", {"--set kafka.group.id=...: ", "go below kafka.common"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
}

static void a_client_needs_brokers_and_a_group(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"kafka:\n  common: {client.id: x}\n",
         NULL,
         {"test.yaml:2: kafka.common: bootstrap.servers is missing"}},
        {"kafka: {common: {}, producer: {bootstrap.servers: h:1}}\n",
         NULL,
         {"test.yaml:1: kafka.common: bootstrap.servers is missing"}},
        {"kafka: {common: {bootstrap.servers: ''}}\n", NULL, {"test.yaml:1: ", "is missing"}},
        {"kafka:\n  consumer: {client.id: x}\n",
         NULL,
         {"test.yaml:2: kafka.consumer: group.id is missing"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
    wt_config_destroy(
        load("kafka: {common: {metadata.broker.list: h:1, group.id: g}, consumer: {}}", NULL));
}

static void a_broker_that_is_no_address_is_told(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"kafka:\n  common:\n    bootstrap.servers: http://h:9092\n",
         NULL,
         {"test.yaml:3: kafka.common: bootstrap.servers: broker 1 begins with a protocol",
          "\"host:9092\""}},
        {NULL,
         "kafka.common.bootstrap.servers='a:1, b:70000'",
         {"--set kafka.common.bootstrap.servers=...: kafka.common: bootstrap.servers: broker 2 has "
          "no port"}},
        {NULL, "kafka.common.bootstrap.servers=a:0", {"--set ", "broker 1 has no port"}},
        {NULL, "kafka.common.bootstrap.servers='a:'", {"--set ", "broker 1 has no port"}},
        {NULL, "kafka.common.bootstrap.servers=a:1/kafka", {"--set ", "broker 1 has no port"}},
        {NULL, "kafka.common.bootstrap.servers='[::1]:x'", {"--set ", "broker 1 has no port"}},
        {NULL, "kafka.common.bootstrap.servers=a:1 b:2", {"--set ", "broker 1 has a blank"}},
        {NULL, "kafka.common.bootstrap.servers=a:1;b:2", {"--set ", "a semicolon in it"}},
        {NULL, "kafka.common.bootstrap.servers=|\n a:1\n b:2", {"--set ", "a line break"}},
        {NULL, "kafka.producer.metadata.broker.list=kafka://a", {"--set ", "broker 1 begins"}},
        {NULL, "kafka.common.bootstrap.servers=\"['a:1', 'b:2']\"", {"--set ", "a quote or"}},
        {NULL,
         "kafka.common.bootstrap.servers='a:1,10.0.0.1:1:2'",
         {"--set ", "broker 2 has more than one"}},
        {NULL, "kafka.common.bootstrap.servers=' , ,'", {"", "bootstrap.servers is missing"}},
        {NULL,
         "kafka.common.bootstrap.servers=[[a]]",
         {"--set ", "bootstrap.servers must be one value"}},
        {NULL, "kafka.common.client.id=[a]", {"--set ", "client.id must be one value"}},
        {NULL,
         "kafka.common.bootstrap.servers=[]",
         {"--set ", "bootstrap.servers must be one value"}},
        {"kafka:\n  common:\n    bootstrap.servers: 'a:1,SSL://b:2'\n",
         NULL,
         {"test.yaml:3: bootstrap.servers: broker 2 begins with SSL://, but security.protocol is "
          "plaintext"}},
        {"kafka: {common: {bootstrap.servers: 'ssl://a:1', security.protocol: sasl_ssl}}\n",
         NULL,
         {"test.yaml:1: ", "broker 1 begins with ssl://, but security.protocol is sasl_ssl"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
    static const char *const good[] = {
        "h",   "h:1",       "a:1,b:2",   " a:1 , b:2,",   "[::1]:65535",   "plaintext://a",
        "::1", "[fe80::1]", "a-b_c.d:1", "10.0.0.1:9092", "|\n a:1,\n b:2"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char set[128];
        bool block = good[i][0] == '|';
        (void)snprintf(set, sizeof set, "kafka.common.bootstrap.servers=%s%s%s", block ? "" : "'",
                       good[i], block ? "" : "'");
        wt_config_destroy(load("{}", SETS(set)));
    }
}

static void a_list_of_brokers_may_be_written_in_any_way(void **state)
{
    (void)state;
    static const char *const lists[] = {"'a:1,b:2'",  "'a:1,b:2,'",      "', a:1 ,, b:2 ,\t'",
                                        "[a:1, b:2]", "['a:1', 'b:2,']", "|\n a:1,\n b:2\n"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char set[128];
        (void)snprintf(set, sizeof set, "kafka.common.bootstrap.servers=%s", lists[i]);
        struct wt_config *config = load("{}", SETS(set));
        assert_string_equal(wt_config_consumer_property(config, "bootstrap.servers")->value,
                            "a:1,b:2");
        wt_config_destroy(config);
    }
    wt_config_destroy(load("kafka:\n  common:\n    bootstrap.servers: 'SASL_SSL://a:1,b:2'\n"
                           "    security.protocol: sasl_ssl\n",
                           NULL));
}

static void secrets_are_known_by_their_names(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "sasl.password",
        "ssl.key.password",
        "ssl.keystore.password",
        "ssl.key.pem",
        "ssl_key",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
        "sasl.oauthbearer.config",
        "SASL.PASSWORD",
    };
    static const char *const others[] = {"sasl.username", "bootstrap.servers", "group.id",
                                         "ssl.ca.location", "sasl.mechanisms"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (!wt_config_property_is_secret(secrets[i])) {
            fail_msg("%s", secrets[i]);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(wt_config_property_is_secret(others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_a_client_the_rest_of_the_path_is_one_librdkafka_name),
        cmocka_unit_test(setting_one_property_keeps_the_default_ones_beside_it),
        cmocka_unit_test(a_map_given_by_an_override_replaces_that_of_the_file),
        cmocka_unit_test(the_clients_own_section_wins_over_common),
        cmocka_unit_test(properties_that_would_break_delivery_are_refused_with_the_reason),
        cmocka_unit_test(properties_that_change_nothing_or_only_speed_are_accepted),
        cmocka_unit_test(a_property_in_the_wrong_place_is_told_where_it_goes),
        cmocka_unit_test(a_client_needs_brokers_and_a_group),
        cmocka_unit_test(a_broker_that_is_no_address_is_told),
        cmocka_unit_test(a_list_of_brokers_may_be_written_in_any_way),
        cmocka_unit_test(secrets_are_known_by_their_names),
    };
    return cmocka_run_group_tests_name("config properties", tests, NULL, NULL);
}
