/* Normal forms: by example. tests/tokenizer compares them with Hugging Face over every code point. */
#include "dice.h"
#include "text/unicode/normal_form.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void expect(enum wt_normal_form form, const char *text, const char *normalized)
{
    struct wt_text_buffer out = {.bytes = NULL};
    size_t bytes = strlen(text);
    assert_true(wt_normal_form_apply(form, (const uint8_t *)text, bytes, &out));
    assert_int_equal(out.count, strlen(normalized));
    assert_true(out.count == 0 || memcmp(out.bytes, normalized, out.count) == 0);
    size_t unchanged = wt_normal_form_unchanged(form, (const uint8_t *)text, bytes);
    assert_true(unchanged <= bytes && memcmp(text, normalized, unchanged) == 0);
    wt_text_buffer_free(&out);
}

static void the_four_forms(void **state)
{
    (void)state;
    expect(WT_NFC, "", "");
    expect(WT_NFC, "e\xCC\x81 й ﬁ", "é й ﬁ");
    expect(WT_NFD, "é й ﬁ", "e\xCC\x81 и\xCC\x86 ﬁ");
    expect(WT_NFKC, "e\xCC\x81 ﬁ ² Ａ", "é fi 2 A");
    expect(WT_NFKD, "é ﬁ ㎏", "e\xCC\x81 fi kg");
    expect(WT_NFC, "\xE2\x84\xAB", "Å");                        /* the Angstrom sign */
    expect(WT_NFC, "\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC"); /* excluded from composition */
}

static void hangul_is_composed_by_arithmetic(void **state)
{
    (void)state;
    expect(WT_NFD, "가각", "\xE1\x84\x80\xE1\x85\xA1\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8");
    expect(WT_NFC, "\xE1\x84\x80\xE1\x85\xA1\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "가각");
    expect(WT_NFC, "가\xE1\x86\xA8\xE1\x86\xA8", "각\xE1\x86\xA8");
    expect(WT_NFC, "가\xE1\x86\xA7", "가\xE1\x86\xA7");
}

static void marks_are_ordered_and_blocked(void **state)
{
    (void)state;
    expect(WT_NFD, "a\xCC\x81\xCC\xA3", "a\xCC\xA3\xCC\x81");
    expect(WT_NFC, "a\xCC\x81\xCC\xA3", "ạ\xCC\x81");
    expect(WT_NFC, "a\xCC\x82\xCC\x81", "ấ");
    expect(WT_NFC,
           "x\xCC\x81"
           "e\xCC\x81\xCC\x81",
           "x\xCC\x81é\xCC\x81");
    expect(WT_NFC, "\xCC\x81\xCC\xA3", "\xCC\xA3\xCC\x81");
}

static void text_that_is_in_form_is_passed_over(void **state)
{
    (void)state;
    static const char text[] = "Обычный текст, plain text, 東京, 가각 é";
    for (enum wt_normal_form form = WT_NFC; form <= WT_NFKC; form += 2) {
        assert_int_equal(wt_normal_form_unchanged(form, (const uint8_t *)text, sizeof text - 1),
                         sizeof text - 1);
    }
    /* The letter may take the mark: the prefix ends before it. */
    assert_int_equal(wt_normal_form_unchanged(WT_NFC, (const uint8_t *)"ae\xCC\x81", 4), 1);
    assert_int_equal(wt_normal_form_unchanged(WT_NFD, (const uint8_t *)"aй", 3), 0);
}

/* A normal form of a normal form is itself, and a form does not depend on the other that came
 * before. */
static void forms_are_stable(void **state)
{
    (void)state;
    static const char *const alphabet[] = {"a",
                                           "e",
                                           "é",
                                           "й",
                                           "и",
                                           "가",
                                           "ﬁ",
                                           "Å",
                                           "\xCC\x81",
                                           "\xCC\xA3",
                                           "\xCD\x85",
                                           "\xCC\x86",
                                           "\xE1\x84\x80",
                                           "\xE1\x85\xA1",
                                           "\xE1\x86\xA8",
                                           "\xE3\x82\x99",
                                           "か"};
    struct dice dice = {.state = 3};
    struct wt_text_buffer text = {.bytes = NULL};
    struct wt_text_buffer once = {.bytes = NULL};
    struct wt_text_buffer twice = {.bytes = NULL};
    for (uint32_t round = 0; round < 20000; round++) {
        text.count = 0;
        for (uint32_t left = dice_between(&dice, 1, 60); left > 0; left--) {
            const char *character = alphabet[dice_below(&dice, COUNT_OF(alphabet))];
            assert_true(wt_text_buffer_append(&text, character, strlen(character)));
        }
        enum wt_normal_form form = (enum wt_normal_form)dice_below(&dice, 4);
        enum wt_normal_form first = form == WT_NFC || dice_percent(&dice, 50) ? WT_NFD : form;
        once.count = twice.count = 0;
        assert_true(wt_normal_form_apply(form, text.bytes, text.count, &once));
        struct wt_text_buffer middle = {.bytes = NULL};
        assert_true(wt_normal_form_apply(first, text.bytes, text.count, &middle));
        assert_true(wt_normal_form_apply(form, middle.bytes, middle.count, &twice));
        assert_int_equal(once.count, twice.count);
        assert_memory_equal(once.bytes, twice.bytes, once.count);
        wt_text_buffer_free(&middle);
    }
    wt_text_buffer_free(&text);
    wt_text_buffer_free(&once);
    wt_text_buffer_free(&twice);
}

/* A hundred thousand marks in the wrong order: what is linear takes milliseconds. */
static void many_marks_are_ordered_in_linear_time(void **state)
{
    (void)state;
    struct wt_text_buffer text = {.bytes = NULL};
    struct wt_text_buffer out = {.bytes = NULL};
    const size_t pairs = 100000;
    assert_true(wt_text_buffer_append(&text, "x", 1));
    for (size_t i = 0; i < pairs; i++) {
        assert_true(wt_text_buffer_append(&text, "\xCC\x81\xCC\xA3", 4));
    }
    assert_true(wt_normal_form_apply(WT_NFD, text.bytes, text.count, &out));
    assert_int_equal(out.count, text.count);
    assert_memory_equal(out.bytes + 1, "\xCC\xA3\xCC\xA3", 4);
    assert_memory_equal(out.bytes + out.count - 4, "\xCC\x81\xCC\x81", 4);
    wt_text_buffer_free(&text);
    wt_text_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_forms),
        cmocka_unit_test(hangul_is_composed_by_arithmetic),
        cmocka_unit_test(marks_are_ordered_and_blocked),
        cmocka_unit_test(text_that_is_in_form_is_passed_over),
        cmocka_unit_test(forms_are_stable),
        cmocka_unit_test(many_marks_are_ordered_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
