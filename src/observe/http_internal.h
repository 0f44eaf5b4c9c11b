/* http_internal.h: the endpoint's connections and viewers. For http*.c alone. Thread: the endpoint's. */
#ifndef WIRETAG_OBSERVE_HTTP_INTERNAL_H
#define WIRETAG_OBSERVE_HTTP_INTERNAL_H

#include "observe/http.h"
#include "observe/live_page.h"
#include "observe/metrics_format.h"

#include <microhttpd.h>
#include <pthread.h>

/* In the order in which connections are cut when a new one has no place. */
enum wt_http_phase {
    WT_HTTP_ASKING,    /* its request has not arrived whole */
    WT_HTTP_KEPT,      /* answered; kept for the next request */
    WT_HTTP_ANSWERING, /* its answer is being written */
    WT_HTTP_VIEWING    /* follows the events of the live page */
};

struct wt_http_viewer;

/* An open connection. */
struct wt_http_client {
    int socket; /* -1: free */
    enum wt_http_phase phase;
    bool asked; /* it has had an answer: the next deadline starts with its next request */
    int64_t deadline_us;
    struct wt_http_viewer *viewer; /* NULL: it views nothing */
};

/* The metrics page in one of its forms. */
struct wt_http_metrics {
    struct MHD_Response *response; /* NULL: none yet; answers hold references too */
    int64_t written_us;
};

struct wt_http {
    struct wt_http_callbacks callbacks;
    uint16_t port;
    bool local;   /* it listens at a loopback address */
    int stop;     /* an eventfd: readable when the thread must end */
    int listener; /* our own, not the library's: see note "Crowds" */
    int reserve;  /* a spare descriptor for a connection when the process has no other; -1: used */
    int64_t accept_us; /* accept no connection before this time */
    struct MHD_Daemon *daemon;
    pthread_t thread;
    struct wt_http_client clients[WT_HTTP_CONNECTIONS_MAX];
    struct wt_http_metrics metrics[WT_METRICS_FORMATS];

    /* The live page. NULL, 0: it is off. */
    struct MHD_Response *live_html;
    struct wt_live_page *live;
    struct wt_buffer frames[WT_HTTP_FRAMES_MAX]; /* the latest events, a ring */
    uint64_t frame_count;                        /* ever; frame n is at n % WT_HTTP_FRAMES_MAX */
    int64_t tick_us;                             /* when the next events are due */
    unsigned viewer_count;
};

/* --- http_clients.c: connections come, wait and are cut ------------------------------------------ */

/* Gives the connection so much time from now. */
void wt_http_allow(struct wt_http_client *client, int64_t ms);

/* The client of a connection. */
struct wt_http_client *wt_http_client_of(struct MHD_Connection *connection);

/* For MHD_OPTION_NOTIFY_CONNECTION and MHD_OPTION_NOTIFY_COMPLETED. */
void wt_http_on_connection(void *opaque, struct MHD_Connection *connection, void **client_context,
                           enum MHD_ConnectionNotificationCode code);
void wt_http_on_completed(void *opaque, struct MHD_Connection *connection, void **request,
                          enum MHD_RequestTerminationCode code);

/* Lets MHD do everything that it can do without waiting. */
void wt_http_turn(struct wt_http *http);

void wt_http_cut_late_clients(struct wt_http *http);
void wt_http_take_clients(struct wt_http *http);
void wt_http_restore_reserve(struct wt_http *http);

/* --- http_events.c: the live page and its viewers ------------------------------------------------ */

/* Turns the live page on. */
void wt_http_events_begin(struct wt_http *http);
void wt_http_events_end(struct wt_http *http);

enum MHD_Result wt_http_answer_page(struct wt_http *http, struct MHD_Connection *connection);
enum MHD_Result wt_http_answer_events(struct wt_http *http, struct MHD_Connection *connection);

/* Writes the events that are due and wakes the viewers. */
void wt_http_events_tick(struct wt_http *http, int64_t now_us);

/* Ends the viewer's stream at the next turn. */
void wt_http_viewer_end(struct wt_http_viewer *viewer);

/* --- http.c --------------------------------------------------------------------------------------- */

enum MHD_Result wt_http_answer_text(struct MHD_Connection *connection, unsigned code,
                                    const char *text);

#endif
