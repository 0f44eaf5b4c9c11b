/* replay.c: runs a fuzz target over the files of its corpus, without a fuzzer.
 *
 * Usage: NAME_replay FOLDER. Every file once; a folder that is missing or empty is a failure. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        perror(path);
        return 1;
    }
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    size_t got = data != NULL ? fread(data, 1, size, file) : 0;
    (void)fclose(file);
    if (got == size && data != NULL) {
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return got != size;
}

int main(int argument_count, char **arguments)
{
    DIR *folder = argument_count == 2 ? opendir(arguments[1]) : NULL;
    if (folder == NULL) {
        (void)fprintf(stderr, "usage: %s FOLDER (of inputs)\n", arguments[0]);
        return 2;
    }
    int failed = 0;
    unsigned count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char path[4096];
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", arguments[1], entry->d_name);
            failed |= replay_file(path);
            count++;
        }
    }
    (void)closedir(folder);
    (void)printf("%u inputs\n", count);
    return failed != 0 || count == 0;
}
