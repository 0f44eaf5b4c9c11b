/* tile_instructions.h: the instructions of AMX that tiles_amx.h has, in plain C, as Intel defines them, and a
 * count of them. kernels_avx512.c is built with them for test_kernels_tiles.c. */
#ifndef WIRETAG_TESTS_TILE_INSTRUCTIONS_H
#define WIRETAG_TESTS_TILE_INSTRUCTIONS_H

#include <stddef.h>
#include <stdint.h>

struct tile_counts {
    size_t configured, released, loads, stores, zeros, dots;
};
extern struct tile_counts tile_counts;

void tiles_configure(const void *from);
void tiles_release(void);
void tile_load(int number, const void *from, size_t bytes);
void tile_store(int number, void *to, size_t bytes);
void tile_clear(int number);
void tile_dot(const char *instruction, int sum, int a, int b);

#define TILES_CONFIGURE(from) tiles_configure(from)
#define TILES_RELEASE() tiles_release()
#define TILE_LOAD(number, from, bytes) tile_load(number, from, bytes)
#define TILE_STORE(number, to, bytes) tile_store(number, to, bytes)
#define TILE_CLEAR(number) tile_clear(number)
#define TILE_DOT(instruction, sum, a, b) tile_dot(instruction, sum, a, b)

#endif
