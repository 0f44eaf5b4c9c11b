#include "codec/json_pointer.h"

#include "base/alloc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Follows one step of a JSON pointer (RFC 6901): the member or element that `token` names. */
static json_t *step_into(json_t *value, const char *token, size_t token_bytes)
{
    if (json_is_array(value)) {
        if (token_bytes == 0 || token_bytes > 9 || (token[0] == '0' && token_bytes > 1)) {
            return NULL;
        }
        size_t index = 0;
        for (size_t i = 0; i < token_bytes; i++) {
            if (token[i] < '0' || token[i] > '9') {
                return NULL;
            }
            index = index * 10 + (size_t)(token[i] - '0');
        }
        return json_array_get(value, index);
    }
    if (memchr(token, '~', token_bytes) == NULL) {
        return json_object_getn(value, token, token_bytes);
    }
    char *name = wt_alloc(token_bytes + 1);
    size_t name_bytes = 0;
    for (size_t i = 0; i < token_bytes; i++) {
        char byte = token[i];
        if (byte == '~' && i + 1 < token_bytes) {
            byte = token[++i] == '1' ? '/' : '~';
        }
        name[name_bytes++] = byte;
    }
    json_t *member = json_object_getn(value, name, name_bytes);
    free(name);
    return member;
}

json_t *wt_json_pointer_find(json_t *root, const char *pointer)
{
    json_t *value = root;
    while (value != NULL && *pointer == '/') {
        const char *token = pointer + 1;
        size_t token_bytes = strcspn(token, "/");
        value = step_into(value, token, token_bytes);
        pointer = token + token_bytes;
    }
    return json_is_null(value) ? NULL : value;
}
