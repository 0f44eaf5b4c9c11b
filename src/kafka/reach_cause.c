#include "kafka/reach_cause.h"

#include "kafka/security_cause.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char wt_reach_advertised_remedy[] =
    "set advertised.listeners of that broker to a name and port that workers can resolve and "
    "reach, "
    "or make this one known and open to them (DNS, /etc/hosts, firewall, port forwarding)";

#define ADDRESS "check address, port and firewall"
#define NO_KAFKA "name the port of a Kafka broker; if it is one for TLS, set security.protocol"
#define SILENT "see whether that broker is at work, and whether the port is one of Kafka's"

/* The first row whose part is in the line counts. Where `why` is NULL, the line itself says it
 * best. */
static const struct {
    const char *part;
    const char *why;
    const char *remedy;
} causes[] = {
    {"Failed to resolve", "its name cannot be resolved", ADDRESS ", and the name servers"},
    {"Connection refused", NULL, ADDRESS},
    {"Invalid response size", "what answers there does not speak Kafka's protocol", NO_KAFKA},
    {"timed out in state SSL_HANDSHAKE",
     "it accepts connections and does not answer the TLS handshake", SILENT ", for TLS"},
    {"timed out in state AUTH", "it accepts connections and does not answer the log-in", SILENT},
    {"ApiVersionRequest failed: Local: Timed out", "it accepts connections and answers nothing",
     SILENT},
    {"timed out in state APIVERSION_QUERY", "it accepts connections and answers nothing", SILENT},
    {"timed out in state", "no connection comes about", ADDRESS},
};

/* Appends what a line says at its end: "Failed to resolve 'x:1': Name or service not known". */
static void add_tail(struct wt_reach_cause *words, const char *line, size_t length)
{
    const char *tail = NULL;
    for (size_t i = 0; i + 2 < length; i++) {
        tail = strncmp(line + i, "': ", 3) == 0 ? line + i + 3 : tail;
    }
    size_t used = strlen(words->why);
    if (tail != NULL) {
        (void)snprintf(words->why + used, sizeof words->why - used, ": %.*s",
                       (int)(length - (size_t)(tail - line)), tail);
    }
}

/* What stands behind the address, in `said`; how long it is without " (after 3ms in state
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
    struct wt_reach_cause words = {.remedy = ADDRESS};
    struct wt_security_cause cause;
    const char *said;
    size_t length = find_said(line, &said);
    size_t row = 0;
    if (line[0] == '\0') {
        (void)snprintf(words.why, sizeof words.why, "no answer within %d s",
                       (waited_ms + 999) / 1000);
        return words;
    }
    while (row < sizeof causes / sizeof causes[0] && strstr(said, causes[row].part) == NULL) {
        row++;
    }
    bool known = row < sizeof causes / sizeof causes[0];
    if (known && causes[row].why != NULL) {
        (void)snprintf(words.why, sizeof words.why, "%s", causes[row].why);
        words.remedy = causes[row].remedy;
        if (row == 0) {
            add_tail(&words, said, length);
        }
    } else if (!known && wt_security_cause(line, &cause)) {
        (void)snprintf(words.why, sizeof words.why, "%s", cause.why);
        words.remedy = cause.remedy;
        words.answers = true;
    } else {
        (void)snprintf(words.why, sizeof words.why, "%.*s", (int)length, said);
        words.remedy = known ? causes[row].remedy : ADDRESS ", and security.protocol";
    }
    return words;
}
