/* address.h: a "host:port" text taken apart. Thread: any. */
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

#endif
