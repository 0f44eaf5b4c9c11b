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

/* --- the race --------------------------------------------------------------------------------- */

/* Time per token in the parts of a kind; infinite if it was not measured. */
static double cost(const struct wt_race *race, size_t index, size_t kind)
{
    const struct wt_candidate *candidate = &race->candidates[index];
    double sum = 0.0;
    for (size_t i = 0; i < WT_TRIAL_SHAPES; i++) {
        if ((candidate->kinds & WT_PARTS(kind)) == 0 || !(candidate->ms[kind][i] > 0.0)) {
            return INFINITY;
        }
        sum += candidate->ms[kind][i] / (double)race->shapes[i].rows;
    }
    return sum;
}

static bool has(const struct wt_race *race, size_t kind)
{
    return (race->kinds & WT_PARTS(kind)) != 0;
}

/* A way to compute the whole model: a candidate for each kind. */
struct option {
    struct wt_race_result result;
    double cost;
};

/* Of the candidates from `first` to before `end`, the first for this kind within `margin` of the fastest. */
static size_t first_within(const struct wt_race *race, size_t first, size_t end, size_t kind,
                           double margin)
{
    double best = INFINITY;
    size_t allowed = end;
    for (size_t i = first; i < end; i++) {
        best = fmin(best, cost(race, i, kind));
        bool may = (race->candidates[i].kinds & WT_PARTS(kind)) != 0;
        allowed = may && allowed == end ? i : allowed;
    }
    for (size_t i = first; i < end && isfinite(best); i++) {
        if (cost(race, i, kind) <= margin * best) {
            return i;
        }
    }
    return allowed < end ? allowed : first;
}

static struct option option_of(const struct wt_race *race, size_t first, size_t end, double margin)
{
    struct option option = {0};
    size_t lead = end; /* stands for the kinds that the model lacks */
    for (size_t kind = 0; kind < WT_PART_KINDS; kind++) {
        if (has(race, kind)) {
            size_t index = first_within(race, first, end, kind, margin);
            option.result.candidates[kind] = index;
            option.cost += cost(race, index, kind);
            lead = lead == end ? index : lead;
        }
    }
    for (size_t kind = 0; kind < WT_PART_KINDS; kind++) {
        if (!has(race, kind)) {
            option.result.candidates[kind] = lead == end ? first : lead;
        }
    }
    option.cost *= race->candidates[first].whole ? WT_WHOLE_MARGIN : 1.0;
    return option;
}

/* The end of the candidates that make one option with that at `first`: a whole one is alone. */
static size_t end_of(const struct wt_race *race, size_t first)
{
    const struct wt_candidate *start = &race->candidates[first];
    size_t end = first + 1;
    while (end < race->count && !start->whole && !race->candidates[end].whole &&
           race->candidates[end].precision == start->precision) {
        end++;
    }
    return end;
}

/* The first option within `margin` of the fastest; if none was measured, the first. */
static struct wt_race_result choose(const struct wt_race *race, double margin)
{
    double best = INFINITY;
    for (size_t first = 0; first < race->count; first = end_of(race, first)) {
        best = fmin(best, option_of(race, first, end_of(race, first), WT_PRECISION_MARGIN).cost);
    }
    for (size_t first = 0; first < race->count && isfinite(best); first = end_of(race, first)) {
        struct option option = option_of(race, first, end_of(race, first), WT_PRECISION_MARGIN);
        if (option.cost <= margin * best) {
            return option_of(race, first, end_of(race, first), margin).result;
        }
    }
    return option_of(race, 0, end_of(race, 0), margin).result;
}

struct wt_race_result wt_precision_choose(const struct wt_race *race)
{
    return choose(race, WT_PRECISION_MARGIN);
}

/* --- the text for the log --------------------------------------------------------------------- */

/* The setting that would make the choice the same at every start; NULL: it is the same anyway, or
 * another choice gives the same bits. */
static const char *pin_of(const struct wt_race *race)
{
    struct wt_race_result chosen = choose(race, WT_PRECISION_MARGIN);
    const double margins[] = {fmax(WT_PRECISION_MARGIN / NOISE, 1.0), WT_PRECISION_MARGIN * NOISE};
    const char *pin = NULL;
    for (size_t i = 0; i < 2; i++) {
        struct wt_race_result other = choose(race, margins[i]);
        for (size_t kind = 0; kind < WT_PART_KINDS; kind++) {
            const struct wt_candidate *now = &race->candidates[chosen.candidates[kind]];
            const struct wt_candidate *then = &race->candidates[other.candidates[kind]];
            if (now->precision != then->precision) {
                return "model.precision";
            }
            pin = now->output != then->output ? "model.kernels" : pin;
        }
    }
    return pin;
}

static void print_ms(FILE *text, double ms)
{
    (void)fprintf(text, ms >= 10.0 ? "%.0f" : ms >= 1.0 ? "%.1f" : "%.2f", ms);
}

static void print_shapes(FILE *text, const double ms[WT_TRIAL_SHAPES])
{
    print_ms(text, ms[0]);
    (void)fputc('/', text);
    print_ms(text, ms[1]);
}

/* The candidates for one kind, the winner first. */
static void describe_kind(const struct wt_race *race, size_t first, size_t end, size_t kind,
                          size_t winner, FILE *text)
{
    static const char *const names[] = {"products", "attention", "LSTM"};
    (void)fprintf(text, "%s %s ", names[kind], race->candidates[winner].kernels);
    print_shapes(text, race->candidates[winner].ms[kind]);
    for (size_t i = first; i < end; i++) {
        if (i != winner && isfinite(cost(race, i, kind))) {
            (void)fprintf(text, ", %s ", race->candidates[i].kernels);
            print_shapes(text, race->candidates[i].ms[kind]);
        }
    }
}

static void describe_option(const struct wt_race *race, size_t first, size_t end, FILE *text)
{
    struct option option = option_of(race, first, end, WT_PRECISION_MARGIN);
    double sums[WT_TRIAL_SHAPES] = {0};
    for (size_t kind = 0; kind < WT_PART_KINDS; kind++) {
        for (size_t i = 0; i < WT_TRIAL_SHAPES && has(race, kind); i++) {
            sums[i] += race->candidates[option.result.candidates[kind]].ms[kind][i];
        }
    }
    (void)fprintf(text, "%s ", wt_precision_name(race->candidates[first].precision));
    print_shapes(text, sums);
    (void)fputs(" ms (", text);
    const char *between = "";
    for (size_t kind = 0; kind < WT_PART_KINDS && !race->candidates[first].whole; kind++) {
        if (has(race, kind)) {
            (void)fputs(between, text);
            describe_kind(race, first, end, kind, option.result.candidates[kind], text);
            between = "; ";
        }
    }
    (void)fprintf(text, "%s)",
                  race->candidates[first].whole ? race->candidates[first].kernels : "");
}

void wt_precision_describe(const struct wt_race *race, char *out, size_t bytes)
{
    out[0] = '\0';
    FILE *text = fmemopen(out, bytes, "w");
    if (text == NULL) {
        return;
    }
    (void)fprintf(text, "measured at %zu/%zu tokens", race->shapes[0].keys, race->shapes[1].keys);
    for (size_t first = 0; first < race->count; first = end_of(race, first)) {
        (void)fputs(first > 0 ? ", " : ": ", text);
        describe_option(race, first, end_of(race, first), text);
    }
    const char *pin = pin_of(race);
    if (pin != NULL) {
        (void)fprintf(text, "; too close to be sure of at another start: %s pins it", pin);
    }
    (void)fclose(text);
    out[bytes - 1] = '\0';
}
