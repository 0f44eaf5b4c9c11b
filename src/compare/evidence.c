#include "compare/evidence.h"

#include <assert.h>
#include <math.h>

/* The 97.5 % quantile of the normal distribution. */
#define Z 1.959963984540054

#define BISECTIONS 60

static double clamp(double value)
{
    return fmin(1.0, fmax(0.0, value));
}

struct wt_interval wt_interval_once(uint64_t changed, uint64_t compared)
{
    assert(changed <= compared);
    if (compared == 0) {
        return (struct wt_interval){0.0, 1.0};
    }
    double n = (double)compared;
    double rate = (double)changed / n;
    double divisor = 1.0 + Z * Z / n;
    double centre = (rate + Z * Z / (2.0 * n)) / divisor;
    double half = Z * sqrt(rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)) / divisor;
    /* Rounding must not exclude a rate of 0 or 1 that was observed. */
    return (struct wt_interval){changed == 0 ? 0.0 : clamp(centre - half),
                                changed == compared ? 1.0 : clamp(centre + half)};
}

static double log_gamma(double value)
{
    int sign;
    return lgamma_r(value, &sign);
}

/* ln(p^s (1 - p)^(n - s)), where 0 ln 0 is 0. */
static double log_likelihood(double p, double changed, double equal)
{
    double one = changed > 0.0 ? changed * log(p) : 0.0;
    double other = equal > 0.0 ? equal * log1p(-p) : 0.0;
    return one + other;
}

/* Where between `inside`, a rate that is not refuted, and `outside`, one that is, the two meet. */
static double find_end(double inside, double outside, double changed, double equal, double least)
{
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (inside + outside) / 2.0;
        if (log_likelihood(middle, changed, equal) > least) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    return outside;
}

struct wt_interval wt_interval_always(uint64_t changed, uint64_t compared)
{
    assert(changed <= compared);
    if (compared == 0) {
        return (struct wt_interval){0.0, 1.0};
    }
    double s = (double)changed;
    double equal = (double)(compared - changed);
    double rate = s / (double)compared;
    /* ln B(s + 1/2, n - s + 1/2) - ln B(1/2, 1/2); B(1/2, 1/2) is pi. */
    double mixture =
        log_gamma(s + 0.5) + log_gamma(equal + 0.5) - log_gamma(s + equal + 1.0) - log(acos(-1.0));
    /* M(p) < 1 / miss: the likelihood of p is greater than this. */
    double least = mixture + log(WT_EVIDENCE_MISS);
    return (struct wt_interval){changed == 0 ? 0.0 : find_end(rate, 0.0, s, equal, least),
                                changed == compared ? 1.0 : find_end(rate, 1.0, s, equal, least)};
}

double wt_interval_half_width(struct wt_interval interval, double rate)
{
    return fmax(rate - interval.low, interval.high - rate);
}

bool wt_evidence_enough(uint64_t changed, uint64_t compared, double half_width_max)
{
    return compared > 0 &&
           wt_interval_half_width(wt_interval_always(changed, compared),
                                  (double)changed / (double)compared) <= half_width_max;
}
