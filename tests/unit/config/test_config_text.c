/* ${VAR} and ${file:PATH}: what they become, and that no message shows what they held. */
#include "config/config.h"
#include "config/config_load.h"
#include "config_cases.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_TEXT_BYTES_MAX 128u

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

/* A descriptor of a nameless file with `text` in it; the caller closes it. */
static int open_file(const char *text)
{
    int file = memfd_create("secret", 0);
    assert_true(file >= 0);
    assert_int_equal(fchmod(file, 0600), 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    return file;
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
        int file = open_file(cases[i].file);
        char yaml[FILE_TEXT_BYTES_MAX];
        (void)snprintf(yaml, sizeof yaml,
                       "kafka: {producer: {sasl.password: \"${file:/proc/self/fd/%d}\"}}\n", file);
        struct wt_config *config = load(yaml, NULL);
        assert_string_equal(wt_config_producer_property(config, "sasl.password")->value,
                            cases[i].value);
        wt_config_destroy(config);
        (void)close(file);
    }
}

static void a_secret_file_that_every_user_may_read_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        mode_t mode;
        const char *refused; /* NULL: taken */
    } cases[] = {
        {"sasl.password", 0600, NULL},      {"sasl.password", 0440, NULL},
        {"sasl.password", 0644, "read it"}, {"sasl.password", 0602, "write it"},
        {"ssl.key.pem", 0444, "mode 0444"}, {"sasl.oauthbearer.client.secret", 0604, "chmod o="},
        {"ssl.ca.pem", 0644, NULL},         {"client.id", 0644, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int file = open_file("hunter2");
        assert_int_equal(fchmod(file, cases[i].mode), 0);
        char yaml[FILE_TEXT_BYTES_MAX];
        (void)snprintf(
            yaml, sizeof yaml,
            "kafka: {common: {bootstrap.servers: h:1, %s: \"${file:/proc/self/fd/%d}\"}}\n",
            cases[i].key, file);
        struct wt_config *config = NULL;
        struct wt_error error = {0};
        enum wt_status status = parse(yaml, NULL, &config, &error);
        bool named = cases[i].refused != NULL && strstr(error.message, cases[i].refused) != NULL;
        if (strstr(error.message, "hunter2") != NULL ||
            (status == WT_OK) != (cases[i].refused == NULL) || (status != WT_OK && !named)) {
            fail_msg("case %zu: %s", i, error.message);
        }
        wt_config_destroy(config);
        (void)close(file);
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

static void a_missing_variable_or_file_is_named(void **state)
{
    (void)state;
    (void)unsetenv("WT_TEST_UNSET");
    (void)unsetenv("HOSTNAME");
    static const struct mistake mistakes[] = {
        {"kafka:\n  consumer: {group.id: g, group.instance.id: \"${HOSTNAME}\"}\n",
         NULL,
         {"test.yaml:2: kafka.consumer.group.instance.id: ", "after: export HOSTNAME"}},
        {"model:\n  path: ${WT_TEST_UNSET}/x.pt\n",
         NULL,
         {"test.yaml:2: model.path: the environment variable WT_TEST_UNSET is not set",
          "${WT_TEST_UNSET:-default}"}},
        {"kafka: {common: {sasl.password: \"${file:/nonexistent/pw}\"}}\n",
         NULL,
         {"test.yaml:1: kafka.common.sasl.password: ", "/nonexistent/pw", "No such file"}},
        {"kafka: {common: {sasl.password: \"${file:/}\"}}\n", NULL, {"test.yaml:1: ", "directory"}},
        {"model: {path: \"${file:/dev/zero}\"}\n", NULL, {"test.yaml:1: ", "larger than"}},
        {"model: {path: \"${\"}\n", NULL, {"test.yaml:1: model.path: a ${ without its }"}},
        {"model: {path: \"${}\"}\n", NULL, {"test.yaml:1: ", "neither ${VARIABLE}"}},
        {"model: {path: \"${1X}\"}\n", NULL, {"test.yaml:1: ", "neither ${VARIABLE}"}},
        {"model: {path: \"${a b}\"}\n", NULL, {"test.yaml:1: ", "${a b} is neither"}},
        {"input: {topics: [a, \"${WT_TEST_UNSET}\"]}\n", NULL, {"test.yaml:1: input.topics: "}},
    };
    ASSERT_ALL_REFUSED(mistakes);
}

static void an_empty_variable_does_not_switch_the_pinned_hash_off(void **state)
{
    (void)state;
    (void)setenv("WT_TEST_EMPTY", "", 1);
    assert_refused(&(struct mistake){
        "model:\n  sha256: ${WT_TEST_EMPTY}\n", NULL, {"test.yaml:2: model.sha256: "}});
}

static void no_message_shows_a_secret(void **state)
{
    (void)state;
    (void)setenv("WT_TEST_SECRET", "hunter2", 1);
    static const struct {
        const char *yaml;
        const char *set;
    } cases[] = {
        {"kafka: {common: {sasl.password: hunter2}}\n", NULL},
        {"kafka: {common: {sasl.password: [hunter2]}}\n", NULL},
        {"kafka: hunter2\n", NULL},
        {"kafka: {common: hunter2}\n", NULL},
        {"kafka: {producer: {message.timeout.ms: hunter2}}\n", NULL},
        {"kafka: {producer: {sasl.password: \"hunter2}}\n", NULL},
        {"batch: {wait_ms_max: \"${WT_TEST_SECRET}\"}\n", NULL},
        {"output: {topic: \"${WT_TEST_SECRET} x\"}\n", NULL},
        {"input: {topics: [\"${WT_TEST_SECRET}\", \"${WT_TEST_SECRET}\"]}\n", NULL},
        {"on_error: ${WT_TEST_SECRET}\n", NULL},
        {"kafka: {common: {sasl.password: \"${no-name:-hunter2}\"}}\n", NULL},
        {"{}", "kafka.common={sasl.password: hunter2}"},
        {"{}", "kafka.common.sasl.password=[hunter2]"},
        {"{}", "kafka.common.sasl.password='hunter2"},
        {"{}", "kafka.common.sasl.password:hunter2"},
        {"{}", "kafka.comon.sasl.password=hunter2"},
        {"{}", "kafka={comon: {sasl.password: hunter2}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wt_config *config = NULL;
        struct wt_error error = {0};
        enum wt_status status = parse(cases[i].yaml, SETS(cases[i].set), &config, &error);
        assert_int_not_equal(status, WT_OK);
        if (error.message[0] == '\0' || strstr(error.message, "hunter2") != NULL) {
            fail_msg("case %zu: %s", i, error.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_replaced_in_values_and_overrides),
        cmocka_unit_test(a_replaced_value_is_typed_by_what_it_says_quoted_or_not),
        cmocka_unit_test(a_replaced_value_is_text_and_never_yaml),
        cmocka_unit_test(a_file_gives_its_text_without_its_last_line_break),
        cmocka_unit_test(a_secret_file_that_every_user_may_read_is_refused),
        cmocka_unit_test(an_override_makes_a_missing_variable_of_the_file_unneeded),
        cmocka_unit_test(a_missing_variable_or_file_is_named),
        cmocka_unit_test(an_empty_variable_does_not_switch_the_pinned_hash_off),
        cmocka_unit_test(no_message_shows_a_secret),
    };
    return cmocka_run_group_tests_name("config text", tests, NULL, NULL);
}
