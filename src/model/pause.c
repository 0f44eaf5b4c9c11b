#include "model/pause.h"

#include <stddef.h>

static _Thread_local void (*pause_call)(void *opaque);
static _Thread_local void *pause_opaque;

void wt_pause_set(void (*pause)(void *opaque), void *opaque)
{
    pause_call = pause;
    pause_opaque = opaque;
}

bool wt_pause_wanted(void)
{
    return pause_call != NULL;
}

void wt_pause_point(void)
{
    if (pause_call != NULL) {
        pause_call(pause_opaque);
    }
}
