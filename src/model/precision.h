/* precision.h: which precision `auto` takes: the fastest that the bundle has a bound for. A pure
 * function, so that the choice is tested for devices that are not here. */
#ifndef WIRETAG_MODEL_PRECISION_H
#define WIRETAG_MODEL_PRECISION_H

#include "model/manifest.h"

/* `bounds`: of each precision, negative where there is none; `has_bf16`: it is fast on the device.
 * `*why_out` takes the reason, a constant, in less than 80 bytes. Thread: any. */
enum wt_precision wt_precision_pick(const double bounds[WT_PRECISION_COUNT], bool is_cpu,
                                    bool has_bf16, const char **why_out);

#endif
