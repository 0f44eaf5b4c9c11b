#include "tile_instructions.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define ROWS 16
#define WORDS 16
#define TILES 8

static union {
    int32_t integers[ROWS][WORDS];
    float floats[ROWS][WORDS];
    uint16_t halves[ROWS][2 * WORDS];
    int8_t bytes[ROWS][4 * WORDS];
} tiles[TILES];
static bool configured;

struct tile_counts tile_counts;

/* Palette 1, then 16 bits for the bytes of each tile's row and 8 for its rows. Here all tiles are full. */
void tiles_configure(const void *from)
{
    uint8_t wanted[64] = {1};
    for (int i = 0; i < TILES; i++) {
        wanted[16 + 2 * i] = 4 * WORDS;
        wanted[48 + i] = ROWS;
    }
    assert(!configured && memcmp(from, wanted, sizeof wanted) == 0);
    configured = true;
    tile_counts.configured++;
    memset(tiles, 0, sizeof tiles);
}

void tiles_release(void)
{
    assert(configured);
    configured = false;
    tile_counts.released++;
}

void tile_load(int number, const void *from, size_t bytes)
{
    assert(configured);
    tile_counts.loads++;
    for (size_t row = 0; row < ROWS; row++) {
        memcpy(tiles[number].bytes[row], (const char *)from + row * bytes, 4 * WORDS);
    }
}

void tile_store(int number, void *to, size_t bytes)
{
    assert(configured);
    tile_counts.stores++;
    for (size_t row = 0; row < ROWS; row++) {
        memcpy((char *)to + row * bytes, tiles[number].bytes[row], 4 * WORDS);
    }
}

void tile_clear(int number)
{
    assert(configured);
    tile_counts.zeros++;
    memset(&tiles[number], 0, sizeof tiles[number]);
}

static int32_t dot_of_bytes(const int8_t *a, const int8_t *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}

/* What is not a normal number counts as zero, before and after. */
static float flushed(float x)
{
    return fpclassify(x) == FP_SUBNORMAL ? copysignf(0.0f, x) : x;
}

static float widened(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return flushed(value);
}

/* One element: the even and the odd products are summed apart. */
static float dot_of_halves(float sum, int row, int column, int a, int b)
{
    float parts[2] = {0.0f, 0.0f};
    for (int step = 0; step < WORDS; step++) {
        for (int i = 0; i < 2; i++) {
            parts[i] = flushed(fmaf(widened(tiles[a].halves[row][2 * step + i]),
                                    widened(tiles[b].halves[step][2 * column + i]), parts[i]));
        }
    }
    return flushed(flushed(sum) + flushed(parts[0] + parts[1]));
}

void tile_dot(const char *instruction, int sum, int a, int b)
{
    bool bytes = strcmp(instruction, "tdpbssd") == 0;
    assert(configured && (bytes || strcmp(instruction, "tdpbf16ps") == 0));
    assert(sum != a && sum != b && a != b);
    tile_counts.dots++;
    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < WORDS; column++) {
            if (!bytes) {
                float *to = &tiles[sum].floats[row][column];
                *to = dot_of_halves(*to, row, column, a, b);
            }
            for (int step = 0; bytes && step < WORDS; step++) {
                tiles[sum].integers[row][column] +=
                    dot_of_bytes(&tiles[a].bytes[row][4 * step], &tiles[b].bytes[step][4 * column]);
            }
        }
    }
}
