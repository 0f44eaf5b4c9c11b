/* process.h: resource usage of this process, from the operating system. Thread: any. */
#ifndef WIRETAG_OBSERVE_PROCESS_H
#define WIRETAG_OBSERVE_PROCESS_H

#include <stdint.h>

struct wt_process {
    double cpu_seconds;   /* user and system, all threads */
    double start_seconds; /* since 1970-01-01 UTC */
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint32_t threads;
    uint32_t open_fds;
    uint64_t open_fds_max;
};

/* Reads /proc/self and getrusage. A figure that cannot be read is 0. */
struct wt_process wt_process_read(void);

#endif
