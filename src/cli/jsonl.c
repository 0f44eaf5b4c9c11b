#include "cli/jsonl.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/errno_text.h"
#include "codec/json_pointer.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
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
    const char *text_pointer;
    json_t *root;
    char *id_json;
};

struct wt_jsonl *wt_jsonl_create(int fd)
{
    struct wt_jsonl *jsonl = wt_alloc_zeroed(1, sizeof *jsonl);
    jsonl->fd = fd;
    jsonl->text_pointer = "/text";
    return jsonl;
}

void wt_jsonl_text_at(struct wt_jsonl *jsonl, const char *pointer)
{
    jsonl->text_pointer = pointer;
}

void wt_jsonl_destroy(struct wt_jsonl *jsonl)
{
    if (jsonl == NULL) {
        return;
    }
    json_decref(jsonl->root);
    free(jsonl->id_json);
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

static enum wt_status bad_line(struct wt_error *error, const char *code, const char *message)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, code, "%s", message);
}

static enum wt_status bad_text(const struct wt_jsonl *jsonl, const char *code, const char *what,
                               struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, code, "%s is %s",
                        jsonl->text_pointer + 1, what);
}

static bool is_blank(const char *bytes, size_t count)
{
    size_t i = 0;
    while (i < count && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r')) {
        i++;
    }
    return i == count;
}

static enum wt_status parse(struct wt_jsonl *jsonl, const char *bytes, size_t count,
                            struct wt_jsonl_item *item_out, struct wt_error *error)
{
    json_error_t cause;
    json_decref(jsonl->root);
    item_out->root = NULL;
    item_out->blank = is_blank(bytes, count);
    jsonl->root =
        json_loadb(bytes, count, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &cause);
    if (jsonl->root == NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "json-invalid",
                            "not valid JSON: %s (column %d)", cause.text, cause.column);
    }
    if (!json_is_object(jsonl->root)) {
        return bad_line(error, "json-not-object",
                        "not a JSON object; expected {\"id\":…,\"text\":\"…\"}");
    }
    item_out->root = jsonl->root;
    const json_t *id = json_object_get(jsonl->root, "id");
    if (id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id)) {
        return bad_line(error, "id-type", "id is neither a string nor a number");
    }
    const json_t *text = wt_json_pointer_find(jsonl->root, jsonl->text_pointer);
    if (text == NULL) {
        return bad_text(jsonl, "text-missing", "absent or null", error);
    }
    if (!json_is_string(text)) {
        return bad_text(jsonl, "text-type", "not a string", error);
    }
    free(jsonl->id_json);
    jsonl->id_json = id != NULL ? json_dumps(id, JSON_ENCODE_ANY) : wt_strdup("null");
    item_out->id_json = jsonl->id_json;
    item_out->text = json_string_value(text);
    item_out->text_bytes = json_string_length(text);
    return WT_OK;
}

enum wt_status wt_jsonl_next(struct wt_jsonl *jsonl, struct wt_jsonl_item *item_out,
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
    item_out->line = ++jsonl->line;
    return parse(jsonl, bytes, count, item_out, error);
}

void wt_jsonl_write_error(FILE *out, uint64_t line, const struct wt_error *error)
{
    struct wt_buffer buffer = {0};
    wt_buffer_append_text(&buffer, "{\"line\":");
    wt_buffer_append_integer(&buffer, (int64_t)line);
    wt_buffer_append_text(&buffer, ",\"error\":{\"code\":");
    wt_buffer_append_json_string(&buffer, error->code, strlen(error->code));
    wt_buffer_append_text(&buffer, ",\"message\":");
    /* Jansson's message may quote the line; drop what is not UTF-8. */
    json_t *message = json_string(error->message);
    const char *text = message != NULL ? error->message : "not valid UTF-8";
    wt_buffer_append_json_string(&buffer, text, strlen(text));
    json_decref(message);
    wt_buffer_append_text(&buffer, "}}\n");
    (void)fwrite(buffer.bytes, 1, buffer.count, out);
    wt_buffer_free(&buffer);
}
