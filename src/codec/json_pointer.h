/* json_pointer.h: finds a value in JSON by its pointer (RFC 6901). Pure. Thread: any. */
#ifndef WIRETAG_CODEC_JSON_POINTER_H
#define WIRETAG_CODEC_JSON_POINTER_H

struct json_t; /* Jansson's */

/* The value at `pointer`, such as "/payload/text", borrowed from `root`; NULL if it is absent or
 * null. "" is `root` itself. */
struct json_t *wt_json_pointer_find(struct json_t *root, const char *pointer);

#endif
