/* charsmap_internal.h: what the sources of charsmap.h share. */
#ifndef WIRETAG_TEXT_NORMAL_CHARSMAP_INTERNAL_H
#define WIRETAG_TEXT_NORMAL_CHARSMAP_INTERNAL_H

#include "text/normal/charsmap.h"

#define WT_CHARSMAP_PAGE_BITS 6u
#define WT_CHARSMAP_PAGES (0x110000u >> WT_CHARSMAP_PAGE_BITS)

/* What a code point needs. */
#define WT_CHARSMAP_JOINS 1u   /* a cluster may go on before or after it */
#define WT_CHARSMAP_CHANGES 2u /* the map has a replacement for it alone */

struct wt_charsmap {
    uint32_t *units; /* the trie; unit 0 is its root */
    uint32_t unit_count;
    char *replacements; /* a NUL follows the last one */
    uint32_t replacements_bytes;
    uint8_t *pages;                         /* page 0 is all zero */
    uint16_t page_index[WT_CHARSMAP_PAGES]; /* of a code point's page */
    /* By the first byte of a character: true if no character with it needs anything. */
    bool plain_first[256];
};

/* A node is the place to which the byte of a child is added by exclusive or. */
static inline uint32_t wt_charsmap_root(const struct wt_charsmap *map)
{
    uint32_t unit = map->units[0];
    return (unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* Goes from *node to its child by `byte`. False: none. */
static inline bool wt_charsmap_step(const struct wt_charsmap *map, uint32_t *node, uint8_t byte,
                                    bool *has_value_out)
{
    uint32_t place = *node ^ byte;
    uint32_t unit = map->units[place];
    if ((unit & (1u << 31 | 0xFFu)) != byte) {
        return false;
    }
    *node = place ^ (unit >> 10) << ((unit & 1u << 9) >> 6);
    *has_value_out = (unit >> 8 & 1u) != 0;
    return true;
}

/* The replacement at a node that has one. */
static inline uint32_t wt_charsmap_value(const struct wt_charsmap *map, uint32_t node)
{
    return map->units[node] & 0x7FFFFFFFu;
}

/* The replacement of the shortest prefix of `text` that the trie has; NULL: none. */
const char *wt_charsmap_find(const struct wt_charsmap *map, const uint8_t *text, size_t bytes);

#endif
