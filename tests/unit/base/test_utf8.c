/* Where UTF-8 is malformed: many bytes at a time as one character after the other. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_BYTES_MAX 260u
#define ROUNDS 300000u

static uint64_t state = 0x9E3779B97F4A7C15u;

static uint32_t random_below(uint32_t end)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % end);
}

static size_t plain_malformed(const uint8_t *text, size_t bytes)
{
    size_t place = 0;
    uint32_t code_point;
    uint32_t length = 1;
    while (place < bytes && length > 0) {
        length = wt_utf8_decode(text + place, bytes - place, &code_point);
        place += length;
    }
    return place;
}

/* The text in a block of its own, so that a sanitizer sees what is read behind it. */
static void compare(const uint8_t *text, size_t bytes)
{
    char *copy = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    size_t found = wt_utf8_malformed(copy, bytes);
    free(copy);
    assert_int_equal(found, plain_malformed(text, bytes));
}

static void test_random_texts_with_a_few_wrong_bytes(void **unused)
{
    (void)unused;
    static const uint32_t ends[] = {0x80, 0x800, 0x3000, 0x10000, 0x110000};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint8_t text[TEXT_BYTES_MAX + 4];
        uint32_t bytes = 0;
        uint32_t wanted = random_below(TEXT_BYTES_MAX);
        uint32_t end = ends[random_below(5)];
        while (bytes < wanted) {
            uint32_t code_point = random_below(random_below(4) == 0 ? 0x110000 : end);
            if (code_point < 0xD800 || code_point > 0xDFFF) {
                bytes += wt_utf8_encode(code_point, text + bytes);
            }
        }
        for (uint32_t i = random_below(3); i > 0 && bytes > 0; i--) {
            text[random_below(bytes)] = (uint8_t)random_below(256);
        }
        compare(text, bytes);
        compare(text, bytes - random_below(bytes < 4 ? bytes + 1 : 4));
    }
}

/* Each pair of bytes, and each pair behind a lead byte of three and four, at every place of a block. */
static void test_all_pairs_at_the_edges_of_blocks(void **unused)
{
    (void)unused;
    static const uint8_t leads[] = {'a', 0xC3, 0xE0, 0xE2, 0xED, 0xF0, 0xF1, 0xF4, 0xF5, 0x80};
    for (uint32_t lead = 0; lead < sizeof leads; lead++) {
        for (uint32_t pair = 0; pair < 0x10000; pair++) {
            uint8_t text[80];
            uint32_t place = 24 + pair % 12;
            memset(text, 'x', sizeof text);
            text[place] = leads[lead];
            text[place + 1] = (uint8_t)(pair >> 8);
            text[place + 2] = (uint8_t)pair;
            text[place + 3] = pair % 3 == 0 ? 0x80 : 'y';
            compare(text, sizeof text);
            compare(text, place + 3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_texts_with_a_few_wrong_bytes),
        cmocka_unit_test(test_all_pairs_at_the_edges_of_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
