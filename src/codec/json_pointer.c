#include "codec/json_pointer.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Array indices of RFC 6901: digits, no leading zero. */
static uint32_t index_of(const char *name, size_t bytes)
{
    uint32_t index = 0;
    if (bytes == 0 || bytes > 9 || (name[0] == '0' && bytes > 1)) {
        return WT_JSON_NO_INDEX;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return WT_JSON_NO_INDEX;
        }
        index = index * 10 + (uint32_t)(name[i] - '0');
    }
    return index;
}

static void read_token(struct wt_json_token *token, const char *text, size_t bytes)
{
    token->name = wt_alloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++) {
        char byte = text[i];
        if (byte == '~' && i + 1 < bytes) {
            byte = text[++i] == '1' ? '/' : '~';
        }
        token->name[token->bytes++] = byte;
    }
    token->name[token->bytes] = '\0';
    token->index = index_of(text, bytes);
    token->every = bytes == 1 && text[0] == '*';
}

void wt_json_pointer_read(struct wt_json_pointer *pointer, const char *text)
{
    assert(text[0] == '\0' || text[0] == '/');
    *pointer = (struct wt_json_pointer){
        .text = wt_strdup(text),
        .tokens = wt_alloc_zeroed(strlen(text) + 1, sizeof *pointer->tokens)};
    while (*text == '/') {
        size_t bytes = strcspn(text + 1, "/");
        read_token(&pointer->tokens[pointer->count++], text + 1, bytes);
        text += 1 + bytes;
    }
}

void wt_json_pointer_free(struct wt_json_pointer *pointer)
{
    for (uint32_t i = 0; i < pointer->count; i++) {
        free(pointer->tokens[i].name);
    }
    free(pointer->tokens);
    free(pointer->text);
    *pointer = (struct wt_json_pointer){0};
}
