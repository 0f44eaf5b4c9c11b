#include "kafka/reach_cause.h"

#include "kafka/security_cause.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char wt_reach_advertised_remedy[] =
    "set advertised.listeners of that broker to a name and port that workers can resolve and "
    "reach, "
    "or make this one known and open to them (DNS, /etc/hosts, firewall, port forwarding)";

const char wt_reach_cause_session_remedy[] =
    "have the token server (or lifeSeconds of sasl.oauthbearer.config) give tokens for a minute or "
    "longer, and set connections.max.reauth.ms on the brokers to no less";

#define ADDRESS "check address, port and firewall"
#define NO_KAFKA "name the port of a Kafka broker; if it is one for TLS, set security.protocol"
#define SILENT "check whether that broker is healthy, and whether the port is a Kafka port"

/* What librdkafka says where a server does not have a request among those that it takes. */
#define NO_METADATA "Required feature not supported by broker"

/* The first row whose `part` is in the line applies. `why` NULL: librdkafka's message is used. */
static const struct {
    const char *part;
    const char *why;
    const char *remedy;
} causes[] = {
    {"Failed to resolve", "its name cannot be resolved", ADDRESS ", and the name servers"},
    {"Connection refused", NULL, ADDRESS},
    {"Too many open files", "this process may not open more files",
     "raise its limit of open files (ulimit -n, LimitNOFILE=, --ulimit nofile=)"},
    {"Invalid response size", "what answers there does not speak Kafka's protocol", NO_KAFKA},
    {"timed out in state SSL_HANDSHAKE",
     "it accepts connections and does not answer the TLS handshake", SILENT ", for TLS"},
    {"timed out in state AUTH", "it accepts connections and does not answer the log-in", SILENT},
    {"ApiVersionRequest failed: Local: Timed out", "it accepts connections and answers nothing",
     SILENT},
    {"timed out in state APIVERSION_QUERY", "it accepts connections and answers nothing", SILENT},
    {"timed out in state", "the connection times out", ADDRESS},
    {NO_METADATA,
     "it speaks Kafka's protocol, but knows no topics, like the port of a KRaft controller",
     "name the port of a broker's listener, not one of controller.listener.names"},
};

/* Appends the end of a line like "Failed to resolve 'x:1': Name or service not known". */
static void add_tail(struct wt_reach_cause *result, const char *line, size_t length)
{
    const char *tail = NULL;
    for (size_t i = 0; i + 2 < length; i++) {
        tail = strncmp(line + i, "': ", 3) == 0 ? line + i + 3 : tail;
    }
    size_t used = strlen(result->why);
    if (tail != NULL) {
        (void)snprintf(result->why + used, sizeof result->why - used, ": %.*s",
                       (int)(length - (size_t)(tail - line)), tail);
    }
}

/* Sets *said to the message after the address; returns its length without " (after 3ms in state
 * CONNECT)". */
static size_t find_said(const char *line, const char **said)
{
    const char *colon = strstr(line, ": ");
    *said = colon != NULL ? colon + 2 : line;
    const char *end = strstr(*said, " (after ");
    return end != NULL ? (size_t)(end - *said) : strlen(*said);
}

struct wt_reach_cause wt_reach_cause(const char *line, int waited_ms)
{
    struct wt_reach_cause result = {.remedy = ADDRESS};
    struct wt_security_cause cause;
    const char *said;
    size_t length = find_said(line, &said);
    size_t row = 0;
    if (line[0] == '\0') {
        (void)snprintf(result.why, sizeof result.why, "no answer within %d s",
                       (waited_ms + 999) / 1000);
        return result;
    }
    while (row < sizeof causes / sizeof causes[0] && strstr(said, causes[row].part) == NULL) {
        row++;
    }
    bool known = row < sizeof causes / sizeof causes[0];
    if (known && causes[row].why != NULL) {
        (void)snprintf(result.why, sizeof result.why, "%s", causes[row].why);
        result.remedy = causes[row].remedy;
        if (row == 0) {
            add_tail(&result, said, length);
        }
    } else if (!known && wt_security_cause(line, &cause)) {
        (void)snprintf(result.why, sizeof result.why, "%s", cause.why);
        result.remedy = cause.remedy;
        result.answers = true;
    } else {
        (void)snprintf(result.why, sizeof result.why, "%.*s", (int)length, said);
        result.remedy = known ? causes[row].remedy : ADDRESS ", and security.protocol";
    }
    return result;
}

bool wt_reach_cause_no_metadata(const char *line)
{
    return strstr(line, NO_METADATA) != NULL;
}

bool wt_reach_cause_short_session(int64_t session_ms, char *message, size_t message_bytes)
{
    if (session_ms <= 0 || session_ms >= WT_REACH_CAUSE_SESSION_MS_MIN) {
        return false;
    }
    (void)snprintf(message, message_bytes,
                   "brokers end a session %" PRId64 ".%" PRId64 " s after its log-in, when its "
                   "token or connections.max.reauth.ms is over: under ten seconds some end before "
                   "they are renewed, and reading and publishing stop for seconds each time",
                   session_ms / 1000, session_ms % 1000 / 100);
    return true;
}

int64_t wt_reach_cause_session_ms(const char *line)
{
    static const char mark[] = "Received session lifetime ";
    const char *at = strstr(line, mark);
    return at != NULL ? strtoll(at + strlen(mark), NULL, 10) : 0;
}
