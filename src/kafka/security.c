#include "kafka/security.h"

#include "base/errno_text.h"
#include "base/file.h"
#include "kafka/certificate.h"
#include "kafka/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define VALUE_BYTES_MAX 4096u

/* Longer than any private key in PEM. */
#define KEY_BYTES_MAX 65536u

/* --- configured properties ------------------------------------------------------------------- */

static const struct wt_property *property_of(const struct wt_config *config, rd_kafka_type_t type,
                                             const char *name)
{
    return type == RD_KAFKA_CONSUMER ? wt_config_consumer_property(config, name)
                                     : wt_config_producer_property(config, name);
}

static const struct wt_property *either_of(const struct wt_config *config, rd_kafka_type_t type,
                                           const char *name, const char *other)
{
    const struct wt_property *found = property_of(config, type, name);
    return found != NULL ? found : property_of(config, type, other);
}

static bool has_value(const struct wt_property *property, const char *value)
{
    return property != NULL && strcasecmp(property->value, value) == 0;
}

/* --- before a client is created -------------------------------------------------------------- */

/* Without a source of tokens librdkafka would wait for ever. */
static enum wt_status check_token(const struct wt_config *config, rd_kafka_type_t type,
                                  const struct wt_property *mechanism, struct wt_error *error)
{
    bool oidc = has_value(property_of(config, type, "sasl.oauthbearer.method"), "oidc");
    bool unsecured =
        has_value(property_of(config, type, "enable.sasl.oauthbearer.unsecure.jwt"), "true");
    if (oidc || unsecured) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-property",
                        "%s: sasl.mechanism OAUTHBEARER needs a source of tokens: set "
                        "sasl.oauthbearer.method: oidc with sasl.oauthbearer.token.endpoint.url, "
                        "sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret; for tests "
                        "enable.sasl.oauthbearer.unsecure.jwt: true with sasl.oauthbearer.config",
                        mechanism->place);
}

/* librdkafka does not send a certificate without its key, and the broker would refuse the
 * client. */
static enum wt_status check_key(const struct wt_config *config, rd_kafka_type_t type,
                                struct wt_error *error)
{
    const struct wt_property *certificate =
        either_of(config, type, "ssl.certificate.location", "ssl.certificate.pem");
    const struct wt_property *key = either_of(config, type, "ssl.key.location", "ssl.key.pem");
    if ((certificate == NULL) == (key == NULL) ||
        property_of(config, type, "ssl.keystore.location") != NULL) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-property",
                        "%s: %s: a client certificate needs both, ssl.certificate.location and "
                        "ssl.key.location (or .pem of either); set the other one too, or neither",
                        certificate != NULL ? certificate->place : key->place,
                        certificate != NULL ? certificate->name : key->name);
}

/* An encrypted key is no exception: its password is seldom better than its mode. */
static enum wt_status check_modes(const struct wt_config *config, rd_kafka_type_t type,
                                  struct wt_error *error)
{
    static const char *const names[] = {"ssl.key.location", "ssl.keystore.location"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct wt_property *property = property_of(config, type, names[i]);
        struct wt_error cause;
        if (property != NULL && wt_file_check_secret(property->value, &cause) != WT_OK) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-security", "%s: %s: %s",
                                property->place, names[i], cause.message);
        }
    }
    return WT_OK;
}

enum wt_status wt_security_prepare(rd_kafka_conf_t *conf, const struct wt_config *config,
                                   rd_kafka_type_t type, struct wt_error *error)
{
    const struct wt_property *mechanism =
        either_of(config, type, "sasl.mechanism", "sasl.mechanisms");
    enum wt_status status = check_key(config, type, error);
    if (status == WT_OK) {
        status = check_modes(config, type, error);
    }
    if (status == WT_OK && has_value(mechanism, "OAUTHBEARER")) {
        rd_kafka_conf_enable_sasl_queue(conf, 1);
        status = check_token(config, type, mechanism, error);
    }
    wt_certificate_watch(conf, config, type);
    wt_sessions_watch(conf);
    return status;
}

/* --- after a client was created -------------------------------------------------------------- */

void wt_security_serve(rd_kafka_t *client)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_sasl(client);
    if (queue == NULL) {
        return; /* no SASL, or a mechanism without tokens */
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_error_t *error = rd_kafka_sasl_background_callbacks_enable(client);
    if (error != NULL) {
        rd_kafka_error_destroy(error); /* then polling the client refreshes tokens */
    }
}

/* --- when a client cannot be created --------------------------------------------------------- */

/* The properties with files or their content, each with the property of its password. */
static const struct {
    const char *name;
    const char *password;
    const char *content;
} files[] = {
    {"ssl.keystore.location", "ssl.keystore.password", "a PKCS#12 keystore"},
    {"ssl.certificate.location", NULL, "a certificate in PEM format"},
    {"ssl.key.location", "ssl.key.password", "a private key in PEM format"},
    {"ssl.ca.location", NULL, "certificates in PEM format"},
    {"ssl.crl.location", NULL, "a list of revoked certificates in PEM format"},
    {"https.ca.location", NULL, "certificates in PEM format"},
    {"ssl.certificate.pem", NULL, "a certificate in PEM format"},
    {"ssl.key.pem", "ssl.key.password", "a private key in PEM format"},
    {"ssl.ca.pem", NULL, "certificates in PEM format"},
};
#define FILE_COUNT (sizeof files / sizeof files[0])

static bool is_set(const rd_kafka_conf_t *conf, const char *name)
{
    size_t bytes = 0;
    return name != NULL && rd_kafka_conf_get(conf, name, NULL, &bytes) == RD_KAFKA_CONF_OK &&
           bytes > 1;
}

/* The errno of opening the file; 0: it can be opened, or is a directory. */
static int unreadable(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno;
    }
    (void)close(file);
    return 0;
}

/* An encrypted key contains "BEGIN ENCRYPTED PRIVATE KEY" or "Proc-Type: 4,ENCRYPTED". */
static bool is_encrypted(const char *text)
{
    return strstr(text, "ENCRYPTED") != NULL;
}

static bool is_encrypted_file(const char *path)
{
    char *text = malloc(KEY_BYTES_MAX);
    FILE *file = fopen(path, "re");
    size_t bytes = file != NULL && text != NULL ? fread(text, 1, KEY_BYTES_MAX - 1, file) : 0;
    bool encrypted = false;
    if (text != NULL) {
        text[bytes] = '\0';
        encrypted = is_encrypted(text);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(text);
    return encrypted;
}

static bool says(const char *reason, const char *part)
{
    return strcasestr(reason, part) != NULL;
}

static enum wt_status refuse_file(const rd_kafka_conf_t *conf, size_t i, const char *reason,
                                  struct wt_error *error)
{
    const char *name = files[i].name;
    const char *password = files[i].password;
    bool by_path = strstr(name, ".location") != NULL;
    char value[VALUE_BYTES_MAX] = "";
    size_t value_bytes = sizeof value;
    (void)rd_kafka_conf_get(conf, name, value, &value_bytes);
    const char *path = by_path ? value : "its text";
    int failure = by_path ? unreadable(value) : 0;
    bool keystore = strcmp(name, "ssl.keystore.location") == 0;
    bool encrypted =
        password != NULL && !keystore && (by_path ? is_encrypted_file(value) : is_encrypted(value));
    if (failure != 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-security",
                            "%s: %s cannot be read: %s", name, path, wt_errno_text(failure));
    }
    if (says(reason, "key values mismatch")) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-security",
                            "%s: the key in %s does not belong to the certificate; set the key "
                            "for which the certificate was issued",
                            name, path);
    }
    if (says(reason, "mac verify failure") || says(reason, "maybe wrong password") ||
        (encrypted && is_set(conf, password))) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-security",
                            "%s is wrong: %s (%s) cannot be decrypted with it", password, path,
                            name);
    }
    if (encrypted || (keystore && !is_set(conf, password))) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-security",
                            "%s is missing: %s (%s) is encrypted", password, path, name);
    }
    if (keystore && says(reason, "unsupported")) {
        return wt_error_set(
            error, WT_INVALID, WT_ERROR_FATAL, "kafka-security",
            "%s: %s uses an old encryption (RC2 or 3DES) that OpenSSL 3 does not "
            "read; export it again with openssl pkcs12 -export, or set ssl.providers: "
            "legacy,default if that provider is installed",
            name, path);
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-security",
                        "%s: %s is not %s (%s)", name, path, files[i].content, reason);
}

enum wt_status wt_security_refuse(const rd_kafka_conf_t *conf, rd_kafka_type_t type,
                                  const char *reason, struct wt_error *error)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (strstr(reason, files[i].name) != NULL && is_set(conf, files[i].name)) {
            return refuse_file(conf, i, reason, error);
        }
    }
    if (says(reason, "GSSAPI")) {
        return wt_error_set(
            error, WT_INVALID, WT_ERROR_FATAL, "kafka-security",
            "sasl.mechanism GSSAPI (Kerberos), which is librdkafka's default, is not "
            "in this librdkafka; set sasl.mechanism to SCRAM-SHA-512, SCRAM-SHA-256, "
            "PLAIN or OAUTHBEARER, or build with a librdkafka that has it");
    }
    if (says(reason, "SASL mechanism")) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-security",
                            "sasl.mechanism: %s; there are SCRAM-SHA-512, SCRAM-SHA-256, PLAIN and "
                            "OAUTHBEARER",
                            reason);
    }
    bool ours = says(reason, "ssl.") || says(reason, "sasl.") || says(reason, "Private key");
    return wt_error_set(error, ours ? WT_INVALID : WT_FAILED, WT_ERROR_FATAL,
                        ours ? "kafka-security" : "kafka-client", "the Kafka %s cannot be made: %s",
                        type == RD_KAFKA_CONSUMER ? "consumer" : "producer", reason);
}
