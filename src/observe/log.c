#include "observe/log.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "observe/log_line.h"
#include "observe/log_stream.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define HOLD_US 10000000
#define RECENT_COUNT 8u
#define COMPONENT_BYTES_MAX 32u
#define TOPIC_BYTES_MAX 250u /* Kafka's limit and a NUL */
#define TRACE_ID_BYTES_MAX 33u
#define STATUS_BYTES_MAX 400u
#define COLUMNS_DEFAULT 80u
#define STALLED_READER_MS 200
#define PROMPT_WAIT_NS 100000000L

/* One event, and how often it was repeated while repeats were held back. */
struct recent {
    bool used;
    enum wt_log_level level;
    int64_t written_us; /* when it was first written */
    uint32_t written_count;
    uint64_t held_count;
    bool about_partition; /* topic and partition are set */
    bool about_record;    /* the fields below are set, from the newest repeat */
    int32_t partition;
    int64_t offset;
    char topic[TOPIC_BYTES_MAX];
    char trace_id[TRACE_ID_BYTES_MAX];
    char component[COMPONENT_BYTES_MAX];
    char message[WT_LOG_MESSAGE_BYTES_MAX + 4];
};

static atomic_int log_level_min = WT_LOG_INFO;

static struct {
    pthread_mutex_t lock; /* guards the fields below, and keeps the order of lines */
    bool ready;
    bool json;
    bool terminal; /* stderr is a terminal and gets text */
    bool colour;
    bool journal;                  /* systemd's: each line begins with its priority */
    bool unread;                   /* the last write found no room: the next one does not wait */
    bool broken;                   /* a line was written in part */
    uint64_t dropped;              /* lines that nobody has read, and that were not reported yet */
    char status[STATUS_BYTES_MAX]; /* the status line at the bottom of the terminal; "": none */
    struct recent recent[RECENT_COUNT];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct {
    const char *text;
    const char *json;
    const char *colour;
    const char *priority; /* sd-daemon(3); the journal takes it off the line */
} levels[] = {
    [WT_LOG_DEBUG] = {"DEBUG", "debug", "\033[2m", "<7>"},
    [WT_LOG_INFO] = {"INFO ", "info", "\033[32m", "<6>"},
    [WT_LOG_WARN] = {"WARN ", "warn", "\033[33m", "<4>"},
    [WT_LOG_ERROR] = {"ERROR", "error", "\033[31m", "<3>"},
};

static void line_start_text(struct wt_log_line *line, const struct recent *event)
{
    time_t seconds = (time_t)(wt_clock_wall_ms() / 1000);
    struct tm local;
    (void)localtime_r(&seconds, &local);
    wt_log_line_print(line, "%02d:%02d:%02d ", local.tm_hour, local.tm_min, local.tm_sec);
    wt_log_line_print(line, "%s%s%s ", state.colour ? levels[event->level].colour : "",
                      levels[event->level].text, state.colour ? "\033[0m" : "");
    wt_log_line_print(line, "%-8s ", event->component);
    if (event->about_record) {
        wt_log_line_add_escaped(line, event->topic, false);
        wt_log_line_print(line, " [%" PRId32 "] offset %" PRId64, event->partition, event->offset);
        wt_log_line_add_text(line, event->trace_id[0] != '\0' ? " trace " : "");
        wt_log_line_add_escaped(line, event->trace_id, false);
        wt_log_line_add_text(line, ": ");
    }
}

static void line_start_json(struct wt_log_line *line, const struct recent *event)
{
    int64_t now_ms = wt_clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    char date[32];
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    wt_log_line_print(line, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"component\":\"", date,
                      (int)(now_ms % 1000), levels[event->level].json);
    wt_log_line_add_escaped(line, event->component, true);
    wt_log_line_add_text(line, "\",\"message\":\"");
}

static void line_end_json(struct wt_log_line *line, const struct recent *event, uint64_t repeated)
{
    wt_log_line_add_text(line, "\"");
    if (event->about_partition || event->about_record) {
        wt_log_line_add_text(line, ",\"topic\":\"");
        wt_log_line_add_escaped(line, event->topic, true);
        wt_log_line_print(line, "\",\"partition\":%" PRId32, event->partition);
    }
    if (event->about_record) {
        wt_log_line_print(line, ",\"offset\":%" PRId64, event->offset);
        if (event->trace_id[0] != '\0') {
            wt_log_line_add_text(line, ",\"trace_id\":\"");
            wt_log_line_add_escaped(line, event->trace_id, true);
            wt_log_line_add_text(line, "\"");
        }
    }
    if (repeated > 0) {
        wt_log_line_print(line, ",\"repeated\":%" PRIu64, repeated);
    }
    wt_log_line_add_text(line, "}\n");
}

/* Erases the status line before a new line; line_add_status puts it back below. */
static void line_erase_status(struct wt_log_line *line)
{
    wt_log_line_add_text(line, state.status[0] != '\0' ? "\r\033[K" : "");
}

static void line_add_status(struct wt_log_line *line)
{
    wt_log_line_add_escaped(line, state.status, false);
}

/* Waits until the reader of stderr takes bytes; up to STALLED_READER_MS, unless it took none the
 * last time. A write of PIPE_BUF bytes then returns at once, from a pipe that is not O_NONBLOCK
 * too. Locks: held. */
static bool has_room(void)
{
    struct pollfd reader = {.fd = STDERR_FILENO, .events = POLLOUT};
    int found;
    do {
        found = poll(&reader, 1, state.unread ? 0 : STALLED_READER_MS);
    } while (found < 0 && errno == EINTR);
    state.unread = found == 0;
    return found != 0; /* a reader that is gone is found by the write */
}

/* Uses one write call, more only for a line above PIPE_BUF bytes or if the reader takes part of the
 * line. If the reader takes nothing, the rest is dropped: the log must never block the worker.
 * Locks: held. */
static bool bytes_write(const char *bytes, size_t length)
{
    size_t done = 0;
    while (done < length && has_room()) {
        size_t part = length - done < PIPE_BUF ? length - done : PIPE_BUF;
        ssize_t wrote = write(STDERR_FILENO, bytes + done, part);
        if (wrote > 0) {
            done += (size_t)wrote;
        } else if (wrote == 0 || errno != EINTR) {
            state.unread = wrote < 0 && errno == EAGAIN;
            break;
        }
    }
    state.broken = done < length && (done > 0 || state.broken);
    return done == length;
}

static bool line_write(const struct wt_log_line *line)
{
    return (!state.broken || bytes_write("\n", 1)) && bytes_write(line->bytes, line->length);
}

/* Writes `event`. With `repeated` > 0: it was repeated so often since. Locks: held. */
static void event_write(const struct recent *event, uint64_t repeated)
{
    struct wt_log_line line = {.length = 0};
    wt_log_line_add_text(&line, state.journal ? levels[event->level].priority : "");
    if (state.json) {
        line_start_json(&line, event);
        wt_log_line_add_escaped(&line, event->message, true);
        line_end_json(&line, event, repeated);
    } else {
        line_erase_status(&line);
        line_start_text(&line, event);
        wt_log_line_add_escaped(&line, event->message, false);
        if (repeated > 0) {
            wt_log_line_print(&line, " (%" PRIu64 " more time%s)", repeated,
                              repeated == 1 ? "" : "s");
        }
        wt_log_line_add_text(&line, "\n");
        line_add_status(&line);
    }
    bool whole = line_write(&line);
    state.dropped += !whole && state.unread;
}

/* Forgets the events first written at or before `until_us`. An event of which repeats were held back
 * is written once more, with their number. Locks: held. */
static void recent_expire(int64_t until_us)
{
    for (size_t i = 0; i < RECENT_COUNT; i++) {
        struct recent *recent = &state.recent[i];
        if (recent->used && recent->written_us <= until_us) {
            if (recent->held_count > 0) {
                event_write(recent, recent->held_count);
            }
            recent->used = false;
        }
    }
}

static struct recent *recent_find(const struct recent *event)
{
    for (size_t i = 0; i < RECENT_COUNT; i++) {
        struct recent *recent = &state.recent[i];
        if (recent->used && recent->level == event->level &&
            strcmp(recent->message, event->message) == 0 &&
            strcmp(recent->component, event->component) == 0) {
            return recent;
        }
    }
    return NULL;
}

/* Returns a free entry for a new event, or else the oldest, after reporting its repeats. */
static struct recent *recent_place(void)
{
    struct recent *place = &state.recent[0];
    for (size_t i = 1; i < RECENT_COUNT && place->used; i++) {
        struct recent *recent = &state.recent[i];
        if (!recent->used || recent->written_us < place->written_us) {
            place = recent;
        }
    }
    if (place->used && place->held_count > 0) {
        event_write(place, place->held_count);
    }
    return place;
}

bool wt_log_colours(int file)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(file) == 1 && (no_colour == NULL || no_colour[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static void set_up(enum wt_log_format format)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    state.json = format == WT_LOG_JSON || (format == WT_LOG_AUTO && !terminal);
    state.terminal = terminal && !state.json;
    state.colour = wt_log_colours(STDERR_FILENO);
    state.journal = wt_log_stream_is_journal(STDERR_FILENO);
    wt_log_stream_append(STDERR_FILENO);
    state.ready = true;
}

void wt_log_init(enum wt_log_level level_min, enum wt_log_format format)
{
    atomic_store(&log_level_min, (int)level_min);
    (void)pthread_mutex_lock(&state.lock);
    set_up(format);
    (void)pthread_mutex_unlock(&state.lock);
}

bool wt_log_wanted(enum wt_log_level level)
{
    return (int)level >= atomic_load_explicit(&log_level_min, memory_order_relaxed);
}

/* Cuts a message that was too long after a whole code point, and appends an ellipsis. */
static void message_cut(char *message)
{
    memcpy(message + wt_utf8_cut(message, WT_LOG_MESSAGE_BYTES_MAX), "\xE2\x80\xA6", 4);
}

/* Writes the event, or counts it if it was written often enough. */
static void event_log(struct recent *event)
{
    (void)pthread_mutex_lock(&state.lock);
    if (!state.ready) {
        set_up(WT_LOG_AUTO);
    }
    recent_expire(event->written_us - HOLD_US);
    struct recent *recent = recent_find(event);
    uint32_t written_max = event->about_record ? WT_LOG_RECORDS_MAX : 1;
    if (recent != NULL && recent->written_count >= written_max) {
        uint64_t held_count = recent->held_count + 1;
        uint32_t written_count = recent->written_count;
        int64_t written_us = recent->written_us;
        *recent = *event;
        recent->held_count = held_count;
        recent->written_count = written_count;
        recent->written_us = written_us;
    } else if (recent != NULL) {
        recent->written_count++;
        event_write(event, 0);
    } else {
        struct recent *place = recent_place();
        *place = *event;
        place->written_count = 1;
        event_write(event, 0);
    }
    (void)pthread_mutex_unlock(&state.lock);
}

static void set_message(struct recent *event, const char *format, va_list arguments)
{
    int wanted = vsnprintf(event->message, WT_LOG_MESSAGE_BYTES_MAX + 2, format, arguments);
    if (wanted > (int)WT_LOG_MESSAGE_BYTES_MAX) {
        message_cut(event->message);
    }
}

/* Logs an event whose level and kind are set. `about`: the record; NULL: none. */
static void event_say(struct recent *event, const char *component,
                      const struct wt_log_record *about, const char *format, va_list arguments)
{
    int saved_errno = errno;
    event->used = true;
    event->written_us = wt_clock_us();
    (void)snprintf(event->component, sizeof event->component, "%s", component);
    if (about != NULL) {
        event->partition = about->partition;
        event->offset = about->offset;
        (void)snprintf(event->topic, sizeof event->topic, "%s", about->topic);
        (void)snprintf(event->trace_id, sizeof event->trace_id, "%s",
                       about->trace_id != NULL ? about->trace_id : "");
    }
    set_message(event, format, arguments);
    event_log(event);
    errno = saved_errno;
}

void wt_log(enum wt_log_level level, const char *component, const char *format, ...)
{
    if (!wt_log_wanted(level)) {
        return;
    }
    struct recent event = {.level = level};
    va_list arguments;
    va_start(arguments, format);
    event_say(&event, component, NULL, format, arguments);
    va_end(arguments);
}

void wt_log_about(enum wt_log_level level, const char *component,
                  const struct wt_log_record *record, const char *format, ...)
{
    if (!wt_log_wanted(level)) {
        return;
    }
    struct recent event = {.level = level, .about_record = true};
    va_list arguments;
    va_start(arguments, format);
    event_say(&event, component, record, format, arguments);
    va_end(arguments);
}

void wt_log_partition(enum wt_log_level level, const char *component, const char *topic,
                      int32_t partition, const char *format, ...)
{
    if (!wt_log_wanted(level)) {
        return;
    }
    struct recent event = {.level = level, .about_partition = true};
    const struct wt_log_record about = {.topic = topic, .partition = partition};
    va_list arguments;
    va_start(arguments, format);
    event_say(&event, component, &about, format, arguments);
    va_end(arguments);
}

/* Writes the line only if that needs no waiting. */
static void promptly_write(const struct recent *event)
{
    struct pollfd reader = {.fd = STDERR_FILENO, .events = POLLOUT};
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += PROMPT_WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (pthread_mutex_timedlock(&state.lock, &until) != 0) {
        return; /* the thread that holds the lock waits for a reader */
    }
    if (poll(&reader, 1, 0) == 1 && (reader.revents & POLLOUT) != 0) {
        event_write(event, 0);
    }
    (void)pthread_mutex_unlock(&state.lock);
}

void wt_log_promptly(enum wt_log_level level, const char *component, const char *format, ...)
{
    if (!wt_log_wanted(level)) {
        return;
    }
    struct recent event = {.used = true, .level = level, .written_us = wt_clock_us()};
    (void)snprintf(event.component, sizeof event.component, "%s", component);
    va_list arguments;
    va_start(arguments, format);
    set_message(&event, format, arguments);
    va_end(arguments);
    promptly_write(&event);
}

/* --- the status line ------------------------------------------------------------------------- */

bool wt_log_on_terminal(void)
{
    (void)pthread_mutex_lock(&state.lock);
    if (!state.ready) {
        set_up(WT_LOG_AUTO);
    }
    bool terminal = state.terminal;
    (void)pthread_mutex_unlock(&state.lock);
    return terminal;
}

/* The number of bytes in the first `columns` characters of `text`. */
static size_t fitting_bytes(const char *text, size_t columns)
{
    size_t bytes = 0;
    for (size_t column = 0; text[bytes] != '\0'; bytes++) {
        bool first_byte = ((unsigned char)text[bytes] & 0xC0u) != 0x80u;
        if (first_byte && column++ == columns) {
            break;
        }
    }
    return bytes < STATUS_BYTES_MAX - 1 ? bytes : STATUS_BYTES_MAX - 1;
}

void wt_log_status(const char *text)
{
    if (!wt_log_on_terminal()) {
        return;
    }
    struct winsize size = {0};
    size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1
                         ? size.ws_col
                         : COLUMNS_DEFAULT;
    struct wt_log_line line = {.length = 0};
    (void)pthread_mutex_lock(&state.lock);
    line_erase_status(&line);
    /* A line that fills the last column would wrap, and only half of it would be erased. */
    size_t bytes = text != NULL ? fitting_bytes(text, columns - 1) : 0;
    memcpy(state.status, text != NULL ? text : "", bytes);
    state.status[bytes] = '\0';
    line_add_status(&line);
    (void)line_write(&line);
    (void)pthread_mutex_unlock(&state.lock);
}

/* --- reporting repeats ----------------------------------------------------------------------- */

/* Reports the repeats of what was first written before `until_us`, and the lines that nobody has
 * read, once somebody does. */
static void report(int64_t until_us)
{
    (void)pthread_mutex_lock(&state.lock);
    recent_expire(until_us);
    uint64_t dropped = state.dropped > 0 && has_room() ? state.dropped : 0;
    state.dropped -= dropped;
    (void)pthread_mutex_unlock(&state.lock);
    if (dropped > 0) {
        wt_log_warn("log", "lines dropped because nobody read the log: %" PRIu64, dropped);
    }
}

void wt_log_tick(void)
{
    report(wt_clock_us() - HOLD_US);
}

void wt_log_flush(void)
{
    report(INT64_MAX);
}
