#include "registry/registry.h"

#include "base/address.h"
#include "base/alloc.h"
#include "base/buffer.h"

#include <assert.h>
#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS_MAX 5000L
#define REQUEST_MS_MAX 10000L

/* A schema is a page or two; more than this is another server's answer. */
#define ANSWER_BYTES_MAX (8u << 20)

struct wt_registry {
    const struct wt_config *config;
    CURL *curl;
    struct wt_buffer answer;
    long code; /* HTTP status of the last answer */
    wt_registry_give_up give_up;
    void *opaque;
    char curl_error[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static const char *setting(const struct wt_config *config, const char *name)
{
    const struct wt_properties *properties = &config->input.schema_registry;
    for (size_t i = 0; i < properties->count; i++) {
        if (strcmp(properties->items[i].name, name) == 0) {
            return properties->items[i].value;
        }
    }
    return NULL;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *opaque)
{
    struct wt_registry *registry = opaque;
    if (registry->answer.count + size * count > ANSWER_BYTES_MAX) {
        return 0;
    }
    wt_buffer_append(&registry->answer, bytes, size * count);
    return size * count;
}

static int on_progress(void *opaque, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct wt_registry *registry = opaque;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return registry->give_up != NULL && registry->give_up(registry->opaque) ? 1 : 0;
}

struct wt_registry *wt_registry_create(const struct wt_config *config)
{
    (void)pthread_once(&curl_once, init_curl);
    struct wt_registry *registry = wt_alloc_zeroed(1, sizeof *registry);
    registry->config = config;
    registry->curl = curl_easy_init();
    if (registry->curl == NULL) { /* as wt_alloc */
        abort();
    }
    CURL *curl = registry->curl;
    const char *username = setting(config, "username");
    const char *password = setting(config, "password");
    const char *authorities = setting(config, "ca.location");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, REQUEST_MS_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, registry->curl_error);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, registry);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, registry);
    if (username != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        (void)curl_easy_setopt(curl, CURLOPT_USERNAME, username);
        (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, password != NULL ? password : "");
    }
    if (authorities != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, authorities);
    }
    return registry;
}

void wt_registry_destroy(struct wt_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    curl_easy_cleanup(registry->curl);
    wt_buffer_free(&registry->answer);
    free(registry);
}

/* --- requests -------------------------------------------------------------------------------- */

/* `what` is why the registry cannot be used, and what to do. */
static enum wt_status unavailable(const struct wt_registry *registry, struct wt_error *error,
                                  const char *what)
{
    /* Without a user and a password that stand in it. */
    const char *url = setting(registry->config, "url");
    assert(url != NULL);
    const char *host = strstr(url, "://") + strlen("://"); /* the configuration was refused else */
    const char *at = memchr(host, '@', strcspn(host, "/?#"));
    return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "schema-registry",
                        "the schema registry %.*s%s %s", (int)(host - url), url,
                        at != NULL ? at + 1 : host, what);
}

/* What to do about a failed request; "": nothing that the configuration could mend. */
static const char *remedy_of(CURLcode result, const char *reason)
{
    switch (result) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return strstr(reason, "subject name") != NULL
                   ? "; url of input.schema_registry must name the host as the certificate does"
               : strstr(reason, "expired") != NULL ? "; renew the registry's certificate"
                                                   : "; ca.location of input.schema_registry must "
                                                     "name the authority that signed it";
    case CURLE_SSL_CACERT_BADFILE:
        return "; ca.location of input.schema_registry must name a readable file of certificates "
               "(PEM)";
    case CURLE_SSL_CONNECT_ERROR:
        return "; url of input.schema_registry begins with https: does the registry speak TLS "
               "there?";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
        return "; does the registry speak TLS there? Then url begins with https";
    default:
        return "";
    }
}

/* Gets `path`. WT_OK: there is an answer, whatever its status. */
static enum wt_status get(struct wt_registry *registry, const char *path, struct wt_error *error)
{
    const char *base = setting(registry->config, "url");
    assert(base != NULL); /* the configuration was refused without it */
    size_t length = strlen(base);
    length -= length > 0 && base[length - 1] == '/' ? 1 : 0;
    char *url = wt_format("%.*s%s", (int)length, base, path);
    registry->answer.count = 0;
    registry->curl_error[0] = '\0';
    (void)curl_easy_setopt(registry->curl, CURLOPT_URL, url);
    /* NULL: as http_proxy, https_proxy and no_proxy say. */
    (void)curl_easy_setopt(registry->curl, CURLOPT_PROXY, wt_url_is_local(url) ? "" : NULL);
    CURLcode result = curl_easy_perform(registry->curl);
    free(url);
    if (result != CURLE_OK) {
        char what[CURL_ERROR_SIZE + 160];
        const char *reason =
            registry->curl_error[0] != '\0' ? registry->curl_error : curl_easy_strerror(result);
        (void)snprintf(what, sizeof what, "does not answer: %s%s", reason,
                       remedy_of(result, reason));
        return unavailable(registry, error, what);
    }
    (void)curl_easy_getinfo(registry->curl, CURLINFO_RESPONSE_CODE, &registry->code);
    if (registry->code == 401 || registry->code == 403) {
        return unavailable(registry, error,
                           "denies access: see username and password of input.schema_registry");
    }
    return WT_OK;
}

static enum wt_status take_schema(uint32_t id, const json_t *answer, char **schema_out,
                                  struct wt_error *error)
{
    const char *type = json_string_value(json_object_get(answer, "schemaType"));
    if (type != NULL && strcmp(type, "AVRO") != 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "schema-unusable",
                            "schema %u is not Avro but %.40s; JSON is read with input.format json",
                            id, type);
    }
    if (json_array_size(json_object_get(answer, "references")) > 0) {
        return wt_error_set(
            error, WT_INVALID, WT_ERROR_RECORD, "schema-unusable",
            "schema %u refers to other schemas, which is not supported; register it "
            "as a whole",
            id);
    }
    *schema_out = wt_strdup(json_string_value(json_object_get(answer, "schema")));
    return WT_OK;
}

enum wt_status wt_registry_get(struct wt_registry *registry, uint32_t id,
                               wt_registry_give_up give_up, void *opaque, char **schema_out,
                               struct wt_error *error)
{
    registry->give_up = give_up;
    registry->opaque = opaque;
    char *path = wt_format("/schemas/ids/%u", id);
    enum wt_status status = get(registry, path, error);
    free(path);
    registry->give_up = NULL;
    if (status != WT_OK) {
        return status;
    }
    json_t *answer = json_loadb(registry->answer.bytes, registry->answer.count, 0, NULL);
    if (registry->code == 404 && json_integer_value(json_object_get(answer, "error_code")) > 0) {
        status = wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "schema-unknown",
                              "the schema registry has no schema %u: was it written with another "
                              "registry?",
                              id);
    } else if (registry->code == 200 && json_is_string(json_object_get(answer, "schema"))) {
        status = take_schema(id, answer, schema_out, error);
    } else {
        char what[80];
        (void)snprintf(what, sizeof what, "answers with HTTP status %ld and no schema",
                       registry->code);
        status = unavailable(registry, error, what);
    }
    json_decref(answer);
    return status;
}

enum wt_status wt_registry_probe(struct wt_registry *registry, struct wt_error *error)
{
    enum wt_status status = get(registry, "/schemas/types", error);
    if (status == WT_OK && registry->code >= 500) {
        char what[80];
        (void)snprintf(what, sizeof what, "answers with HTTP status %ld", registry->code);
        status = unavailable(registry, error, what);
    }
    return status;
}
