#include "cli/jsonl.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/errno_text.h"
#include "codec/decode.h"
#include "config/config_load.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536u

struct wt_jsonl {
    int fd;
    bool ended;
    char *bytes; /* bytes that were read and not yet handed out: [start, end) */
    size_t start;
    size_t end;
    size_t searched; /* there is no newline before this index */
    size_t capacity;
    uint64_t line;
    struct wt_config *own;          /* the defaults */
    const struct wt_config *config; /* `own`, or a feed's */
    uint64_t filtered;
    struct wt_decoder *decoder; /* NULL: no line yet */
    struct wt_record *record;   /* of the current line */
};

struct wt_jsonl *wt_jsonl_create(int fd)
{
    struct wt_jsonl *jsonl = wt_alloc_zeroed(1, sizeof *jsonl);
    jsonl->fd = fd;
    jsonl->own = wt_config_defaults();
    jsonl->config = jsonl->own;
    return jsonl;
}

void wt_jsonl_text_at(struct wt_jsonl *jsonl, const char *pointer)
{
    struct wt_strings *texts = &jsonl->own->input.text;
    assert(jsonl->decoder == NULL && texts->count == 1);
    free(texts->items[0]);
    texts->items[0] = wt_strdup(pointer);
}

void wt_jsonl_feed(struct wt_jsonl *jsonl, const struct wt_config *config)
{
    assert(jsonl->decoder == NULL);
    jsonl->config = config;
}

void wt_jsonl_tell_filtered(const struct wt_jsonl *jsonl, const char *command)
{
    if (jsonl->filtered > 0) {
        (void)fprintf(stderr,
                      "wiretag %s: %" PRIu64 " of %" PRIu64 " lines filtered by input.where\n",
                      command, jsonl->filtered, jsonl->line);
    }
}

void wt_jsonl_destroy(struct wt_jsonl *jsonl)
{
    if (jsonl == NULL) {
        return;
    }
    wt_decoder_destroy(jsonl->decoder);
    wt_config_destroy(jsonl->own);
    wt_record_destroy(jsonl->record);
    free(jsonl->bytes);
    free(jsonl);
}

/* Reads more input once. WT_IO on failure; sets `ended` at the end. */
static enum wt_status read_more(struct wt_jsonl *jsonl, struct wt_error *error)
{
    if (jsonl->start > 0) {
        memmove(jsonl->bytes, jsonl->bytes + jsonl->start, jsonl->end - jsonl->start);
        jsonl->end -= jsonl->start;
        jsonl->searched -= jsonl->start;
        jsonl->start = 0;
    }
    if (jsonl->capacity - jsonl->end < READ_BYTES) {
        jsonl->capacity = jsonl->capacity * 2 + READ_BYTES;
        jsonl->bytes = wt_realloc(jsonl->bytes, jsonl->capacity);
    }
    ssize_t count;
    do {
        count = read(jsonl->fd, jsonl->bytes + jsonl->end, jsonl->capacity - jsonl->end);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "input", "reading the input failed: %s",
                            wt_errno_text(errno));
    }
    jsonl->ended = count == 0;
    jsonl->end += (size_t)count;
    return WT_OK;
}

/* The newline that ends the first line; NULL: not read yet. */
static char *find_newline(struct wt_jsonl *jsonl)
{
    if (jsonl->searched == jsonl->end) {
        return NULL;
    }
    char *newline = memchr(jsonl->bytes + jsonl->searched, '\n', jsonl->end - jsonl->searched);
    jsonl->searched = newline != NULL ? (size_t)(newline - jsonl->bytes) : jsonl->end;
    return newline;
}

bool wt_jsonl_ready(struct wt_jsonl *jsonl)
{
    if (jsonl->ended || find_newline(jsonl) != NULL) {
        return true;
    }
    struct pollfd waiting = {.fd = jsonl->fd, .events = POLLIN};
    return poll(&waiting, 1, 0) > 0;
}

static bool is_blank(const char *bytes, size_t count)
{
    size_t i = 0;
    while (i < count && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r')) {
        i++;
    }
    return i == count;
}

/* A place in the value, at the end of the message: the line is the caller's to name. */
static void reword_place(struct wt_error *error)
{
    static const char line[] = "line 1, ";
    char *place = strrchr(error->message, '(');
    if (place != NULL && strncmp(place + 1, line, sizeof line - 1) == 0) {
        memmove(place + 1, place + sizeof line, strlen(place + sizeof line) + 1);
    }
}

/* The decoder speaks of a record's value, of its producer and of the configuration; here is only a line. */
static void reword(struct wt_error *error)
{
    static const char start[] = "the value is ";
    char *hint = strcmp(error->code, "text-missing") == 0 ? strchr(error->message, ';') : NULL;
    if (hint == NULL) {
        hint = strstr(error->message, "; its producer should send it as it is");
    }
    if (hint != NULL) {
        *hint = '\0';
    }
    if (strncmp(error->message, start, sizeof start - 1) == 0) {
        memmove(error->message, error->message + sizeof start - 1,
                strlen(error->message + sizeof start - 1) + 1);
    }
}

static enum wt_status decode(struct wt_jsonl *jsonl, const char *bytes, size_t count,
                             struct wt_jsonl_item *item_out, struct wt_error *error)
{
    size_t object_bytes;
    struct wt_article article;
    struct wt_error cause;
    wt_record_destroy(jsonl->record);
    jsonl->record = wt_record_create(NULL, 0, bytes, count, NULL, 0);
    if (jsonl->decoder == NULL) {
        jsonl->decoder = wt_decoder_create(jsonl->config);
    }
    enum wt_status status = wt_decode(jsonl->decoder, jsonl->record, &article, &cause);
    bool own = jsonl->config == jsonl->own;
    if (own && status == WT_INVALID && strcmp(cause.code, "text-blank") == 0) {
        status = WT_OK;
    }
    item_out->object = wt_decoder_find(jsonl->decoder, "", &object_bytes, NULL) != NULL;
    if (status != WT_OK) {
        if (own) {
            reword(&cause);
        }
        reword_place(&cause);
        *error = cause;
        return status;
    }
    item_out->id_json = jsonl->record->id_json;
    item_out->text = article.text;
    item_out->text_bytes = article.text_bytes;
    return WT_OK;
}

/* Takes the next line. WT_CLOSED: there is none. */
static enum wt_status take_line(struct wt_jsonl *jsonl, const char **bytes_out, size_t *count_out,
                                struct wt_error *error)
{
    char *newline;
    while ((newline = find_newline(jsonl)) == NULL && !jsonl->ended) {
        enum wt_status status = read_more(jsonl, error);
        if (status != WT_OK) {
            return status;
        }
    }
    if (newline == NULL && jsonl->start == jsonl->end) {
        return WT_CLOSED;
    }
    const char *bytes = jsonl->bytes + jsonl->start;
    size_t count = (newline != NULL ? jsonl->searched : jsonl->end) - jsonl->start;
    jsonl->start += count + (newline != NULL ? 1 : 0);
    jsonl->searched = jsonl->start;
    if (jsonl->line == 0 && count >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3;
        count -= 3;
    }
    jsonl->line++;
    *bytes_out = bytes;
    *count_out = count;
    return WT_OK;
}

enum wt_status wt_jsonl_next(struct wt_jsonl *jsonl, struct wt_jsonl_item *item_out,
                             struct wt_error *error)
{
    const char *bytes;
    size_t count;
    enum wt_status status;
    bool filtered;
    do {
        do {
            status = take_line(jsonl, &bytes, &count, error);
        } while (status == WT_OK && is_blank(bytes, count));
        if (status != WT_OK) {
            return status;
        }
        *item_out = (struct wt_jsonl_item){.line = jsonl->line};
        status = decode(jsonl, bytes, count, item_out, error);
        filtered = status == WT_OK && jsonl->record->outcome == WT_OUTCOME_FILTERED;
        jsonl->filtered += filtered ? 1 : 0;
    } while (filtered);
    return status;
}

const char *wt_jsonl_find(struct wt_jsonl *jsonl, const char *pointer, size_t *bytes_out,
                          bool *twice_out)
{
    return wt_decoder_find(jsonl->decoder, pointer, bytes_out, twice_out);
}

void wt_jsonl_write_error(FILE *out, uint64_t line, const struct wt_error *error)
{
    struct wt_buffer buffer = {0};
    wt_buffer_append_text(&buffer, "{\"line\":");
    wt_buffer_append_integer(&buffer, (int64_t)line);
    wt_buffer_append_text(&buffer, ",\"error\":{\"code\":");
    wt_buffer_append_json_string(&buffer, error->code, strlen(error->code));
    wt_buffer_append_text(&buffer, ",\"message\":");
    wt_buffer_append_json_string(&buffer, error->message, strlen(error->message));
    wt_buffer_append_text(&buffer, "}}\n");
    (void)fwrite(buffer.bytes, 1, buffer.count, out);
    wt_buffer_free(&buffer);
}
