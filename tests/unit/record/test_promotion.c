/* The plan of a promotion: its text, and which model has which record, whatever the configuration names. */
#include "record/promotion.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A model whose hash is 64 times the letter. */
static struct wt_model_name model(char letter)
{
    struct wt_model_name name = {0};
    memset(name.sha256, letter, WT_SHA256_TEXT_BYTES - 1);
    (void)snprintf(name.path, sizeof name.path, "/srv/models/%c.pt", letter);
    return name;
}

static struct wt_promotion announced(int64_t id, char letter)
{
    return (struct wt_promotion){.id = id, .model = model(letter)};
}

static char letter_at(const struct wt_promotion *promotion, char configured, int64_t offset)
{
    struct wt_model_name own = model(configured);
    return wt_promotion_model_at(promotion, &own, offset)->sha256[0];
}

static struct wt_promotion fixed(int64_t id, char to, const struct wt_promotion *before,
                                 char configured, int64_t at)
{
    struct wt_promotion announcement = announced(id, to);
    struct wt_model_name own = model(configured);
    return wt_promotion_fix(&announcement, before, &own, at);
}

static void assert_same(const struct wt_promotion *left, const struct wt_promotion *right)
{
    char one[WT_PROMOTION_BYTES_MAX];
    char other[WT_PROMOTION_BYTES_MAX];
    assert_true(wt_promotion_write(left, one));
    assert_true(wt_promotion_write(right, other));
    assert_string_equal(one, other);
}

static void text_reads_back(void **state)
{
    (void)state;
    char text[WT_PROMOTION_BYTES_MAX];
    struct wt_promotion read;
    struct wt_promotion first = fixed(1795493319012, 'b', NULL, 'a', 1200);
    struct wt_promotion second = fixed(1795493319013, 'c', &first, 'a', 0);
    (void)snprintf(second.model.path, sizeof second.model.path, "/a path/100%%/\xd0\xbc.pt\n");
    assert_true(wt_promotion_write(&second, text));
    assert_null(strchr(text, '\n'));
    assert_true(wt_promotion_read(text, strlen(text), &read));
    assert_string_equal(read.model.path, second.model.path);
    assert_string_equal(read.was.path, "/srv/models/b.pt");
    assert_int_equal(read.older_count, 1);
    assert_same(&read, &second);
    struct wt_promotion ended = announced(7, 'b');
    ended.ended = true;
    assert_true(wt_promotion_write(&ended, text));
    assert_true(wt_promotion_read(text, strlen(text), &read));
    assert_true(read.ended && read.was.sha256[0] == '\0');
}

static void other_texts_are_none(void **state)
{
    (void)state;
    struct wt_promotion read;
    char text[WT_PROMOTION_BYTES_MAX];
    struct wt_promotion good = fixed(5, 'b', NULL, 'a', 3);
    assert_true(wt_promotion_write(&good, text));
    assert_false(wt_promotion_read(NULL, 0, &read));
    assert_false(wt_promotion_read("", 0, &read));
    assert_false(wt_promotion_read("wiretag replay 2 planned=1", 26, &read));
    const char *const bad[] = {
        "wiretag promotion 1 id=5 at=3",  "wiretag promotion 1 id=5 at=3 sha256=abc",
        "wiretag promotion 1 id=-5 at=3", "wiretag promotion 1 id=99999999999999999999 at=3",
        "wiretag promotion 1 nothing",    "wiretag promotion 1 id=1 at=1 path=%zz"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(wt_promotion_read(bad[i], strlen(bad[i]), &read));
    }
    /* A text that was cut anywhere is no other promotion than the one that it was. */
    for (size_t bytes = 0; bytes < strlen(text); bytes++) {
        if (wt_promotion_read(text, bytes, &read)) {
            assert_int_equal(read.at, good.at);
            assert_string_equal(read.model.sha256, good.model.sha256);
        }
    }
}

static void the_offset_decides(void **state)
{
    (void)state;
    struct wt_promotion promotion = fixed(1, 'b', NULL, 'a', 100);
    assert_int_equal(letter_at(NULL, 'a', 5), 'a');
    /* A worker that starts with either model as its configuration labels alike. */
    for (const char *configured = "ab"; *configured != '\0'; configured++) {
        assert_int_equal(letter_at(&promotion, *configured, 0), 'a');
        assert_int_equal(letter_at(&promotion, *configured, 99), 'a');
        assert_int_equal(letter_at(&promotion, *configured, 100), 'b');
        assert_int_equal(letter_at(&promotion, *configured, INT64_MAX), 'b');
    }
    /* A third model is newer than the promotion. */
    assert_int_equal(letter_at(&promotion, 'c', 0), 'c');
    assert_int_equal(letter_at(&promotion, 'c', 100), 'c');
}

static void promotions_follow_each_other_and_lead_back(void **state)
{
    (void)state;
    struct wt_promotion one = fixed(1, 'b', NULL, 'a', 100);
    struct wt_promotion two = fixed(2, 'c', &one, 'a', 200);
    for (const char *configured = "abc"; *configured != '\0'; configured++) {
        assert_int_equal(letter_at(&two, *configured, 199), 'b');
        assert_int_equal(letter_at(&two, *configured, 200), 'c');
    }
    struct wt_promotion back = fixed(3, 'a', &one, 'a', 300);
    for (const char *configured = "ab"; *configured != '\0'; configured++) {
        assert_int_equal(letter_at(&back, *configured, 299), 'b');
        assert_int_equal(letter_at(&back, *configured, 300), 'a');
    }
    /* Many of them: what is remembered is bounded, and always fits. */
    struct wt_promotion last = one;
    char text[WT_PROMOTION_BYTES_MAX];
    for (int i = 0; i < 40; i++) {
        last = fixed(4 + i, i % 2 == 0 ? 'd' : 'e', &last, 'a', 400 + i);
        assert_true(last.older_count <= WT_PROMOTION_OLDER_MAX);
        assert_true(wt_promotion_write(&last, text));
        assert_int_equal(letter_at(&last, 'a', 400 + i), last.model.sha256[0]);
    }
}

static void one_that_is_called_off_leaves_what_was(void **state)
{
    (void)state;
    struct wt_promotion one = fixed(1, 'b', NULL, 'a', 100);
    struct wt_promotion reverted = one;
    assert_false(wt_promotion_revert(&reverted)); /* the configuration's model */
    reverted = fixed(2, 'c', &one, 'a', 200);
    assert_true(wt_promotion_revert(&reverted));
    assert_true(reverted.ended);
    for (const char *configured = "ab"; *configured != '\0'; configured++) {
        assert_int_equal(letter_at(&reverted, *configured, 150), 'b');
        assert_int_equal(letter_at(&reverted, *configured, 1000), 'b');
    }
}

/* An owner that was away may still have what was called off, while another promotion is announced. */
static void a_later_announcement_tells_what_was_called_off(void **state)
{
    (void)state;
    char text[WT_PROMOTION_BYTES_MAX];
    struct wt_promotion first = announced(1, 'b');
    struct wt_promotion own = fixed(1, 'b', NULL, 'a', 100);
    assert_false(wt_promotion_is_void(&first, &own));
    first.ended = true;
    assert_true(wt_promotion_is_void(&first, &own));
    struct wt_promotion second = announced(1, 'c');
    wt_promotion_follow(&second, &first);
    assert_int_equal(second.id, 2);
    struct wt_promotion third = announced(9, 'd');
    struct wt_promotion fourth = announced(10, 'b');
    struct wt_promotion of_second = fixed(second.id, 'c', NULL, 'a', 100);
    assert_true(wt_promotion_is_void(&second, &own));
    assert_false(wt_promotion_is_void(&second, &of_second));
    wt_promotion_follow(&fourth, &second); /* which is not called off */
    assert_false(wt_promotion_is_void(&fourth, &own));
    assert_false(wt_promotion_is_void(&fourth, &of_second));
    second.ended = true;
    wt_promotion_follow(&third, &second);
    assert_true(wt_promotion_write(&third, text));
    assert_true(wt_promotion_read(text, strlen(text), &third));
    assert_int_equal(third.id, 9);
    assert_true(wt_promotion_is_void(&third, &own));
    assert_true(wt_promotion_is_void(&third, &of_second));
    struct wt_promotion of_third = fixed(third.id, 'd', NULL, 'a', 100);
    assert_false(wt_promotion_is_void(&third, &of_third));
    of_second.ended = true; /* it has gone back */
    assert_false(wt_promotion_is_void(&third, &of_second));
}

/* Owners come and go: each starts from what was committed last, with any of the configurations, and fixes an
 * offset where none is committed. Whatever the sequence, the committed labels of a partition change their
 * model once. */
static void simulated_owners_agree(void **state)
{
    (void)state;
    unsigned seed = 20260101;
    for (int round = 0; round < 2000; round++) {
        struct wt_promotion announcement = announced(9, 'b');
        struct wt_promotion committed;
        bool any = false;
        int64_t position = rand_r(&seed) % 20;
        int64_t from = rand_r(&seed) % 40;
        int64_t taken_over = -1;
        while (position < 100) {
            struct wt_model_name own = model(any && rand_r(&seed) % 3 == 0 ? 'b' : 'a');
            struct wt_promotion held = committed;
            bool has = any;
            int64_t next = position;
            int64_t steps = 1 + rand_r(&seed) % 15;
            for (int64_t i = 0; i < steps; i++, next++) {
                if (!has && rand_r(&seed) % 4 == 0) {
                    held = wt_promotion_fix(&announcement, NULL, &own, next > from ? next : from);
                    has = true;
                }
                bool new_model =
                    wt_promotion_model_at(has ? &held : NULL, &own, next)->sha256[0] == 'b';
                bool commits = rand_r(&seed) % 3 == 0;
                if (new_model && taken_over < 0 && commits) {
                    taken_over = held.at;
                }
                if (commits) { /* labels, position and promotion are one commit */
                    for (; position <= next; position++) {
                        char by =
                            wt_promotion_model_at(has ? &held : NULL, &own, position)->sha256[0];
                        assert_int_equal(by, taken_over >= 0 && position >= taken_over ? 'b' : 'a');
                    }
                    any = has;
                    committed = held;
                }
            }
        }
        assert_true(taken_over < 0 || taken_over >= from);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_reads_back),
        cmocka_unit_test(other_texts_are_none),
        cmocka_unit_test(the_offset_decides),
        cmocka_unit_test(promotions_follow_each_other_and_lead_back),
        cmocka_unit_test(one_that_is_called_off_leaves_what_was),
        cmocka_unit_test(a_later_announcement_tells_what_was_called_off),
        cmocka_unit_test(simulated_owners_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
