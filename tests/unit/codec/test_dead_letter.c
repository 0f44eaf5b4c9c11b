/* Dead letters that are cut to what their topic takes: in which order, and how that is named. */
#include "codec/dead_letter.h"
#include "codec/dead_letter_policy.h"
#include "codec/headers.h"
#include "encode_cases.h"

#define VALUE "{\"id\": 1, \"body\": \"no text is in here\"}"

static const struct wt_header small[] = {
    {.name = "trace", .value = "1", .value_bytes = 1},
    {.name = "null", .value = NULL},
    {.name = "trace", .value = "2", .value_bytes = 1},
};

/* The output's only header of that name; NULL: there is none. */
static const struct wt_header *find(const struct wt_output *output, const char *name)
{
    const struct wt_header *found = NULL;
    for (size_t i = 0; i < output->header_count; i++) {
        if (strcmp(output->headers[i].name, name) == 0) {
            assert_null(found);
            found = &output->headers[i];
        }
    }
    return found;
}

static void assert_text(const struct wt_output *output, const char *name, const char *expected)
{
    const struct wt_header *header = find(output, name);
    assert_non_null(header);
    assert_int_equal(header->value_bytes, strlen(expected));
    assert_memory_equal(header->value, expected, header->value_bytes);
}

/* A dead letter of key, value and headers that are `filled` bytes long, at `bytes_max`. */
static struct fixture letter_of(size_t key_bytes, size_t value_bytes, size_t header_bytes)
{
    struct fixture fixture = fixture_create("", NULL, 0);
    char *bytes = calloc(1, key_bytes + value_bytes + header_bytes + 1);
    memset(bytes, 'b', key_bytes + value_bytes + header_bytes);
    struct wt_header headers[] = {
        small[0], {.name = "big", .value = bytes, .value_bytes = header_bytes}, small[2]};
    wt_record_destroy(fixture.record);
    fixture.record = wt_record_create(bytes, key_bytes, bytes, value_bytes, headers, 3);
    fixture.record->offset = 77;
    free(bytes);
    refuse(&fixture);
    return fixture;
}

static const char *cut_of(const struct wt_output *output, char *words)
{
    struct wt_record *read =
        wt_record_create(NULL, 0, NULL, 0, output->headers, output->header_count);
    (void)wt_dead_letter_cut(read, words);
    wt_record_destroy(read);
    return words;
}

static void assert_cut(struct fixture *fixture, uint32_t bytes_max, const char *parts)
{
    char words[WT_CUT_WORDS_BYTES_MAX];
    fixture->record->dead_letter_bytes_max = bytes_max;
    const struct wt_output *output = encode(fixture);
    assert_string_equal(cut_of(output, words), parts);
    assert_true(bytes_max == 0 || wt_output_bytes(output) <= bytes_max);
}

static void what_fits_is_whole(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(VALUE, small, COUNT_OF(small));
    refuse(&fixture);
    assert_cut(&fixture, 0, "");
    size_t bytes = wt_output_bytes(&fixture.record->output);
    assert_cut(&fixture, (uint32_t)bytes, "");
    assert_memory_equal(fixture.record->output.value, VALUE, strlen(VALUE));
    assert_int_equal(fixture.record->output.key_bytes, 3);
    assert_false(fixture.record->dead_letter_minimal);
    fixture_destroy(&fixture);
}

static void the_value_is_cut_first_then_headers_then_the_key(void **state)
{
    (void)state;
    struct fixture value = letter_of(3000, 5000, 3000);
    assert_cut(&value, 0, "");
    assert_cut(&value, 10000, "value");
    assert_cut(&value, 5000, "value and headers");
    assert_cut(&value, 2000, "value, headers and key");
    assert_int_equal(value.record->output.key_bytes, 256);
    assert_true(value.record->output.value_bytes > 256);
    assert_non_null(find(&value.record->output, "wiretag.error.key_sha256"));
    fixture_destroy(&value);
    /* What is small stays whole. */
    struct fixture header = letter_of(3, 100, 5000);
    assert_cut(&header, 3000, "headers");
    assert_int_equal(header.record->output.value_bytes, 100);
    fixture_destroy(&header);
    struct fixture key = letter_of(5000, 100, 3);
    assert_cut(&key, 3000, "key");
    assert_non_null(find(&key.record->output, "big"));
    fixture_destroy(&key);
}

static void what_was_cut_is_named_with_size_and_hash(void **state)
{
    (void)state;
    struct fixture fixture = letter_of(5000, 5000, 5000);
    assert_cut(&fixture, 3000, "value, headers and key");
    const struct wt_output *output = &fixture.record->output;
    /* sha256sum of 5,000 letters b, and of "trace1big", them, and "trace2". */
    static const char hash[] = "5026f8e8d3aade594b17674da02e2b077cf7f278d43a8504ad5fc6574060bd6c";
    assert_text(output, "wiretag.error.value_truncated", "true");
    assert_text(output, "wiretag.error.value_bytes", "5000");
    assert_text(output, "wiretag.error.value_sha256", hash);
    assert_text(output, "wiretag.error.key_truncated", "true");
    assert_text(output, "wiretag.error.key_bytes", "5000");
    assert_text(output, "wiretag.error.key_sha256", hash);
    assert_text(output, "wiretag.error.headers_truncated", "true");
    assert_text(output, "wiretag.error.headers_bytes", "5015");
    assert_text(output, "wiretag.error.headers_sha256",
                "da30324d6b11d3e3722fe875f82bd3bb5215df3fa2bda7c29bc82caaa4cc255d");
    char *expected = NULL;
    assert_true(asprintf(&expected, "big (5000 bytes, sha256 %s)", hash) > 0);
    assert_text(output, "wiretag.error.headers_cut", expected);
    free(expected);
    fixture_destroy(&fixture);
}

static void whatever_the_limit_a_letter_keeps_it_or_is_the_least(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 200, 3000};
    for (size_t i = 0; i < 64; i++) {
        struct fixture fixture = letter_of(sizes[i % 4], sizes[i / 4 % 4], sizes[i / 16]);
        fixture.config->dead_letter.connect_headers = i % 3 == 0;
        for (uint32_t bytes_max = 1; bytes_max < 4000; bytes_max += 13) {
            fixture.record->dead_letter_bytes_max = bytes_max;
            const struct wt_output *output = encode(&fixture);
            assert_true(fixture.record->dead_letter_minimal ||
                        wt_output_bytes(output) <= bytes_max);
            assert_text(output, "wiretag.error.code", "text-missing");
            assert_text(output, "wiretag.tries", "1");
            assert_text(output, "wiretag.source.topic", "news.articles");
            assert_text(output, "wiretag.source.partition", "3");
            assert_text(output, "wiretag.source.offset", "77");
            bool whole = output->value_bytes == sizes[i / 4 % 4];
            assert_int_equal(find(output, "wiretag.error.value_truncated") == NULL, whole);
            whole = output->key_bytes == sizes[i % 4];
            assert_int_equal(find(output, "wiretag.error.key_truncated") == NULL, whole);
            assert_non_null(output->value);
        }
        fixture_destroy(&fixture);
    }
}

static void the_least_has_code_tries_and_source_alone(void **state)
{
    (void)state;
    struct fixture fixture = letter_of(3, 100, 3);
    fixture.record->dead_letter_bytes_max = 1;
    const struct wt_output *output = encode(&fixture);
    assert_true(fixture.record->dead_letter_minimal);
    ASSERT_HEADERS(output, {"wiretag.error.code", "text-missing"}, {"wiretag.tries", "1"},
                   SOURCE_HEADERS, {"wiretag.error.value_truncated", "true"},
                   {"wiretag.error.headers_truncated", "true"},
                   {"wiretag.error.key_truncated", "true"});
    assert_int_equal(output->value_bytes, 0);
    assert_int_equal(output->key_bytes, 0);
    fixture_destroy(&fixture);
}

static void a_letter_without_a_key_gets_its_place_where_one_is_needed(void **state)
{
    (void)state;
    struct fixture fixture = letter_of(0, 10, 3);
    fixture.record->key = NULL;
    fixture.record->dead_letter_keyed = true;
    const struct wt_output *output = encode(&fixture);
    assert_int_equal(output->key_bytes, strlen("news.articles-3-77"));
    assert_memory_equal(output->key, "news.articles-3-77", output->key_bytes);
    assert_text(output, "wiretag.error.key_null", "true");
    fixture.record->dead_letter_bytes_max = 1;
    output = encode(&fixture);
    assert_memory_equal(output->key, "news.articles-3-77", output->key_bytes);
    /* An empty key is one. */
    fixture.record->key = "";
    assert_int_equal(encode(&fixture)->key_bytes, 0);
    assert_null(find(output, "wiretag.error.key_null"));
    fixture_destroy(&fixture);
}

static void a_tombstone_stays_one_however_small(void **state)
{
    (void)state;
    struct fixture fixture = letter_of(3000, 0, 3000);
    fixture.record->value = NULL;
    for (uint32_t bytes_max = 1; bytes_max < 8000; bytes_max += 500) {
        fixture.record->dead_letter_bytes_max = bytes_max;
        const struct wt_output *output = encode(&fixture);
        assert_null(output->value);
        assert_null(find(output, "wiretag.error.value_truncated"));
    }
    fixture_destroy(&fixture);
}

/* --- what is tried after a refusal ----------------------------------------------------------- */

static bool reject(struct fixture *fixture, bool too_large, int64_t topic_bytes_max)
{
    struct wt_error error;
    const struct wt_refusal refusal = {.reason = "no",
                                       .too_large = too_large,
                                       .dead_letter_bytes_max = 1000000,
                                       .topic_bytes_max = topic_bytes_max};
    char *topic = fixture->config->dead_letter.topic;
    fixture->config->dead_letter.topic = "news.dlq";
    bool goes_on = wt_dead_letter_refused(fixture->config, fixture->record, &refusal, &error);
    fixture->config->dead_letter.topic = topic;
    if (!goes_on) {
        assert_non_null(strstr(error.message, "topic news.dlq"));
        assert_non_null(strstr(error.message, "news.articles [3] offset 77"));
    }
    return goes_on;
}

static void a_letter_that_is_too_large_is_what_the_topic_takes_then_half_then_least(void **state)
{
    (void)state;
    struct fixture fixture = letter_of(3, 100000, 3);
    (void)encode(&fixture);
    assert_true(reject(&fixture, true, 20000));
    assert_true(wt_output_bytes(encode(&fixture)) <= 20000);
    size_t bytes = wt_output_bytes(&fixture.record->output);
    size_t tries = 0;
    while (reject(&fixture, true, 20000)) {
        assert_true(wt_output_bytes(encode(&fixture)) <= bytes / 2 ||
                    fixture.record->dead_letter_minimal);
        bytes = wt_output_bytes(&fixture.record->output);
        tries++;
    }
    assert_true(fixture.record->dead_letter_minimal && tries < 10);
    fixture_destroy(&fixture);
}

static void
a_letter_that_is_refused_for_another_reason_gets_a_key_its_own_time_and_is_the_least(void **state)
{
    (void)state;
    struct fixture fixture = letter_of(0, 100, 3);
    fixture.record->key = NULL;
    fixture.record->timestamp_ms = 5000;
    (void)encode(&fixture);
    assert_true(reject(&fixture, false, -1));
    assert_non_null(encode(&fixture)->key);
    assert_false(fixture.record->dead_letter_dated);
    assert_true(reject(&fixture, false, -1));
    (void)encode(&fixture);
    assert_true(fixture.record->dead_letter_dated && !fixture.record->dead_letter_minimal);
    assert_true(reject(&fixture, false, -1));
    (void)encode(&fixture);
    assert_true(fixture.record->dead_letter_minimal);
    assert_false(reject(&fixture, false, -1));
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_whole),
        cmocka_unit_test(the_value_is_cut_first_then_headers_then_the_key),
        cmocka_unit_test(what_was_cut_is_named_with_size_and_hash),
        cmocka_unit_test(whatever_the_limit_a_letter_keeps_it_or_is_the_least),
        cmocka_unit_test(the_least_has_code_tries_and_source_alone),
        cmocka_unit_test(a_letter_without_a_key_gets_its_place_where_one_is_needed),
        cmocka_unit_test(a_tombstone_stays_one_however_small),
        cmocka_unit_test(a_letter_that_is_too_large_is_what_the_topic_takes_then_half_then_least),
        cmocka_unit_test(
            a_letter_that_is_refused_for_another_reason_gets_a_key_its_own_time_and_is_the_least),
    };
    return cmocka_run_group_tests_name("dead letter", tests, NULL, NULL);
}
