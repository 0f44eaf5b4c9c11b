#include "base/process.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
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

/* When the machine started, from where /proc counts a process's start. It does not change, and
 * /proc/stat is by far the dearest file to read here. */
static pthread_once_t boot_read = PTHREAD_ONCE_INIT;
static double boot_seconds;

static void read_boot(void)
{
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL) {
        return;
    }
    char line[256];
    unsigned long long seconds = 0;
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "btime %llu", &seconds) != 1) {
    }
    (void)fclose(file);
    boot_seconds = (double)seconds;
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
    /* The second field, the program's name, may itself hold blanks and brackets. */
    const char *fields = strrchr(text, ')');
    unsigned long long start_ticks;
    unsigned long long virtual_bytes;
    long threads;
    long resident_pages;
    if (fields == NULL ||
        sscanf(fields + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu "
               "%llu %ld",
               &threads, &start_ticks, &virtual_bytes, &resident_pages) != 4) {
        return;
    }
    process->threads = (uint32_t)threads;
    process->virtual_bytes = virtual_bytes;
    process->resident_bytes = (uint64_t)resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
    (void)pthread_once(&boot_read, read_boot);
    process->start_seconds =
        boot_seconds > 0 ? boot_seconds + (double)start_ticks / (double)sysconf(_SC_CLK_TCK) : 0;
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
    return count - 1; /* the folder's own */
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
