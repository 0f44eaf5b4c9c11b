#include "observe/log_stream.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool wt_log_stream_is_journal(int file)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[48];
    if (stream == NULL || fstat(file, &status) != 0) {
        return false;
    }
    (void)snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(stream, own) == 0;
}

void wt_log_stream_append(int file)
{
    struct stat status;
    int flags = fcntl(file, F_GETFL);
    if (flags >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
        (void)fcntl(file, F_SETFL, flags | O_APPEND);
    }
}
