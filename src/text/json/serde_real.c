#include "text/json/serde_real.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPONENT_MAX 308
#define EXPONENT_DIGITS_MAX 100000

/* 10 to the power of `exponent` (0 to EXPONENT_MAX), the closest double. */
static double power_of_ten(int exponent)
{
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (exponent < (int)(sizeof exact / sizeof *exact)) {
        return exact[exponent];
    }
    char text[] = {'1',
                   'e',
                   (char)('0' + exponent / 100),
                   (char)('0' + exponent / 10 % 10),
                   (char)('0' + exponent % 10),
                   '\0'};
    return strtod(text, NULL);
}

static bool scale(uint64_t digits, int exponent, double *real_out)
{
    double real = (double)digits;
    for (; exponent < -EXPONENT_MAX && real != 0; exponent += EXPONENT_MAX) {
        real /= 1e308;
    }
    if (real == 0) {
        exponent = 0;
    }
    if (exponent > EXPONENT_MAX) {
        return false;
    }
    real = exponent < 0 ? real / power_of_ten(-exponent) : real * power_of_ten(exponent);
    *real_out = real;
    return isfinite(real) != 0;
}

bool wt_serde_real(const char *number, size_t bytes, double *real_out)
{
    size_t place = bytes > 0 && number[0] == '-';
    uint64_t digits = 0;
    int exponent = 0;
    bool full = false;     /* further digits do not fit */
    bool fraction = false; /* behind the point */
    for (; place < bytes && number[place] != 'e' && number[place] != 'E'; place++) {
        if (number[place] == '.') {
            fraction = true;
            full = false; /* as the package has it */
            continue;
        }
        uint64_t digit = (uint64_t)(number[place] - '0');
        full = full || digits > (UINT64_MAX - digit) / 10;
        if (!full) {
            digits = digits * 10 + digit;
            exponent -= fraction;
        } else if (!fraction && exponent < EXPONENT_DIGITS_MAX) {
            exponent++;
        }
    }
    int written = 0;
    bool negative = false;
    for (place++; place < bytes; place++) {
        if (number[place] == '-' || number[place] == '+') {
            negative = number[place] == '-';
        } else if (written < EXPONENT_DIGITS_MAX) {
            written = written * 10 + (number[place] - '0');
        }
    }
    if (!scale(digits, exponent + (negative ? -written : written), real_out)) {
        return false;
    }
    *real_out = number[0] == '-' ? -*real_out : *real_out;
    return true;
}
