/* wordpiece_special.c: finds special tokens in texts. */
#include "base/utf8.h"
#include "text/wordpiece/wordpiece_vocab.h"

#include <string.h>

static uint32_t normalized(const struct wt_wordpiece_vocab *vocab, char c)
{
    bool capital = c >= 'A' && c <= 'Z';
    return (uint8_t)c + (capital && vocab->normalization.lowercase ? 'a' - 'A' : 0u);
}

/* The end of the text at `place` that becomes `special` by normalization; NULL: it does not. Between the
 * characters of the token there may be others that normalization removes. */
static const uint8_t *end_of_normalized(const struct wt_wordpiece_vocab *vocab,
                                        const struct wt_special *special, const uint8_t *place,
                                        const uint8_t *end)
{
    uint32_t matched = 0;
    while (matched < special->bytes) {
        struct wt_characters characters = {.count = 0};
        uint32_t code_point;
        uint32_t length =
            place < end ? wt_utf8_decode(place, (size_t)(end - place), &code_point) : 0;
        if (length == 0) {
            return NULL;
        }
        wt_normalize_character(&vocab->normalization, &characters, code_point);
        for (uint32_t i = 0; i < wt_characters_stored(&characters); i++, matched++) {
            if (matched == special->bytes ||
                characters.items[i] != normalized(vocab, special->text[matched])) {
                return NULL;
            }
        }
        place += length;
    }
    return place;
}

const int32_t *wt_special_at(const struct wt_wordpiece_vocab *vocab, const uint8_t **place,
                             const uint8_t *end)
{
    for (uint32_t i = 0; i < vocab->special_count; i++) {
        const struct wt_special *special = &vocab->specials[i];
        if ((size_t)(end - *place) >= special->bytes &&
            memcmp(*place, special->text, special->bytes) == 0) {
            *place += special->bytes;
            return &vocab->special_ids[i];
        }
    }
    for (uint32_t i = 0; i < vocab->normalized_count; i++) {
        uint32_t index = vocab->special_count + i;
        const uint8_t *behind = end_of_normalized(vocab, &vocab->specials[index], *place, end);
        if (behind != NULL) {
            *place = behind;
            return &vocab->special_ids[index];
        }
    }
    return NULL;
}
