/* tile_rows.h: a tile function that has one of its own for each number of rows, so that the compiler
 * knows that number. */
#ifndef WIRETAG_MODEL_KERNELS_TILE_ROWS_H
#define WIRETAG_MODEL_KERNELS_TILE_ROWS_H

#include "model/kernels/kernels.h"

/* The instructions that tiles may have beyond those of their file; may be defined anew for each. */
#ifndef TILE_TARGET
#define TILE_TARGET
#endif

/* DEFINE_TILE_BY_ROWS(name): `name`, which calls name_rows(tile, rows), an inlined function. */
#define DEFINE_TILE_BY_ROWS(name)                                                                  \
    TILE_TARGET __attribute__((noinline)) static void name##_6(const struct wt_tile *tile)         \
    {                                                                                              \
        name##_rows(tile, 6);                                                                      \
    }                                                                                              \
    TILE_TARGET __attribute__((noinline)) static void name##_5(const struct wt_tile *tile)         \
    {                                                                                              \
        name##_rows(tile, 5);                                                                      \
    }                                                                                              \
    TILE_TARGET __attribute__((noinline)) static void name##_4(const struct wt_tile *tile)         \
    {                                                                                              \
        name##_rows(tile, 4);                                                                      \
    }                                                                                              \
    TILE_TARGET __attribute__((noinline)) static void name##_3(const struct wt_tile *tile)         \
    {                                                                                              \
        name##_rows(tile, 3);                                                                      \
    }                                                                                              \
    TILE_TARGET __attribute__((noinline)) static void name##_2(const struct wt_tile *tile)         \
    {                                                                                              \
        name##_rows(tile, 2);                                                                      \
    }                                                                                              \
    TILE_TARGET __attribute__((noinline)) static void name##_1(const struct wt_tile *tile)         \
    {                                                                                              \
        name##_rows(tile, 1);                                                                      \
    }                                                                                              \
    static void name(const struct wt_tile *tile)                                                   \
    {                                                                                              \
        static wt_tile_function *const by_rows[] = {name##_1, name##_2, name##_3,                  \
                                                    name##_4, name##_5, name##_6};                 \
        by_rows[tile->rows - 1](tile);                                                             \
    }

#endif
