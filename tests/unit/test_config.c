/* What a configuration may say and how it is read. What it may not say: test_config_errors.c. */
#include "base/config.h"
#include "base/config_schema.h"
#include "config_cases.h"

#include <stdlib.h>
#include <unistd.h>

#define FILE_TEXT_BYTES_MAX 128u

static const void *field(const struct wt_config *config, const struct wt_key *key)
{
    return (const char *)config + key->offset;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_texts(const struct wt_strings *a, const struct wt_strings *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = same_text(a->items[i], b->items[i]);
    }
    return same;
}

static bool same_properties(const struct wt_properties *a, const struct wt_properties *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = same_text(a->items[i].name, b->items[i].name) &&
               same_text(a->items[i].value, b->items[i].value);
    }
    return same;
}

static bool same_value(const struct wt_key *key, const struct wt_config *a,
                       const struct wt_config *b)
{
    switch (key->type) {
    case WT_KEY_BOOL:
        return *(const bool *)field(a, key) == *(const bool *)field(b, key);
    case WT_KEY_U32:
        return *(const uint32_t *)field(a, key) == *(const uint32_t *)field(b, key);
    case WT_KEY_U64:
        return *(const uint64_t *)field(a, key) == *(const uint64_t *)field(b, key);
    case WT_KEY_NUMBER:
        return memcmp(field(a, key), field(b, key), sizeof(double)) == 0;
    case WT_KEY_CHOICE:
        return *(const unsigned *)field(a, key) == *(const unsigned *)field(b, key);
    case WT_KEY_TEXT:
        return same_text(*(char *const *)field(a, key), *(char *const *)field(b, key));
    case WT_KEY_TEXTS:
        return same_texts(field(a, key), field(b, key));
    case WT_KEY_PROPERTIES:
        return same_properties(field(a, key), field(b, key));
    }
    return false;
}

static struct wt_config *load_shipped(const char *const *sets, char path[300])
{
    const char *folder = getenv("WIRETAG_SOURCE_DIR");
    assert_non_null(folder);
    (void)snprintf(path, 300, "%s/config/wiretag.yaml", folder);
    struct wt_config_override override = {.text = sets != NULL ? sets[0] : NULL};
    struct wt_config *config = NULL;
    struct wt_error error = {0};
    if (wt_config_load(path, &override, sets != NULL ? 1 : 0, &config, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    return config;
}

static void the_shipped_file_says_every_key_and_equals_the_defaults(void **state)
{
    (void)state;
    char path[300];
    struct wt_config *shipped = load_shipped(NULL, path);
    struct wt_config *defaults = wt_config_defaults();
    size_t count;
    const struct wt_key *keys = wt_schema_keys(&count);
    assert_true(count > 30);
    for (size_t i = 0; i < count; i++) {
        const char *place = wt_config_place(shipped, keys[i].path);
        if (strncmp(place, path, strlen(path)) != 0) {
            fail_msg("%s is not in the file: %s", keys[i].path, place);
        }
        if (!same_value(&keys[i], shipped, defaults)) {
            fail_msg("%s differs from the default: %s", keys[i].path, place);
        }
        assert_string_equal(wt_config_place(defaults, keys[i].path), "the default");
    }
    assert_int_equal(shipped->dead_letter.enabled, defaults->dead_letter.enabled);
    wt_config_destroy(shipped);
    wt_config_destroy(defaults);
}

static void a_changed_key_of_the_shipped_file_is_noticed(void **state)
{
    (void)state;
    char path[300];
    static const char *const changes[] = {
        "kafka.producer.linger.ms=5",
        "input.topics=[a]",
        "input.format=text",
        "input.id=/x",
        "output.threshold=0.5",
        "output.include_input=true",
        "output.top_k=4",
        "in_flight.bytes_max=1048576",
        "http.listen=null",
    };
    struct wt_config *defaults = wt_config_defaults();
    size_t count;
    const struct wt_key *keys = wt_schema_keys(&count);
    for (size_t c = 0; c < sizeof changes / sizeof changes[0]; c++) {
        struct wt_config *changed = load_shipped(&changes[c], path);
        size_t differences = 0;
        for (size_t i = 0; i < count; i++) {
            differences += !same_value(&keys[i], changed, defaults);
        }
        assert_int_equal(differences, 1);
        wt_config_destroy(changed);
    }
    wt_config_destroy(defaults);
}

static void the_defaults_are_those_of_the_design(void **state)
{
    (void)state;
    struct wt_config *config = wt_config_defaults();
    assert_string_equal(wt_config_consumer_property(config, "bootstrap.servers")->value,
                        "127.0.0.1:9092");
    assert_string_equal(wt_config_consumer_property(config, "group.id")->value, "wiretag");
    assert_int_equal(config->input.topics.count, 1);
    assert_string_equal(config->input.topics.items[0], "news.articles");
    assert_string_equal(config->input.text.items[0], "/text");
    assert_string_equal(config->output.topic, "news.labelled");
    assert_true(config->dead_letter.enabled);
    assert_string_equal(config->dead_letter.topic, "news.labelled.dlq");
    assert_int_equal(config->delivery.guarantee, WT_AT_LEAST_ONCE);
    assert_string_equal(config->model.path, "models/demo.pt");
    assert_null(config->model.sha256);
    assert_int_equal(config->batch.tokens_max, 0);
    assert_int_equal(config->batch.articles_max, 64);
    assert_int_equal(config->in_flight.bytes_max, 67108864);
    assert_string_equal(config->http.listen, "127.0.0.1:9464");
    wt_config_destroy(config);
}

static void a_key_left_out_keeps_its_default(void **state)
{
    (void)state;
    struct wt_config *config = load("batch:\n  articles_max: 8\nmodel:\n", NULL);
    assert_int_equal(config->batch.articles_max, 8);
    assert_int_equal(config->batch.wait_ms_max, 20);
    assert_string_equal(config->model.path, "models/demo.pt");
    wt_config_destroy(config);
}

static void every_kind_of_value_is_read(void **state)
{
    (void)state;
    struct wt_config *config =
        load("kafka:\n"
             "  common: {bootstrap.servers: 'a:1,b:2', socket.keepalive.enable: true}\n"
             "  consumer: {group.id: 7, fetch.min.bytes: 10}\n"
             "input: {topics: [a, b.c_d-e], format: text, id: /meta/i~1d, text: [/title, /body]}\n"
             "output: {topic: out, partition: key, timestamp: now, top_k: 11, threshold: 2.5e-1,\n"
             "         include_input: true}\n"
             "on_error: stop\n"
             "model: {path: m.pt, device: 'cuda:1', precision: bf16, replicas: 2, threads: auto,\n"
             "        sha256: 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef}\n"
             "in_flight: {bytes_max: 1099511627776}\n"
             "http: {listen: '[::1]:0'}\n"
             "log: {level: debug, format: json}\n",
             NULL);
    assert_string_equal(wt_config_producer_property(config, "socket.keepalive.enable")->value,
                        "true");
    assert_string_equal(wt_config_consumer_property(config, "group.id")->value, "7");
    assert_int_equal(config->input.topics.count, 2);
    assert_string_equal(config->input.topics.items[1], "b.c_d-e");
    assert_int_equal(config->input.format, WT_INPUT_TEXT);
    assert_string_equal(config->input.id, "/meta/i~1d");
    assert_string_equal(config->input.text.items[1], "/body");
    assert_int_equal(config->output.partition, WT_PARTITION_KEY);
    assert_int_equal(config->output.timestamp, WT_TIMESTAMP_NOW);
    assert_int_equal(config->output.top_k, 11);
    assert_float_equal(config->output.threshold, 0.25, 0);
    assert_true(config->output.include_input);
    assert_int_equal(config->on_error, WT_ON_ERROR_STOP);
    assert_string_equal(config->model.device, "cuda:1");
    assert_int_equal(config->model.replicas, 2);
    assert_int_equal(config->model.threads, 0);
    assert_string_equal(config->model.sha256,
                        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    assert_int_equal(config->in_flight.bytes_max, UINT64_C(1) << 40);
    assert_string_equal(config->http.listen, "[::1]:0");
    assert_int_equal(config->log.level, WT_LOG_DEBUG);
    assert_int_equal(config->log.format, WT_LOG_JSON);
    wt_config_destroy(config);
}

static void dead_letters_go_beside_the_output_unless_named_or_switched_off(void **state)
{
    (void)state;
    struct wt_config *config = load("output: {topic: out}\n", NULL);
    assert_string_equal(config->dead_letter.topic, "out.dlq");
    wt_config_destroy(config);

    config = load("dead_letter: {topic: bad}\n", NULL);
    assert_string_equal(config->dead_letter.topic, "bad");
    wt_config_destroy(config);

    config = load("dead_letter: null\non_error: skip\n", NULL);
    assert_false(config->dead_letter.enabled);
    assert_string_equal(wt_config_place(config, "dead_letter"), "test.yaml:1");
    wt_config_destroy(config);

    config = load("dead_letter: null\n", SETS("dead_letter.topic=bad"));
    assert_true(config->dead_letter.enabled);
    assert_string_equal(config->dead_letter.topic, "bad");
    wt_config_destroy(config);
}

static void overrides_win_over_the_file_and_the_last_one_over_the_others(void **state)
{
    (void)state;
    struct wt_config *config =
        load("batch: {wait_ms_max: 5, articles_max: 9}\nmodel: {sha256: null}\n",
             SETS("batch.wait_ms_max=6", "batch.wait_ms_max=7", "input.topics=[a, b]",
                  "on_error=skip", "dead_letter=null", "http.listen=", "output.threshold=1"));
    assert_int_equal(config->batch.wait_ms_max, 7);
    assert_int_equal(config->batch.articles_max, 9);
    assert_int_equal(config->input.topics.count, 2);
    assert_int_equal(config->on_error, WT_ON_ERROR_SKIP);
    assert_false(config->dead_letter.enabled);
    assert_null(config->http.listen);
    assert_string_equal(wt_config_place(config, "batch.wait_ms_max"), "--set batch.wait_ms_max=7");
    assert_string_equal(wt_config_place(config, "batch.articles_max"), "test.yaml:1");
    wt_config_destroy(config);
}

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

static void variables_are_replaced_in_values_and_overrides(void **state)
{
    (void)state;
    (void)setenv("WT_TEST_TOPIC", "from.env", 1);
    (void)setenv("WT_TEST_EMPTY", "", 1);
    (void)unsetenv("WT_TEST_UNSET");
    struct wt_config *config =
        load("input: {topics: [\"${WT_TEST_TOPIC}\", \"a.${WT_TEST_TOPIC}.z\"]}\n"
             "output:\n"
             "  topic: ${WT_TEST_UNSET:-fallback}\n"
             "model:\n"
             "  path: ${WT_TEST_EMPTY}$${HOME}${WT_TEST_EMPTY:-x}$1\n",
             SETS("dead_letter.topic=${WT_TEST_TOPIC}.dlq"));
    assert_string_equal(config->input.topics.items[0], "from.env");
    assert_string_equal(config->input.topics.items[1], "a.from.env.z");
    assert_string_equal(config->output.topic, "fallback");
    assert_string_equal(config->model.path, "${HOME}x$1");
    assert_string_equal(config->dead_letter.topic, "from.env.dlq");
    wt_config_destroy(config);
}

static void a_replaced_value_is_typed_by_what_it_says_quoted_or_not(void **state)
{
    (void)state;
    (void)setenv("WT_TEST_N", "33", 1);
    (void)setenv("WT_TEST_AUTO", "auto", 1);
    (void)setenv("WT_TEST_NULL", "null", 1);
    (void)setenv("WT_TEST_BOOL", "true", 1);
    struct wt_config *config =
        load("batch: {articles_max: \"${WT_TEST_N}\", tokens_max: \"${WT_TEST_AUTO}\"}\n"
             "prepare:\n  threads: ${WT_TEST_N}\n"
             "output: {include_input: \"${WT_TEST_BOOL}\"}\n"
             "http: {listen: \"${WT_TEST_NULL}\"}\n",
             NULL);
    assert_int_equal(config->batch.articles_max, 33);
    assert_int_equal(config->batch.tokens_max, 0);
    assert_int_equal(config->prepare.threads, 33);
    assert_true(config->output.include_input);
    assert_null(config->http.listen);
    wt_config_destroy(config);
}

static void a_replaced_value_is_text_and_never_yaml(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "a: b", "[x]", "\"quote", "# no comment", "null", "~", "", " blanks ", "${HOME}", "a\nb: c",
    };
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        (void)setenv("WT_TEST_SECRET", secrets[i], 1);
        struct wt_config *config = load("kafka:\n  common:\n    bootstrap.servers: h:1\n"
                                        "    sasl.password: ${WT_TEST_SECRET}\n",
                                        NULL);
        const char *value = wt_config_producer_property(config, "sasl.password")->value;
        assert_string_equal(value, secrets[i]);
        wt_config_destroy(config);
    }
}

/* A new file with `text` in it; the caller unlinks and frees the name. */
static char *write_file(const char *text)
{
    char *path = strdup("/tmp/wiretag-test-config-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    (void)close(file);
    return path;
}

static void a_file_gives_its_text_without_its_last_line_break(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *value;
    } cases[] = {
        {"secret", "secret"},
        {"secret\n", "secret"},
        {"secret\r\n", "secret"},
        {"a\n\n", "a\n"},
        {"\n", ""},
        {"", ""},
        {" x ${HOME} }\n", " x ${HOME} }"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = write_file(cases[i].file);
        char yaml[FILE_TEXT_BYTES_MAX];
        (void)snprintf(yaml, sizeof yaml, "kafka: {producer: {sasl.password: \"${file:%s}\"}}\n",
                       path);
        struct wt_config *config = load(yaml, NULL);
        assert_string_equal(wt_config_producer_property(config, "sasl.password")->value,
                            cases[i].value);
        wt_config_destroy(config);
        (void)unlink(path);
        free(path);
    }
}

static void an_override_makes_a_missing_variable_of_the_file_unneeded(void **state)
{
    (void)state;
    (void)unsetenv("WT_TEST_UNSET");
    struct wt_config *config =
        load("model:\n  path: ${WT_TEST_UNSET}\n", SETS("model.path=other.pt"));
    assert_string_equal(config->model.path, "other.pt");
    wt_config_destroy(config);
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
        cmocka_unit_test(the_shipped_file_says_every_key_and_equals_the_defaults),
        cmocka_unit_test(a_changed_key_of_the_shipped_file_is_noticed),
        cmocka_unit_test(the_defaults_are_those_of_the_design),
        cmocka_unit_test(a_key_left_out_keeps_its_default),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(dead_letters_go_beside_the_output_unless_named_or_switched_off),
        cmocka_unit_test(overrides_win_over_the_file_and_the_last_one_over_the_others),
        cmocka_unit_test(below_a_client_the_rest_of_the_path_is_one_librdkafka_name),
        cmocka_unit_test(setting_one_property_keeps_the_default_ones_beside_it),
        cmocka_unit_test(a_map_given_by_an_override_replaces_that_of_the_file),
        cmocka_unit_test(the_clients_own_section_wins_over_common),
        cmocka_unit_test(variables_are_replaced_in_values_and_overrides),
        cmocka_unit_test(a_replaced_value_is_typed_by_what_it_says_quoted_or_not),
        cmocka_unit_test(a_replaced_value_is_text_and_never_yaml),
        cmocka_unit_test(a_file_gives_its_text_without_its_last_line_break),
        cmocka_unit_test(an_override_makes_a_missing_variable_of_the_file_unneeded),
        cmocka_unit_test(secrets_are_known_by_their_names),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
