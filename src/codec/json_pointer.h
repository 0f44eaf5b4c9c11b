/* json_pointer.h: the tokens of a JSON pointer (RFC 6901). Pure. Thread: any. */
#ifndef WIRETAG_CODEC_JSON_POINTER_H
#define WIRETAG_CODEC_JSON_POINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_JSON_NO_INDEX UINT32_MAX

struct wt_json_token {
    char *name; /* escapes resolved, zero-terminated */
    size_t bytes;
    uint32_t index; /* of an array's element; WT_JSON_NO_INDEX: it names none */
    bool every;     /* "*" */
};

struct wt_json_pointer {
    char *text; /* as it is written, for messages */
    struct wt_json_token *tokens;
    uint32_t count;
};

/* `text` is "" or starts with "/". The caller frees what is in the pointer. */
void wt_json_pointer_read(struct wt_json_pointer *pointer, const char *text);

void wt_json_pointer_free(struct wt_json_pointer *pointer);

#endif
