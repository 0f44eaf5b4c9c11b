#include "cli/report_parts.h"

#include "cli/columns.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

void wt_report_add(struct wt_buffer *line, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wt_buffer_append_text(line, text);
}

void wt_report_end_line(struct wt_buffer *line, FILE *out)
{
    wt_buffer_append(line, "\n", 1);
    (void)fwrite(line->bytes, 1, line->count, out);
    line->count = 0;
}

json_t *wt_report_integer(uint64_t number)
{
    return json_integer((json_int_t)number);
}

json_t *wt_report_name(const char *name)
{
    struct wt_buffer escaped = {0};
    wt_columns_append(&escaped, name, SIZE_MAX);
    char *text = wt_buffer_take(&escaped, NULL);
    json_t *json = json_string(text);
    free(text);
    return json;
}
