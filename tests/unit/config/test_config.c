/* What a configuration may say and how it is read. What it may not say: test_config_errors.c. */
#include "config/config.h"
#include "config/config_compare.h"
#include "config/config_load.h"
#include "config/config_schema.h"
#include "config_cases.h"

#include <stdlib.h>

/* No key is passed over. */
static const char *const none[] = {NULL};

static struct wt_config *load_file(const char *name, const char *const *sets, char path[300])
{
    const char *folder = getenv("WIRETAG_SOURCE_DIR");
    assert_non_null(folder);
    (void)snprintf(path, 300, "%s/config/%s", folder, name);
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
    struct wt_config *shipped = load_file("wiretag.yaml", NULL, path);
    struct wt_config *defaults = wt_config_defaults();
    size_t count;
    const struct wt_key *keys = wt_schema_keys(&count);
    assert_true(count > 30);
    for (size_t i = 0; i < count; i++) {
        const char *place = wt_config_place(shipped, keys[i].path);
        if (strncmp(place, path, strlen(path)) != 0) {
            fail_msg("%s is not in the file: %s", keys[i].path, place);
        }
        assert_string_equal(wt_config_place(defaults, keys[i].path), "the default");
    }
    char *differences = wt_config_differences(shipped, defaults, none);
    if (differences != NULL) {
        fail_msg("the file differs from the defaults: %s", differences);
    }
    assert_int_equal(shipped->dead_letter.enabled, defaults->dead_letter.enabled);
    wt_config_destroy(shipped);
    wt_config_destroy(defaults);
}

static void a_changed_key_is_noticed_and_named(void **state)
{
    (void)state;
    char path[300];
    static const char *const changes[][2] = {
        {"kafka.producer.linger.ms=5", "kafka.producer"},
        {"input.topics=[a]", "input.topics"},
        {"input.format=text", "input.format"},
        {"input.id=/x", "input.id"},
        {"input.where={/lang: [ru]}", "input.where"},
        {"output.threshold=0.5", "output.threshold"},
        {"output.routes=[{category: [sports], topic: s}]", "output.routes"},
        {"output.threshold={sports: 0.5}", "output.threshold"},
        {"output.include_input=true", "output.include_input"},
        {"output.top_k=4", "output.top_k"},
        {"in_flight.bytes_max=1048576", "in_flight.bytes_max"},
        {"http.listen=null", "http.listen"},
        {"model.shadow.path=b.pt", "model.shadow.path"},
        {"model.shadow.share=0.5", "model.shadow.share"},
        {"model.sha256=0000000000000000000000000000000000000000000000000000000000000000",
         "model.sha256"},
    };
    struct wt_config *defaults = wt_config_defaults();
    for (size_t c = 0; c < sizeof changes / sizeof changes[0]; c++) {
        struct wt_config *changed = load_file("wiretag.yaml", &changes[c][0], path);
        struct wt_config *again = load_file("wiretag.yaml", &changes[c][0], path);
        char *differences = wt_config_differences(changed, defaults, none);
        assert_non_null(differences);
        assert_string_equal(differences, changes[c][1]);
        const char *const except[] = {"log.level", changes[c][1], NULL};
        assert_null(wt_config_differences(changed, defaults, except));
        assert_null(wt_config_differences(changed, again, none));
        free(differences);
        wt_config_destroy(changed);
        wt_config_destroy(again);
    }
    wt_config_destroy(defaults);
}

static void several_changed_keys_stand_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct wt_config *left =
        load("{}", SETS("output.threshold={a: 0.5, b: 0.25}", "input.where={/lang: [ru, uk]}"));
    struct wt_config *right =
        load("log: {level: debug}\n",
             SETS("output.threshold={a: 0.5, b: 0.75}", "input.where={/lang: [ru, null]}"));
    char *differences = wt_config_differences(left, right, none);
    assert_string_equal(differences, "input.where, output.threshold, log.level");
    free(differences);
    wt_config_destroy(left);
    wt_config_destroy(right);
}

static void the_examples_are_good(void **state)
{
    (void)state;
    char path[300];
    char sha256[65];
    memset(sha256, 'a', 64);
    sha256[64] = '\0';
    (void)setenv("KAFKA_BROKERS", "broker-1:9093,broker-2:9093", 1);
    (void)setenv("KAFKA_USER", "newsroom", 1);
    (void)setenv("KAFKA_PASSWORD", "secret", 1);
    (void)setenv("MODEL_SHA256", sha256, 1);
    (void)setenv("HOSTNAME", "worker-7", 1);
    struct wt_config *config = load_file("examples/secured.yaml", NULL, path);
    assert_string_equal(wt_config_consumer_property(config, "bootstrap.servers")->value,
                        "broker-1:9093,broker-2:9093");
    assert_string_equal(config->model.sha256, sha256);
    assert_string_equal(wt_config_consumer_property(config, "group.instance.id")->value,
                        "worker-7");
    assert_int_equal(config->input.text.count, 3);
    wt_config_destroy(config);

    config = load_file("examples/minimal.yaml", NULL, path);
    assert_string_equal(config->dead_letter.topic, "agency.labelled.dlq");
    wt_config_destroy(config);
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
    assert_int_equal(config->delivery.guarantee, WT_EXACTLY_ONCE);
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

static void filters_are_read_from_file_and_command_line(void **state)
{
    (void)state;
    struct wt_config *config = load("input: {where: {/lang: [ru, null, 1, ''], /a~1b: c}}\n",
                                    SETS("input.where./d.e=[x]"));
    const struct wt_filters *where = &config->input.where;
    assert_int_equal(where->count, 3);
    assert_string_equal(where->items[0].pointer, "/lang");
    assert_int_equal(where->items[0].values.count, 3);
    assert_string_equal(where->items[0].values.items[1], "1");
    assert_string_equal(where->items[0].values.items[2], "");
    assert_true(where->items[0].null && !where->items[1].null);
    assert_string_equal(where->items[1].values.items[0], "c");
    assert_string_equal(where->items[2].pointer, "/d.e");
    wt_config_destroy(config);
}

static void a_shadow_is_a_section_or_null(void **state)
{
    (void)state;
    static const char text[] = "model:\n  shadow:\n    path: b.pt\n    share: 0.25\n    topic: s\n"
                               "    sha256: "
                               "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789\n";
    struct wt_config *config = load(text, NULL);
    assert_string_equal(config->model.shadow.path, "b.pt");
    assert_string_equal(config->model.shadow.topic, "s");
    assert_true(config->model.shadow.share > 0.24 && config->model.shadow.share < 0.26);
    assert_memory_equal(config->model.shadow.sha256, "abcdef", 6);
    wt_config_drop_shadow(config);
    assert_null(config->model.shadow.path);
    assert_null(config->model.shadow.topic);
    wt_config_destroy(config);
    config = load(text, SETS("model.shadow=null"));
    assert_null(config->model.shadow.path);
    assert_true(config->model.shadow.share == 1.0);
    wt_config_destroy(config);
}

static void a_section_in_a_section_is_read_from_file_and_command_line(void **state)
{
    (void)state;
    struct wt_config *config =
        load("output:\n  headers:\n    drop: [a, b.*]\n", SETS("output.headers.label=true"));
    assert_int_equal(config->output.headers.drop.count, 2);
    assert_string_equal(config->output.headers.drop.items[1], "b.*");
    assert_true(config->output.headers.label);
    assert_string_equal(wt_config_place(config, "output.headers.drop"), "test.yaml:3");
    wt_config_destroy(config);
    config = load("output: {headers: {drop: [a]}}\n", SETS("output.headers.drop=[]"));
    assert_int_equal(config->output.headers.drop.count, 0);
    wt_config_destroy(config);
    config = load("output: {headers: null}\n", NULL);
    assert_false(config->output.headers.label);
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
    assert_float_equal(config->output.threshold.all, 0.25, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_file_says_every_key_and_equals_the_defaults),
        cmocka_unit_test(a_changed_key_is_noticed_and_named),
        cmocka_unit_test(several_changed_keys_stand_in_the_order_of_the_file),
        cmocka_unit_test(the_examples_are_good),
        cmocka_unit_test(the_defaults_are_those_of_the_design),
        cmocka_unit_test(a_key_left_out_keeps_its_default),
        cmocka_unit_test(filters_are_read_from_file_and_command_line),
        cmocka_unit_test(a_shadow_is_a_section_or_null),
        cmocka_unit_test(a_section_in_a_section_is_read_from_file_and_command_line),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(dead_letters_go_beside_the_output_unless_named_or_switched_off),
        cmocka_unit_test(overrides_win_over_the_file_and_the_last_one_over_the_others),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
