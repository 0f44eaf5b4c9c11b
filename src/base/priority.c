#include "base/priority.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#define NICE_MORE 10

void wt_priority_idle(void)
{
#ifdef SCHED_IDLE
    const struct sched_param none = {0};
    (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
#endif
}

void wt_priority_low(void)
{
#ifdef __linux__
    /* There 0 is the calling thread alone (setpriority(2), "C library/kernel differences"). */
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE_MORE);
#endif
}
