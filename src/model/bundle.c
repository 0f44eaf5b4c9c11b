#include "model/bundle.h"

#include "base/errno_text.h"
#include "base/foreign.h"
#include "wiretag/model.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)4 << 20)

static enum wt_status cannot_read(const char *path, const struct wt_model_options *options,
                                  const char *why, struct wt_error *error)
{
    return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "model-unreadable",
                        "the model %s cannot be read: %s; check %s", path, why,
                        options->named_by != NULL ? options->named_by : "the path");
}

/* A bundle that is being read: whole, or through one chunk after the other. */
struct reading {
    const char *path;
    const struct wt_model_options *options;
    int fd;
    bool whole;
    char *bytes;
    size_t mapped; /* bytes of memory */
    size_t count;  /* bytes of the file */
    char sha256[65];
};

static enum wt_status finish_hash(struct reading *reading, EVP_MD_CTX *digest,
                                  struct wt_error *error)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_bytes = 0;
    if (EVP_DigestFinal_ex(digest, hash, &hash_bytes) != 1 || hash_bytes != 32) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "hash", "hashing %s failed",
                            reading->path);
    }
    for (size_t i = 0; i < hash_bytes; i++) {
        (void)snprintf(reading->sha256 + 2 * i, 3, "%02x", hash[i]);
    }
    return WT_OK;
}

/* Reads the file and hashes each chunk while it is in the cache. */
static enum wt_status read_and_hash(struct reading *reading, EVP_MD_CTX *digest,
                                    struct wt_error *error)
{
    size_t done = 0;
    while (done < reading->count) {
        size_t left = reading->count - done;
        char *to = reading->whole ? reading->bytes + done : reading->bytes;
        ssize_t count = read(reading->fd, to, left < CHUNK_BYTES ? left : CHUNK_BYTES);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return cannot_read(
                reading->path, reading->options,
                count < 0 ? wt_errno_text(errno) : "it became shorter while it was read", error);
        }
        if (EVP_DigestUpdate(digest, to, (size_t)count) != 1) {
            return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "hash", "hashing %s failed",
                                reading->path);
        }
        done += (size_t)count;
        wt_model_progress_tell(&reading->options->progress, "reading", done, reading->count);
    }
    return finish_hash(reading, digest, error);
}

/* Names a file that is something else, before there is memory for all of it. */
static enum wt_status check_kind(const struct reading *reading, struct wt_error *error)
{
    char head[WT_FOREIGN_MODEL_BYTES];
    ssize_t count = pread(reading->fd, head, sizeof head, 0);
    if (count < 0) {
        return cannot_read(reading->path, reading->options, wt_errno_text(errno), error);
    }
    const char *foreign = wt_foreign_model(head, (size_t)count, reading->count);
    if (foreign != NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-invalid",
                            "the model %s is not a TorchScript bundle but %s", reading->path,
                            foreign);
    }
    return WT_OK;
}

/* Sets `count`. */
static enum wt_status check_file(struct reading *reading, struct wt_error *error)
{
    struct stat status;
    if (fstat(reading->fd, &status) != 0) {
        return cannot_read(reading->path, reading->options, wt_errno_text(errno), error);
    }
    if (!S_ISREG(status.st_mode)) {
        return cannot_read(reading->path, reading->options, "it is not a regular file", error);
    }
    if (status.st_size == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-empty",
                            "the model %s is empty; export or copy it again", reading->path);
    }
    reading->count = (size_t)status.st_size;
    return check_kind(reading, error);
}

static enum wt_status allocate(struct reading *reading, struct wt_error *error)
{
    size_t mapped = reading->whole ? reading->count : CHUNK_BYTES;
    void *bytes = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        return wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "memory",
                            "out of memory for %zu bytes of %s", mapped, reading->path);
    }
    reading->bytes = bytes;
    reading->mapped = mapped;
    return WT_OK;
}

/* Which section of a configuration the path and its pin stand in. */
static const char *section_of(const struct wt_model_options *options)
{
    const char *named_by = options->named_by;
    return named_by != NULL && strstr(named_by, ".path") != NULL ? named_by : "model.path";
}

static int section_bytes(const struct wt_model_options *options)
{
    const char *section = section_of(options);
    return (int)(strstr(section, ".path") - section);
}

static enum wt_status check_pin(const struct reading *reading, struct wt_error *error)
{
    const struct wt_model_options *options = reading->options;
    const char *pin = options->sha256;
    if (pin == NULL || strcasecmp(pin, reading->sha256) == 0) {
        return WT_OK;
    }
    return wt_error_set(
        error, WT_INVALID, WT_ERROR_FATAL, "model-sha256",
        "the model %s is not the pinned one: its SHA-256 is %s, %.*s.sha256 "
        "says %s; it was not loaded. Get the right file, or pin this one if you trust it",
        reading->path, reading->sha256, section_bytes(options), section_of(options), pin);
}

static void end_reading(struct reading *reading)
{
    if (reading->bytes != NULL) {
        (void)munmap(reading->bytes, reading->mapped);
        reading->bytes = NULL;
    }
}

/* The memory is the caller's, also of a failure. */
static enum wt_status read_file(struct reading *reading, struct wt_error *error)
{
    EVP_MD_CTX *digest = NULL;
    /* Opening a named pipe without a writer must not block; regular files are read as usual. */
    reading->fd = open(reading->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reading->fd < 0) {
        return cannot_read(reading->path, reading->options, wt_errno_text(errno), error);
    }
    enum wt_status status = check_file(reading, error);
    if (status == WT_OK) {
        status = allocate(reading, error);
    }
    if (status != WT_OK) {
        goto done;
    }
    digest = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "hash", "SHA-256 is not available");
        goto done;
    }
    status = read_and_hash(reading, digest, error);
    if (status == WT_OK) {
        status = check_pin(reading, error);
    }
done:
    EVP_MD_CTX_free(digest);
    (void)close(reading->fd);
    return status;
}

enum wt_status wt_bundle_read(const char *path, const struct wt_model_options *options,
                              struct wt_bundle *bundle_out, struct wt_error *error)
{
    struct reading reading = {.path = path, .options = options, .whole = true};
    enum wt_status status = read_file(&reading, error);
    if (status != WT_OK) {
        end_reading(&reading);
        return status;
    }
    *bundle_out = (struct wt_bundle){.bytes = reading.bytes, .count = reading.count};
    memcpy(bundle_out->sha256, reading.sha256, sizeof reading.sha256);
    return WT_OK;
}

enum wt_status wt_bundle_hash(const char *path, const struct wt_model_options *options,
                              char sha256_out[65], struct wt_error *error)
{
    struct reading reading = {.path = path, .options = options};
    enum wt_status status = read_file(&reading, error);
    memcpy(sha256_out, reading.sha256, sizeof reading.sha256);
    end_reading(&reading);
    return status;
}

void wt_model_progress_tell(const struct wt_model_progress *progress, const char *step,
                            uint64_t done, uint64_t total)
{
    if (progress->tell != NULL) {
        progress->tell(progress->opaque, step, done, total);
    }
}

void wt_bundle_free(struct wt_bundle *bundle)
{
    if (bundle->bytes != NULL) {
        (void)munmap(bundle->bytes, bundle->count);
    }
    *bundle = (struct wt_bundle){0};
}
