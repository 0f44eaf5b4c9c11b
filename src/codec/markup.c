#include "codec/markup.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Elements in each other. For each tag libxml2 looks through those that are open, so beyond this it
 * begins anew behind the tag: for a text nesting means nothing. */
#define DEPTH_MAX 256u

enum role { INLINE, BLOCK, CELL, HIDDEN };

struct wt_markup {
    struct wt_buffer text;
    struct wt_buffer
        clean; /* the HTML without control characters and CDATA marks, if it had some */
    htmlParserCtxtPtr context;
    unsigned depth;
    unsigned hidden; /* depth of hidden elements */
    bool space;      /* white space is due before the next character */
    bool line;       /* a line break is due */
    long resume_at;  /* where to begin anew; -1: nowhere */
};

/* Sorted by name. What is not here is inline. */
static const struct {
    const char *name;
    enum role role;
} elements[] = {
    {"address", BLOCK},   {"article", BLOCK}, {"aside", BLOCK},     {"blockquote", BLOCK},
    {"body", BLOCK},      {"br", BLOCK},      {"caption", BLOCK},   {"center", BLOCK},
    {"dd", BLOCK},        {"details", BLOCK}, {"dialog", BLOCK},    {"div", BLOCK},
    {"dl", BLOCK},        {"dt", BLOCK},      {"fieldset", BLOCK},  {"figcaption", BLOCK},
    {"figure", BLOCK},    {"footer", BLOCK},  {"form", BLOCK},      {"h1", BLOCK},
    {"h2", BLOCK},        {"h3", BLOCK},      {"h4", BLOCK},        {"h5", BLOCK},
    {"h6", BLOCK},        {"head", BLOCK},    {"header", BLOCK},    {"hgroup", BLOCK},
    {"hr", BLOCK},        {"html", BLOCK},    {"iframe", HIDDEN},   {"legend", BLOCK},
    {"li", BLOCK},        {"main", BLOCK},    {"menu", BLOCK},      {"nav", BLOCK},
    {"noscript", HIDDEN}, {"ol", BLOCK},      {"optgroup", BLOCK},  {"option", BLOCK},
    {"p", BLOCK},         {"pre", BLOCK},     {"script", HIDDEN},   {"section", BLOCK},
    {"select", BLOCK},    {"style", HIDDEN},  {"summary", BLOCK},   {"table", BLOCK},
    {"tbody", BLOCK},     {"td", CELL},       {"template", HIDDEN}, {"textarea", BLOCK},
    {"tfoot", BLOCK},     {"th", CELL},       {"thead", BLOCK},     {"title", BLOCK},
    {"tr", BLOCK},        {"ul", BLOCK},
};

static int compare(const void *name, const void *element)
{
    const char *const *other = element;
    return strcmp(name, *other);
}

static enum role role_of(const xmlChar *name)
{
    const char *const *found = bsearch(
        name, &elements[0].name, sizeof elements / sizeof elements[0], sizeof elements[0], compare);
    return found != NULL ? elements[((const char *)found - (const char *)elements) /
                                    (ptrdiff_t)sizeof elements[0]]
                               .role
                         : INLINE;
}

/* --- text ------------------------------------------------------------------------------------ */

/* What the references &#128; to &#159; mean on the web: Windows-1252 (HTML, section 13.2.5.80). */
static uint32_t windows_1252(uint32_t code_point)
{
    static const uint16_t meant[32] = {
        0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
    return code_point >= 0x80 && code_point < 0xA0 ? meant[code_point - 0x80] : code_point;
}

/* Appends what is due before a character. */
static void append_due(struct wt_markup *markup)
{
    if (markup->text.count > 0 && (markup->line || markup->space)) {
        wt_buffer_append(&markup->text, markup->line ? "\n" : " ", 1);
    }
    markup->line = false;
    markup->space = false;
}

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void on_characters(void *opaque, const xmlChar *characters, int count)
{
    struct wt_markup *markup = opaque;
    const char *at = (const char *)characters;
    const char *end = at + count;
    if (markup->hidden > 0 || markup->resume_at >= 0) {
        return;
    }
    while (at < end) {
        const char *start = at;
        while (at < end && !is_space(*at) && (unsigned char)*at != 0xC2) {
            at++;
        }
        if (at > start) {
            append_due(markup);
            wt_buffer_append(&markup->text, start, (size_t)(at - start));
        } else if (is_space(*at)) {
            markup->space = true;
            at++;
        } else {
            uint32_t code_point;
            uint8_t bytes[4];
            size_t step = wt_utf8_decode((const uint8_t *)at, (size_t)(end - at), &code_point);
            append_due(markup);
            code_point = step > 0 ? windows_1252(code_point) : 0xFFFD;
            wt_buffer_append(&markup->text, bytes, wt_utf8_encode(code_point, bytes));
            at += step > 0 ? step : 1;
        }
    }
}

/* --- elements -------------------------------------------------------------------------------- */

static void part(struct wt_markup *markup, enum role role)
{
    markup->line = markup->line || role == BLOCK;
    markup->space = markup->space || role == CELL;
}

static void on_start(void *opaque, const xmlChar *name, const xmlChar **attributes)
{
    struct wt_markup *markup = opaque;
    (void)attributes;
    if (markup->resume_at >= 0) {
        return;
    }
    enum role role = role_of(name);
    part(markup, role);
    markup->depth++;
    markup->hidden += role == HIDDEN ? 1 : 0;
    if (markup->depth > DEPTH_MAX && role != HIDDEN && markup->hidden == 0) {
        markup->resume_at = xmlByteConsumed(markup->context);
        xmlStopParser(markup->context);
    }
}

static void on_end(void *opaque, const xmlChar *name)
{
    struct wt_markup *markup = opaque;
    enum role role = role_of(name);
    if (markup->resume_at >= 0) {
        return;
    }
    part(markup, role);
    markup->depth -= markup->depth > 0 ? 1 : 0;
    markup->hidden -= role == HIDDEN && markup->hidden > 0 ? 1 : 0;
}

/* --- parsing --------------------------------------------------------------------------------- */

static xmlSAXHandler handler_of(void)
{
    xmlSAXHandler handler;
    memset(&handler, 0, sizeof handler);
    handler.startElement = on_start;
    handler.endElement = on_end;
    handler.characters = on_characters;
    handler.ignorableWhitespace = on_characters;
    handler.cdataBlock = on_characters;
    return handler;
}

/* Parses `html` from its start. Returns how many bytes of it are done: all, or fewer where the elements
 * were too deep. */
static size_t parse(struct wt_markup *markup, const char *html, size_t bytes)
{
    xmlSAXHandler handler = handler_of();
    markup->depth = 0;
    markup->hidden = 0;
    markup->resume_at = -1;
    markup->context = bytes <= INT_MAX ? htmlCreateMemoryParserCtxt(html, (int)bytes) : NULL;
    if (markup->context == NULL) { /* as wt_alloc */
        (void)fputs("wiretag: out of memory\n", stderr);
        abort();
    }
    xmlSAXHandler *own_handler = markup->context->sax;
    markup->context->sax = &handler;
    markup->context->userData = markup;
    /* The encoding of a record is UTF-8, whatever a <meta> in the article says. */
    (void)xmlSwitchEncoding(markup->context, XML_CHAR_ENCODING_UTF8);
    (void)htmlCtxtUseOptions(markup->context, HTML_PARSE_IGNORE_ENC | HTML_PARSE_NONET |
                                                  HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                                  HTML_PARSE_RECOVER);
    (void)htmlParseDocument(markup->context);
    markup->context->sax = own_handler;
    htmlFreeParserCtxt(markup->context);
    markup->context = NULL;
    return markup->resume_at < 0 || (size_t)markup->resume_at > bytes ? bytes
                                                                      : (size_t)markup->resume_at;
}

/* The start tag at which parsing stopped is read, but for its end. */
static size_t skip_tag_end(const char *html, size_t bytes)
{
    size_t at = 0;
    while (at < bytes && (is_space(html[at]) || html[at] == '/')) {
        at++;
    }
    return at < bytes && html[at] == '>' ? at + 1 : 0;
}

static const char cdata_start[] = "<![CDATA[";
static const char cdata_end[] = "]]>";

static bool starts_with(const char *at, const char *end, const char *mark)
{
    size_t bytes = strlen(mark);
    return (size_t)(end - at) >= bytes && memcmp(at, mark, bytes) == 0;
}

/* Takes the marks out of `html`. RSS and Atom have HTML between them, for which HTML itself has no
 * meaning. Returns how many bytes are left. */
static size_t remove_cdata_marks(char *html, size_t bytes)
{
    const char *end = html + bytes;
    char *to = html;
    bool inside = false;
    for (const char *at = html; at < end;) {
        const char *mark = inside ? cdata_end : cdata_start;
        if (starts_with(at, end, mark)) {
            at += strlen(mark);
            inside = !inside;
        } else {
            *to++ = *at++;
        }
    }
    return (size_t)(to - html);
}

/* libxml2 ends a document at a NUL and refuses other control characters. Returns the HTML with spaces
 * in place of them, and without the marks of CDATA sections. */
static const char *cleaned(struct wt_markup *markup, const char *html, size_t *bytes)
{
    bool controls = false;
    bool marks = memmem(html, *bytes, cdata_start, sizeof cdata_start - 1) != NULL;
    for (size_t i = 0; i < *bytes && !controls; i++) {
        controls = (unsigned char)html[i] < 0x20 && !is_space(html[i]);
    }
    if (!controls && !marks) {
        return html;
    }
    markup->clean.count = 0;
    wt_buffer_append(&markup->clean, html, *bytes);
    for (size_t i = 0; i < *bytes; i++) {
        if ((unsigned char)markup->clean.bytes[i] < 0x20) {
            markup->clean.bytes[i] = ' ';
        }
    }
    if (marks) {
        *bytes = remove_cdata_marks(markup->clean.bytes, *bytes);
    }
    return markup->clean.bytes;
}

const char *wt_markup_strip(struct wt_markup *markup, const char *html, size_t bytes,
                            size_t *bytes_out)
{
    size_t done = 0;
    markup->text.count = 0;
    markup->space = false;
    markup->line = false;
    html = cleaned(markup, html, &bytes);
    while (done < bytes) {
        size_t step = parse(markup, html + done, bytes - done);
        step += skip_tag_end(html + done + step, bytes - done - step);
        done += step > 0 ? step : 1;
    }
    *bytes_out = markup->text.count;
    return markup->text.count > 0 ? markup->text.bytes : "";
}

struct wt_markup *wt_markup_create(void)
{
    xmlInitParser();
    return wt_alloc_zeroed(1, sizeof(struct wt_markup));
}

void wt_markup_destroy(struct wt_markup *markup)
{
    if (markup == NULL) {
        return;
    }
    wt_buffer_free(&markup->text);
    wt_buffer_free(&markup->clean);
    free(markup);
}
