/* processors.h: how many of the machine's processors this process may use.
 *
 * This is what `auto` means wherever threads are counted. The count is the least of three:
 * - the thread's affinity mask (taskset, CPUAffinity=);
 * - the cpuset of the control group;
 * - the control group's CPU quota (docker --cpus, CPUQuota=, a Kubernetes limit), rounded up: with
 *   a quota of 1.5, a second thread runs half of the time.
 *
 * Groups are nested and each may set limits. cgroup v1 and v2 are both read, also when mounted
 * together. Thread: any. */
#ifndef WIRETAG_BASE_PROCESSORS_H
#define WIRETAG_BASE_PROCESSORS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wt_processors {
    uint32_t count;    /* 1 or more: how many to use */
    uint32_t online;   /* processors of the machine; at least `count` */
    const char *limit; /* what lowered `count`, static: "affinity", "cpuset" or "quota" */
    double quota;      /* in processors; 0: no quota */
};

/* Reads a few small files at each call, because the limits can change while the process runs. */
struct wt_processors wt_processors_read(void);

/* The same from the files below `root` ("" for the system's own): /proc/self/cgroup,
 * /proc/self/mountinfo and those of the groups. `allowed`: size of the affinity mask; `online`:
 * processors of the machine. For tests. */
struct wt_processors wt_processors_at(const char *root, uint32_t allowed, uint32_t online);

/* The text for logs: "2 processors", "1 of 64 processors (affinity)", "2 of 64 processors (quota of
 * 1.50)". Returns `out`. */
const char *wt_processors_describe(const struct wt_processors *processors, char *out, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
