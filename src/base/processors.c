#include "base/processors.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Give up beyond a mask of this many processors: 16 times the kernel's maximum. */
#define ALLOWED_MAX (1 << 17)

#define PATH_BYTES 4096u

/* Where a cgroup hierarchy is mounted, and which of its groups is the root of that mount. */
struct mount {
    char root[PATH_BYTES];
    char point[PATH_BYTES];
};

static FILE *open_below(const char *root, const char *path)
{
    char whole[2 * PATH_BYTES];
    int length = snprintf(whole, sizeof whole, "%s%s", root, path);
    return length > 0 && (size_t)length < sizeof whole ? fopen(whole, "re") : NULL;
}

/* --- the limits of one group ------------------------------------------------------------------ */

/* The first line of file `name` in the group's directory `folder`, without the line break. */
static bool read_line(const char *root, const char *folder, const char *name, char *line_out,
                      size_t bytes)
{
    char path[PATH_BYTES + 64];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = open_below(root, path);
    if (file == NULL) {
        return false;
    }
    bool there = fgets(line_out, (int)bytes, file) != NULL;
    (void)fclose(file);
    line_out[there ? strcspn(line_out, "\n") : 0] = '\0';
    return there;
}

static bool read_number(const char *root, const char *folder, const char *name, double *number_out)
{
    char line[64];
    char *end = line;
    if (read_line(root, folder, name, line, sizeof line)) {
        *number_out = strtod(line, &end);
    }
    return end != line;
}

/* The number of processors in a list such as "0-3,8"; 0: empty or not a list. */
static uint32_t count_list(const char *list)
{
    uint32_t count = 0;
    while (*list >= '0' && *list <= '9') {
        char *end;
        unsigned long first = strtoul(list, &end, 10);
        unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        count += last >= first ? (uint32_t)(last - first + 1) : 0;
        list = *end == ',' ? end + 1 : "";
    }
    return count;
}

/* The affinity mask already respects the cpuset. Where both give the same count, name the cpuset:
 * it is the cause. */
static void lower_cpuset(struct wt_processors *processors, uint32_t count)
{
    if (count > 0 && count <= processors->count && count < processors->online) {
        processors->count = count;
        processors->limit = "cpuset";
    }
}

static void lower_quota(struct wt_processors *processors, double quota_us, double period_us)
{
    if (quota_us > 0.0 && period_us > 0.0 &&
        (processors->quota <= 0.0 || quota_us / period_us < processors->quota)) {
        processors->quota = quota_us / period_us;
    }
}

static void read_group(const char *root, const char *folder, struct wt_processors *processors)
{
    static const char *const lists[] = {"cpuset.cpus.effective", "cpuset.effective_cpus",
                                        "cpuset.cpus"};
    char line[PATH_BYTES];
    double quota_us = 0.0;
    double period_us = 0.0;
    if (read_line(root, folder, "cpu.max", line, sizeof line)) {
        char *end; /* "max" is not a number: strtod gives 0, no quota */
        quota_us = strtod(line, &end);
        period_us = strtod(end, NULL);
        lower_quota(processors, quota_us, period_us);
    }
    if (read_number(root, folder, "cpu.cfs_quota_us", &quota_us) &&
        read_number(root, folder, "cpu.cfs_period_us", &period_us)) { /* -1: no quota */
        lower_quota(processors, quota_us, period_us);
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (read_line(root, folder, lists[i], line, sizeof line)) {
            lower_cpuset(processors, count_list(line));
            break;
        }
    }
}

/* --- finding the groups ----------------------------------------------------------------------- */

/* The kernel escapes blanks and the like in octal: \040. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        bool escaped = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                       from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
        if (escaped) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
        } else {
            *to = *from;
        }
        from += escaped ? 4 : 1;
    }
    *to = '\0';
}

static bool in_list(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length) {
        bool whole = (at == list || at[-1] == ',') &&
                     (at[length] == ',' || at[length] == '\0' || at[length] == '\n');
        if (whole) {
            return true;
        }
    }
    return false;
}

/* Parses a line of mountinfo: "31 23 0:28 ROOT POINT rw - TYPE SOURCE OPTIONS". `controller` is a
 * cgroup v1 controller, or "" for cgroup v2. */
static bool is_mount_of(const char *line, const char *controller, struct mount *mount)
{
    char type[32];
    char options[1024];
    const char *rest = strstr(line, " - ");
    if (rest == NULL || sscanf(rest, " - %31s %*s %1023s", type, options) != 2 ||
        sscanf(line, "%*s %*s %*s %4095s %4095s", mount->root, mount->point) != 2) {
        return false;
    }
    unescape(mount->root);
    unescape(mount->point);
    return controller[0] == '\0' ? strcmp(type, "cgroup2") == 0
                                 : strcmp(type, "cgroup") == 0 && in_list(options, controller);
}

/* The part of `path` below `group`; NULL if it is not below it. */
static const char *below(const char *path, const char *group)
{
    size_t length = strcmp(group, "/") == 0 ? 0 : strlen(group);
    bool inside =
        strncmp(path, group, length) == 0 && (path[length] == '/' || path[length] == '\0');
    return inside && strstr(path, "/..") == NULL ? path + length : NULL;
}

/* Reads the limits of the group `rest` and of every visible group above it in the mounted
 * hierarchy. */
static void read_groups(const char *root, const struct mount *mount, const char *rest,
                        struct wt_processors *processors)
{
    char folder[2 * PATH_BYTES];
    size_t top = strlen(mount->point);
    (void)snprintf(folder, sizeof folder, "%s%s", mount->point, rest);
    for (;;) {
        read_group(root, folder, processors);
        char *last = strlen(folder) > top ? strrchr(folder, '/') : NULL;
        if (last == NULL) {
            return;
        }
        *last = '\0';
    }
}

/* Reads the groups of the process in one hierarchy, at every place where it is mounted. With `any`,
 * a mount that does not contain the process's group counts too: the root of that mount is read.
 * False: the hierarchy is not mounted. */
static bool read_hierarchy(const char *root, const char *controller, const char *path, bool any,
                           struct wt_processors *processors)
{
    FILE *file = open_below(root, "/proc/self/mountinfo");
    char *line = NULL;
    size_t bytes = 0;
    bool found = false;
    while (file != NULL && getline(&line, &bytes, file) > 0) {
        struct mount mount;
        if (!is_mount_of(line, controller, &mount)) {
            continue;
        }
        const char *rest = below(path, mount.root);
        if (rest != NULL || any) {
            read_groups(root, &mount, rest != NULL ? rest : "", processors);
            found = true;
        }
    }
    free(line);
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

/* In a container, cgroup names the path outside the container, but the mount may show only the
 * container's own group. If no mount contains the path, the root of the mount is taken
 * as the container's own group. */
static void read_controller(const char *root, const char *controller, const char *path,
                            struct wt_processors *processors)
{
    if (!read_hierarchy(root, controller, path, false, processors)) {
        (void)read_hierarchy(root, controller, path, true, processors);
    }
}

/* Reads a line of /proc/self/cgroup: "ID:CONTROLLERS:PATH". CONTROLLERS is empty for cgroup v2. */
static void read_membership(const char *root, char *line, struct wt_processors *processors)
{
    static const char *const wanted[] = {"cpu", "cpuset"};
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL) {
        return;
    }
    *controllers++ = '\0';
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    if (controllers[0] == '\0') {
        read_controller(root, "", path, processors);
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (in_list(controllers, wanted[i])) {
            read_controller(root, wanted[i], path, processors);
        }
    }
}

struct wt_processors wt_processors_at(const char *root, uint32_t allowed, uint32_t online)
{
    struct wt_processors processors = {.count = allowed > 0 ? allowed : 1, .limit = "affinity"};
    processors.online = online > processors.count ? online : processors.count;
    FILE *file = open_below(root, "/proc/self/cgroup");
    char *line = NULL;
    size_t bytes = 0;
    while (file != NULL && getline(&line, &bytes, file) > 0) {
        read_membership(root, line, &processors);
    }
    free(line);
    if (file != NULL) {
        (void)fclose(file);
    }
    if (processors.quota > 0.0 && ceil(processors.quota) < processors.count) {
        processors.count = (uint32_t)ceil(processors.quota);
        processors.limit = "quota";
    }
    return processors;
}

/* --- the running process ---------------------------------------------------------------------- */

/* The number of processors in this thread's affinity mask. The kernel refuses a mask that is too
 * small (EINVAL), so larger ones are tried. */
static uint32_t allowed_here(uint32_t online)
{
    uint32_t count = 0;
    for (int size = 1024; size <= ALLOWED_MAX && count == 0; size *= 2) {
        cpu_set_t *mask = CPU_ALLOC((size_t)size);
        size_t bytes = CPU_ALLOC_SIZE((size_t)size);
        bool refused = false;
        if (mask != NULL && sched_getaffinity(0, bytes, mask) == 0) {
            count = (uint32_t)CPU_COUNT_S(bytes, mask);
        } else {
            refused = mask == NULL || errno != EINVAL;
        }
        CPU_FREE(mask);
        if (refused) {
            break;
        }
    }
    return count > 0 ? count : online;
}

struct wt_processors wt_processors_read(void)
{
    long found = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t online = found > 0 ? (uint32_t)found : 1;
    return wt_processors_at("", allowed_here(online), online);
}

const char *wt_processors_describe(const struct wt_processors *processors, char *out, size_t bytes)
{
    const char *plural = processors->online == 1 ? "" : "s";
    if (processors->count == processors->online) {
        (void)snprintf(out, bytes, "%u processor%s", processors->count, plural);
    } else if (strcmp(processors->limit, "quota") == 0) {
        (void)snprintf(out, bytes, "%u of %u processor%s (quota of %.2f)", processors->count,
                       processors->online, plural, processors->quota);
    } else {
        (void)snprintf(out, bytes, "%u of %u processor%s (%s)", processors->count,
                       processors->online, plural, processors->limit);
    }
    return out;
}
