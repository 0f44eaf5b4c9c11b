/* pause.h: a thread that runs a model only while others do not need the processor lets them go first, also in
 * the middle of an article. Off unless a thread asks for it. Thread: any, each for itself. */
#ifndef WIRETAG_MODEL_PAUSE_H
#define WIRETAG_MODEL_PAUSE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From now on `pause` is called by this thread's forwards, on a CPU every few milliseconds; it returns when
 * the forward may go on. NULL: no more. */
void wt_pause_set(void (*pause)(void *opaque), void *opaque);

/* This thread has asked for it: computations are cut into steps of a few milliseconds. */
bool wt_pause_wanted(void);

/* For backends, between two such steps. Holds no lock. */
void wt_pause_point(void);

#ifdef __cplusplus
}
#endif

#endif
