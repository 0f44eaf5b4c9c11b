/* Which dead letters are taken up again, and as what. */
#include "pipeline/letter.h"

#include "support.h"

#define HEADER(header_name, text)                                                                  \
    {                                                                                              \
        .name = header_name, .value = text, .value_bytes = sizeof text - 1                         \
    }

static const struct wt_header letter[] = {
    HEADER("wiretag.error.code", "model-failed"),   HEADER("wiretag.tries", "2"),
    HEADER("wiretag.source.topic", "news"),         HEADER("wiretag.source.partition", "3"),
    HEADER("wiretag.source.offset", "70"),          HEADER("wiretag.source.timestamp", "1234"),
    HEADER("wiretag.error.value_truncated", "true")};

#define WHOLE 6u /* without the last */

/* Opens a letter of the first `count` headers, less the one at `left_out`. */
static enum wt_letter take(const char *codes, int64_t tries_max, size_t count, size_t left_out)
{
    struct wt_header headers[COUNT_OF(letter)];
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i != left_out) {
            headers[kept++] = letter[i];
        }
    }
    struct wt_record *record = wt_record_create(NULL, 0, "{}", 2, headers, kept);
    struct wt_partition source = {.topic = "news.dlq", .number = 0};
    struct wt_letters letters = {.codes = codes, .tries_max = tries_max};
    record->source = &source;
    record->offset = 5;
    enum wt_letter taken = wt_letter_open(&letters, record);
    bool opened = taken == WT_LETTER_OPENED;
    bool named = opened || taken == WT_LETTER_CUT;
    struct wt_origin origin = wt_record_origin(record);
    assert_string_equal(origin.topic, named ? "news" : "news.dlq");
    assert_int_equal(origin.partition, named ? 3 : 0);
    assert_int_equal(origin.offset, named ? 70 : 5);
    assert_int_equal(record->timestamp_ms, opened && left_out != 5 ? 1234 : -1);
    wt_record_destroy(record);
    return taken;
}

static bool opens(const char *codes, int64_t tries_max, size_t count, size_t left_out)
{
    return take(codes, tries_max, count, left_out) == WT_LETTER_OPENED;
}

static void a_letter_becomes_its_article(void **state)
{
    (void)state;
    assert_true(opens(NULL, 5, WHOLE, WHOLE));
    assert_true(opens(NULL, 5, WHOLE, 5));
}

static void codes_are_whole_words(void **state)
{
    (void)state;
    assert_true(opens("model-failed", 5, WHOLE, WHOLE));
    assert_true(opens("text-blank,model-failed", 5, WHOLE, WHOLE));
    assert_false(opens("model", 5, WHOLE, WHOLE));
    assert_false(opens("model-failed-twice,", 5, WHOLE, WHOLE));
    assert_false(opens("", 5, WHOLE, WHOLE));
}

static void what_failed_too_often_is_cut_or_is_no_letter_stays(void **state)
{
    (void)state;
    assert_true(opens(NULL, 3, WHOLE, WHOLE));
    assert_false(opens(NULL, 2, WHOLE, WHOLE));
    assert_int_equal(take(NULL, 5, COUNT_OF(letter), COUNT_OF(letter)), WT_LETTER_CUT);
    static const size_t needed[] = {0, 2, 3, 4};
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        assert_false(opens(NULL, 5, WHOLE, needed[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_becomes_its_article),
        cmocka_unit_test(codes_are_whole_words),
        cmocka_unit_test(what_failed_too_often_is_cut_or_is_no_letter_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
