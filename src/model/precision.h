/* precision.h: chooses the precision for `auto`, and the kernels that compute it, for each kind of part
 * its own. Pure functions, so that the choice can be tested for any device.
 *
 * On a GPU the precision follows from the capabilities of the device. On a CPU they do not tell:
 * bf16 instructions are twice as fast as fp32 on one processor and half as fast on another. There
 * the candidates are measured (trial.h). For each precision and kind of part the first candidate within
 * WT_PRECISION_MARGIN of the fastest is chosen, then the most exact precision within that margin of the
 * fastest one. */
#ifndef WIRETAG_MODEL_PRECISION_H
#define WIRETAG_MODEL_PRECISION_H

#include "model/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is chosen takes at most this much of the fastest one's time. */
#define WT_PRECISION_MARGIN 1.05

/* A candidate for the whole model is taken only if its time, multiplied by this, is the least: it computes
 * the rest of the model in another way, too, which is not measured. */
#define WT_WHOLE_MARGIN 1.25

/* A short and a long article. */
#define WT_TRIAL_SHAPES 2

/* Of one article: positions that are computed, and how many of them are not padding. */
struct wt_trial_shape {
    size_t rows;
    size_t keys;
};

/* Kinds of parts of a model. Sets of them: WT_PARTS(kind) | … */
enum wt_part_kind { WT_PART_LINEAR, WT_PART_ATTENTION, WT_PART_LSTM };
#define WT_PART_KINDS 3
#define WT_PARTS(kind) (1u << (kind))
#define WT_PARTS_ALL 7u

/* A way to compute parts on a CPU, and its measured time. */
struct wt_candidate {
    enum wt_precision precision;
    const char *kernels; /* their name; "libtorch": its own operators */
    uint32_t output;     /* candidates of one precision with equal numbers give the same bits */
    unsigned kinds;      /* of parts, which it may compute */
    bool whole;          /* it computes all parts or none */
    /* For all parts of a kind, in an article of each shape; 0 or less: could not be measured. */
    double ms[WT_PART_KINDS][WT_TRIAL_SHAPES];
};

/* What was measured. `candidates` are in order of preference, the more exact ones first, those of one
 * precision side by side, and each precision has one for each kind. */
struct wt_race {
    const struct wt_candidate *candidates;
    size_t count;                        /* 1 or more */
    const struct wt_trial_shape *shapes; /* WT_TRIAL_SHAPES */
    unsigned kinds;                      /* of parts, which the model has */
};

/* The index of the candidate for each kind, all of one precision. For a kind that the model lacks it is that
 * of another kind. */
struct wt_race_result {
    size_t candidates[WT_PART_KINDS];
};

/* Chooses for a GPU. `bounds`: of each precision, negative if there is none. `has_bf16`: bf16 is
 * fast on the device. `*why_out`: the reason, a constant. Thread: any. */
enum wt_precision wt_precision_pick(const double bounds[WT_PRECISION_COUNT], bool has_bf16,
                                    const char **why_out);

/* Chooses for a CPU. It compares the time per token, with half of the tokens in articles of each shape.
 * Thread: any. */
struct wt_race_result wt_precision_choose(const struct wt_race *race);

/* Writes what was measured, such as "measured at 64/512 tokens: fp32 122/1050 ms (products avx512-vnni
 * 100/900, avx2 190/1700; attention …), …", the winner of each kind first, and whether slightly different
 * figures, as at another start, would lead to a choice with other bits. Thread: any. */
void wt_precision_describe(const struct wt_race *race, char *out, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
