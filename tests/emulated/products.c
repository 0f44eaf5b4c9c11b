/* products.c: products of signed bytes, which the emulator does wrong: bochs 3.0 takes all bytes as
 * unsigned. So when the program is loaded, each tdpbssd becomes a jump to code that multiplies as Intel
 * defines it. Tiles' configuration, loads and stores, and products of bf16 are the emulator's. */
#include "machine.h"

#define TILE_ROWS 16
#define TILE_WORDS 16

struct tile {
    int32_t words[TILE_ROWS][TILE_WORDS];
};

void multiply_bytes_entry(void);
void multiply_bytes(uint32_t operands);

#define FOR_EACH_TILE(what) what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7)
#define STORE_CASE(number)                                                                         \
    case number:                                                                                   \
        __asm__ volatile("tilestored %%tmm" #number ", (%0,%1)"                                    \
                         :                                                                         \
                         : "r"(tile), "r"(sizeof tile->words[0])                                   \
                         : "memory");                                                              \
        break;
#define LOAD_CASE(number)                                                                          \
    case number:                                                                                   \
        __asm__ volatile("tileloadd (%0,%1), %%tmm" #number                                        \
                         :                                                                         \
                         : "r"(tile), "r"(sizeof tile->words[0])                                   \
                         : "memory");                                                              \
        break;

static void store_tile(uint32_t number, struct tile *tile)
{
    switch (number) {
        FOR_EACH_TILE(STORE_CASE)
    }
}

static void load_tile(uint32_t number, const struct tile *tile)
{
    switch (number) {
        FOR_EACH_TILE(LOAD_CASE)
    }
}

static int32_t dot(int32_t a, int32_t b)
{
    return (int8_t)a * (int8_t)b + (int8_t)(a >> 8) * (int8_t)(b >> 8) +
           (int8_t)(a >> 16) * (int8_t)(b >> 16) + (a >> 24) * (b >> 24);
}

/* sums += a * b, for full tiles, the only ones that the kernels have. `operands`: the numbers of the
 * tiles of sums, a and b, a byte each. */
void multiply_bytes(uint32_t operands)
{
    static struct tile sums, a, b;
    store_tile(operands & 7, &sums);
    store_tile(operands >> 8 & 7, &a);
    store_tile(operands >> 16 & 7, &b);
    for (int row = 0; row < TILE_ROWS; row++) {
        for (int step = 0; step < TILE_WORDS; step++) {
            int32_t left = a.words[row][step];
            for (int column = 0; column < TILE_WORDS; column++) {
                uint32_t sum = (uint32_t)sums.words[row][column];
                sums.words[row][column] =
                    (int32_t)(sum + (uint32_t)dot(left, b.words[step][column]));
            }
        }
    }
    load_tile(operands & 7, &sums);
}

static uint8_t *put_word(uint8_t *at, uint32_t word)
{
    memcpy(at, &word, sizeof word);
    return at + sizeof word;
}

/* A jump of five bytes at `at`. */
static uint8_t *put_jump(uint8_t *at, uintptr_t target)
{
    *at = 0xE9;
    return put_word(at + 1, (uint32_t)(target - (uintptr_t)at - 5));
}

/* tdpbssd has five bytes too: C4 E2, the tile of b inverted in bits 3 to 6, 5E, the tiles of sums and
 * of a. A piece of code saves the stack, pushes these numbers and the address behind the instruction. */
uint8_t *replace_products(uint8_t *from, size_t count, uint8_t *code)
{
    for (size_t i = 0; i + 5 <= count; i++) {
        uint8_t *at = from + i;
        if (at[0] != 0xC4 || at[1] != 0xE2 || (at[2] & 0xC7) != 0x43 || at[3] != 0x5E ||
            at[4] < 0xC0) {
            continue;
        }
        uint32_t operands = (at[4] >> 3 & 7u) | (at[4] & 7u) << 8 | (~at[2] >> 3 & 7u) << 16;
        put_jump(at, (uintptr_t)code);
        memcpy(code, "\x48\x89\x24\x25", 4); /* mov %rsp, the word at SAVED_STACK */
        code = put_word(code + 4, SAVED_STACK);
        *code = 0xBC; /* mov SAVED_STACK, %esp */
        code = put_word(code + 1, SAVED_STACK);
        *code = 0x68; /* push */
        code = put_word(code + 1, operands);
        *code = 0x68;
        code = put_word(code + 1, (uint32_t)(uintptr_t)at + 5);
        code = put_jump(code, (uintptr_t)multiply_bytes_entry);
    }
    return code;
}
