#include "base/address.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool parse_port(const char *text, uint16_t *port_out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0') {
        return false;
    }
    unsigned long port = strtoul(text, NULL, 10);
    if (port > UINT16_MAX) {
        return false;
    }
    *port_out = (uint16_t)port;
    return true;
}

static bool is_host(const char *host, size_t length, bool bracketed)
{
    bool number = bracketed; /* up to the % of an interface's name, as in fe80::1%eth0 */
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)host[i];
        bool wanted = number ? isxdigit(byte) || strchr(":.%", byte) != NULL
                             : isalnum(byte) || strchr(".-_", byte) != NULL;
        number = number && byte != '%';
        if (!wanted) {
            return false;
        }
    }
    return (length > 0 || !bracketed) && length < WT_HOST_BYTES_MAX;
}

bool wt_address_parse(const char *text, struct wt_address *address_out)
{
    bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    const char *end = strchr(host, bracketed ? ']' : ':');
    if (end == NULL || !is_host(host, (size_t)(end - host), bracketed)) {
        return false;
    }
    const char *colon = bracketed ? end + 1 : end;
    struct wt_address address = {.port = 0};
    if (colon[0] != ':' || !parse_port(colon + 1, &address.port)) {
        return false;
    }
    memcpy(address.host, host, (size_t)(end - host));
    *address_out = address;
    return true;
}

bool wt_url_is_local(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end != NULL ? scheme_end + 3 : url;
    const char *login_end = memchr(host, '@', strcspn(host, "/?#"));
    host = login_end != NULL ? login_end + 1 : host;
    size_t length = host[0] == '[' ? strcspn(host, "]/?#") + 1 : strcspn(host, ":/?#");
    return (length == strlen("localhost") && strncasecmp(host, "localhost", length) == 0) ||
           (length == strlen("[::1]") && strncmp(host, "[::1]", length) == 0) ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == length);
}
