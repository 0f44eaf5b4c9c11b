/* listener.h: a TCP socket that listens. Thread: any. */
#ifndef WIRETAG_OBSERVE_LISTENER_H
#define WIRETAG_OBSERVE_LISTENER_H

#include "base/address.h"

#include <stdint.h>

/* Listens at the first of the host's addresses that can be had, port 0: a free one. The caller closes the
 * socket, which does not block. -1: *why_out says why not, valid until the next failure of a call. */
int wt_listener_open(const struct wt_address *address, const char **why_out);

/* Its port; 0: unknown. */
uint16_t wt_listener_port(int listener);

#endif
