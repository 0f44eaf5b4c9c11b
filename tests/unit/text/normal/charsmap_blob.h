/* charsmap_blob.h: character maps as SentencePiece writes them, made for tests. */
#ifndef WIRETAG_TESTS_CHARSMAP_BLOB_H
#define WIRETAG_TESTS_CHARSMAP_BLOB_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BLOB_UNITS 8192u
#define BLOB_BYTES (4u + BLOB_UNITS * 4u + 64u)

/* A key of at most a few bytes, and what stands for it. */
struct blob_rule {
    const char *key;
    const char *replacement;
};

static inline void blob_put(uint8_t *blob, uint32_t unit, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++) {
        blob[4 + unit * 4 + i] = (uint8_t)(value >> (8 * i));
    }
}

static inline uint32_t blob_get(const uint8_t *blob, uint32_t unit)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; i++) {
        value |= (uint32_t)blob[4 + unit * 4 + i] << (8 * i);
    }
    return value;
}

/* Writes the map; returns its bytes. Each node has a block of 256 units of its own, which leads to
 * the next one; so there are at most BLOB_UNITS / 256 of them. */
static inline size_t blob_make(uint8_t *blob, const struct blob_rule *rules, size_t count)
{
    uint32_t blocks = 2; /* block 0 has the root, block 1 its children */
    memset(blob, 0, BLOB_BYTES);
    blob[0] = (uint8_t)(BLOB_UNITS * 4);
    blob[1] = (uint8_t)(BLOB_UNITS * 4 >> 8);
    blob_put(blob, 0, 256u << 10);
    size_t end = 4 + BLOB_UNITS * 4;
    for (size_t i = 0; i < count; i++) {
        uint32_t node = 256;
        for (const char *key = rules[i].key; *key != '\0'; key++) {
            uint32_t place = node ^ (uint8_t)*key;
            uint32_t unit = blob_get(blob, place);
            if (unit == 0) {
                unit = (uint8_t)*key | (place ^ (blocks++ * 256u)) << 10;
            }
            unit |= key[1] == '\0' ? 1u << 8 : 0;
            blob_put(blob, place, unit);
            node = place ^ (unit >> 10);
        }
        blob_put(blob, node, (uint32_t)(end - 4 - BLOB_UNITS * 4) | 1u << 31);
        memcpy(blob + end, rules[i].replacement, strlen(rules[i].replacement) + 1);
        end += strlen(rules[i].replacement) + 1;
    }
    return end;
}

#endif
