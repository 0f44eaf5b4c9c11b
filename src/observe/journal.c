#include "observe/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool wt_journal_reads(int file)
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
