#include "base/alloc.h"
#include "base/buffer.h"
#include "base/file.h"
#include "config/config.h"
#include "config/config_node.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any password, key or certificate chain has. */
#define SECRET_BYTES_MAX 65536u
#define NAME_BYTES_MAX 256u

/* A scalar during substitution, and its node. */
struct work {
    const struct wt_node *node;
    const char *key;
    struct wt_error *error;
    struct wt_buffer done;
};

static bool is_name(const char *name, size_t length)
{
    if (length == 0 || isdigit((unsigned char)name[0])) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '_') {
            return false;
        }
    }
    return true;
}

static enum wt_status add_file(struct work *work, const char *path)
{
    char *text = NULL;
    size_t bytes = 0;
    struct wt_error cause;
    enum wt_status status = WT_OK;
    if (wt_config_property_is_secret(work->key)) {
        status = wt_file_check_secret(path, &cause);
    }
    if (status == WT_OK) {
        status = wt_file_read(path, SECRET_BYTES_MAX, &text, &bytes, &cause);
    }
    if (status != WT_OK) {
        (void)wt_node_refuse(work->node, work->key, work->error, "${file:...}: %s", cause.message);
        return status;
    }
    if (memchr(text, '\0', bytes) != NULL) {
        status = wt_node_refuse(work->node, work->key, work->error,
                                "${file:%.200s} holds a NUL character; it must be text", path);
    } else {
        if (bytes > 0 && text[bytes - 1] == '\n') {
            bytes -= bytes > 1 && text[bytes - 2] == '\r' ? 2 : 1;
        }
        wt_buffer_append(&work->done, text, bytes);
    }
    free(text);
    return status;
}

/* `inside` is the text between ${ and }. */
static enum wt_status add_reference(struct work *work, const char *inside)
{
    if (strncmp(inside, "file:", 5) == 0) {
        return add_file(work, inside + 5);
    }
    const char *fallback = strstr(inside, ":-");
    size_t length = fallback != NULL ? (size_t)(fallback - inside) : strlen(inside);
    if (!is_name(inside, length)) {
        return wt_node_refuse(work->node, work->key, work->error,
                              "${%.*s} is neither ${VARIABLE}, ${VARIABLE:-default} nor "
                              "${file:PATH}; write $${ for a plain ${",
                              (int)(length < 100 ? length : 100), inside);
    }
    char name[NAME_BYTES_MAX];
    (void)snprintf(name, sizeof name, "%.*s", (int)length, inside);
    const char *value = length < sizeof name ? getenv(name) : NULL;
    if (fallback != NULL && (value == NULL || value[0] == '\0')) {
        value = fallback + 2;
    }
    if (value == NULL && strcmp(name, "HOSTNAME") == 0) {
        return wt_node_refuse(work->node, work->key, work->error,
                              "the environment variable HOSTNAME is not set; a shell knows it, but "
                              "passes it on only after: export HOSTNAME");
    }
    if (value == NULL) {
        return wt_node_refuse(work->node, work->key, work->error,
                              "the environment variable %s is not set; set it, or write "
                              "${%s:-default}",
                              name, name);
    }
    wt_buffer_append_text(&work->done, value);
    return WT_OK;
}

static enum wt_status rewrite(struct work *work, const char *at)
{
    for (;;) {
        const char *start = strstr(at, "${");
        if (start == NULL) {
            wt_buffer_append_text(&work->done, at);
            return WT_OK;
        }
        if (start > at && start[-1] == '$') {
            wt_buffer_append(&work->done, at, (size_t)(start - at) - 1);
            wt_buffer_append_text(&work->done, "${");
            at = start + 2;
            continue;
        }
        wt_buffer_append(&work->done, at, (size_t)(start - at));
        const char *end = strchr(start, '}');
        if (end == NULL) {
            return wt_node_refuse(work->node, work->key, work->error,
                                  "a ${ without its }; write $${ for a plain ${");
        }
        size_t length = (size_t)(end - start) - 2;
        char *inside = wt_alloc(length + 1);
        memcpy(inside, start + 2, length);
        inside[length] = '\0';
        enum wt_status status = add_reference(work, inside);
        free(inside);
        if (status != WT_OK) {
            return status;
        }
        at = end + 1;
    }
}

static enum wt_status substitute_scalar(struct wt_node *node, const char *key,
                                        struct wt_error *error)
{
    if (strstr(node->text, "${") == NULL) {
        return WT_OK;
    }
    struct work work = {.node = node, .key = key, .error = error};
    enum wt_status status = rewrite(&work, node->text);
    if (status != WT_OK) {
        wt_buffer_free(&work.done);
        return status;
    }
    node->written = node->text;
    node->text = wt_buffer_take(&work.done, NULL);
    return WT_OK;
}

/* `key` is the path of `node`. It is extended in place while the children are visited. */
static enum wt_status substitute(struct wt_node *node, char key[NAME_BYTES_MAX],
                                 struct wt_error *error)
{
    if (node->kind == WT_NODE_SCALAR) {
        return substitute_scalar(node, key, error);
    }
    size_t length = strlen(key);
    for (size_t i = 0; i < node->count; i++) {
        const char *name = node->entries[i].name;
        if (name != NULL) {
            (void)snprintf(key + length, NAME_BYTES_MAX - length, "%s%s", length > 0 ? "." : "",
                           name);
        }
        enum wt_status status = substitute(node->entries[i].value, key, error);
        key[length] = '\0';
        if (status != WT_OK) {
            return status;
        }
    }
    return WT_OK;
}

enum wt_status wt_node_substitute(struct wt_node *root, struct wt_error *error)
{
    char key[NAME_BYTES_MAX] = "";
    return substitute(root, key, error);
}
