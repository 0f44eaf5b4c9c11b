/* article.h: what a record decodes to. */
#ifndef WIRETAG_CODEC_ARTICLE_H
#define WIRETAG_CODEC_ARTICLE_H

#include <stddef.h>

/* The text is valid until the record's value is freed or its decoder decodes again. */
struct wt_article {
    const char *text; /* valid UTF-8, may contain NUL */
    size_t text_bytes;
};

#endif
