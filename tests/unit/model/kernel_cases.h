/* kernel_cases.h: what the tests of the kernels share: random vectors and comparisons. */
#ifndef WIRETAG_TESTS_KERNEL_CASES_H
#define WIRETAG_TESTS_KERNEL_CASES_H

#include "dice.h"
#include "model/kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline void fill_normal(struct dice *dice, float *x, size_t count, double deviation)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)(deviation * dice_normal(dice));
    }
}

/* `count` normal deviates in new memory of exactly that size, so that a sanitizer sees what reads
 * past the end. */
static inline float *new_normal(struct dice *dice, size_t count, double deviation)
{
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    fill_normal(dice, x, count, deviation);
    return x;
}

static inline void assert_close(const char *what, const float *got, const double *wanted,
                                size_t count, double tolerance)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabs((double)got[i] - wanted[i]) <= tolerance)) {
            fail_msg("%s: value %zu is %.9g, it should be %.9g within %g", what, i, (double)got[i],
                     wanted[i], tolerance);
        }
    }
}

static inline void assert_same_bits(const char *what, const float *got, const float *wanted,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&got[i], &wanted[i], sizeof *got) != 0) {
            fail_msg("%s: value %zu is %.9g, not the same bits as %.9g", what, i, (double)got[i],
                     (double)wanted[i]);
        }
    }
}

#endif
