#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOLD_US 10000000
#define RECENT_COUNT 8u
#define COMPONENT_BYTES_MAX 32u
/* The worst case: every byte of the message becomes \u00NN, plus component, time and braces. */
#define LINE_BYTES_MAX (6u * (WT_LOG_MESSAGE_BYTES_MAX + COMPONENT_BYTES_MAX) + 256u)
#define STALLED_READER_MS 200

/* One event, and how often it came again while it was held back. */
struct recent {
    bool used;
    enum wt_log_level level;
    int64_t written_us;
    uint64_t held_count;
    char component[COMPONENT_BYTES_MAX];
    char message[WT_LOG_MESSAGE_BYTES_MAX + 4];
};

struct line {
    size_t length;
    char bytes[LINE_BYTES_MAX];
};

static atomic_int log_level_min = WT_LOG_INFO;

static struct {
    pthread_mutex_t lock; /* guards all below, and keeps lines in order while they are written */
    bool ready;
    bool json;
    bool colour;
    struct recent recent[RECENT_COUNT];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct {
    const char *text;
    const char *json;
    const char *colour;
} levels[] = {
    [WT_LOG_DEBUG] = {"DEBUG", "debug", "\033[2m"},
    [WT_LOG_INFO] = {"INFO ", "info", "\033[32m"},
    [WT_LOG_WARN] = {"WARN ", "warn", "\033[33m"},
    [WT_LOG_ERROR] = {"ERROR", "error", "\033[31m"},
};

static void line_add(struct line *line, const char *bytes, size_t length)
{
    size_t room = sizeof line->bytes - line->length;
    length = length < room ? length : room;
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

static void line_add_text(struct line *line, const char *text)
{
    line_add(line, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void line_print(struct line *line, const char *format,
                                                             ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    line_add_text(line, text);
}

/* Bytes of the well-formed UTF-8 sequence at `text` (NUL-terminated); 0 when it is not one. */
static size_t utf8_sequence(const unsigned char *text)
{
    size_t count = text[0] < 0x80   ? 1
                   : text[0] < 0xC2 ? 0
                   : text[0] < 0xE0 ? 2
                   : text[0] < 0xF0 ? 3
                   : text[0] < 0xF5 ? 4
                                    : 0;
    for (size_t i = 1; i < count; i++) {
        if ((text[i] & 0xC0u) != 0x80u) {
            return 0;
        }
    }
    bool overlong = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xF0 && text[1] < 0x90);
    bool surrogate = text[0] == 0xED && text[1] > 0x9F;
    bool too_large = text[0] == 0xF4 && text[1] > 0x8F;
    return overlong || surrogate || too_large ? 0 : count;
}

static void line_add_control(struct line *line, unsigned char byte, bool json)
{
    if (!json) {
        line_print(line, "\\x%02x", byte);
    } else if (byte == '\n') {
        line_add_text(line, "\\n");
    } else if (byte == '\t') {
        line_add_text(line, "\\t");
    } else {
        line_print(line, "\\u%04x", byte);
    }
}

static void line_add_escaped(struct line *line, const char *text, bool json)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        size_t length = utf8_sequence(at);
        bool c1_control = length == 2 && at[0] == 0xC2 && at[1] < 0xA0;
        if (length == 0) {
            line_add_text(line, "\xEF\xBF\xBD");
            length = 1;
        } else if (*at < 0x20 || *at == 0x7F) {
            line_add_control(line, *at, json);
        } else if (c1_control) {
            line_add_control(line, at[1], json);
        } else {
            if (json && (*at == '"' || *at == '\\')) {
                line_add_text(line, "\\");
            }
            line_add(line, (const char *)at, length);
        }
        at += length;
    }
}

static void line_start_text(struct line *line, const struct recent *event)
{
    time_t seconds = (time_t)(wt_clock_wall_ms() / 1000);
    struct tm local;
    (void)localtime_r(&seconds, &local);
    line_print(line, "%02d:%02d:%02d ", local.tm_hour, local.tm_min, local.tm_sec);
    line_print(line, "%s%s%s ", state.colour ? levels[event->level].colour : "",
               levels[event->level].text, state.colour ? "\033[0m" : "");
    line_print(line, "%-8s ", event->component);
}

static void line_start_json(struct line *line, const struct recent *event)
{
    int64_t now_ms = wt_clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    char date[32];
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    line_print(line, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"component\":\"", date,
               (int)(now_ms % 1000), levels[event->level].json);
    line_add_escaped(line, event->component, true);
    line_add_text(line, "\",\"message\":\"");
}

/* One write call; more only where the reader takes less than a whole line. A reader that takes
 * nothing at all loses the line: a log must not stop the worker. */
static void line_write(const struct line *line)
{
    size_t done = 0;
    while (done < line->length) {
        ssize_t wrote = write(STDERR_FILENO, line->bytes + done, line->length - done);
        if (wrote > 0) {
            done += (size_t)wrote;
        } else if (wrote < 0 && errno == EAGAIN) {
            struct pollfd stalled = {.fd = STDERR_FILENO, .events = POLLOUT};
            if (poll(&stalled, 1, STALLED_READER_MS) <= 0) {
                return;
            }
        } else if (wrote == 0 || errno != EINTR) {
            return;
        }
    }
}

/* Writes `event`; `repeated` > 0 says that it came so many more times. Locks: held. */
static void event_write(const struct recent *event, uint64_t repeated)
{
    struct line line = {.length = 0};
    if (state.json) {
        line_start_json(&line, event);
        line_add_escaped(&line, event->message, true);
        line_add_text(&line, "\"");
        if (repeated > 0) {
            line_print(&line, ",\"repeated\":%llu", (unsigned long long)repeated);
        }
        line_add_text(&line, "}\n");
    } else {
        line_start_text(&line, event);
        line_add_escaped(&line, event->message, false);
        if (repeated > 0) {
            line_print(&line, " (%llu more time%s)", (unsigned long long)repeated,
                       repeated == 1 ? "" : "s");
        }
        line_add_text(&line, "\n");
    }
    line_write(&line);
}

/* Reports the repeats of what was first written before `until_us`, and forgets it. Locks: held. */
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

/* The place for a new event: a free one, else the oldest, whose repeats are reported first. */
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

static void set_up(enum wt_log_format format)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    state.json = format == WT_LOG_JSON || (format == WT_LOG_AUTO && !terminal);
    state.colour = terminal && (no_colour == NULL || no_colour[0] == '\0') &&
                   (term == NULL || strcmp(term, "dumb") != 0);
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

/* Cuts what vsnprintf had no room for so that an ellipsis follows a whole code point. */
static void message_cut(char *message)
{
    size_t length = WT_LOG_MESSAGE_BYTES_MAX;
    while (length > 0 && ((unsigned char)message[length] & 0xC0u) == 0x80u) {
        length--;
    }
    memcpy(message + length, "\xE2\x80\xA6", 4);
}

void wt_log(enum wt_log_level level, const char *component, const char *format, ...)
{
    if (!wt_log_wanted(level)) {
        return;
    }
    int saved_errno = errno;
    struct recent event = {.used = true, .level = level, .written_us = wt_clock_us()};
    (void)snprintf(event.component, sizeof event.component, "%s", component);
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(event.message, WT_LOG_MESSAGE_BYTES_MAX + 2, format, arguments);
    va_end(arguments);
    if (wanted > (int)WT_LOG_MESSAGE_BYTES_MAX) {
        message_cut(event.message);
    }

    (void)pthread_mutex_lock(&state.lock);
    if (!state.ready) {
        set_up(WT_LOG_AUTO);
    }
    recent_expire(event.written_us - HOLD_US);
    struct recent *repeated = recent_find(&event);
    if (repeated != NULL) {
        repeated->held_count++;
    } else {
        struct recent *place = recent_place();
        *place = event;
        event_write(&event, 0);
    }
    (void)pthread_mutex_unlock(&state.lock);
    errno = saved_errno;
}

void wt_log_tick(void)
{
    (void)pthread_mutex_lock(&state.lock);
    recent_expire(wt_clock_us() - HOLD_US);
    (void)pthread_mutex_unlock(&state.lock);
}

void wt_log_flush(void)
{
    (void)pthread_mutex_lock(&state.lock);
    recent_expire(INT64_MAX);
    (void)pthread_mutex_unlock(&state.lock);
}
