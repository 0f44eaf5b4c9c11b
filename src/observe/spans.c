#include "observe/spans.h"

#include "base/address.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <assert.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH "/v1/traces"
#define BATCH_SPANS_MAX 256u
#define INTERVAL_US 1000000
#define PAUSE_US_MAX 30000000
#define LOG_EVERY_US INT64_C(60000000)
#define CONNECT_MS_MAX 2000L
#define REQUEST_MS_MAX 5000L

static struct {
    struct wt_mutex mutex; /* guards what follows, up to the thread's */
    pthread_cond_t changed;
    struct wt_span *waiting; /* a ring; NULL: nothing is exported */
    size_t first;
    size_t count;
    bool ending;
    int64_t end_us; /* when the last request is given up */

    /* The exporter's. */
    pthread_t thread;
    CURL *curl;
    struct curl_slist *headers;
    char *url;
    char *group;
    char host[256];
    char curl_error[CURL_ERROR_SIZE];
    int64_t pause_us; /* after a failure; 0: the last request was taken */
    int64_t logged_us;
} exporter = {.mutex = WT_MUTEX_INIT};

bool wt_spans_put(const struct wt_span *span)
{
    wt_mutex_lock(&exporter.mutex);
    bool fits = exporter.waiting != NULL && exporter.count < WT_SPANS_WAITING_MAX;
    if (fits) {
        size_t slot = (exporter.first + exporter.count) % WT_SPANS_WAITING_MAX;
        exporter.waiting[slot] = *span;
        exporter.count++;
        if (exporter.count == BATCH_SPANS_MAX) {
            (void)pthread_cond_signal(&exporter.changed);
        }
    } else if (exporter.waiting != NULL) {
        wt_metric_add(WT_METRIC_SPANS_DROPPED, 1);
    }
    wt_mutex_unlock(&exporter.mutex);
    return fits;
}

/* Waits for a batch, for a second, or for `until_us` after a failure. Returns the number of spans that were
 * taken. False in *goes_on_out: the end. */
static size_t take(struct wt_span *spans, int64_t until_us, bool *goes_on_out)
{
    struct timespec until = wt_clock_timespec(until_us);
    size_t taken = 0;
    wt_mutex_lock(&exporter.mutex);
    while (!exporter.ending && wt_clock_us() < until_us &&
           (exporter.count < BATCH_SPANS_MAX || exporter.pause_us > 0)) {
        (void)wt_mutex_wait(&exporter.mutex, &exporter.changed, &until);
    }
    while (taken < BATCH_SPANS_MAX && exporter.count > 0) {
        spans[taken++] = exporter.waiting[exporter.first];
        exporter.first = (exporter.first + 1) % WT_SPANS_WAITING_MAX;
        exporter.count--;
    }
    *goes_on_out = !exporter.ending || (taken > 0 && wt_clock_us() < exporter.end_us);
    wt_mutex_unlock(&exporter.mutex);
    return taken;
}

/* --- requests ---------------------------------------------------------------------------------- */

static size_t on_answer(char *bytes, size_t size, size_t count, void *opaque)
{
    (void)bytes;
    (void)opaque;
    return size * count;
}

/* Gives a request up when the process ends. */
static int on_progress(void *opaque, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)opaque;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    wt_mutex_lock(&exporter.mutex);
    bool over = exporter.ending && wt_clock_us() >= exporter.end_us;
    wt_mutex_unlock(&exporter.mutex);
    return over ? 1 : 0;
}

/* Logs the first failure, and one a minute. */
static void note_failure(const char *why)
{
    int64_t now_us = wt_clock_us();
    if (exporter.logged_us == 0 || now_us - exporter.logged_us >= LOG_EVERY_US) {
        exporter.logged_us = now_us;
        wt_log_warn("traces", "%s takes no spans: %s; they are dropped until it does", exporter.url,
                    why);
    }
    int64_t longer_us = exporter.pause_us > 0 ? 2 * exporter.pause_us : INTERVAL_US;
    exporter.pause_us = longer_us < PAUSE_US_MAX ? longer_us : PAUSE_US_MAX;
}

static bool post(const struct wt_buffer *request)
{
    char why[80];
    long code = 0;
    exporter.curl_error[0] = '\0';
    (void)curl_easy_setopt(exporter.curl, CURLOPT_POSTFIELDS, request->bytes);
    (void)curl_easy_setopt(exporter.curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->count);
    CURLcode result = curl_easy_perform(exporter.curl);
    if (result != CURLE_OK) {
        note_failure(exporter.curl_error[0] != '\0' ? exporter.curl_error
                                                    : curl_easy_strerror(result));
        return false;
    }
    (void)curl_easy_getinfo(exporter.curl, CURLINFO_RESPONSE_CODE, &code);
    if (code < 200 || code > 299) {
        (void)snprintf(why, sizeof why, "it answers with HTTP status %ld", code);
        note_failure(why);
        return false;
    }
    if (exporter.pause_us > 0) {
        wt_log_info("traces", "%s takes spans again", exporter.url);
    }
    exporter.pause_us = 0;
    exporter.logged_us = 0;
    return true;
}

static void *run(void *opaque)
{
    (void)opaque;
    struct wt_span *spans = wt_alloc_zeroed(BATCH_SPANS_MAX, sizeof *spans);
    struct wt_buffer request = {0};
    bool goes_on = true;
    (void)pthread_setname_np(pthread_self(), "traces");
    while (goes_on) {
        int64_t pause_us = exporter.pause_us > 0 ? exporter.pause_us : INTERVAL_US;
        size_t count = take(spans, wt_clock_us() + pause_us, &goes_on);
        if (count == 0) {
            continue;
        }
        const struct wt_span_source source = {.version = WIRETAG_VERSION,
                                              .host = exporter.host,
                                              .group = exporter.group,
                                              .process = getpid(),
                                              .epoch_us =
                                                  1000 * wt_clock_wall_ms() - wt_clock_us()};
        request.count = 0;
        wt_otlp_write(&source, spans, count, &request);
        wt_metric_add(post(&request) ? WT_METRIC_SPANS_EXPORTED : WT_METRIC_SPANS_DROPPED,
                      (int64_t)count);
    }
    wt_buffer_free(&request);
    free(spans);
    return NULL;
}

/* --- start and stop ---------------------------------------------------------------------------- */

static char *url_of(const char *endpoint)
{
    size_t length = strlen(endpoint);
    bool whole = length > strlen(PATH) && strcmp(endpoint + length - strlen(PATH), PATH) == 0;
    length -= !whole && endpoint[length - 1] == '/' ? 1 : 0;
    return wt_format("%.*s%s", (int)length, endpoint, whole ? "" : PATH);
}

static void prepare_curl(void)
{
    exporter.curl = curl_easy_init();
    exporter.headers = curl_slist_append(NULL, "Content-Type: application/x-protobuf");
    if (exporter.curl == NULL || exporter.headers == NULL) { /* as wt_alloc */
        abort();
    }
    CURL *curl = exporter.curl;
    (void)curl_easy_setopt(curl, CURLOPT_URL, exporter.url);
    if (wt_url_is_local(exporter.url)) {
        (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exporter.headers);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "wiretag/" WIRETAG_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, REQUEST_MS_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exporter.curl_error);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
}

static void clear(void)
{
    free(exporter.waiting);
    free(exporter.url);
    free(exporter.group);
    curl_slist_free_all(exporter.headers);
    curl_easy_cleanup(exporter.curl);
    exporter.waiting = NULL;
    exporter.count = exporter.first = 0;
}

enum wt_status wt_spans_start(const char *endpoint, const char *group, struct wt_error *error)
{
    sigset_t all;
    sigset_t before;
    assert(exporter.waiting == NULL && endpoint[0] != '\0');
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    wt_clock_init_condition(&exporter.changed);
    exporter.url = url_of(endpoint);
    exporter.group = wt_strdup(group);
    exporter.ending = false;
    (void)gethostname(exporter.host, sizeof exporter.host - 1);
    prepare_curl();
    exporter.waiting = wt_alloc_zeroed(WT_SPANS_WAITING_MAX, sizeof *exporter.waiting);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&exporter.thread, NULL, run, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        clear();
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "traces",
                            "the thread that exports traces cannot be started");
    }
    return WT_OK;
}

void wt_spans_stop(void)
{
    wt_mutex_lock(&exporter.mutex);
    bool running = exporter.waiting != NULL;
    exporter.ending = true;
    exporter.end_us = wt_clock_us() + INT64_C(1000) * WT_SPANS_END_MS_MAX;
    (void)pthread_cond_signal(&exporter.changed);
    wt_mutex_unlock(&exporter.mutex);
    if (running) {
        (void)pthread_join(exporter.thread, NULL);
        wt_mutex_lock(&exporter.mutex);
        wt_metric_add(WT_METRIC_SPANS_DROPPED, (int64_t)exporter.count);
        clear();
        wt_mutex_unlock(&exporter.mutex);
    }
}
