#include "kafka/transactional_id.h"

#include "base/alloc.h"
#include "base/errno_text.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The most workers with the same group and host. */
#define SLOTS_MAX 1024u

struct wt_transactional_id {
    char *text;
    int lock; /* a socket bound to a name that no other process can bind; -1: not needed */
};

/* Binds a socket to an abstract name derived from `text` (Linux: not a file; freed when the process
 * ends). -1: errno is EADDRINUSE if another process has the name. */
static int lock_name(const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes = 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (EVP_Digest(text, strlen(text), digest, &digest_bytes, EVP_sha256(), NULL) != 1) {
        errno = ENOTSUP;
        return -1;
    }
    int lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (lock < 0) {
        return -1;
    }
    /* sun_path begins with NUL: abstract. */
    size_t count = 1;
    count += (size_t)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "wiretag-");
    for (unsigned i = 0; i < 16; i++) {
        count += (size_t)snprintf(address.sun_path + count, sizeof address.sun_path - count, "%02x",
                                  digest[i]);
    }
    socklen_t address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count);
    if (bind(lock, (const struct sockaddr *)&address, address_bytes) != 0) {
        int cause = errno;
        (void)close(lock);
        errno = cause;
        return -1;
    }
    return lock;
}

static const char *property_or(const struct wt_config *config, const char *name,
                               const char *otherwise)
{
    const struct wt_property *property = wt_config_consumer_property(config, name);
    return property != NULL ? property->value : otherwise;
}

static enum wt_status take_slot(const struct wt_config *config, struct wt_transactional_id *id,
                                struct wt_error *error)
{
    char host[256] = "localhost";
    (void)gethostname(host, sizeof host - 1);
    for (unsigned slot = 0; slot < SLOTS_MAX; slot++) {
        id->text = wt_format("%s-%s-%u", property_or(config, "group.id", "wiretag"),
                             property_or(config, "group.instance.id", host), slot);
        id->lock = lock_name(id->text);
        if (id->lock >= 0) {
            return WT_OK;
        }
        if (errno != EADDRINUSE) {
            return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "transactional-id",
                                "no lock for the transactional id %.200s: %s; set "
                                "delivery.transactional_id, another one for each worker",
                                id->text, wt_errno_text(errno));
        }
        free(id->text);
        id->text = NULL;
    }
    return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "transactional-id",
                        "%u workers of this group run on this machine already", SLOTS_MAX);
}

enum wt_status wt_transactional_id_create(const struct wt_config *config,
                                          struct wt_transactional_id **id_out,
                                          struct wt_error *error)
{
    struct wt_transactional_id *id = wt_alloc_zeroed(1, sizeof *id);
    id->lock = -1;
    enum wt_status status = WT_OK;
    if (strcmp(config->delivery.transactional_id, "auto") == 0) {
        status = take_slot(config, id, error);
    } else {
        id->text = wt_strdup(config->delivery.transactional_id);
    }
    if (status != WT_OK) {
        wt_transactional_id_destroy(id);
        return status;
    }
    *id_out = id;
    return WT_OK;
}

void wt_transactional_id_destroy(struct wt_transactional_id *id)
{
    if (id == NULL) {
        return;
    }
    if (id->lock >= 0) {
        (void)close(id->lock);
    }
    free(id->text);
    free(id);
}

const char *wt_transactional_id_text(const struct wt_transactional_id *id)
{
    return id != NULL ? id->text : NULL;
}

const char *wt_transactional_id_remedy(const struct wt_config *config)
{
    if (strcmp(config->delivery.transactional_id, "auto") != 0) {
        return "delivery.transactional_id sets it: give each worker its own, or leave it at auto";
    }
    if (wt_config_consumer_property(config, "group.instance.id") != NULL) {
        return "auto makes it of group.id and group.instance.id: give each worker its own "
               "group.instance.id, or its own delivery.transactional_id";
    }
    return "auto makes it of group.id and the host name, and two machines or containers have the "
           "same one: give each its own host name, or its own delivery.transactional_id";
}
