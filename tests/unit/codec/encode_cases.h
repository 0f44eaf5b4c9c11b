/* encode_cases.h: records as the last stage gets them, and the headers of what is made of them. */
#ifndef WIRETAG_TESTS_ENCODE_CASES_H
#define WIRETAG_TESTS_ENCODE_CASES_H

#include "codec/encode.h"
#include "config/config_load.h"

#include "support.h"

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
    struct wt_config *config;
    struct wt_model_info info;
    struct wt_partition source;
    struct wt_encoder *encoder; /* made by encode() with what the config then says */
    struct wt_record *record;
};

static const char *const LABELS[] = {"politics", "society", "sports", "science"};

static const char *const NO_URIS[COUNT_OF(LABELS)];
static const double NO_THRESHOLDS[COUNT_OF(LABELS)];

static inline struct fixture fixture_create(const char *value, const struct wt_header *headers,
                                            size_t header_count)
{
    struct fixture fixture = {
        .config = wt_config_defaults(),
        .info = {.name = "demo",
                 .version = "1.2",
                 .sha256 = SHA256,
                 .labels = LABELS,
                 .label_count = COUNT_OF(LABELS),
                 .label_uris = NO_URIS,
                 .thresholds = NO_THRESHOLDS},
        .source = {.topic = "news.articles", .number = 3},
    };
    fixture.record =
        wt_record_create("key", 3, value, value != NULL ? strlen(value) : 0, headers, header_count);
    fixture.record->offset = 77;
    fixture.record->timestamp_ms = 1700000000123;
    return fixture;
}

static inline void fixture_destroy(struct fixture *fixture)
{
    wt_record_destroy(fixture->record);
    wt_encoder_destroy(fixture->encoder);
    wt_config_destroy(fixture->config);
}

/* Encodes the record anew. */
static inline const struct wt_output *encode(struct fixture *fixture)
{
    wt_encoder_destroy(fixture->encoder);
    fixture->encoder = wt_encoder_create(fixture->config, &fixture->info);
    fixture->record->source = &fixture->source;
    wt_record_output_clear(fixture->record);
    wt_encode(fixture->encoder, fixture->record);
    return &fixture->record->output;
}

/* Makes it a labelled record. */
static inline void label(struct fixture *fixture, const float *logits)
{
    struct wt_record *record = fixture->record;
    record->id_json = strdup("\"a1\"");
    record->token_count = 17;
    record->logits = calloc(COUNT_OF(LABELS), sizeof(float));
    memcpy(record->logits, logits, COUNT_OF(LABELS) * sizeof(float));
    record->outcome = WT_OUTCOME_LABELLED;
}

/* Makes it a dead letter. */
static inline void refuse(struct fixture *fixture)
{
    struct wt_error error;
    (void)wt_error_set(&error, WT_INVALID, WT_ERROR_RECORD, "text-missing", "no text: /text");
    wt_record_fail(fixture->record, "decode", &error);
}

static inline void assert_value(const struct wt_output *output, const char *expected)
{
    assert_non_null(output->value);
    assert_string_equal(output->value, expected);
    assert_int_equal(output->value_bytes, strlen(expected));
}

static inline void assert_begins(const struct wt_output *output, const char *expected)
{
    if (strncmp(output->value, expected, strlen(expected)) != 0) {
        fail_msg("%s does not begin with %s", output->value, expected);
    }
}

/* One header of each output, in order: name, value; a value of NULL is null. */
struct expected_header {
    const char *name;
    const char *value;
};

static inline void assert_headers(const struct wt_output *output,
                                  const struct expected_header *expected, size_t count)
{
    for (size_t i = 0; i < count && i < output->header_count; i++) {
        const struct wt_header *header = &output->headers[i];
        assert_string_equal(header->name, expected[i].name);
        if (expected[i].value == NULL) {
            assert_null(header->value);
            continue;
        }
        assert_non_null(header->value);
        if (header->value_bytes != strlen(expected[i].value) ||
            memcmp(header->value, expected[i].value, header->value_bytes) != 0) {
            fail_msg("%s is %.*s, not %s", header->name, (int)header->value_bytes,
                     (const char *)header->value, expected[i].value);
        }
    }
    assert_int_equal(output->header_count, count);
}

#define ASSERT_HEADERS(output, ...)                                                                \
    assert_headers(output, (const struct expected_header[]){__VA_ARGS__},                          \
                   COUNT_OF(((const struct expected_header[]){__VA_ARGS__})))

#define SOURCE_HEADERS                                                                             \
    {"wiretag.source.topic", "news.articles"}, {"wiretag.source.partition", "3"},                  \
    {                                                                                              \
        "wiretag.source.offset", "77"                                                              \
    }

#endif
