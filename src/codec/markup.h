/* markup.h: the text of an HTML article, by libxml2's push parser.
 *
 * Tags and comments go, and so does what is in script, style, template, noscript and iframe. Entities
 * are decoded. White space is collapsed as a browser does, block elements and <br> break the line, cells
 * of a table are apart. Nothing is refused: broken markup gives what a lenient parser finds in it.
 * Takes time in proportion to the length, whatever the nesting. Pure. Thread: one for each struct. */
#ifndef WIRETAG_CODEC_MARKUP_H
#define WIRETAG_CODEC_MARKUP_H

#include "base/buffer.h"

struct wt_markup;

struct wt_markup *wt_markup_create(void);
void wt_markup_destroy(struct wt_markup *markup);

/* The text of `html`, well-formed UTF-8; it is UTF-8 too. Valid until the next call. */
const char *wt_markup_strip(struct wt_markup *markup, const char *html, size_t bytes,
                            size_t *bytes_out);

#endif
