#include "observe/process.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static double cpu_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Boot time, from which /proc counts a process's start. It never changes, and /proc/stat is by far
 * the slowest file to read here, so it is read once. */
static pthread_once_t boot_read = PTHREAD_ONCE_INIT;
static double boot_seconds;

static void read_boot(void)
{
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL) {
        return;
    }
    char line[256];
    while (boot_seconds <= 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "btime ", 6) == 0) {
            boot_seconds = strtod(line + 6, NULL);
        }
    }
    (void)fclose(file);
}

/* Field `number` of /proc/self/stat, counted as in proc(5). `third` points at field 3. 0:
 * missing. */
static unsigned long long stat_field(const char *third, int number)
{
    const char *field = third;
    for (int i = 3; i < number && *field != '\0'; i++) {
        field += strcspn(field, " ");
        field += strspn(field, " ");
    }
    return strtoull(field, NULL, 10);
}

static void read_stat(struct wt_process *process)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL) {
        return;
    }
    size_t length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    /* The second field, the program's name, may contain blanks and brackets. */
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || name_end[1] != ' ') {
        return;
    }
    const char *third = name_end + 2;
    process->threads = (uint32_t)stat_field(third, 20);
    process->virtual_bytes = stat_field(third, 23);
    process->resident_bytes = stat_field(third, 24) * (uint64_t)sysconf(_SC_PAGESIZE);
    (void)pthread_once(&boot_read, read_boot);
    process->start_seconds = boot_seconds > 0 ? boot_seconds + (double)stat_field(third, 22) /
                                                                   (double)sysconf(_SC_CLK_TCK)
                                              : 0;
}

static uint32_t open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return 0;
    }
    uint32_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(folder);
    return count - 1; /* without the one of the folder itself */
}

struct wt_process wt_process_read(void)
{
    struct wt_process process = {.cpu_seconds = cpu_seconds(), .open_fds = open_fds()};
    read_stat(&process);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        process.open_fds_max = (uint64_t)limit.rlim_cur;
    }
    return process;
}
