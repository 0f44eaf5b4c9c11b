/* http.h: the HTTP endpoint: metrics for Prometheus, health checks for a supervisor, a live page for people.
 *
 * GET /          200, the live page, if it is on (live_page.h); GET /events: its server-sent events
 * GET /shadow    200, what the shadow model says against the live one, as JSON; 404 without one
 * GET /metrics   200, the page of metrics.h, in the form that the request's Accept asks for
 * GET /healthz   200 "ok", or 503 with the reason: a supervisor should restart the worker
 * GET /readyz    200 "ready", perhaps with a remark ("ready; the last reload failed: ..."), or 503 with the
 *                reason: the worker is not working on records now
 *
 * HEAD gets the same head, but for /events. Other paths get 404, other methods 405. Nothing can be changed
 * through the endpoint, but whoever reaches the address can read it all; so the default is loopback.
 *
 * One thread serves at most WT_HTTP_CONNECTIONS_MAX connections. A new connection never waits: if
 * all are in use, or the process has no descriptor left, another is closed for it: an unfinished
 * request first, a viewer of the live page last, and the one with the least time left among equals.
 * A request has at most WT_HTTP_REQUEST_BYTES_MAX bytes, and may have half of them, with 8 KiB of cookies:
 * browsers send those of other programs of the host, and libmicrohttpd copies them. Request and answer may
 * take WT_HTTP_REQUEST_MS_MAX, then the connection is closed. Connections are kept alive for
 * WT_HTTP_IDLE_MS_MAX after an answer, because connecting is most of what a request costs. The
 * metrics page is written at most once every WT_HTTP_PAGE_MS_MAX, so that many scrapers cost little
 * more than one.
 *
 * The events of the live page are written once a second for all viewers, of whom there are at most
 * WT_HTTP_VIEWERS_MAX. A viewer that falls WT_HTTP_FRAMES_MAX seconds behind is dropped and counted. */
#ifndef WIRETAG_OBSERVE_HTTP_H
#define WIRETAG_OBSERVE_HTTP_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_HTTP_CONNECTIONS_MAX 160u
#define WT_HTTP_VIEWERS_MAX 128u
#define WT_HTTP_FRAMES_MAX 8u
#define WT_HTTP_REQUEST_BYTES_MAX 32768u
#define WT_HTTP_REQUEST_MS_MAX 5000
#define WT_HTTP_IDLE_MS_MAX 1000
#define WT_HTTP_PAGE_MS_MAX 100

struct wt_http;

/* Returns true, or writes why not into `reason`: one NUL-terminated line. With true the line is a
 * remark, shown behind "ok" or "ready"; "" at first. Runs on the endpoint's thread: must be
 * thread-safe and must not wait. */
typedef bool wt_http_probe(void *opaque, char *reason, size_t reason_bytes);

struct wt_http_callbacks {
    void *opaque;
    wt_http_probe *alive; /* NULL: always alive */
    wt_http_probe *ready; /* NULL: always ready */
    bool page;            /* the live page is on */
    /* What the shadow model says: JSON, which the endpoint frees; NULL: there is none. Runs and must be as
     * a probe. NULL: no shadow is configured. */
    char *(*shadow)(void *opaque);
};

/* Listens at `listen` ("host:port", or ":port": at all addresses; port 0: any free one) and answers on
 * a thread of its own. `callbacks` is copied. WT_INVALID: not an address. WT_IO: cannot listen there,
 * for example because another process does; the caller warns and runs without the endpoint.
 * Thread: any. */
enum wt_status wt_http_start(const char *listen, const struct wt_http_callbacks *callbacks,
                             struct wt_http **http_out, struct wt_error *error);

/* The port that it listens at. */
uint16_t wt_http_port(const struct wt_http *http);

/* Closes the connections, ends the thread, closes the port. Thread: any, but not in a callback. */
void wt_http_destroy(struct wt_http *http);

#endif
