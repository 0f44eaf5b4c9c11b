/* json_path.h: finds values in a document by a JSON pointer (RFC 6901) that was prepared once.
 *
 * Where the pointer meets a list, the token "*" stands for each of its elements: "/blocks" followed by
 * a "*" and "text" are the texts of all blocks. In an object it is a key like any other. Pure. Thread:
 * one for each document. */
#ifndef WIRETAG_CODEC_JSON_PATH_H
#define WIRETAG_CODEC_JSON_PATH_H

#include "codec/document.h"

struct wt_json_path;

/* `pointer` is "" or starts with "/". The caller destroys the path. */
struct wt_json_path *wt_json_path_create(const char *pointer);
void wt_json_path_destroy(struct wt_json_path *path);

/* The pointer, for messages. */
const char *wt_json_path_pointer(const struct wt_json_path *path);

/* A value at the path, also a null. False: enough. */
typedef bool (*wt_json_path_visit)(void *opaque, const struct wt_value *value);

/* Calls `visit` for each value at the path, in the document's order. NULL: done. Else a key that
 * stands twice in an object that the path passes through, so that nobody knows which value counts. */
const struct wt_value *wt_json_path_each(const struct wt_json_path *path,
                                         struct wt_document *document, wt_json_path_visit visit,
                                         void *opaque);

#endif
