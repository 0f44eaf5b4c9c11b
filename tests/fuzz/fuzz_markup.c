/* fuzz_markup.c: no HTML crashes the stripper or makes it slow; what it gives is UTF-8, no longer than
 * what went in, and the same when it is asked again. Text without markup comes out word for word. */
#include "base/utf8.h"
#include "codec/markup.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_space(unsigned char byte)
{
    return byte <= ' ';
}

/* The same words in the same order, whatever the white space and control characters. */
static void check_words(const char *text, size_t count, const char *html, size_t bytes)
{
    size_t at = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (!is_space((unsigned char)html[i])) {
            while (at < count && is_space((unsigned char)text[at])) {
                at++;
            }
            require(at < count && text[at] == html[i]);
            at++;
        }
    }
    require(at == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *html = (const char *)data;
    if (wt_utf8_malformed(html, size) < size) {
        return 0;
    }
    struct wt_markup *markup = wt_markup_create();
    size_t count;
    const char *text = wt_markup_strip(markup, html, size, &count);
    require(wt_utf8_malformed(text, count) == count);
    /* A line break may stand where nothing stood, between a "<" that is none and what follows it. */
    require(count <= 2 * size + 1);
    bool plain = true;
    for (size_t i = 0; i < size; i++) {
        /* DEL and C1 are characters of Windows-1252 on the web; U+FFFE and U+FFFF are none at all. */
        plain = plain && html[i] != '<' && html[i] != '&' && html[i] != 0x7F && data[i] != 0xC2 &&
                data[i] != 0xEF && data[i] < 0xF0;
    }
    if (plain) {
        check_words(text, count, html, size);
    }
    char *copy = malloc(count + 1);
    memcpy(copy, text, count);
    size_t again_count;
    const char *again = wt_markup_strip(markup, html, size, &again_count);
    require(again_count == count && memcmp(again, copy, count) == 0);
    free(copy);
    wt_markup_destroy(markup);
    return 0;
}
