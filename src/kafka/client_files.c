#include "kafka/client_files.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A certificate and its key are not replaced at once. */
#define SETTLED_MS 3000

#define FILES_MAX 16u

static struct file {
    char *name; /* of the property */
    char *path;
    struct stat state; /* all zero: it was not there */
} files[FILES_MAX];
static size_t count;

static void note(const struct wt_properties *properties)
{
    static const char *const names[] = {"ssl.certificate.location", "ssl.key.location",
                                        "ssl.keystore.location", "ssl.ca.location",
                                        "ssl.crl.location"};
    for (size_t i = 0; i < properties->count; i++) {
        const struct wt_property *property = &properties->items[i];
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            if (strcmp(property->name, names[j]) == 0 && count < FILES_MAX) {
                struct file *file = &files[count++];
                *file = (struct file){.name = wt_strdup(property->name),
                                      .path = wt_strdup(property->value)};
                (void)stat(file->path, &file->state);
            }
        }
    }
}

void wt_client_files_note(const struct wt_config *config)
{
    while (count > 0) {
        count--;
        free(files[count].name);
        free(files[count].path);
    }
    note(&config->kafka.common);
    note(&config->kafka.consumer);
    note(&config->kafka.producer);
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_dev == other->st_dev &&
           one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec &&
           one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
           one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

bool wt_client_files_renewed(char *text, size_t text_bytes)
{
    const struct file *renewed = NULL;
    int64_t settled_s = (wt_clock_wall_ms() - SETTLED_MS) / 1000;
    for (size_t i = 0; i < count; i++) {
        struct stat now;
        if (stat(files[i].path, &now) != 0) {
            return false; /* it is being replaced */
        }
        if (is_same(&now, &files[i].state)) {
            continue;
        }
        if (now.st_ctim.tv_sec > settled_s) {
            return false;
        }
        renewed = &files[i];
    }
    if (renewed != NULL) {
        (void)snprintf(text, text_bytes, "%s, %s", renewed->name, renewed->path);
    }
    return renewed != NULL;
}
