/* address.h: addresses: a "host:port" text taken apart, and whose a URL is. Thread: any. */
#ifndef WIRETAG_BASE_ADDRESS_H
#define WIRETAG_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define WT_HOST_BYTES_MAX 256u

struct wt_address {
    char host[WT_HOST_BYTES_MAX]; /* a name or a number, without the brackets of [::1]; "": none */
    uint16_t port;                /* 0: any free port */
};

/* Parses "127.0.0.1:9464", "localhost:9464", "[::1]:9464" or ":9464". Returns false for any other text. */
bool wt_address_parse(const char *text, struct wt_address *address_out);

/* Whether a URL is of this machine: its host is localhost, 127.N.N.N or [::1]. libcurl would ask for
 * it by way of the proxy that http_proxy names, which has another machine at that address. */
bool wt_url_is_local(const char *url);

#endif
