/* processors.h: how many of the machine's processors this process may use.
 *
 * What `auto` means wherever threads are counted. The least of three: the processors that the
 * scheduler lets the thread run on (taskset, CPUAffinity=), those of the control group's cpuset, and
 * the group's quota of processor time (docker --cpus, CPUQuota=, a limit of Kubernetes), rounded up:
 * half a processor more than one is a second thread that runs half of the time. Groups are nested,
 * each may have limits; both versions of the interface are read, also side by side.
 * Thread: any. */
#ifndef WIRETAG_BASE_PROCESSORS_H
#define WIRETAG_BASE_PROCESSORS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wt_processors {
    uint32_t count;  /* 1 or more: how many to use */
    uint32_t online; /* what the machine has; as many as `count` or more */
    const char
        *limit;   /* what makes `count` less, a static string: "affinity", "cpuset" or "quota" */
    double quota; /* processors' worth of time; 0: no quota */
};

/* Of this process. Reads a few small files anew at each call, since limits change while it runs. */
struct wt_processors wt_processors_read(void);

/* The same as far as files say it, below `root` ("" is the system's): /proc/self/cgroup,
 * /proc/self/mountinfo and the groups' own. `allowed`: the thread's processors; `online`: the
 * machine's. For tests. */
struct wt_processors wt_processors_at(const char *root, uint32_t allowed, uint32_t online);

/* "2 processors", "1 of 64 processors (affinity)", "2 of 64 processors (quota of 1.50)": what logs say.
 * Returns `out`. */
const char *wt_processors_describe(const struct wt_processors *processors, char *out, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
