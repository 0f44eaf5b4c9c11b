/* evidence.h: what a count of changed articles proves about their rate. Pure. Thread: any. */
#ifndef WIRETAG_COMPARE_EVIDENCE_H
#define WIRETAG_COMPARE_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

/* Both intervals miss the true rate with at most this probability. */
#define WT_EVIDENCE_MISS 0.05

struct wt_interval {
    double low; /* 0 to 1 */
    double high;
};

/* For one look at a sample whose size was fixed beforehand: Wilson's score interval (E. B. Wilson,
 * "Probable inference, the law of succession, and statistical inference", 1927). Of no articles: 0 to 1. */
struct wt_interval wt_interval_once(uint64_t changed, uint64_t compared);

/* For as many looks as wanted while articles come in, also to stop as soon as the answer is good enough:
 * a confidence sequence. The chance that it ever misses the rate, over all looks together, is at most
 * WT_EVIDENCE_MISS, so it is wider than Wilson's. It holds the rates p that the mixture
 *
 *     M(p) = B(s + 1/2, n - s + 1/2) / B(1/2, 1/2) / (p^s (1 - p)^(n - s)),    s changed of n
 *
 * does not refute: M(p) < 1 / WT_EVIDENCE_MISS. At the true rate M is a martingale of mean 1, so by
 * Ville's inequality it ever exceeds that with no greater probability (H. Robbins, "Statistical methods
 * related to the law of the iterated logarithm", 1970; S. Howard, A. Ramdas, J. McAuliffe, J. Sekhon,
 * "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021, on the beta-binomial mixture).
 * Articles must be drawn independently of what the models say. Of no articles: 0 to 1. */
struct wt_interval wt_interval_always(uint64_t changed, uint64_t compared);

/* The larger distance from the rate to an end of the interval. */
double wt_interval_half_width(struct wt_interval interval, double rate);

/* True: the confidence sequence has the rate to ± `half_width_max`. */
bool wt_evidence_enough(uint64_t changed, uint64_t compared, double half_width_max);

#endif
