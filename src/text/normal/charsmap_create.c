#include "text/normal/charsmap_internal.h"

#include "base/utf8.h"
#include "text/unicode/grapheme.h"

#include <assert.h>

#define HEAD_BYTES 4u
#define BLOCK 256u
#define DATA_BYTES_MAX ((size_t)16 << 20)

static uint32_t read_unit(const uint8_t *data)
{
    return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static enum wt_status refuse(struct wt_error *error, const char *what)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "charsmap-invalid",
                        "the character map (precompiled_charsmap) is damaged: %s; take the file "
                        "from the model's source again",
                        what);
}

/* Copies the two parts of the data. */
static enum wt_status split_data(struct wt_charsmap *map, const uint8_t *data, size_t bytes,
                                 struct wt_error *error)
{
    uint32_t trie_bytes = bytes >= HEAD_BYTES ? read_unit(data) : 0;
    if (bytes < HEAD_BYTES || bytes > DATA_BYTES_MAX || trie_bytes > bytes - HEAD_BYTES) {
        return refuse(error, "its size is not what its first bytes say");
    }
    map->unit_count = trie_bytes / 4;
    const uint8_t *replacements = data + HEAD_BYTES + (size_t)map->unit_count * 4;
    map->replacements_bytes = (uint32_t)(bytes - (size_t)(replacements - data));
    if (map->unit_count == 0) {
        return refuse(error, "its trie is empty");
    }
    if (wt_utf8_malformed((const char *)replacements, map->replacements_bytes) !=
        map->replacements_bytes) {
        return refuse(error, "its replacements are not UTF-8");
    }
    map->units = malloc((size_t)map->unit_count * sizeof *map->units);
    map->replacements = malloc((size_t)map->replacements_bytes + 1);
    if (map->units == NULL || map->replacements == NULL) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < map->unit_count; i++) {
        map->units[i] = read_unit(data + HEAD_BYTES + (size_t)i * 4);
    }
    if (map->replacements_bytes > 0) {
        memcpy(map->replacements, replacements, map->replacements_bytes);
    }
    map->replacements[map->replacements_bytes] = '\0';
    return WT_OK;
}

/* True if the value at `node` is the start of a replacement. */
static bool is_value(const struct wt_charsmap *map, uint32_t node)
{
    if (node >= map->unit_count) {
        return false;
    }
    uint32_t value = wt_charsmap_value(map, node);
    return value <= map->replacements_bytes && ((uint8_t)map->replacements[value] & 0xC0u) != 0x80u;
}

/* Visits all nodes that the root leads to, so that no step and no value leads out of the data. */
static enum wt_status check_trie(const struct wt_charsmap *map, struct wt_error *error)
{
    uint32_t *waiting = malloc((size_t)map->unit_count * sizeof *waiting);
    uint8_t *seen = calloc(map->unit_count, 1);
    enum wt_status status = waiting != NULL && seen != NULL ? WT_OK : WT_MEMORY;
    uint32_t waiting_count = 0;
    assert(map->units != NULL);
    uint32_t next = wt_charsmap_root(map);
    bool has_next = true;
    while (status == WT_OK && has_next) {
        if ((next | (BLOCK - 1)) >= map->unit_count) {
            status = refuse(error, "its trie leads out of itself");
            break;
        }
        for (uint32_t byte = 1; byte < BLOCK && status == WT_OK; byte++) {
            uint32_t child = next;
            bool has_value = false;
            if (!wt_charsmap_step(map, &child, (uint8_t)byte, &has_value)) {
                continue;
            }
            if (child >= map->unit_count || (has_value && !is_value(map, child))) {
                status = refuse(error, "its trie leads out of itself or to no replacement");
            } else if (!seen[child]) {
                seen[child] = 1;
                waiting[waiting_count++] = child;
            }
        }
        has_next = waiting_count > 0;
        next = has_next ? waiting[--waiting_count] : 0;
    }
    free(waiting);
    free(seen);
    return status;
}

/* Writes down what every code point needs. */
static enum wt_status fill_pages(struct wt_charsmap *map)
{
    uint8_t page[1u << WT_CHARSMAP_PAGE_BITS];
    uint32_t count = 1;
    for (uint32_t byte = 0; byte < 256; byte++) {
        map->plain_first[byte] = byte < 0x80u || (byte >= 0xC2u && byte < 0xF5u);
    }
    map->pages = calloc(WT_CHARSMAP_PAGES + 1, sizeof page);
    if (map->pages == NULL) {
        return WT_MEMORY;
    }
    for (uint32_t start = 0; start < 0x110000u; start += sizeof page) {
        uint8_t any = 0;
        for (uint32_t i = 0; i < sizeof page; i++) {
            uint8_t text[4];
            uint32_t length = wt_utf8_encode(start + i, text);
            page[i] = wt_grapheme_joins(wt_grapheme_bits(start + i)) ? WT_CHARSMAP_JOINS : 0;
            page[i] |= wt_charsmap_find(map, text, length) != NULL ? WT_CHARSMAP_CHANGES : 0;
            any |= page[i];
            map->plain_first[text[0]] = map->plain_first[text[0]] && page[i] == 0;
        }
        if (any != 0) {
            memcpy(map->pages + (size_t)count * sizeof page, page, sizeof page);
            map->page_index[start >> WT_CHARSMAP_PAGE_BITS] = (uint16_t)count++;
        }
    }
    uint8_t *pages = realloc(map->pages, (size_t)count * sizeof page);
    map->pages = pages != NULL ? pages : map->pages;
    return WT_OK;
}

enum wt_status wt_charsmap_create(const uint8_t *data, size_t bytes, struct wt_charsmap **map_out,
                                  struct wt_error *error)
{
    struct wt_charsmap *map = calloc(1, sizeof *map);
    enum wt_status status = map != NULL ? split_data(map, data, bytes, error) : WT_MEMORY;
    if (status == WT_OK) {
        status = check_trie(map, error);
    }
    if (status == WT_OK) {
        status = fill_pages(map);
    }
    if (status != WT_OK) {
        wt_charsmap_destroy(map);
        return status == WT_MEMORY ? wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "out-of-memory",
                                                  "no memory for the character map")
                                   : status;
    }
    *map_out = map;
    return WT_OK;
}

void wt_charsmap_destroy(struct wt_charsmap *map)
{
    if (map == NULL) {
        return;
    }
    free(map->units);
    free(map->replacements);
    free(map->pages);
    free(map);
}
