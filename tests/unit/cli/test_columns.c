/* Text in the columns of a terminal: the widths of the C library, cut at the end of a character. */
#include "cli/columns.h"

#include "support.h"

#include <locale.h>
#include <wchar.h>

/* Latin to the Cyrillic supplement, Hangul, CJK, kana, full-width forms, the common emoji. */
static const struct {
    uint32_t from, to;
} known[] = {{0x20, 0x7E},     {0xA0, 0xAC},     {0xAE, 0x52F},      {0x1100, 0x1112},
             {0x1E00, 0x1EFF}, {0x3041, 0x3096}, {0x30A0, 0x30FF},   {0x4E00, 0x9FA5},
             {0xAC00, 0xD7A3}, {0xFF01, 0xFF9F}, {0x1F600, 0x1F64F}, {0x20000, 0x2A6D6}};

static void characters_are_as_wide_as_the_c_library_has_them(void **state)
{
    (void)state;
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        print_message("no locale C.UTF-8: not compared\n");
        skip();
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        for (uint32_t code_point = known[i].from; code_point <= known[i].to; code_point++) {
            int wanted = wcwidth((wchar_t)code_point);
            if (wanted >= 0 && wt_columns_of_character(code_point) != (unsigned)wanted) {
                fail_msg("U+%04X takes %u columns instead of %d", code_point,
                         wt_columns_of_character(code_point), wanted);
            }
        }
    }
}

static char *cut(const char *text, size_t columns)
{
    struct wt_buffer buffer = {0};
    wt_columns_append(&buffer, text, columns);
    return wt_buffer_take(&buffer, NULL);
}

static void assert_cut(const char *text, size_t columns, const char *wanted)
{
    char *found = cut(text, columns);
    assert_string_equal(found, wanted);
    free(found);
}

static void text_is_cut_by_its_columns(void **state)
{
    (void)state;
    assert_cut("sports", 6, "sports");
    assert_cut("sports", 5, "spor…");
    assert_cut("спорт", 4, "спо…");
    assert_cut("日本語", 6, "日本語");
    assert_cut("日本語", 5, "日本…");
    assert_cut("日本語", 4, "日…");
    assert_cut("e\xCC\x81"
               "e\xCC\x81"
               "e\xCC\x81",
               3,
               "e\xCC\x81"
               "e\xCC\x81"
               "e\xCC\x81");
    assert_cut("e\xCC\x81"
               "e\xCC\x81"
               "e\xCC\x81",
               2, "e\xCC\x81…");
    assert_cut("sports", 1, "…");
    assert_cut("sports", 0, "");
    assert_cut("", 0, "");
}

static void what_would_drive_the_terminal_is_escaped(void **state)
{
    (void)state;
    assert_cut("a\x1B[31mb", 20, "a\\x1b[31mb");
    assert_int_equal(wt_columns_of("a\x1B[31mb"), 10);
    assert_cut("a\nb", 20, "a\\x0ab");
    assert_cut("\xFF", 5, "\xEF\xBF\xBD");
}

static void padding_fills_either_side(void **state)
{
    struct wt_buffer buffer = {0};
    (void)state;
    wt_columns_append_left(&buffer, "日本", 6);
    wt_columns_append_right(&buffer, "日本", 6);
    wt_columns_append_right(&buffer, "sports", 4);
    char *found = wt_buffer_take(&buffer, NULL);
    assert_string_equal(found, "日本    日本spo…");
    free(found);
}

static void a_file_has_no_width(void **state)
{
    FILE *file = tmpfile();
    (void)state;
    assert_non_null(file);
    assert_int_equal(wt_columns_of_terminal(fileno(file), 77), 77);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_as_wide_as_the_c_library_has_them),
        cmocka_unit_test(text_is_cut_by_its_columns),
        cmocka_unit_test(what_would_drive_the_terminal_is_escaped),
        cmocka_unit_test(padding_fills_either_side),
        cmocka_unit_test(a_file_has_no_width),
    };
    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
