/* http.h: the worker's one HTTP endpoint: metrics and health for the machines that watch it.
 *
 *     GET /metrics   200, the Prometheus page of metrics.h
 *     GET /healthz   200 "ok", or 503 with the reason: a supervisor should restart the worker
 *     GET /readyz    200 "ready", or 503 with the reason: it does not work on records just now
 *
 * Another path is 404, another method 405. Whoever can reach the address may read it all, so it is
 * loopback by default; nothing can be changed through it. One thread of its own serves at most
 * WT_HTTP_CONNECTIONS_MAX connections. No newcomer waits for a place, nor for a descriptor where
 * the process has none left: the connection with the least time left is cut for it. A request is at
 * most WT_HTTP_REQUEST_BYTES_MAX bytes; with its answer it may take WT_HTTP_REQUEST_MS_MAX, however
 * slowly its client sends or reads, then the connection is cut. A client may ask again over the
 * same connection, which is most of what a request costs, but must do so within
 * WT_HTTP_IDLE_MS_MAX. The metrics page is written again only when it is older than
 * WT_HTTP_PAGE_MS_MAX, so that many scrapers cost little more than one. */
#ifndef WIRETAG_OBSERVE_HTTP_H
#define WIRETAG_OBSERVE_HTTP_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_HTTP_CONNECTIONS_MAX 16u
#define WT_HTTP_REQUEST_BYTES_MAX 8192u
#define WT_HTTP_REQUEST_MS_MAX 5000
#define WT_HTTP_IDLE_MS_MAX 1000
#define WT_HTTP_PAGE_MS_MAX 100

struct wt_http;

/* Answers true, or writes why not as one NUL-terminated line into `reason`. Called by the
 * endpoint's thread, so it must be thread-safe and must not wait. */
typedef bool wt_http_probe(void *opaque, char *reason, size_t reason_bytes);

struct wt_http_callbacks {
    void *opaque;
    wt_http_probe *alive; /* NULL: alive as long as it answers */
    wt_http_probe *ready; /* NULL: always ready */
};

/* Listens at `listen` ("host:port", port 0: a free one) and answers from a thread of its own.
 * `callbacks` is copied. WT_INVALID: not an address. WT_IO: the address cannot be had, such as
 * taken by another process; the caller warns and goes on without. Thread: any. */
enum wt_status wt_http_start(const char *listen, const struct wt_http_callbacks *callbacks,
                             struct wt_http **http_out, struct wt_error *error);

/* The port it listens at. */
uint16_t wt_http_port(const struct wt_http *http);

/* Cuts open connections, ends the thread, closes the port. Thread: any, not a callback. */
void wt_http_destroy(struct wt_http *http);

#endif
