#include "model/bundle.h"

#include "base/errno_text.h"
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

/* Reads the whole file into `bytes` and hashes each chunk while it is in the cache. */
static enum wt_status read_and_hash(int fd, const char *path,
                                    const struct wt_model_options *options,
                                    struct wt_bundle *bundle, EVP_MD_CTX *digest,
                                    struct wt_error *error)
{
    size_t done = 0;
    while (done < bundle->count) {
        size_t wanted = bundle->count - done < CHUNK_BYTES ? bundle->count - done : CHUNK_BYTES;
        ssize_t count = read(fd, bundle->bytes + done, wanted);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return cannot_read(
                path, options,
                count < 0 ? wt_errno_text(errno) : "it became shorter while it was read", error);
        }
        if (EVP_DigestUpdate(digest, bundle->bytes + done, (size_t)count) != 1) {
            return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "hash", "hashing %s failed",
                                path);
        }
        done += (size_t)count;
        wt_model_progress_tell(&options->progress, "reading", done, bundle->count);
    }
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_bytes = 0;
    if (EVP_DigestFinal_ex(digest, hash, &hash_bytes) != 1 || hash_bytes != 32) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "hash", "hashing %s failed", path);
    }
    for (size_t i = 0; i < hash_bytes; i++) {
        (void)snprintf(bundle->sha256 + 2 * i, 3, "%02x", hash[i]);
    }
    return WT_OK;
}

static enum wt_status allocate(int fd, const char *path, const struct wt_model_options *options,
                               struct wt_bundle *bundle, struct wt_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return cannot_read(path, options, wt_errno_text(errno), error);
    }
    if (!S_ISREG(status.st_mode)) {
        return cannot_read(path, options, "it is not a regular file", error);
    }
    if (status.st_size == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-empty",
                            "the model %s is empty; export or copy it again", path);
    }
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        return wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "memory",
                            "out of memory for the %lld bytes of %s", (long long)status.st_size,
                            path);
    }
    bundle->bytes = bytes;
    bundle->count = (size_t)status.st_size;
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

enum wt_status wt_bundle_read(const char *path, const struct wt_model_options *options,
                              struct wt_bundle *bundle_out, struct wt_error *error)
{
    const char *sha256 = options->sha256;
    struct wt_bundle bundle = {0};
    EVP_MD_CTX *digest = NULL;
    /* Opening a named pipe without a writer must not block; regular files are read as usual. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return cannot_read(path, options, wt_errno_text(errno), error);
    }
    enum wt_status status = allocate(fd, path, options, &bundle, error);
    if (status != WT_OK) {
        goto done;
    }
    digest = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "hash", "SHA-256 is not available");
        goto done;
    }
    status = read_and_hash(fd, path, options, &bundle, digest, error);
    if (status == WT_OK && sha256 != NULL && strcasecmp(sha256, bundle.sha256) != 0) {
        status = wt_error_set(
            error, WT_INVALID, WT_ERROR_FATAL, "model-sha256",
            "the model %s is not the pinned one: its SHA-256 is %s, %.*s.sha256 "
            "says %s; it was not loaded. Get the right file, or pin this one if you trust it",
            path, bundle.sha256, section_bytes(options), section_of(options), sha256);
    }
done:
    EVP_MD_CTX_free(digest);
    (void)close(fd);
    if (status != WT_OK) {
        wt_bundle_free(&bundle);
        return status;
    }
    *bundle_out = bundle;
    return WT_OK;
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
