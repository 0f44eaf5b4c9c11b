/* trial.h: how long the parts of a model take with one kernel set or another, and in what numbers.
 *
 * Not the model runs but its parts, each kind of them once: the products of its linear and LSTM
 * layers, with their own weights, and its attention, in the sizes the model has them in, for a short
 * and a long article. The sum, each part as often as the model has it, says what the whole will take
 * but for what is the same whatever computes the parts: embeddings, sums, norms. A part is packed for
 * all ways, timed in turns and given back before the next, so no more of a model is there twice than
 * its largest layer. Thread: any; the time is that of the calling one, not of what else is running. */
#ifndef WIRETAG_MODEL_TRIAL_H
#define WIRETAG_MODEL_TRIAL_H

#include "model/kernels/kernels.h"
#include "model/precision.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wt_part_kind { WT_PART_LINEAR, WT_PART_ATTENTION, WT_PART_LSTM };

struct wt_part {
    enum wt_part_kind kind;
    size_t inputs;  /* attention: the size of a head */
    size_t outputs; /* attention: heads; LSTM: the size of its state */
    size_t times;   /* how many of these the model has */
    enum wt_activation activation;
    bool in_float;              /* in every precision */
    const float *weights;       /* linear: [outputs][inputs]; LSTM: [4 outputs][inputs] */
    const float *state_weights; /* LSTM: [4 outputs][outputs] */
};

struct wt_trial_way {
    const struct wt_kernels *kernels;
    enum wt_number number;
};

/* Writes the milliseconds of each way for one article of each shape. False: no memory. */
bool wt_trial_run(const struct wt_part *parts, size_t part_count,
                  const struct wt_trial_shape shapes[WT_TRIAL_SHAPES],
                  const struct wt_trial_way *ways, size_t way_count,
                  double (*ms_out)[WT_TRIAL_SHAPES]);

#ifdef __cplusplus
}
#endif

#endif
