/* The character map: what becomes of clusters, and damaged maps. tests/tokenizer compares the map of
 * SentencePiece with Hugging Face over every code point. */
#include "dice.h"
#include "text/normal/charsmap_blob.h"
#include "text/normal/charsmap_internal.h"
#include "text/unicode/grapheme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct blob_rule rules[] = {
    {"e\xCC\x81", "é"}, {"ﬁ", "fi"}, {"\t", " "}, {"X", ""}, {"\xCC\x80", "`"}, {"©", "(c)"},
};

static struct wt_charsmap *make_map(void)
{
    static uint8_t blob[BLOB_BYTES];
    struct wt_charsmap *map = NULL;
    struct wt_error error;
    size_t bytes = blob_make(blob, rules, COUNT_OF(rules));
    if (wt_charsmap_create(blob, bytes, &map, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    return map;
}

static void expect(const char *text, const char *normalized)
{
    struct wt_charsmap *map = make_map();
    struct wt_text_buffer out = {.bytes = NULL};
    size_t bytes = strlen(text);
    assert_true(wt_charsmap_apply(map, (const uint8_t *)text, bytes, &out));
    assert_int_equal(out.count, strlen(normalized));
    assert_memory_equal(out.bytes != NULL ? (const char *)out.bytes : "", normalized, out.count);
    bool same = strcmp(text, normalized) == 0;
    size_t unchanged = wt_charsmap_unchanged(map, (const uint8_t *)text, bytes);
    assert_true(unchanged <= bytes && memcmp(text, normalized, unchanged) == 0);
    assert_true(same || unchanged < bytes);
    wt_text_buffer_free(&out);
    wt_charsmap_destroy(map);
}

static void characters_and_clusters_are_replaced(void **state)
{
    (void)state;
    expect("", "");
    expect("слово word 東京 😀", "слово word 東京 😀");
    expect("ﬁne\tX", "fine ");
    expect("cafe\xCC\x81", "café");
}

static void the_replacement_of_a_prefix_stands_for_the_whole_cluster(void **state)
{
    (void)state;
    expect("X\xCC\x81", "");          /* three bytes */
    expect("ﬁ\xCC\x81", "fi");        /* five */
    expect("e\xCC\x81\xCC\xA7", "é"); /* five, the prefix has three */
}

static void a_cluster_of_six_bytes_is_taken_apart(void **state)
{
    (void)state;
    expect("e\xCC\x81\xE2\x83\x9D", "e\xCC\x81\xE2\x83\x9D");
    expect("X\xCC\x80\xE2\x83\x9D", "`\xE2\x83\x9D");
    expect("©\xE2\x80\x8D©", "(c)\xE2\x80\x8D(c)");
}

static void a_cluster_with_nothing_to_replace_is_taken_apart(void **state)
{
    (void)state;
    expect("a\xCC\x80", "a`");
    expect("\r\n", "\r\n");
}

/* Without the shortcut for text that does not change. */
static void apply_plainly(const struct wt_charsmap *map, const uint8_t *text, size_t bytes,
                          struct wt_text_buffer *out)
{
    for (size_t place = 0; place < bytes;) {
        size_t cluster = wt_grapheme_bytes(text + place, bytes - place);
        const char *whole = cluster < 6 ? wt_charsmap_find(map, text + place, cluster) : NULL;
        if (whole != NULL) {
            assert_true(wt_text_buffer_append(out, whole, strlen(whole)));
            place += cluster;
            continue;
        }
        for (size_t end = place + cluster; place < end;) {
            size_t length = 1;
            while (place + length < end && (text[place + length] & 0xC0u) == 0x80u) {
                length++;
            }
            const char *one = wt_charsmap_find(map, text + place, length);
            assert_true(one != NULL ? wt_text_buffer_append(out, one, strlen(one))
                                    : wt_text_buffer_append(out, text + place, length));
            place += length;
        }
    }
}

static void the_shortcut_changes_nothing(void **state)
{
    (void)state;
    static const char *const alphabet[] = {"a",
                                           "e",
                                           "X",
                                           "ﬁ",
                                           "я",
                                           "東",
                                           "😀",
                                           "\xCC\x81",
                                           "\xCC\x80",
                                           "\t",
                                           "\r",
                                           "\n",
                                           "©",
                                           "\xE2\x80\x8D",
                                           "\xE1\x84\x80",
                                           "\xE1\x85\xA1",
                                           "\xD8\x80",
                                           "\xE0\xA4\x95",
                                           "\xE0\xA5\x8D",
                                           "\xE0\xA4\x83",
                                           "\xE2\x83\x9D"};
    struct wt_charsmap *map = make_map();
    struct dice dice = {.state = 5};
    struct wt_text_buffer text = {.bytes = NULL};
    struct wt_text_buffer fast = {.bytes = NULL};
    struct wt_text_buffer slow = {.bytes = NULL};
    for (uint32_t round = 0; round < 20000; round++) {
        text.count = fast.count = slow.count = 0;
        for (uint32_t left = dice_between(&dice, 1, 12); left > 0; left--) {
            const char *character = alphabet[dice_below(&dice, COUNT_OF(alphabet))];
            assert_true(wt_text_buffer_append(&text, character, strlen(character)));
        }
        assert_true(wt_charsmap_apply(map, text.bytes, text.count, &fast));
        apply_plainly(map, text.bytes, text.count, &slow);
        assert_int_equal(fast.count, slow.count);
        assert_true(fast.count == 0 || memcmp(fast.bytes, slow.bytes, fast.count) == 0);
    }
    wt_text_buffer_free(&text);
    wt_text_buffer_free(&fast);
    wt_text_buffer_free(&slow);
    wt_charsmap_destroy(map);
}

static void expect_refused(const uint8_t *blob, size_t bytes, const char *what)
{
    struct wt_charsmap *map = NULL;
    struct wt_error error;
    assert_int_equal(wt_charsmap_create(blob, bytes, &map, &error), WT_INVALID);
    assert_null(map);
    assert_string_equal(error.code, "charsmap-invalid");
    assert_non_null(strstr(error.message, what));
}

static void a_damaged_map_is_refused(void **state)
{
    (void)state;
    static uint8_t blob[BLOB_BYTES];
    size_t bytes = blob_make(blob, rules, COUNT_OF(rules));
    expect_refused(blob, 3, "size");
    expect_refused(blob, 100, "size");
    expect_refused((const uint8_t *)"\0\0\0\0abc", 7, "empty");
    blob[bytes - 2] = 0xFF;
    expect_refused(blob, bytes, "UTF-8");
    bytes = blob_make(blob, rules, COUNT_OF(rules));
    expect_refused(blob, 4 + BLOB_UNITS * 4, "no replacement");
    blob_put(blob, 0, BLOB_UNITS << 10);
    expect_refused(blob, bytes, "out of itself");
    bytes = blob_make(blob, rules, COUNT_OF(rules));
    blob_put(blob, 256 ^ 'X', 'X' | 0x1FFFFFu << 10);
    expect_refused(blob, bytes, "out of itself");
}

/* Nothing is read outside of a map in which bytes were changed, refused or not. */
static void any_damage_is_survived(void **state)
{
    (void)state;
    static const char text[] = "e\xCC\x81 X\xCC\x80 ﬁ\t©\xE2\x80\x8D© слово\r\n";
    static uint8_t blob[BLOB_BYTES];
    struct dice dice = {.state = 23};
    struct wt_text_buffer out = {.bytes = NULL};
    uint32_t refused = 0;
    for (uint32_t round = 0; round < 300; round++) {
        size_t bytes = blob_make(blob, rules, COUNT_OF(rules));
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t unit = 256u * dice_below(&dice, 12) + dice_below(&dice, 256);
            blob_put(blob, unit, (uint32_t)dice_next(&dice) >> dice_below(&dice, 20));
        }
        struct wt_charsmap *map = NULL;
        if (wt_charsmap_create(blob, bytes, &map, NULL) == WT_OK) {
            out.count = 0;
            assert_true(wt_charsmap_apply(map, (const uint8_t *)text, sizeof text - 1, &out));
        } else {
            refused++;
        }
        wt_charsmap_destroy(map);
    }
    assert_true(refused > 0 && refused < 300);
    wt_text_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_and_clusters_are_replaced),
        cmocka_unit_test(the_replacement_of_a_prefix_stands_for_the_whole_cluster),
        cmocka_unit_test(a_cluster_of_six_bytes_is_taken_apart),
        cmocka_unit_test(a_cluster_with_nothing_to_replace_is_taken_apart),
        cmocka_unit_test(the_shortcut_changes_nothing),
        cmocka_unit_test(a_damaged_map_is_refused),
        cmocka_unit_test(any_damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
