#include "base/file.h"

#include "base/alloc.h"
#include "base/errno_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK for the open alone: opening a pipe that has no writer must not block the start. */
static int open_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return -1;
    }
    struct stat info;
    int flags = fcntl(file, F_GETFL);
    bool ready =
        fstat(file, &info) == 0 && flags >= 0 && fcntl(file, F_SETFL, flags & ~O_NONBLOCK) == 0;
    if (ready && S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        ready = false;
    }
    if (!ready) {
        int saved_errno = errno;
        (void)close(file);
        errno = saved_errno;
        return -1;
    }
    return file;
}

/* Reads to the end of the file or until `room` bytes are read. -1: errno has the reason. */
static ssize_t read_all(int file, char *text, size_t room)
{
    size_t done = 0;
    while (done < room) {
        ssize_t got = read(file, text + done, room - done);
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

enum wt_status wt_file_read(const char *path, size_t bytes_max, char **text_out, size_t *bytes_out,
                            struct wt_error *error)
{
    int file = open_file(path);
    if (file < 0) {
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "file-unreadable",
                            "cannot open %.300s: %s", path, wt_errno_text(errno));
    }
    char *text = wt_alloc(bytes_max + 2);
    ssize_t got = read_all(file, text, bytes_max + 1);
    int read_errno = errno;
    (void)close(file);
    if (got < 0) {
        free(text);
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "file-unreadable",
                            "cannot read %.300s: %s", path, wt_errno_text(read_errno));
    }
    if ((size_t)got > bytes_max) {
        free(text);
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "file-too-large",
                            "%.300s is larger than the %zu bytes allowed", path, bytes_max);
    }
    text[got] = '\0';
    *text_out = text;
    *bytes_out = (size_t)got;
    return WT_OK;
}

enum wt_status wt_file_check_secret(const char *path, struct wt_error *error)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) ||
        (info.st_mode & (S_IROTH | S_IWOTH)) == 0) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "secret-exposed",
                        "%.300s holds a secret, and every user of this machine may %s it (mode "
                        "%04o): chmod o= %.300s; for a secret of Kubernetes set defaultMode: 0440 "
                        "and fsGroup, for one of Docker mode: 0440",
                        path, (info.st_mode & S_IROTH) != 0 ? "read" : "write",
                        (unsigned)(info.st_mode & 07777), path);
}
