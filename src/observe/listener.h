/* listener.h: a listening TCP socket. Thread: any. */
#ifndef WIRETAG_OBSERVE_LISTENER_H
#define WIRETAG_OBSERVE_LISTENER_H

#include "base/address.h"

#include <stdbool.h>
#include <stdint.h>

/* Listens at the first of the host's addresses that this machine has, IPv4 first: "localhost" is
 * often ::1 too, and those who ask for 127.0.0.1 must find it. No host: at all addresses of this
 * machine, IPv6 and IPv4, or IPv4 alone where there is no IPv6. Port 0: any free one. The socket
 * does not block; the caller closes it. -1: *why_out has the reason, valid until the next call that
 * fails. */
int wt_listener_open(const struct wt_address *address, const char **why_out);

/* The port it listens at; 0: unknown. */
uint16_t wt_listener_port(int listener);

/* Whether only this machine reaches it. */
bool wt_listener_is_loopback(int listener);

#endif
