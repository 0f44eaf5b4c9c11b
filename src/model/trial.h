/* trial.h: measures the parts of a model with each kernel set and kind of number.
 *
 * The model itself is not run. Each kind of part is timed once, in the model's sizes, for a short
 * and a long article: the products of its linear and LSTM layers with their own weights, and its
 * attention. The sum of all parts predicts the time of the model, except for what every candidate
 * computes in the same way: embeddings, sums, norms. A part is packed for all candidates, timed in
 * turns and freed before the next, so the extra memory is at most that of the largest layer. It takes some
 * tens of milliseconds for each part of a large model, and one for each of a small one.
 * Thread: any; the time is the calling thread's processor time. */
#ifndef WIRETAG_MODEL_TRIAL_H
#define WIRETAG_MODEL_TRIAL_H

#include "model/kernels/kernels.h"
#include "model/precision.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wt_part {
    enum wt_part_kind kind;
    size_t inputs;  /* attention: the size of a head */
    size_t outputs; /* attention: heads; LSTM: the size of its state */
    size_t times;   /* how many parts of this kind and these sizes the model has */
    enum wt_activation activation;
    bool in_float;              /* fp32 in every precision */
    const float *weights;       /* linear: [outputs][inputs]; LSTM: [4 outputs][inputs] */
    const float *state_weights; /* LSTM: [4 outputs][outputs] */
};

struct wt_trial_way {
    const struct wt_kernels *kernels;
    enum wt_number number;
    unsigned kinds; /* of parts: others are not timed */
};

/* Writes the milliseconds of each candidate for all parts of each kind, for one article of each shape.
 * False: out of memory. */
bool wt_trial_run(const struct wt_part *parts, size_t part_count,
                  const struct wt_trial_shape shapes[WT_TRIAL_SHAPES],
                  const struct wt_trial_way *ways, size_t way_count,
                  double (*ms_out)[WT_PART_KINDS][WT_TRIAL_SHAPES]);

#ifdef __cplusplus
}
#endif

#endif
