/* The text of HTML articles, whole and broken. */
#include "codec/markup.h"
#include "decode_cases.h"

static struct wt_markup *markup;

static void assert_text_of(const char *html, size_t bytes, const char *text)
{
    size_t count;
    const char *found = wt_markup_strip(markup, html, bytes, &count);
    if (count != strlen(text) || memcmp(found, text, count) != 0) {
        fail_msg("%.200s gave (%.*s), not (%s)", html, (int)count, found, text);
    }
}

static void assert_text(const char *html, const char *text)
{
    assert_text_of(html, strlen(html), text);
}

static void block_elements_break_the_line_and_inline_ones_do_not(void **state)
{
    (void)state;
    assert_text("<h1>Матч</h1><p>Перв<b>ый</b> тайм.</p><p>Второй</p>",
                "Матч\nПервый тайм.\nВторой");
    assert_text("<p>a<p>b<br>c<br/>d<div>e</div>f", "a\nb\nc\nd\ne\nf");
    assert_text("<ul><li>a<li>b</ul>c", "a\nb\nc");
    assert_text("<table><tr><th>a<td>b<tr><td>c</table>", "a b\nc");
    assert_text("a <i> b</i>\n\t c<span>d</span>", "a b cd");
    assert_text("<title>T</title><body>x", "T\nx");
    assert_text("  <p> \n </p> <p>a</p>\n<p></p>\n<p>b  </p>", "a\nb");
}

static void scripts_styles_and_comments_go(void **state)
{
    (void)state;
    assert_text("<script>if (a < b) { p(\"</p>\"); }</script>a<style>p { b }</style> c", "a c");
    assert_text("a<!-- b --><noscript><img src=x>enable it</noscript><iframe>f</iframe>c", "ac");
    assert_text("a<template><p>b</p></template>", "a");
    assert_text("a<SCRIPT type='x'>b</SCRIPT >c", "ac");
}

static void marks_of_cdata_go_and_what_they_hold_is_read(void **state)
{
    (void)state;
    assert_text("<![CDATA[<p>Матч <b>на</b>чался</p><p>a < b & c</p>]]>",
                "Матч начался\na < b & c");
    assert_text("<p><![CDATA[a]]>b</p><![CDATA[c]]>", "ab\nc");
    assert_text("a]]>b [x] ]]", "a]]>b [x] ]]");
    assert_text("a<![CDATA[b", "ab");
    assert_text("<![CDATA[]]>", "");
    assert_text("<![CDATA[", "");
    assert_text_of("<![CDATA[a\0b]]>c", 17, "a bc");
}

static void entities_are_decoded(void **state)
{
    (void)state;
    assert_text("&laquo;AT&amp;T&raquo; &mdash; &#1071;&#x42F;&hellip;", "«AT&T» — ЯЯ…");
    assert_text("&lt;b&gt;&nbsp;&quot;", "<b>\xC2\xA0\"");
    assert_text("&#151;&#147;x&#148;&#x80;", "—“x”€");
    assert_text("&#128512;", "😀");
    assert_text("AT&T &unknown; &", "AT&T &unknown; &");
    assert_text("a&#xD83D;&#0;&#x110000;b", "ab");
}

static void text_that_is_no_markup_stays(void **state)
{
    (void)state;
    assert_text("5 < 6 > 4 & 3", "5 < 6 > 4 & 3");
    assert_text("Просто текст.", "Просто текст.");
    assert_text("", "");
    assert_text(" \n ", "");
    assert_text("<p><img src=a></p>", "");
}

static void broken_markup_loses_no_text(void **state)
{
    (void)state;
    assert_text("</b>x", "x");
    assert_text("<b>x<i>y</b>z</i>", "xyz");
    assert_text("a</body></html> b", "a\nb");
    assert_text("<p>a<", "a<");
    assert_text("<a href=\"x\">y", "y");
    assert_text("<a b='>'c>y", "y");
    assert_text("<!-- never closed", "");
    assert_text("x<script>never closed", "x");
}

static void a_meta_element_does_not_change_the_encoding(void **state)
{
    (void)state;
    assert_text("<meta charset=windows-1251><p>Привет", "Привет");
    assert_text("<?xml version=\"1.0\" encoding=\"koi8-r\"?><p>Ё", "Ё");
    assert_text("<meta http-equiv=Content-Type content='text/html; charset=UTF-16'>Ё", "Ё");
}

static void control_characters_are_spaces(void **state)
{
    (void)state;
    assert_text_of("a\0b\x01<p>c\0", 9, "a b\nc");
}

/* Elements in each other beyond what libxml2 handles well: no text is lost, and it takes no longer. */
static void deep_nesting_loses_nothing(void **state)
{
    (void)state;
    static const char *const units[] = {"<b>x",     "<b a=1 >x", "<div>x",
                                        "<b></i>x", "<b/>x",     "</b>x"};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct wt_buffer html = {0};
        for (int j = 0; j < 20000; j++) {
            wt_buffer_append_text(&html, units[i]);
        }
        wt_buffer_append_text(&html, "<script>y</script>z");
        size_t count;
        const char *text = wt_markup_strip(markup, html.bytes, html.count, &count);
        size_t letters = 0;
        for (size_t j = 0; j < count; j++) {
            letters += text[j] == 'x';
            assert_true(text[j] == 'x' || text[j] == '\n' || j + 1 == count);
        }
        assert_int_equal(letters, 20000);
        assert_int_equal(text[count - 1], 'z');
        wt_buffer_free(&html);
    }
}

static void each_field_is_a_document_of_its_own(void **state)
{
    (void)state;
    struct decode_case given = {
        .id = "/id", .text = TEXT_AT("/title", "/body"), .input = "markup: html"};
    assert_decodes(
        given, "{\"id\":1,\"title\":\"a <script>b\",\"body\":[\"<p>c &amp; \\u0434<p>e\",\"f<\"]}",
        "a\nc & д\ne\nf<", "1");
    assert_decodes(given, "{\"id\":1,\"body\":\"<b>x\"}", "x", "1");
    assert_refused(given, "{\"title\":\"<script>b\",\"body\":\"&#8203;<p>\"}", "text-blank");
    given.format = WT_INPUT_TEXT;
    assert_decodes(given, "<p>a<p>b", "a\nb", "\"news.articles-3-77\"");
}

static int set_up(void **state)
{
    (void)state;
    markup = wt_markup_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wt_markup_destroy(markup);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_elements_break_the_line_and_inline_ones_do_not),
        cmocka_unit_test(scripts_styles_and_comments_go),
        cmocka_unit_test(marks_of_cdata_go_and_what_they_hold_is_read),
        cmocka_unit_test(entities_are_decoded),
        cmocka_unit_test(text_that_is_no_markup_stays),
        cmocka_unit_test(broken_markup_loses_no_text),
        cmocka_unit_test(a_meta_element_does_not_change_the_encoding),
        cmocka_unit_test(control_characters_are_spaces),
        cmocka_unit_test(deep_nesting_loses_nothing),
        cmocka_unit_test(each_field_is_a_document_of_its_own),
    };
    return cmocka_run_group_tests_name("markup", tests, set_up, tear_down);
}
