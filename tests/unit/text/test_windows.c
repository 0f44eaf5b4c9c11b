/* Windows: which tokens each has, which are its own, and how many an article gets. */
#include "text/windows.h"

#include "dice.h"
#include "support.h"

static const char VOCAB[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n";

static struct wt_vocab *vocab_create(void)
{
    struct wt_vocab *vocab = NULL;
    assert_int_equal(wt_vocab_create(VOCAB, sizeof VOCAB - 1, "test", NULL, &vocab, NULL), WT_OK);
    return vocab;
}

static struct wt_windows windows_with(const struct wt_vocab *vocab, uint32_t tokens_max,
                                      uint32_t overlap, uint32_t count_max)
{
    struct wt_windows windows;
    assert_int_equal(wt_windows_init(&windows, vocab, tokens_max, overlap, count_max, NULL), WT_OK);
    return windows;
}

static struct wt_windows windows_of(uint32_t tokens_max, uint32_t overlap, uint32_t count_max)
{
    struct wt_vocab *vocab = vocab_create();
    struct wt_windows windows = windows_with(vocab, tokens_max, overlap, count_max);
    wt_vocab_destroy(vocab);
    return windows;
}

/* The windows of an article of `text` tokens, as "from+count(own)". */
static const char *show(const struct wt_windows *windows, uint32_t text)
{
    static char shown[400];
    uint32_t tokens = text + windows->before + windows->behind;
    size_t length = 0;
    for (uint32_t i = 0; i < wt_windows_count(windows, tokens); i++) {
        struct wt_window window = wt_windows_at(windows, tokens, i);
        length += (size_t)snprintf(shown + length, sizeof shown - length, "%s%u+%u(%u)",
                                   i > 0 ? " " : "", window.from, window.count, window.own);
    }
    return shown;
}

static void windows_begin_a_step_apart_and_the_first_at_the_end_is_the_last(void **state)
{
    (void)state;
    struct wt_windows windows = windows_of(12, 3, 4); /* 10 tokens of the text, steps of 7 */
    assert_string_equal(show(&windows, 0), "0+0(0)");
    assert_string_equal(show(&windows, 9), "0+9(9)");
    assert_string_equal(show(&windows, 10), "0+10(10)");
    assert_string_equal(show(&windows, 11), "0+10(10) 7+4(1)");
    assert_string_equal(show(&windows, 17), "0+10(10) 7+10(7)");
    assert_string_equal(show(&windows, 18), "0+10(10) 7+10(7) 14+4(1)");
    assert_string_equal(show(&windows, 31), "0+10(10) 7+10(7) 14+10(7) 21+10(7)");
    assert_int_equal(wt_windows_tokens_max(&windows), 31 + 2);
    struct wt_windows apart = windows_of(12, 0, 4);
    assert_string_equal(show(&apart, 25), "0+10(10) 10+10(10) 20+5(5)");
    struct wt_windows close = windows_of(12, 9, 4);
    assert_string_equal(show(&close, 13), "0+10(10) 1+10(1) 2+10(1) 3+10(1)");
}

static void cutting_is_one_window_of_all_that_the_model_takes(void **state)
{
    (void)state;
    struct wt_windows windows = windows_of(12, 64, 1);
    assert_int_equal(wt_windows_tokens_max(&windows), 12);
    assert_string_equal(show(&windows, 10), "0+10(10)");
    assert_int_equal(wt_windows_count_bound(&windows, 1000000), 1);
    struct wt_windows nothing = windows_of(2, 64, 1); /* no room for text */
    assert_string_equal(show(&nothing, 0), "0+0(0)");
}

static void an_overlap_that_leaves_no_step_is_refused(void **state)
{
    (void)state;
    struct wt_vocab *vocab = vocab_create();
    struct wt_windows windows = {.room = 77};
    struct wt_error error;
    static const uint32_t overlaps[] = {10, 11, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(overlaps); i++) {
        assert_int_equal(wt_windows_init(&windows, vocab, 12, overlaps[i], 2, &error), WT_INVALID);
        assert_string_equal(error.code, "window-overlap");
        assert_non_null(strstr(error.message, "at most 9"));
        assert_int_equal(windows.room, 77);
    }
    assert_int_equal(wt_windows_init(&windows, vocab, 2, 0, 2, &error), WT_INVALID);
    assert_int_equal(wt_windows_init(&windows, vocab, 12, 9, 2, &error), WT_OK);
    wt_vocab_destroy(vocab);
}

/* A window as slow and plain code has it: it walks the article token by token. */
static void assert_covers(const struct wt_windows *windows, uint32_t text, uint32_t overlap)
{
    uint32_t tokens = text + 2;
    uint32_t count = wt_windows_count(windows, tokens);
    uint32_t *owners = calloc(text + 1, sizeof *owners);
    uint32_t end = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct wt_window window = wt_windows_at(windows, tokens, i);
        assert_in_range(window.count, text > 0 ? 1 : 0, windows->room);
        assert_int_equal(window.from + overlap * (i > 0), end);
        for (uint32_t j = 0; j < window.own; j++) {
            owners[window.from + window.count - window.own + j]++;
        }
        assert_true(i + 1 == count || window.count == windows->room);
        end = window.from + window.count;
    }
    assert_int_equal(end, text);
    for (uint32_t i = 0; i < text; i++) {
        assert_int_equal(owners[i], 1);
    }
    assert_true(wt_windows_count_bound(windows, text) >= count);
    free(owners);
}

static void every_token_is_some_windows_own_exactly_once(void **state)
{
    (void)state;
    struct dice dice = {.state = 7};
    struct wt_vocab *vocab = vocab_create();
    for (int round = 0; round < 20000; round++) {
        uint32_t room = dice_between(&dice, 1, 40);
        uint32_t overlap = dice_below(&dice, room);
        uint32_t count_max = dice_between(&dice, 2, 20);
        struct wt_windows windows = windows_with(vocab, room + 2, overlap, count_max);
        uint32_t most = wt_windows_tokens_max(&windows) - 2;
        assert_covers(&windows, dice_below(&dice, most + 1), overlap);
        assert_covers(&windows, most, overlap);
        assert_int_equal(wt_windows_count(&windows, most + 2), count_max);
    }
    wt_vocab_destroy(vocab);
}

static void a_window_has_the_template_around_its_tokens(void **state)
{
    (void)state;
    struct wt_windows windows = {.before = 2, .behind = 1, .room = 3, .step = 2, .count_max = 9};
    static const int32_t ids[] = {100, 101, 1, 2, 3, 4, 5, 6, 102};
    static const int32_t expected[3][6] = {
        {100, 101, 1, 2, 3, 102}, {100, 101, 3, 4, 5, 102}, {100, 101, 5, 6, 102}};
    uint32_t count = COUNT_OF(ids);
    assert_int_equal(wt_windows_count(&windows, count), 3);
    for (uint32_t i = 0; i < 3; i++) {
        int32_t window_ids[6] = {0};
        struct wt_window window = wt_windows_at(&windows, count, i);
        assert_int_equal(wt_windows_ids(&windows, &window, ids, count, window_ids), i < 2 ? 6 : 5);
        assert_memory_equal(window_ids, expected[i], sizeof window_ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_begin_a_step_apart_and_the_first_at_the_end_is_the_last),
        cmocka_unit_test(cutting_is_one_window_of_all_that_the_model_takes),
        cmocka_unit_test(an_overlap_that_leaves_no_step_is_refused),
        cmocka_unit_test(every_token_is_some_windows_own_exactly_once),
        cmocka_unit_test(a_window_has_the_template_around_its_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
