/* The headers of what is published, and dead letters, which are the input's own bytes with headers.
 */
#include "codec/headers.h"
#include "encode_cases.h"

static const float LOGITS[] = {0, 1, 2, 3};

#define MODEL_HEADER                                                                               \
    {                                                                                              \
        "wiretag.model", "demo:1.2"                                                                \
    }

/* --- kept and set ---------------------------------------------------------------------------- */

static void a_label_keeps_the_input_headers_and_adds_model_and_source(void **state)
{
    (void)state;
    static const struct wt_header headers[] = {
        {.name = "trace", .value = "1", .value_bytes = 1},
        {.name = "null", .value = NULL},
        {.name = "trace", .value = "2", .value_bytes = 1},
        {.name = "empty", .value = ""},
        {.name = "", .value = "no name", .value_bytes = 7},
        {.name = "wiretag.other", .value = "kept", .value_bytes = 4},
    };
    struct fixture fixture = fixture_create("{}", headers, COUNT_OF(headers));
    label(&fixture, LOGITS);
    ASSERT_HEADERS(encode(&fixture), {"trace", "1"}, {"null", NULL}, {"trace", "2"}, {"empty", ""},
                   {"", "no name"}, {"wiretag.other", "kept"}, MODEL_HEADER, SOURCE_HEADERS);
    fixture_destroy(&fixture);
}

static void header_bytes_that_are_no_text_are_kept_too(void **state)
{
    (void)state;
    static const char bytes[] = "\0\xFF\x00\x01";
    static const struct wt_header headers[] = {{.name = "raw", .value = bytes, .value_bytes = 4}};
    struct fixture fixture = fixture_create("{}", headers, 1);
    label(&fixture, LOGITS);
    const struct wt_output *output = encode(&fixture);
    assert_int_equal(output->headers[0].value_bytes, 4);
    assert_memory_equal(output->headers[0].value, bytes, 4);
    fixture_destroy(&fixture);
}

static void headers_of_an_earlier_pass_are_replaced_not_repeated(void **state)
{
    (void)state;
    static const struct wt_header headers[] = {
        {.name = "wiretag.source.topic", .value = "old", .value_bytes = 3},
        {.name = "wiretag.source.topic", .value = "older", .value_bytes = 5},
        {.name = "wiretag.source.partition", .value = "9", .value_bytes = 1},
        {.name = "wiretag.source.offset", .value = "9", .value_bytes = 1},
        {.name = "wiretag.source.timestamp", .value = "9", .value_bytes = 1},
        {.name = "wiretag.model", .value = "old:0", .value_bytes = 5},
        {.name = "wiretag.error.code", .value = "json-invalid", .value_bytes = 12},
        {.name = "wiretag.error.message", .value = "…", .value_bytes = 3},
        {.name = "wiretag.error.stage", .value = "decode", .value_bytes = 6},
        {.name = "wiretag.error.value_truncated", .value = "true", .value_bytes = 4},
        {.name = "kept", .value = "yes", .value_bytes = 3},
    };
    struct fixture fixture = fixture_create("{}", headers, COUNT_OF(headers));
    label(&fixture, LOGITS);
    ASSERT_HEADERS(encode(&fixture), {"kept", "yes"}, MODEL_HEADER, SOURCE_HEADERS);
    fixture_destroy(&fixture);
}

static void headers_to_be_dropped_are_names_or_beginnings_and_dead_letters_keep_them(void **state)
{
    (void)state;
    static const struct wt_header headers[] = {
        {.name = "debug", .value = "1", .value_bytes = 1},
        {.name = "debugger", .value = "2", .value_bytes = 1},
        {.name = "internal.a", .value = "3", .value_bytes = 1},
        {.name = "debug", .value = NULL},
        {.name = "internal.", .value = "4", .value_bytes = 1},
        {.name = "internal", .value = "5", .value_bytes = 1},
        {.name = "", .value = "6", .value_bytes = 1},
    };
    static char *drop[] = {"debug", "internal.*", "wiretag.*"};
    struct fixture fixture = fixture_create("{}", headers, COUNT_OF(headers));
    label(&fixture, LOGITS);
    struct wt_strings before = fixture.config->output.headers.drop;
    fixture.config->output.headers.drop = (struct wt_strings){drop, COUNT_OF(drop)};
    ASSERT_HEADERS(encode(&fixture), {"debugger", "2"}, {"internal", "5"}, {"", "6"}, MODEL_HEADER,
                   SOURCE_HEADERS);
    refuse(&fixture);
    assert_int_equal(encode(&fixture)->header_count, COUNT_OF(headers) + 8);
    drop[0] = "*";
    fixture.record->outcome = WT_OUTCOME_TOMBSTONE;
    ASSERT_HEADERS(encode(&fixture), MODEL_HEADER, SOURCE_HEADERS);
    fixture.config->output.headers.drop = before;
    fixture_destroy(&fixture);
}

static void a_label_may_stand_in_headers_too_and_is_null_there_where_it_is_null(void **state)
{
    (void)state;
    static const float even[] = {0, 0, -1e30f, -1e30f}; /* 0.5 each, exactly */
    static const struct wt_header headers[] = {
        {.name = "wiretag.category", .value = "old", .value_bytes = 3},
        {.name = "wiretag.score", .value = "0.9", .value_bytes = 3},
    };
    struct fixture fixture = fixture_create("{}", headers, COUNT_OF(headers));
    label(&fixture, even);
    fixture.config->output.headers.label = true;
    ASSERT_HEADERS(encode(&fixture), MODEL_HEADER, {"wiretag.category", "politics"},
                   {"wiretag.score", "0.5"}, SOURCE_HEADERS);
    fixture.config->output.threshold.all = 0.6;
    ASSERT_HEADERS(encode(&fixture), MODEL_HEADER, {"wiretag.category", NULL},
                   {"wiretag.score", "0.5"}, SOURCE_HEADERS);
    fixture.info.task = WT_MULTI_LABEL;
    ASSERT_HEADERS(encode(&fixture), MODEL_HEADER, {"wiretag.category", NULL},
                   {"wiretag.score", NULL}, SOURCE_HEADERS);
    fixture_destroy(&fixture);
}

static void a_tombstone_stays_one_and_says_where_it_came_from(void **state)
{
    (void)state;
    static const struct wt_header headers[] = {{.name = "a", .value = "b", .value_bytes = 1}};
    struct fixture fixture = fixture_create(NULL, headers, 1);
    fixture.record->outcome = WT_OUTCOME_TOMBSTONE;
    const struct wt_output *output = encode(&fixture);
    assert_null(output->value);
    assert_int_equal(output->value_bytes, 0);
    ASSERT_HEADERS(output, {"a", "b"}, MODEL_HEADER, SOURCE_HEADERS);
    fixture_destroy(&fixture);
}

/* --- dead letters ---------------------------------------------------------------------------- */

#define DEAD_LETTER_HEADERS(tries)                                                                 \
    {"wiretag.error.code", "text-missing"}, {"wiretag.error.message", "no text: /text"},           \
        {"wiretag.error.stage", "decode"}, {"wiretag.tries", tries}, SOURCE_HEADERS,               \
    {                                                                                              \
        "wiretag.source.timestamp", "1700000000123"                                                \
    }

static void a_dead_letter_is_the_input_byte_for_byte_with_the_reason_in_headers(void **state)
{
    (void)state;
    static const struct wt_header headers[] = {{.name = "a", .value = NULL}};
    static const char value[] = "not {json}\xFF";
    struct fixture fixture = fixture_create(value, headers, 1);
    refuse(&fixture);
    const struct wt_output *output = encode(&fixture);
    assert_int_equal(output->value_bytes, sizeof value - 1);
    assert_memory_equal(output->value, value, sizeof value - 1);
    ASSERT_HEADERS(output, {"a", NULL}, DEAD_LETTER_HEADERS("1"));
    fixture_destroy(&fixture);
}

static void kafka_connects_headers_say_the_same_in_its_words(void **state)
{
    (void)state;
    static const struct wt_header headers[] = {
        {.name = "__connect.errors.topic", .value = "old", .value_bytes = 3},
        {.name = "__connect.errors.exception.stacktrace", .value = "old", .value_bytes = 3},
        {.name = "__connect.other", .value = "kept", .value_bytes = 4},
    };
    struct fixture fixture = fixture_create("{}", headers, COUNT_OF(headers));
    refuse(&fixture);
    fixture.config->dead_letter.connect_headers = true;
    ASSERT_HEADERS(encode(&fixture), {"__connect.other", "kept"}, DEAD_LETTER_HEADERS("1"),
                   {"__connect.errors.topic", "news.articles"}, {"__connect.errors.partition", "3"},
                   {"__connect.errors.offset", "77"},
                   {"__connect.errors.connector.name", "wiretag"},
                   {"__connect.errors.task.id", "0"}, {"__connect.errors.stage", "VALUE_CONVERTER"},
                   {"__connect.errors.class.name", "wiretag.decode"},
                   {"__connect.errors.exception.class.name", "text-missing"},
                   {"__connect.errors.exception.message", "no text: /text"});
    /* What a redrive labels has not failed. */
    label(&fixture, LOGITS);
    ASSERT_HEADERS(encode(&fixture), {"__connect.other", "kept"}, MODEL_HEADER, SOURCE_HEADERS);
    fixture.config->dead_letter.connect_headers = false;
    assert_int_equal(encode(&fixture)->header_count, COUNT_OF(headers) + 4);
    fixture_destroy(&fixture);
}

static void an_empty_value_stays_empty_and_a_null_value_stays_null(void **state)
{
    (void)state;
    struct fixture empty = fixture_create("", NULL, 0);
    refuse(&empty);
    assert_non_null(encode(&empty)->value);
    assert_int_equal(empty.record->output.value_bytes, 0);
    fixture_destroy(&empty);
    /* A tombstone can be refused by the broker. */
    struct fixture null = fixture_create(NULL, NULL, 0);
    refuse(&null);
    assert_null(encode(&null)->value);
    fixture_destroy(&null);
}

static void tries_are_counted_on(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *after;
    } cases[] = {{"1", "2"},
                 {"41", "42"},
                 {"0", "1"},
                 {"-7", "1"},
                 {"many", "1"},
                 {"1x", "1"},
                 {"", "1"},
                 {"9223372036854775807", "1"},
                 {"99999999999999999999999", "1"},
                 {"999999999999999999999999999999999999", "1"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct wt_header header = {.name = "wiretag.tries",
                                         .value = cases[i].before,
                                         .value_bytes = strlen(cases[i].before)};
        struct fixture fixture = fixture_create("x", &header, 1);
        refuse(&fixture);
        ASSERT_HEADERS(encode(&fixture), DEAD_LETTER_HEADERS(cases[i].after));
        fixture_destroy(&fixture);
    }
}

/* --- reading them back ----------------------------------------------------------------------- */

static void the_last_of_repeated_headers_is_the_one_that_is_read(void **state)
{
    (void)state;
    static const struct wt_header headers[] = {
        {.name = "n", .value = "1", .value_bytes = 1},
        {.name = "n", .value = "22", .value_bytes = 2},
        {.name = "n", .value = NULL},
        {.name = "other", .value = "3", .value_bytes = 1},
    };
    struct fixture fixture = fixture_create("{}", headers, COUNT_OF(headers));
    assert_int_equal(wt_headers_find_integer(fixture.record, "n", -5), 22);
    assert_int_equal(wt_headers_find_integer(fixture.record, "none", -5), -5);
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_keeps_the_input_headers_and_adds_model_and_source),
        cmocka_unit_test(header_bytes_that_are_no_text_are_kept_too),
        cmocka_unit_test(headers_of_an_earlier_pass_are_replaced_not_repeated),
        cmocka_unit_test(headers_to_be_dropped_are_names_or_beginnings_and_dead_letters_keep_them),
        cmocka_unit_test(a_label_may_stand_in_headers_too_and_is_null_there_where_it_is_null),
        cmocka_unit_test(a_tombstone_stays_one_and_says_where_it_came_from),
        cmocka_unit_test(a_dead_letter_is_the_input_byte_for_byte_with_the_reason_in_headers),
        cmocka_unit_test(kafka_connects_headers_say_the_same_in_its_words),
        cmocka_unit_test(an_empty_value_stays_empty_and_a_null_value_stays_null),
        cmocka_unit_test(tries_are_counted_on),
        cmocka_unit_test(the_last_of_repeated_headers_is_the_one_that_is_read),
    };
    return cmocka_run_group_tests_name("headers", tests, NULL, NULL);
}
