/* The script of a text is that of most of its letters. */
#include "text/script.h"

#include "dice.h"
#include "support.h"

static void assert_script(const char *text, enum wt_script script)
{
    enum wt_script found = wt_script_of(text, strlen(text));
    if (found != script) {
        fail_msg("%s is %s, not %s", text, wt_script_name(found), wt_script_name(script));
    }
}

/* "article" or "news" in the languages of the world. */
static void most_letters_decide(void **state)
{
    (void)state;
    assert_script("The match is over", WT_SCRIPT_LATIN);
    assert_script("Müßiggang, Łódź, İstanbul", WT_SCRIPT_LATIN);
    assert_script("Матч окончен", WT_SCRIPT_CYRILLIC);
    assert_script("Їжак і ґанок, Қазақстан", WT_SCRIPT_CYRILLIC);
    assert_script("Новый айфон iPhone", WT_SCRIPT_CYRILLIC);
    assert_script("iPhone и Apple", WT_SCRIPT_LATIN);
    assert_script("Ειδήσεις", WT_SCRIPT_GREEK);
    assert_script("նորություններ", WT_SCRIPT_ARMENIAN);
    assert_script("სიახლეები", WT_SCRIPT_GEORGIAN);
    assert_script("חדשות", WT_SCRIPT_HEBREW);
    assert_script("أخبار", WT_SCRIPT_ARABIC);
    assert_script("समाचार", WT_SCRIPT_DEVANAGARI);
    assert_script("ข่าว", WT_SCRIPT_THAI);
    assert_script("뉴스 기사", WT_SCRIPT_HANGUL);
    assert_script("ニュースです", WT_SCRIPT_KANA);
    assert_script("新闻报道", WT_SCRIPT_HAN);
    assert_script("செய்திகள்", WT_SCRIPT_OTHER);
}

static void a_text_without_letters_has_none(void **state)
{
    (void)state;
    assert_script("", WT_SCRIPT_NONE);
    assert_script("2:1 (0:1), 15.03.2026 — 100 %!", WT_SCRIPT_NONE);
    assert_script("\xF0\x9F\x98\x80\xF0\x9F\x9A\x80 №", WT_SCRIPT_NONE);
    assert_script("\xD0", WT_SCRIPT_NONE);
}

static void the_beginning_of_a_long_text_decides(void **state)
{
    (void)state;
    enum { BYTES = 20000 };
    char *text = malloc(BYTES + 1);
    memset(text, 'x', BYTES);
    for (size_t i = 0; i < 4096; i += 2) {
        memcpy(text + i, "\xD0\xB6", 2);
    }
    text[BYTES] = '\0';
    assert_script(text, WT_SCRIPT_CYRILLIC);
    memmove(text + 1, text, 4094); /* a character lies across the end */
    text[0] = '.';
    assert_script(text, WT_SCRIPT_CYRILLIC);
    free(text);
}

/* Texts are counted eight bytes at a time: letters of any script, wherever they lie. */
static void letters_count_alike_wherever_they_lie(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum wt_script script;
    } characters[] = {
        {"a", WT_SCRIPT_LATIN},    {"Z", WT_SCRIPT_LATIN},    {"é", WT_SCRIPT_LATIN},
        {"ж", WT_SCRIPT_CYRILLIC}, {"ґ", WT_SCRIPT_CYRILLIC}, {"Ԥ", WT_SCRIPT_CYRILLIC},
        {"λ", WT_SCRIPT_GREEK},    {"新", WT_SCRIPT_HAN},     {"𠀀", WT_SCRIPT_HAN},
        {"7", WT_SCRIPT_NONE},     {"[", WT_SCRIPT_NONE},     {"`", WT_SCRIPT_NONE},
        {"{", WT_SCRIPT_NONE},     {"@", WT_SCRIPT_NONE},     {"—", WT_SCRIPT_NONE},
        {"«", WT_SCRIPT_NONE},     {"🙂", WT_SCRIPT_NONE}};
    struct dice dice = {.state = 11};
    for (int round = 0; round < 20000; round++) {
        char text[4096];
        size_t bytes = 0;
        uint32_t counts[WT_SCRIPT_COUNT] = {0};
        size_t wanted = dice_below(&dice, round % 100 == 0 ? sizeof text - 8 : 60);
        uint32_t kinds = dice_between(&dice, 1, COUNT_OF(characters));
        uint32_t from = dice_below(&dice, COUNT_OF(characters));
        while (bytes < wanted) {
            uint32_t i = (from + dice_below(&dice, kinds)) % COUNT_OF(characters);
            memcpy(text + bytes, characters[i].text, strlen(characters[i].text));
            bytes += strlen(characters[i].text);
            counts[characters[i].script] += characters[i].script != WT_SCRIPT_NONE;
        }
        enum wt_script expected = WT_SCRIPT_NONE;
        for (enum wt_script script = 0; script < WT_SCRIPT_NONE; script++) {
            expected = counts[script] > counts[expected] ? script : expected;
        }
        enum wt_script found = wt_script_of(text, bytes);
        if (found != expected) {
            fail_msg("%.*s is %s, not %s", (int)bytes, text, wt_script_name(found),
                     wt_script_name(expected));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_letters_decide),
        cmocka_unit_test(a_text_without_letters_has_none),
        cmocka_unit_test(the_beginning_of_a_long_text_decides),
        cmocka_unit_test(letters_count_alike_wherever_they_lie),
    };
    return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
