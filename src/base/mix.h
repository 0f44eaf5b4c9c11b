/* mix.h: numbers that look random, of a count. */
#ifndef WIRETAG_BASE_MIX_H
#define WIRETAG_BASE_MIX_H

#include <stdint.h>

/* The number at place `count` of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014): different for each count, but not hard to guess. Thread: any. */
static inline uint64_t wt_mix(uint64_t count)
{
    uint64_t mixed = count * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

#endif
