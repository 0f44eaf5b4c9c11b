#include "text/normal/charsmap_internal.h"

#include "base/utf8.h"
#include "text/unicode/grapheme.h"

/* Longer clusters are looked up character by character. */
#define CLUSTER_BYTES_MAX 5u

const char *wt_charsmap_find(const struct wt_charsmap *map, const uint8_t *text, size_t bytes)
{
    uint32_t node = wt_charsmap_root(map);
    for (size_t i = 0; i < bytes && text[i] != 0; i++) {
        bool has_value = false;
        if (!wt_charsmap_step(map, &node, text[i], &has_value)) {
            return NULL;
        }
        if (has_value) {
            return map->replacements + wt_charsmap_value(map, node);
        }
    }
    return NULL;
}

static inline uint32_t needs(const struct wt_charsmap *map, uint32_t code_point)
{
    uint32_t page = map->page_index[code_point >> WT_CHARSMAP_PAGE_BITS];
    uint32_t place = code_point & ((1u << WT_CHARSMAP_PAGE_BITS) - 1u);
    return map->pages[page << WT_CHARSMAP_PAGE_BITS | place];
}

/* What the character at `text` needs; its length in *length_out, which is never 0. */
static inline uint32_t needs_at(const struct wt_charsmap *map, const uint8_t *text, size_t bytes,
                                uint32_t *length_out)
{
    uint32_t code_point = 0;
    uint32_t length = wt_utf8_decode(text, bytes, &code_point);
    *length_out = length > 0 ? length : 1;
    return needs(map, code_point);
}

/* The length of a well-formed character with this first byte. */
static inline uint32_t utf8_length(uint8_t first)
{
    return first < 0xC0u ? 1 : first < 0xE0u ? 2 : first < 0xF0u ? 3 : 4;
}

size_t wt_charsmap_unchanged(const struct wt_charsmap *map, const uint8_t *text, size_t bytes)
{
    size_t place = 0;
    size_t last = 0; /* where the character before `place` begins */
    while (place < bytes) {
        uint32_t length = 1;
        if (!map->plain_first[text[place]]) {
            uint32_t need = needs_at(map, text + place, bytes - place, &length);
            if (need != 0) {
                /* Something that joins may belong to the character before it. */
                return (need & WT_CHARSMAP_JOINS) != 0 ? last : place;
            }
        } else {

            length = utf8_length(text[place]);
        }
        last = place;
        place += length;
    }
    return bytes;
}

static bool append_replacement(struct wt_text_buffer *out, const char *replacement)
{
    return wt_text_buffer_append(out, replacement, strlen(replacement));
}

/* Appends the cluster `text`, character by character. */
static bool apply_characters(const struct wt_charsmap *map, const uint8_t *text, size_t bytes,
                             struct wt_text_buffer *out)
{
    for (size_t place = 0; place < bytes;) {
        uint32_t code_point = 0;
        uint32_t length = wt_utf8_decode(text + place, bytes - place, &code_point);
        length = length > 0 ? length : 1;
        const char *replacement = wt_charsmap_find(map, text + place, length);
        if (replacement != NULL ? !append_replacement(out, replacement)
                                : !wt_text_buffer_append(out, text + place, length)) {
            return false;
        }
        place += length;
    }
    return true;
}

/* Appends the cluster that begins `text`; 0: out of memory, else its length. */
static size_t apply_cluster(const struct wt_charsmap *map, const uint8_t *text, size_t bytes,
                            struct wt_text_buffer *out)
{
    size_t length = wt_grapheme_bytes(text, bytes);
    if (length <= CLUSTER_BYTES_MAX) {
        const char *replacement = wt_charsmap_find(map, text, length);
        if (replacement != NULL) {
            return append_replacement(out, replacement) ? length : 0;
        }
    }
    return apply_characters(map, text, length, out) ? length : 0;
}

bool wt_charsmap_apply(const struct wt_charsmap *map, const uint8_t *text, size_t bytes,
                       struct wt_text_buffer *out)
{
    for (size_t place = 0; place < bytes;) {
        size_t plain = wt_charsmap_unchanged(map, text + place, bytes - place);
        if (plain > 0 && !wt_text_buffer_append(out, text + place, plain)) {
            return false;
        }
        place += plain;
        if (place < bytes) {
            size_t cluster = apply_cluster(map, text + place, bytes - place, out);
            if (cluster == 0) {
                return false;
            }
            place += cluster;
        }
    }
    return true;
}
