/* readiness.h: whether a worker is ready, which is what /readyz answers: its stages run and nothing
 * stalls (stall.h). */
#ifndef WIRETAG_PIPELINE_READINESS_H
#define WIRETAG_PIPELINE_READINESS_H

#include <stdbool.h>
#include <stddef.h>

/* Room for every reason. */
#define WT_READINESS_BYTES 2000u

/* `running`: the stages run; `stopping`: a stop was asked for. False: `reason` has every reason why not,
 * in one line. Thread: any. */
bool wt_readiness(bool running, bool stopping, char *reason, size_t reason_bytes);

#endif
