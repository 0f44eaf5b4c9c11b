/* article.h: what a record decodes to. */
#ifndef WIRETAG_CODEC_ARTICLE_H
#define WIRETAG_CODEC_ARTICLE_H

#include <stddef.h>

#include <stdbool.h>
#include <stdint.h>

/* The text is valid until the record's value is freed or its decoder decodes again. The rest says how it
 * was read, for people. */
struct wt_article {
    const char *text; /* valid UTF-8, may contain NUL */
    size_t text_bytes;
    /* The pointer of input.where that passes over the record; NULL: none. */
    const char *filtered_by;
    size_t markup_bytes; /* of the HTML that the text was taken from; 0: it was none */
    bool normalized;     /* input.normalize has changed the text */
    bool framed;         /* a frame (frame.h) was taken off, of the schema: */
    uint32_t schema_id;
    bool mark; /* a byte-order mark was passed over */
};

#endif
