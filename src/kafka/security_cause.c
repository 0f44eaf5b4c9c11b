#include "kafka/security_cause.h"

#include "kafka/certificate.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* If a broker closes a connection this soon after it was up, the broker refused the client. */
#define REFUSED_AFTER_MS_MAX 2000

#define SPEAK_TLS                                                                                  \
    "set security.protocol to ssl or sasl_ssl, or name the broker's port without TLS; or no "      \
    "broker is behind it, or its max.connections.per.ip is reached"
#define SPEAK_NO_TLS                                                                               \
    "set security.protocol to plaintext or sasl_plaintext, or name the broker's port for TLS; or " \
    "no "                                                                                          \
    "broker is behind it"
#define LOG_IN                                                                                     \
    "set security.protocol to sasl_ssl or sasl_plaintext, with sasl.mechanism and its user"
#define NO_LOG_IN "set security.protocol to ssl or plaintext, or name the broker's port for SASL"
#define PASSWORD                                                                                   \
    "correct sasl.username and sasl.password, or the user on the broker (kafka-configs.sh "        \
    "--entity-type users); sasl.mechanism has to be the one that the password was set for"
#define MECHANISM "set sasl.mechanism to one that the broker offers (sasl.enabled.mechanisms there)"
#define TOKEN                                                                                      \
    "compare issuer, audience and scope of the token with what the broker expects, and the clocks"
#define TOKEN_SERVER                                                                               \
    "see whether sasl.oauthbearer.token.endpoint.url answers, and correct "                        \
    "sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret"
#define TOKEN_CONFIG                                                                               \
    "write sasl.oauthbearer.config as principal=NAME scope=NAME,NAME lifeSeconds=NUMBER"
#define CLIENT_CERTIFICATE                                                                         \
    "set ssl.certificate.location and ssl.key.location (or .pem of both, or "                      \
    "ssl.keystore.location) "                                                                      \
    "to a certificate of an authority that the broker trusts, and that has not expired"
#define VERSIONS "allow versions and ciphers on the broker that this client has (TLS 1.2 or 1.3)"

/* --- parts of a line ------------------------------------------------------------------------- */

/* Skips the thread's name. Lines look like "[thrd:sasl_ssl://host:9093/bootstrap]:
 * sasl_ssl://host:9093/bootstrap: SASL …", also without the thread, or, for a coordinator's
 * connection, "GroupCoordinator: host:9093: …". */
static const char *after_thread(const char *line)
{
    const char *end = strncmp(line, "[thrd:", 6) == 0 ? strstr(line, "]: ") : NULL;
    return end != NULL ? end + 3 : line;
}

static bool is_address(const char *text, size_t bytes)
{
    size_t digits = 0;
    while (digits < bytes && text[bytes - 1 - digits] >= '0' && text[bytes - 1 - digits] <= '9') {
        digits++;
    }
    return digits > 0 && digits + 1 < bytes && bytes < WT_SECURITY_ADDRESS_BYTES_MAX &&
           text[bytes - 1 - digits] == ':' && memchr(text, ' ', bytes) == NULL;
}

/* True: the name of a coordinator. librdkafka keeps a separate connection to it. */
static bool is_role(const char *text)
{
    size_t bytes = strcspn(text, ":/");
    return (bytes == 16 && strncmp(text, "GroupCoordinator", bytes) == 0) ||
           (bytes == 14 && strncmp(text, "TxnCoordinator", bytes) == 0);
}

void wt_security_address(const char *line, char address[WT_SECURITY_ADDRESS_BYTES_MAX])
{
    const char *text = after_thread(line);
    const char *after_role = is_role(text) ? strstr(text, ": ") : NULL;
    text = after_role != NULL ? after_role + 2 : text;
    const char *end = strstr(text, ": ");
    const char *scheme = strstr(text, "://");
    address[0] = '\0';
    if (end == NULL) {
        return;
    }
    text = scheme != NULL && scheme < end ? scheme + 3 : text;
    const char *slash = memchr(text, '/', (size_t)(end - text));
    size_t bytes = (size_t)((slash != NULL ? slash : end) - text);
    if (is_address(text, bytes)) {
        memcpy(address, text, bytes);
        address[bytes] = '\0';
    }
}

/* True: the broker's name begins with a protocol that uses TLS. */
static bool speaks_tls(const char *line)
{
    const char *text = after_thread(line);
    return strncmp(text, "ssl://", 6) == 0 || strncmp(text, "sasl_ssl://", 11) == 0;
}

static bool speaks_sasl(const char *line)
{
    return strncmp(after_thread(line), "sasl_", 5) == 0;
}

static bool is_short_life(const char *line)
{
    const char *at = strstr(line, "(after ");
    return at != NULL && strstr(at, "ms in state UP") != NULL &&
           strtol(at + 7, NULL, 10) <= REFUSED_AFTER_MS_MAX;
}

/* Copies the line's text after `mark`, without "(after 3ms in state …)". */
static void take_tail(const char *line, const char *mark, const char *before,
                      struct wt_security_cause *cause)
{
    const char *tail = strstr(line, mark);
    tail = tail != NULL ? tail + strlen(mark) : line;
    const char *end = strstr(tail, " (after ");
    size_t bytes = end != NULL ? (size_t)(end - tail) : strlen(tail);
    (void)snprintf(cause->why, sizeof cause->why, "%s%.*s", before, (int)bytes, tail);
}

static void take(struct wt_security_cause *cause, const char *why, const char *remedy)
{
    (void)snprintf(cause->why, sizeof cause->why, "%s", why);
    cause->remedy = remedy;
}

/* --- TLS ------------------------------------------------------------------------------------- */

/* OpenSSL's names for the alerts of a failed handshake (RFC 8446, 6), and other messages of it. */
static const struct {
    const char *part;
    const char *why;
    const char *remedy;
} tls_lines[] = {
    {"alert bad certificate",
     "it wants a certificate of this client, or does not accept the one it gets",
     CLIENT_CERTIFICATE},
    {"alert certificate required", "it wants a certificate of this client", CLIENT_CERTIFICATE},
    {"alert unknown ca", "it does not know the authority of this client's certificate",
     CLIENT_CERTIFICATE},
    {"alert certificate expired", "this client's certificate has expired", CLIENT_CERTIFICATE},
    {"alert certificate revoked", "this client's certificate is revoked", CLIENT_CERTIFICATE},
    {"alert certificate unknown",
     "it does not accept this client's certificate: it has expired, or its authority is unknown "
     "there",
     CLIENT_CERTIFICATE},
    {"alert unsupported certificate", "it does not accept this kind of client certificate",
     CLIENT_CERTIFICATE},
    {"alert access denied", "it does not accept this client's certificate", CLIENT_CERTIFICATE},
    {"alert protocol version", "it speaks no version of TLS that this client speaks", VERSIONS},
    {"unsupported protocol", "it speaks no version of TLS that this client speaks", VERSIONS},
    {"alert handshake failure",
     "it has no cipher in common with this client, or wants a certificate", VERSIONS},
    {"no shared cipher", "it has no cipher in common with this client", VERSIONS},
    {"alert unrecognized name", "it does not know the host name by which this client calls it",
     "write the broker's own name in bootstrap.servers"},
    {"wrong version number", "what answers there does not speak TLS", SPEAK_NO_TLS},
    {"packet length too long", "what answers there does not speak TLS", SPEAK_NO_TLS},
    {"record layer failure", "what answers there does not speak TLS", SPEAK_NO_TLS},
    {"Broker did not provide a certificate", "it shows no certificate",
     "give the broker one (ssl.keystore.location there)"},
};

static bool tls_cause(const char *line, struct wt_security_cause *cause)
{
    cause->certain = true;
    if (strstr(line, "certificate verify failed") != NULL ||
        strstr(line, "Failed to verify broker certificate") != NULL) {
        if (!wt_certificate_fault(cause->address, cause->why, sizeof cause->why, &cause->remedy)) {
            take(
                cause, "its certificate cannot be verified",
                "set ssl.ca.location (or ssl.ca.pem) to the certificate of the broker's authority");
        }
        return true;
    }
    for (size_t i = 0; i < sizeof tls_lines / sizeof tls_lines[0]; i++) {
        if (strstr(line, tls_lines[i].part) != NULL) {
            take(cause, tls_lines[i].why, tls_lines[i].remedy);
            return true;
        }
    }
    if (strstr(line, "SSL handshake failed: ") != NULL && strstr(line, "Disconnected") == NULL) {
        take_tail(line, "SSL handshake failed: ", "the TLS handshake fails: ", cause);
        cause->remedy = "correct security.protocol and the ssl.* properties";
        return true;
    }
    return false;
}

/* --- SASL ------------------------------------------------------------------------------------ */

static bool credentials_cause(const char *line, struct wt_security_cause *cause)
{
    if (strstr(line, "invalid credentials") != NULL || strstr(line, "Invalid username") != NULL) {
        const char *mechanism = strstr(line, "with SASL mechanism ");
        if (mechanism != NULL) {
            take_tail(line, "with SASL mechanism ",
                      "it does not know this user, or the password is "
                      "wrong, for ",
                      cause);
        } else {
            take(cause, "it does not know this user, or the password is wrong", NULL);
        }
        cause->remedy = PASSWORD;
        return true;
    }
    if (strstr(line, "invalid_token") != NULL || strstr(line, "OAUTHBEARER") != NULL) {
        take_tail(line, "SASL authentication error: ", "it does not accept the token: ", cause);
        cause->remedy = TOKEN;
        return true;
    }
    take_tail(line, "SASL authentication error: ", "the log-in fails: ", cause);
    cause->remedy = PASSWORD;
    return true;
}

/* The log has "Failed to retrieve OIDC token from "URL": REASON (HTTP STATUS)"; the error event of
 * the same failure has "Failed to acquire SASL OAUTHBEARER token: REASON". */
static bool token_cause(const char *line, struct wt_security_cause *cause)
{
    static const char *const marks[] = {
        "Failed to acquire SASL OAUTHBEARER token: ", "Failed to retrieve OIDC token from ",
        "no token available; last error: "};
    const char *reason = NULL;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0] && reason == NULL; i++) {
        const char *at = strstr(line, marks[i]);
        reason = at != NULL ? at + strlen(marks[i]) : NULL;
    }
    if (reason == NULL) {
        return false;
    }
    cause->address[0] = '\0'; /* the token server is at fault, not a broker */
    cause->of_one = false;
    if (strstr(line, "sasl.oauthbearer.config") != NULL) {
        /* librdkafka's message quotes the value, which may contain secrets. */
        take(cause, "no OAUTHBEARER token: sasl.oauthbearer.config cannot be read", TOKEN_CONFIG);
        return true;
    }
    const char *after_url = reason[0] == '"' ? strstr(reason, "\": ") : NULL;
    reason = after_url != NULL ? after_url + 3 : reason;
    const char *end = strstr(reason, " (after ");
    const char *status = after_url != NULL ? strrchr(reason, '(') : NULL;
    end = end == NULL && status != NULL && status > reason ? status - 1 : end;
    (void)snprintf(cause->why, sizeof cause->why, "no OAUTHBEARER token: %.*s",
                   (int)(end != NULL ? end - reason : (ptrdiff_t)strlen(reason)), reason);
    cause->remedy = TOKEN_SERVER;
    return true;
}

static bool sasl_cause(const char *line, struct wt_security_cause *cause)
{
    cause->certain = true;
    if (token_cause(line, cause)) {
        return true;
    }
    if (strstr(line, "Unsupported SASL mechanism") != NULL) {
        const char *offered = strstr(line, "supported mechanisms: ");
        if (offered != NULL) {
            take_tail(line, "supported mechanisms: ", "it does not offer this sasl.mechanism, but ",
                      cause);
        } else {
            take(cause, "it does not offer this sasl.mechanism", NULL);
        }
        cause->remedy = MECHANISM;
        return true;
    }
    if (strstr(line, "Request not valid in current SASL state") != NULL) {
        cause->certain = false;
        cause->no_log_in = true;
        take(cause, "that port does not use SASL: it accepts clients without a log-in", NO_LOG_IN);
        return true;
    }
    if (strstr(line, "SASL authentication error: ") != NULL && strstr(line, "Local: ") == NULL) {
        return credentials_cause(line, cause);
    }
    static const char *const marks[] = {"Failed to initialize SASL authentication: ",
                                        " mechanism handshake failed: "};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strstr(line, marks[i]) != NULL && strstr(line, "Local: ") == NULL) {
            take_tail(line, marks[i], "the log-in fails: ", cause);
            cause->remedy = PASSWORD;
            return true;
        }
    }
    return false;
}

/* --- closed connections ---------------------------------------------------------------------- */

static bool disconnect_cause(const char *line, struct wt_security_cause *cause)
{
    cause->certain = false;
    bool ended = strstr(line, "Disconnected") != NULL || strstr(line, "Broken pipe") != NULL ||
                 strstr(line, "Connection reset") != NULL;
    /* A coordinator's name does not show the protocol. */
    if (!ended || is_role(after_thread(line))) {
        return false;
    }
    if (strstr(line, "SSL handshake failed") != NULL ||
        strstr(line, "in state SSL_HANDSHAKE") != NULL) {
        take(cause,
             "it closes each connection in the TLS handshake, like a port that does not speak TLS",
             SPEAK_NO_TLS);
        return true;
    }
    if (strstr(line, "in state APIVERSION_QUERY") != NULL && !speaks_tls(line)) {
        take(cause,
             "it closes each connection without an answer, like a port that speaks TLS, but "
             "security.protocol has no TLS",
             SPEAK_TLS);
        return true;
    }
    if (is_short_life(line) && !speaks_sasl(line)) {
        take(cause,
             "it closes each connection at the first request, like a port that requires a log-in "
             "(SASL)",
             LOG_IN);
        return true;
    }
    return false;
}

bool wt_security_cause(const char *line, struct wt_security_cause *cause_out)
{
    wt_security_address(line, cause_out->address);
    if (cause_out->address[0] == '\0' && is_role(after_thread(line))) {
        return false; /* another line names the broker */
    }
    cause_out->no_log_in = false;
    cause_out->of_one = cause_out->address[0] != '\0' && strstr(line, "/bootstrap: ") == NULL;
    return sasl_cause(line, cause_out) || tls_cause(line, cause_out) ||
           disconnect_cause(line, cause_out);
}

void wt_security_message(const struct wt_security_cause *cause,
                         char message[WT_SECURITY_MESSAGE_BYTES_MAX])
{
    bool of_broker = cause->address[0] != '\0';
    (void)snprintf(message, WT_SECURITY_MESSAGE_BYTES_MAX, "%s%s%s%s", of_broker ? "broker " : "",
                   cause->address, of_broker ? " cannot be used: " : "", cause->why);
}
