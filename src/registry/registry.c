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

/* A proxy may lead on, to its other name or to https. */
#define REDIRECTS_MAX 5L

/* Schemas that one refers to, by all its references. */
#define REFERENCES_MAX 200u

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
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
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

/* A URL as it may be shown, which the caller frees: without a user and a password, and without a query,
 * in which a login may stand. */
static char *shown_url(const char *url)
{
    const char *host = strstr(url, "://") + strlen("://"); /* the configuration was refused else */
    const char *at = memchr(host, '@', strcspn(host, "/?#"));
    const char *rest = at != NULL ? at + 1 : host;
    return wt_format("%.*s%.*s", (int)(host - url), url, (int)strcspn(rest, "?#"), rest);
}

/* `what` is why the registry cannot be used, and what to do. */
static enum wt_status unavailable(const struct wt_registry *registry, struct wt_error *error,
                                  const char *what)
{
    const char *url = setting(registry->config, "url");
    assert(url != NULL);
    char *shown = shown_url(url);
    char *led = NULL;
    char *to = NULL;
    long redirects = 0;
    (void)curl_easy_getinfo(registry->curl, CURLINFO_REDIRECT_COUNT, &redirects);
    (void)curl_easy_getinfo(registry->curl, CURLINFO_EFFECTIVE_URL, &to);
    if (redirects > 0 && to != NULL && strstr(to, "://") != NULL) {
        led = shown_url(to);
    }
    enum wt_status status = wt_error_set(
        error, WT_IO, WT_ERROR_FATAL, "schema-registry", "the schema registry %s %s%s%s%s", shown,
        what, led != NULL ? " (a redirect leads to " : "", led != NULL ? led : "",
        led != NULL ? "; url of input.schema_registry must name the registry)" : "");
    free(led);
    free(shown);
    return status;
}

/* The registry has answered, but with something else than what was asked for. */
static enum wt_status unexpected(const struct wt_registry *registry, struct wt_error *error)
{
    char what[160];
    (void)snprintf(what, sizeof what, "answers with HTTP status %ld and no schema%s",
                   registry->code,
                   registry->code == 404 || registry->code == 200
                       ? "; does url of input.schema_registry lead to a registry, with its path?"
                       : "");
    return unavailable(registry, error, what);
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
    while (length > 0 && base[length - 1] == '/') {
        length--;
    }
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

/* --- answers --------------------------------------------------------------------------------- */

/* NULL: it is no JSON. The caller releases it. */
static json_t *read_answer(const struct wt_registry *registry)
{
    return json_loadb(registry->answer.count > 0 ? registry->answer.bytes : "",
                      registry->answer.count, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
}

/* True: a registry says that it has no such schema, subject or version. Its codes for that have five
 * digits; 404 alone is its, or another server's, answer to a path that it does not have. */
static bool is_unknown(const struct wt_registry *registry, const json_t *answer)
{
    json_int_t code = json_integer_value(json_object_get(answer, "error_code"));
    return registry->code == 404 && code / 100 == 404;
}

static bool is_schema(const struct wt_registry *registry, const json_t *answer)
{
    return registry->code == 200 && json_is_string(json_object_get(answer, "schema"));
}

/* --- schemas and what they refer to ---------------------------------------------------------- */

struct collecting {
    struct wt_registry *registry;
    const char *name; /* of the schema that was asked for */
    struct wt_registry_schema *schema;
    char *seen[REFERENCES_MAX]; /* paths of those that were referred to */
    size_t seen_count;
    struct wt_error *error;
};

static enum wt_status collect(struct collecting *collecting, const json_t *answer);

/* Asks for the schema at `path` and collects it. *unknown_out: the registry has none there, and the
 * caller says so. */
static enum wt_status get_and_collect(struct collecting *collecting, const char *path,
                                      bool *unknown_out)
{
    struct wt_registry *registry = collecting->registry;
    enum wt_status status = get(registry, path, collecting->error);
    if (status != WT_OK) {
        return status;
    }
    json_t *answer = read_answer(registry);
    *unknown_out = is_unknown(registry, answer);
    if (!*unknown_out) {
        status = is_schema(registry, answer) ? collect(collecting, answer)
                                             : unexpected(registry, collecting->error);
    }
    json_decref(answer);
    return status;
}

static enum wt_status unusable(const struct collecting *collecting, const char *what,
                               const char *path)
{
    return wt_error_set(collecting->error, WT_INVALID, WT_ERROR_RECORD, "schema-unusable",
                        "schema %s %s%s", collecting->name, what, path);
}

/* The path of a referred schema, which the caller frees; NULL: its subject or version is missing. Deleted
 * ones count: records that need them are older. */
static char *reference_path(const struct wt_registry *registry, const json_t *reference)
{
    const char *subject = json_string_value(json_object_get(reference, "subject"));
    const json_t *version = json_object_get(reference, "version");
    if (subject == NULL || !json_is_integer(version)) {
        return NULL;
    }
    char *escaped = curl_easy_escape(registry->curl, subject, 0);
    char *path = NULL;
    if (escaped != NULL) {
        path = wt_format("/subjects/%s/versions/%lld", escaped,
                         (long long)json_integer_value(version));
    }
    curl_free(escaped);
    return path;
}

static bool was_seen(const struct collecting *collecting, const char *path)
{
    for (size_t i = 0; i < collecting->seen_count; i++) {
        if (strcmp(collecting->seen[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static enum wt_status collect_reference(struct collecting *collecting, const json_t *reference)
{
    struct wt_registry *registry = collecting->registry;
    char *path = reference_path(registry, reference);
    if (path == NULL) {
        return unusable(collecting, "has a reference without subject and version", "");
    }
    if (was_seen(collecting, path)) {
        free(path);
        return WT_OK;
    }
    if (collecting->seen_count == REFERENCES_MAX) {
        free(path);
        return unusable(collecting, "refers to more than 200 others", "");
    }
    collecting->seen[collecting->seen_count++] = path;
    char *request = wt_format("%s?deleted=true", path);
    bool unknown = false;
    enum wt_status status = get_and_collect(collecting, request, &unknown);
    free(request);
    return unknown ? unusable(collecting, "refers to one that the registry does not have: ", path)
                   : status;
}

/* Appends what the answer's schema refers to, then the schema. The recursion is bounded by
 * REFERENCES_MAX. */
static enum wt_status collect(struct collecting *collecting, const json_t *answer)
{
    const char *type = json_string_value(json_object_get(answer, "schemaType"));
    const json_t *references = json_object_get(answer, "references");
    if (type != NULL && strcmp(type, "AVRO") != 0) {
        return wt_error_set(collecting->error, WT_INVALID, WT_ERROR_RECORD, "schema-unusable",
                            "schema %s is not Avro but %.40s; JSON is read with input.format json",
                            collecting->name, type);
    }
    for (size_t i = 0; i < json_array_size(references); i++) {
        enum wt_status status = collect_reference(collecting, json_array_get(references, i));
        if (status != WT_OK) {
            return status;
        }
    }
    const json_t *text = json_object_get(answer, "schema");
    struct wt_registry_schema *schema = collecting->schema;
    schema->texts = wt_realloc(schema->texts, (schema->count + 1) * sizeof *schema->texts);
    schema->texts[schema->count] = (struct wt_buffer){0};
    wt_buffer_append(&schema->texts[schema->count], json_string_value(text),
                     json_string_length(text));
    schema->count++;
    return WT_OK;
}

void wt_registry_schema_free(struct wt_registry_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++) {
        wt_buffer_free(&schema->texts[i]);
    }
    free(schema->texts);
    *schema = (struct wt_registry_schema){0};
}

static enum wt_status get_schema(struct collecting *collecting, const char *path)
{
    bool unknown = false;
    enum wt_status status = get_and_collect(collecting, path, &unknown);
    return unknown ? wt_error_set(collecting->error, WT_INVALID, WT_ERROR_RECORD, "schema-unknown",
                                  "the schema registry has no schema %s: was it written with "
                                  "another registry?",
                                  collecting->name)
                   : status;
}

enum wt_status wt_registry_get(struct wt_registry *registry, const char *path, const char *name,
                               wt_registry_give_up give_up, void *opaque,
                               struct wt_registry_schema *schema_out, struct wt_error *error)
{
    struct collecting collecting = {
        .registry = registry, .name = name, .schema = schema_out, .error = error};
    registry->give_up = give_up;
    registry->opaque = opaque;
    enum wt_status status = get_schema(&collecting, path);
    registry->give_up = NULL;
    for (size_t i = 0; i < collecting.seen_count; i++) {
        free(collecting.seen[i]);
    }
    if (status != WT_OK) {
        wt_registry_schema_free(schema_out);
    }
    return status;
}

/* Registries of before 2020 have no list of types: they know no other than Avro. But each knows its
 * schemas, or that it has none of an id. */
enum wt_status wt_registry_probe(struct wt_registry *registry, struct wt_error *error)
{
    static const char *const paths[] = {"/schemas/types", "/schemas/ids/1"};
    enum wt_status status = WT_OK;
    bool known = false;
    for (size_t i = 0; i < 2 && status == WT_OK && !known; i++) {
        status = get(registry, paths[i], error);
        json_t *answer = status == WT_OK ? read_answer(registry) : NULL;
        known = is_unknown(registry, answer) || is_schema(registry, answer) ||
                (registry->code == 200 && json_is_array(answer));
        json_decref(answer);
    }
    return status == WT_OK && !known ? unexpected(registry, error) : status;
}
