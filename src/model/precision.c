#include "model/precision.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* How much a measured time may change from one start to the next. */
#define NOISE 1.1

enum wt_precision wt_precision_pick(const double bounds[WT_PRECISION_COUNT], bool has_bf16,
                                    const char **why_out)
{
    if (has_bf16 && bounds[WT_BF16] >= 0.0) {
        *why_out = "the device has bf16";
        return WT_BF16;
    }
    if (bounds[WT_FP16] >= 0.0) {
        *why_out = has_bf16 ? "the bundle has no bound for bf16" : "the device has no bf16";
        return WT_FP16;
    }
    *why_out = has_bf16 ? "the bundle has no bound for bf16 or fp16"
                        : "the device has no bf16, and the bundle no bound for fp16";
    return WT_FP32;
}

/* Time per token; infinite if it was not measured. */
static double cost(const struct wt_candidate *candidate,
                   const struct wt_trial_shape shapes[WT_TRIAL_SHAPES])
{
    double sum = 0.0;
    for (size_t i = 0; i < WT_TRIAL_SHAPES; i++) {
        if (!(candidate->ms[i] > 0.0)) {
            return INFINITY;
        }
        sum += candidate->ms[i] / (double)shapes[i].rows;
    }
    return sum;
}

/* The first candidate within `margin` of the fastest one's time. */
static size_t first_within(const struct wt_candidate *candidates, size_t count,
                           const struct wt_trial_shape shapes[WT_TRIAL_SHAPES], double margin)
{
    double best = INFINITY;
    for (size_t i = 0; i < count; i++) {
        best = fmin(best, cost(&candidates[i], shapes));
    }
    for (size_t i = 0; i < count && isfinite(best); i++) {
        if (cost(&candidates[i], shapes) <= margin * best) {
            return i;
        }
    }
    return 0;
}

size_t wt_precision_choose(const struct wt_candidate *candidates, size_t count,
                           const struct wt_trial_shape shapes[WT_TRIAL_SHAPES])
{
    return first_within(candidates, count, shapes, WT_PRECISION_MARGIN);
}

/* --- the text for the log
 * ---------------------------------------------------------------------- */

/* The setting that would make the choice the same at every start; NULL: it is the same anyway, or
 * another choice gives the same bits. */
static const char *pin_of(const struct wt_candidate *candidates, size_t count,
                          const struct wt_trial_shape shapes[WT_TRIAL_SHAPES])
{
    const struct wt_candidate *chosen =
        &candidates[first_within(candidates, count, shapes, WT_PRECISION_MARGIN)];
    const double margins[] = {fmax(WT_PRECISION_MARGIN / NOISE, 1.0), WT_PRECISION_MARGIN * NOISE};
    const char *pin = NULL;
    for (size_t i = 0; i < 2; i++) {
        const struct wt_candidate *other =
            &candidates[first_within(candidates, count, shapes, margins[i])];
        if (other->precision != chosen->precision) {
            return "model.precision";
        }
        pin = other->output != chosen->output ? "WIRETAG_KERNELS" : pin;
    }
    return pin;
}

static void print_ms(FILE *text, double ms)
{
    (void)fprintf(text, ms >= 10.0 ? "%.0f" : ms >= 1.0 ? "%.1f" : "%.2f", ms);
}

void wt_precision_describe(const struct wt_candidate *candidates, size_t count,
                           const struct wt_trial_shape shapes[WT_TRIAL_SHAPES], char *out,
                           size_t bytes)
{
    out[0] = '\0';
    FILE *text = fmemopen(out, bytes, "w");
    if (text == NULL) {
        return;
    }
    (void)fprintf(text, "measured at %zu/%zu tokens", shapes[0].keys, shapes[1].keys);
    for (size_t i = 0; i < count; i++) {
        const struct wt_candidate *candidate = &candidates[i];
        (void)fprintf(text, "%s %s ", i > 0 ? "," : ":", wt_precision_name(candidate->precision));
        print_ms(text, candidate->ms[0]);
        (void)fputc('/', text);
        print_ms(text, candidate->ms[1]);
        (void)fprintf(text, " ms (%s)", candidate->kernels);
    }
    const char *pin = pin_of(candidates, count, shapes);
    if (pin != NULL) {
        (void)fprintf(text, "; too close to be sure of at another start: %s pins it", pin);
    }
    (void)fclose(text);
    out[bytes - 1] = '\0';
}
