/* Which dead letters are taken up again, and as what. */
#include "replay/redrive.h"

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
static enum wt_redrive_choice take(const char *codes, int64_t tries_max, size_t count,
                                   size_t left_out)
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
    struct wt_redrive letters = {.codes = codes, .tries_max = tries_max};
    record->source = &source;
    record->offset = 5;
    enum wt_redrive_choice taken = wt_redrive_open(&letters, record);
    bool opened = taken == WT_REDRIVE_OPENED;
    bool named = opened || taken == WT_REDRIVE_CUT;
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
    return take(codes, tries_max, count, left_out) == WT_REDRIVE_OPENED;
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
    assert_int_equal(take(NULL, 5, COUNT_OF(letter), COUNT_OF(letter)), WT_REDRIVE_CUT);
    static const size_t needed[] = {0, 2, 3, 4};
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        assert_false(opens(NULL, 5, WHOLE, needed[i]));
    }
}

static void codes_are_read_as_people_write_them(void **state)
{
    (void)state;
    struct wt_error error;
    char *codes = NULL;
    assert_int_equal(
        wt_dead_letter_codes_parse(" text-blank ,\tmodel-failed,text-blank", &codes, &error),
        WT_OK);
    assert_string_equal(codes, "model-failed,text-blank");
    free(codes);
    static const char *const wrong[] = {"",           " ",         "text-blank,", ",text-blank",
                                        "text blank", "Text-blank"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(wt_dead_letter_codes_parse(wrong[i], &codes, &error), WT_INVALID);
        assert_non_null(strstr(error.message, "json-invalid, json-not-object, "));
        assert_non_null(strstr(error.message, "value-empty"));
    }
}

static void known_codes_are_in_order_and_fit_into_a_term(void **state)
{
    (void)state;
    size_t count;
    size_t bytes = 0;
    const char *const *known = wt_dead_letter_codes(&count);
    for (size_t i = 0; i < count; i++) {
        bytes += strlen(known[i]) + 1;
        assert_true(i == 0 || strcmp(known[i - 1], known[i]) < 0);
    }
    assert_true(bytes < WT_TERM_VALUE_BYTES_MAX);
}

/* --- which letter stands for its article ----------------------------------------------------- */

/* One letter of an article, at its place and time in the dead-letter topic. */
struct placed {
    const char *offset; /* of the article */
    const char *tries;
    int32_t partition;
    int64_t letter_offset;
    int64_t letter_ms;
};

static struct wt_partition dlq[2] = {{.topic = "news.dlq", .number = 0},
                                     {.topic = "news.dlq", .number = 1}};

static struct wt_record *place(struct placed placed)
{
    struct wt_header headers[] = {
        HEADER("wiretag.error.code", "model-failed"),
        HEADER("wiretag.source.topic", "news"),
        HEADER("wiretag.source.partition", "3"),
        {.name = "wiretag.source.offset",
         .value = placed.offset,
         .value_bytes = strlen(placed.offset)},
        {.name = "wiretag.tries", .value = placed.tries, .value_bytes = strlen(placed.tries)}};
    struct wt_record *record = wt_record_create(NULL, 0, "{}", 2, headers, COUNT_OF(headers));
    record->source = &dlq[placed.partition];
    record->offset = placed.letter_offset;
    record->timestamp_ms = placed.letter_ms;
    return record;
}

static enum wt_origin_state look(const struct wt_origins *origins, struct placed placed)
{
    struct wt_record *record = place(placed);
    enum wt_origin_state state = wt_origins_look(origins, record);
    wt_record_destroy(record);
    return state;
}

static void add(struct wt_origins *origins, struct placed placed)
{
    struct wt_record *record = place(placed);
    wt_origins_add(origins, record);
    wt_record_destroy(record);
}

static void only_the_newest_letter_stands_for_its_article(void **state)
{
    (void)state;
    static const struct placed letters[] = {{"7", "1", 0, 10, 1000}, {"7", "2", 1, 4, 2000},
                                            {"7", "3", 0, 11, 3000}, {"8", "1", 0, 12, 3000},
                                            {"9", "2", 1, 5, 3000},  {"9", "1", 0, 13, 3000}};
    struct wt_origins *origins = wt_origins_create();
    for (size_t i = COUNT_OF(letters); i > 0; i--) {
        add(origins, letters[i - 1]);
    }
    static const bool stands[] = {false, false, true, true, true, false};
    for (size_t i = 0; i < COUNT_OF(letters); i++) {
        assert_int_equal(look(origins, letters[i]),
                         stands[i] ? WT_ORIGIN_OPEN : WT_ORIGIN_SUPERSEDED);
    }
    wt_origins_destroy(origins);
}

static void thousands_of_articles_are_told_apart(void **state)
{
    (void)state;
    struct wt_origins *origins = wt_origins_create();
    char offset[24];
    for (int64_t tries = 1; tries <= 2; tries++) {
        for (int64_t i = 0; i < 20000; i++) {
            (void)snprintf(offset, sizeof offset, "%d", (int)i);
            add(origins, (struct placed){offset, "1", 0, tries * 20000 + i, tries * 1000 + i % 3});
        }
    }
    for (int64_t i = 0; i < 20000; i++) {
        (void)snprintf(offset, sizeof offset, "%d", (int)i);
        assert_int_equal(look(origins, (struct placed){offset, "1", 0, 20000 + i, 1000 + i % 3}),
                         WT_ORIGIN_SUPERSEDED);
        assert_int_equal(look(origins, (struct placed){offset, "1", 0, 40000 + i, 2000 + i % 3}),
                         WT_ORIGIN_OPEN);
    }
    wt_origins_destroy(origins);
}

static void what_an_earlier_pass_was_to_take_has_its_label(void **state)
{
    (void)state;
    static const struct placed seventy = {"70", "2", 0, 12, 5000};
    static const struct {
        const char *terms;
        bool redrive;
        int64_t since;
        int64_t position;
        int64_t planned_ms;
        bool labelled;
    } cases[] = {
        {" output=out code=all tries-max=5 on-error=goes-on", true, 0, 13, 9000, true},
        {" output=out code=model-failed,text-blank tries-max=3", true, 12, 13, 9000, true},
        {" output=out code=all tries-max=5", true, 0, 12, 9000, false},  /* not there yet */
        {" output=out code=all tries-max=5", true, 13, 20, 9000, false}, /* began behind it */
        {" output=out code=text-blank tries-max=5", true, 0, 13, 9000, false},
        {" output=out code=all tries-max=2", true, 0, 13, 9000, false},
        {" output=elsewhere code=all tries-max=5", true, 0, 13, 9000, false},
        {" output=out code=all tries-max=5 on-error=skip", true, 0, 13, 9000, false},
        {"", true, 0, 13, 9000, false},
        {" output=out from=0 to=latest", false, 0, 71, 9000, true},
        {" output=out from=0 to=latest", false, 0, 70, 9000, false},
        {" output=out from=0 to=latest", false, 0, 71, 4000, false}, /* the letter is younger */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wt_origins *origins = wt_origins_create();
        struct wt_checkpoint checkpoint = {
            .planned_ms = cases[i].planned_ms, .since = cases[i].since, .to = 100};
        (void)snprintf(checkpoint.terms, sizeof checkpoint.terms, "%s", cases[i].terms);
        add(origins, seventy);
        wt_origins_add_pass(origins, cases[i].redrive, cases[i].redrive ? "news.dlq" : "news",
                            cases[i].redrive ? 0 : 3, cases[i].position, &checkpoint, "out");
        assert_int_equal(look(origins, seventy),
                         cases[i].labelled ? WT_ORIGIN_LABELLED : WT_ORIGIN_OPEN);
        wt_origins_destroy(origins);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_becomes_its_article),
        cmocka_unit_test(codes_are_whole_words),
        cmocka_unit_test(what_failed_too_often_is_cut_or_is_no_letter_stays),
        cmocka_unit_test(codes_are_read_as_people_write_them),
        cmocka_unit_test(known_codes_are_in_order_and_fit_into_a_term),
        cmocka_unit_test(only_the_newest_letter_stands_for_its_article),
        cmocka_unit_test(thousands_of_articles_are_told_apart),
        cmocka_unit_test(what_an_earlier_pass_was_to_take_has_its_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
