#include "observe/http_internal.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "observe/live.h"
#include "observe/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TICK_US INT64_C(1000000)
#define BLOCK_BYTES 4096u
#define REASON_BYTES_MAX 512u

/* What a viewer is told first: how long to wait before it connects again. */
static const char retry[] = "retry: 3000\n\n";

static const char too_many[] = "too many viewers of the live page; try again later\n";
static const char misdirected[] = "The live page is for this machine: open it as "
                                  "http://localhost:PORT/. Where a proxy passes it on,\n"
                                  "let the proxy send Host: localhost.\n";

/* Somebody who follows the events. What it has not read yet is in `opening`, then in the endpoint's
 * frames from number `frame` on. */
struct wt_http_viewer {
    struct wt_http *http;
    struct MHD_Connection *connection;
    struct wt_http_client *client;
    struct wt_buffer opening;
    uint64_t frame;
    size_t at; /* bytes of the opening or frame that were read */
    bool opened;
    bool suspended; /* it has everything */
    bool ending;
};

/* --- the page ---------------------------------------------------------------------------------- */

static struct MHD_Response *make_page(void)
{
    static const char *const headers[][2] = {
        {MHD_HTTP_HEADER_CONTENT_TYPE, "text/html; charset=utf-8"},
        {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
        {"Content-Security-Policy", wt_live_page_policy},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"}};
    /* MHD's buffer is not const, but it only reads it. */
    union {
        const char *text;
        void *buffer;
    } html = {.text = wt_live_page_html};
    struct MHD_Response *page = MHD_create_response_from_buffer(
        strlen(wt_live_page_html), html.buffer, MHD_RESPMEM_PERSISTENT);
    for (size_t i = 0; page != NULL && i < sizeof headers / sizeof headers[0]; i++) {
        (void)MHD_add_response_header(page, headers[i][0], headers[i][1]);
    }
    return page;
}

/* A page of another site can make a browser resolve its own name to 127.0.0.1 and then read what is
 * there ("DNS rebinding"). The Host header shows it. */
static bool is_for_us(const struct wt_http *http, struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    if (!http->local || host == NULL) {
        return true;
    }
    size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    return (length == strlen("localhost") && strncasecmp(host, "localhost", length) == 0) ||
           (length == strlen("[::1]") && strncmp(host, "[::1]", length) == 0) ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == length);
}

enum MHD_Result wt_http_answer_page(struct wt_http *http, struct MHD_Connection *connection)
{
    if (!is_for_us(http, connection)) {
        return wt_http_answer_text(connection, MHD_HTTP_MISDIRECTED_REQUEST, misdirected);
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, http->live_html);
}

/* --- viewers ----------------------------------------------------------------------------------- */

/* Gives MHD the next bytes of `buffer`; true: there were some. */
static bool read_from(const struct wt_buffer *buffer, struct wt_http_viewer *viewer, char *out,
                      size_t out_bytes, ssize_t *count_out)
{
    size_t left = buffer->count - viewer->at;
    size_t count = left < out_bytes ? left : out_bytes;
    if (count == 0) {
        viewer->at = 0;
        return false;
    }
    memcpy(out, buffer->bytes + viewer->at, count);
    viewer->at += count;
    *count_out = (ssize_t)count;
    return true;
}

/* Runs whenever the viewer's socket takes more. */
static ssize_t read_events(void *opaque, uint64_t position, char *out, size_t out_bytes)
{
    struct wt_http_viewer *viewer = opaque;
    struct wt_http *http = viewer->http;
    ssize_t count = 0;
    (void)position;
    if (viewer->ending) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (!viewer->opened) {
        if (read_from(&viewer->opening, viewer, out, out_bytes, &count)) {
            return count;
        }
        viewer->opened = true;
        wt_buffer_free(&viewer->opening);
    }
    while (viewer->frame < http->frame_count) {
        assert(http->frame_count - viewer->frame <= WT_HTTP_FRAMES_MAX);
        if (read_from(&http->frames[viewer->frame % WT_HTTP_FRAMES_MAX], viewer, out, out_bytes,
                      &count)) {
            return count;
        }
        viewer->frame++;
    }
    viewer->suspended = true;
    MHD_suspend_connection(viewer->connection);
    return 0;
}

static void resume(struct wt_http_viewer *viewer)
{
    if (viewer->suspended) {
        viewer->suspended = false;
        MHD_resume_connection(viewer->connection);
    }
}

void wt_http_viewer_end(struct wt_http_viewer *viewer)
{
    viewer->ending = true;
    resume(viewer);
}

static void set_viewers(struct wt_http *http, unsigned count)
{
    http->viewer_count = count;
    wt_metric_set(WT_METRIC_PAGE_VIEWERS, count);
    wt_live_watch(count);
}

static void free_viewer(void *opaque)
{
    struct wt_http_viewer *viewer = opaque;
    viewer->client->viewer = NULL;
    set_viewers(viewer->http, viewer->http->viewer_count - 1);
    wt_buffer_free(&viewer->opening);
    free(viewer);
}

static void write_state(struct wt_http *http, struct wt_buffer *buffer)
{
    char reason[REASON_BYTES_MAX] = "";
    const struct wt_http_callbacks *callbacks = &http->callbacks;
    bool ready =
        callbacks->ready == NULL || callbacks->ready(callbacks->opaque, reason, sizeof reason);
    const struct wt_live_page_now now = {
        .now_us = wt_clock_us(), .ready = ready, .reason = reason, .viewers = http->viewer_count};
    wt_live_page_write_state(http->live, &now, buffer);
}

enum MHD_Result wt_http_answer_events(struct wt_http *http, struct MHD_Connection *connection)
{
    if (!is_for_us(http, connection)) {
        return wt_http_answer_text(connection, MHD_HTTP_MISDIRECTED_REQUEST, misdirected);
    }
    if (http->viewer_count >= WT_HTTP_VIEWERS_MAX) {
        return wt_http_answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, too_many);
    }
    struct wt_http_viewer *viewer = wt_alloc_zeroed(1, sizeof *viewer);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_events, viewer, free_viewer);
    if (response == NULL) {
        free(viewer);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, "X-Accel-Buffering", "no");
    *viewer = (struct wt_http_viewer){.http = http,
                                      .connection = connection,
                                      .client = wt_http_client_of(connection),
                                      .frame = http->frame_count};
    viewer->client->viewer = viewer;
    viewer->client->phase = WT_HTTP_VIEWING;
    viewer->client->deadline_us = INT64_MAX;
    (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    set_viewers(http, http->viewer_count + 1);
    wt_buffer_append_text(&viewer->opening, retry);
    wt_live_page_write_history(http->live, &viewer->opening);
    http->tick_us = 0; /* the newcomer, and with it all, get a state at once */
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* --- every second ------------------------------------------------------------------------------ */

/* Drops the viewers that still lack the oldest frame, whose place is needed. */
static void drop_slow(struct wt_http *http)
{
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        struct wt_http_viewer *viewer = http->clients[i].viewer;
        bool slow = viewer != NULL && !viewer->ending &&
                    http->frame_count - viewer->frame >= WT_HTTP_FRAMES_MAX;
        if (slow) {
            wt_metric_add(WT_METRIC_PAGE_VIEWERS_DROPPED, 1);
            http->clients[i].deadline_us = 0; /* cut in this round */
            viewer->ending = true;
        }
    }
}

/* Wakes the viewers that had everything: there is a new frame. */
static void wake(struct wt_http *http)
{
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        if (http->clients[i].viewer != NULL) {
            resume(http->clients[i].viewer);
        }
    }
}

void wt_http_events_tick(struct wt_http *http, int64_t now_us)
{
    if (now_us < http->tick_us) {
        return;
    }
    http->tick_us = now_us + TICK_US;
    bool history = wt_live_page_tick(http->live, now_us);
    if (http->viewer_count == 0) {
        return;
    }
    drop_slow(http);
    struct wt_buffer *frame = &http->frames[http->frame_count % WT_HTTP_FRAMES_MAX];
    frame->count = 0;
    if (history) {
        wt_live_page_write_history(http->live, frame);
    }
    write_state(http, frame);
    http->frame_count++;
    wake(http);
}

/* --- begin and end ----------------------------------------------------------------------------- */

void wt_http_events_begin(struct wt_http *http)
{
    http->live_html = make_page();
    if (http->live_html != NULL) {
        http->live = wt_live_page_create();
    }
}

/* The thread has ended. MHD must not be stopped while a connection is suspended. */
void wt_http_events_end(struct wt_http *http)
{
    if (http->live == NULL) {
        return;
    }
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        if (http->clients[i].viewer != NULL) {
            wt_http_viewer_end(http->clients[i].viewer);
        }
    }
    (void)MHD_run(http->daemon);
    MHD_destroy_response(http->live_html);
    wt_live_page_destroy(http->live);
    http->live = NULL;
    for (size_t i = 0; i < WT_HTTP_FRAMES_MAX; i++) {
        wt_buffer_free(&http->frames[i]);
    }
}
