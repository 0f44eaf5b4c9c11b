/* dice.h: seeded numbers for tests and the simulation: the same everywhere for the same seed. */
#ifndef WIRETAG_TESTS_DICE_H
#define WIRETAG_TESTS_DICE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* splitmix64 (Steele, Lea, Flood 2014): any seed is a good one. */
static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t mixed = dice->state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

/* 0 to bound - 1, evenly enough for small bounds. */
static inline uint32_t dice_below(struct dice *dice, uint32_t bound)
{
    return (uint32_t)((dice_next(dice) >> 32) * bound >> 32);
}

static inline uint32_t dice_between(struct dice *dice, uint32_t least, uint32_t most)
{
    return least + dice_below(dice, most - least + 1);
}

static inline bool dice_percent(struct dice *dice, uint32_t percent)
{
    return dice_below(dice, 100) < percent;
}

/* A standard normal deviate (Box and Muller). */
static inline double dice_normal(struct dice *dice)
{
    double radius = (double)(dice_next(dice) >> 11) * 0x1p-53 + 0x1p-54;
    double angle = (double)(dice_next(dice) >> 11) * 0x1p-53 * 6.283185307179586;
    return sqrt(-2.0 * log(radius)) * cos(angle);
}

/* Tokens of a Russian news post, up to 512: log-normal with median 119 and sigma 0.75, which gives
 * the mean of 158 and the percentiles (p90 near 296, p99 near 699) that real posts have. */
static inline uint32_t dice_article_tokens(struct dice *dice)
{
    double tokens = exp(log(119.0) + 0.75 * dice_normal(dice));
    return tokens < 3.0 ? 3 : tokens > 512.0 ? 512 : (uint32_t)tokens;
}

/* Puts `items` into a random order. */
static inline void dice_shuffle(struct dice *dice, uint32_t *items, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = dice_below(dice, i);
        uint32_t item = items[i - 1];
        items[i - 1] = items[other];
        items[other] = item;
    }
}

#endif
