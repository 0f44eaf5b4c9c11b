#include "observe/log_line.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void wt_log_line_add(struct wt_log_line *line, const char *bytes, size_t length)
{
    size_t room = sizeof line->bytes - line->length;
    length = length < room ? length : room;
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

void wt_log_line_add_text(struct wt_log_line *line, const char *text)
{
    wt_log_line_add(line, text, strlen(text));
}

void wt_log_line_print(struct wt_log_line *line, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wt_log_line_add_text(line, text);
}

static void line_add_control(struct wt_log_line *line, unsigned char byte, bool json)
{
    if (!json) {
        wt_log_line_print(line, "\\x%02x", byte);
    } else if (byte == '\n') {
        wt_log_line_add_text(line, "\\n");
    } else if (byte == '\t') {
        wt_log_line_add_text(line, "\\t");
    } else {
        wt_log_line_print(line, "\\u%04x", byte);
    }
}

void wt_log_line_add_escaped(struct wt_log_line *line, const char *text, bool json)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + strlen(text);
    while (at < end) {
        uint32_t code_point;
        size_t length = wt_utf8_decode(at, (size_t)(end - at), &code_point);
        bool c1_control = length == 2 && at[0] == 0xC2 && at[1] < 0xA0;
        if (length == 0) {
            wt_log_line_add_text(line, "\xEF\xBF\xBD");
            length = 1;
        } else if (*at < 0x20 || *at == 0x7F) {
            line_add_control(line, *at, json);
        } else if (c1_control) {
            line_add_control(line, at[1], json);
        } else {
            if (json && (*at == '"' || *at == '\\')) {
                wt_log_line_add_text(line, "\\");
            }
            wt_log_line_add(line, (const char *)at, length);
        }
        at += length;
    }
}
