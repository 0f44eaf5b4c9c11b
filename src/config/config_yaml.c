#include "base/alloc.h"
#include "config/config_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    const char *text;
    size_t bytes;
    const char *source;
    bool lines;
    struct wt_error *error;
};

static enum wt_status read_value(struct reader *reader, const yaml_event_t *event, unsigned depth,
                                 struct wt_node **node_out);

static unsigned line_of(const struct reader *reader, yaml_mark_t mark)
{
    return reader->lines ? (unsigned)mark.line + 1 : 0;
}

__attribute__((format(printf, 3, 4))) static enum wt_status
refuse(const struct reader *reader, unsigned line, const char *format, ...)
{
    char text[WT_ERROR_MESSAGE_BYTES_MAX];
    char place[WT_PLACE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct wt_node at = {.source = reader->source, .line = line};
    return wt_error_set(reader->error, WT_INVALID, WT_ERROR_FATAL, "config-syntax", "%s: %s",
                        wt_node_place(&at, place), text);
}

/* Where line `line` begins, from 0 on, and how many bytes it has. */
static const char *find_line(const struct reader *reader, size_t line, size_t *length_out)
{
    const char *at = reader->text;
    const char *end = reader->text + reader->bytes;
    for (size_t i = 0; i < line && at < end; i++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next == NULL ? end : next + 1;
    }
    const char *line_end = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    *length_out = (size_t)((line_end != NULL ? line_end : end) - at);
    return at;
}

/* Whether the value on a line, or the line without a key, begins with a character that is YAML's. */
static bool begins_with_a_mark(const char *line, size_t length)
{
    const char *colon = memmem(line, length, ": ", 2);
    size_t at = colon != NULL ? (size_t)(colon - line) + 2 : 0;
    while (at < length && line[at] == ' ') {
        at++;
    }
    return at < length && line[at] != '\0' && strchr("[]{}*&!@`%|>\"',", line[at]) != NULL;
}

/* A hint at the usual cause of a syntax error on this line; "": none. */
static const char *hint(const struct reader *reader, size_t line)
{
    size_t length;
    const char *at = find_line(reader, line, &length);
    size_t blanks = 0;
    while (blanks < length && at[blanks] == ' ') {
        blanks++;
    }
    if (blanks < length && at[blanks] == '\t') {
        return "; indent with blanks, not with tabs";
    }
    if (memmem(at, length, "${", 2) != NULL) {
        return "; write \"${...}\" in quotes where it stands inside { } or [ ]";
    }
    if (begins_with_a_mark(at, length)) {
        return "; write a value that begins with a mark of YAML's, as [::1]:9464 or *x do, in "
               "quotes";
    }
    return "";
}

static enum wt_status refuse_syntax(const struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
    if (parser->error == YAML_READER_ERROR) {
        yaml_mark_t mark = {.line = 0};
        for (size_t i = 0; i < parser->problem_offset && i < reader->bytes; i++) {
            mark.line += reader->text[i] == '\n';
        }
        return refuse(reader, line_of(reader, mark), "not UTF-8 text: %s (byte %zu)", problem,
                      parser->problem_offset);
    }
    if (parser->error == YAML_MEMORY_ERROR) {
        return refuse(reader, 0, "out of memory while reading YAML");
    }
    return refuse(reader, line_of(reader, parser->problem_mark),
                  "not valid YAML: %s (column %zu)%s", problem, parser->problem_mark.column + 1,
                  hint(reader, parser->problem_mark.line));
}

static enum wt_status next_event(struct reader *reader, yaml_event_t *event)
{
    return yaml_parser_parse(&reader->parser, event) == 1 ? WT_OK : refuse_syntax(reader);
}

/* Anchors are refused: a few lines could expand without bound, and no configuration needs them. */
static enum wt_status check_plain(const struct reader *reader, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL || event->type == YAML_ALIAS_EVENT) {
        return refuse(reader, line_of(reader, event->start_mark),
                      "anchors and aliases (&name, *name) are not supported; write the value out, "
                      "or in quotes if it begins with & or *");
    }
    if (tag != NULL) {
        return refuse(reader, line_of(reader, event->start_mark),
                      "tags (!name) are not supported; write the value alone, or in quotes if it "
                      "begins with !");
    }
    return WT_OK;
}

static enum wt_status read_scalar(const struct reader *reader, const yaml_event_t *event,
                                  char **text_out)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(text, '\0', length) != NULL) {
        return refuse(reader, line_of(reader, event->start_mark),
                      "a value holds a NUL character; take the \\0 out");
    }
    *text_out = wt_strdup(text);
    return WT_OK;
}

static enum wt_status check_key(const struct reader *reader, const struct wt_node *map,
                                const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT) {
        return refuse(reader, line_of(reader, event->start_mark), "a key must be a word");
    }
    enum wt_status status = check_plain(reader, event);
    if (status != WT_OK) {
        return status;
    }
    const char *name = (const char *)event->data.scalar.value;
    const struct wt_node *first = wt_node_find(map, name);
    if (first != NULL) {
        return refuse(reader, line_of(reader, event->start_mark),
                      "duplicate key %.100s (first on line %u); keep one of them", name,
                      first->line);
    }
    return WT_OK;
}

/* Reads one entry of a list or map, starting with `event`. */
static enum wt_status read_entry(struct reader *reader, struct wt_node *node, yaml_event_t *event,
                                 unsigned depth)
{
    char *name = NULL;
    struct wt_node *value = NULL;
    unsigned line = line_of(reader, event->start_mark);
    enum wt_status status = WT_OK;
    if (node->count == WT_NODE_ENTRIES_MAX) {
        return refuse(reader, line, "more than %u entries in one list or map", WT_NODE_ENTRIES_MAX);
    }
    if (node->kind == WT_NODE_MAP) {
        status = check_key(reader, node, event);
        if (status == WT_OK) {
            status = read_scalar(reader, event, &name);
        }
        if (status == WT_OK) {
            yaml_event_delete(event);
            memset(event, 0, sizeof *event);
            status = next_event(reader, event);
        }
    }
    if (status == WT_OK) {
        status = read_value(reader, event, depth + 1, &value);
    }
    if (status != WT_OK) {
        free(name);
        return status;
    }
    value->line = line;
    node->entries = wt_realloc(node->entries, (node->count + 1) * sizeof *node->entries);
    node->entries[node->count++] = (struct wt_node_entry){.name = name, .value = value};
    return WT_OK;
}

/* Reads entries until the list or map ends. */
static enum wt_status read_entries(struct reader *reader, struct wt_node *node, unsigned depth)
{
    yaml_event_type_t end =
        node->kind == WT_NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    for (;;) {
        yaml_event_t event;
        memset(&event, 0, sizeof event);
        enum wt_status status = next_event(reader, &event);
        bool ended = status == WT_OK && event.type == end;
        if (status == WT_OK && !ended) {
            status = read_entry(reader, node, &event, depth);
        }
        yaml_event_delete(&event);
        if (status != WT_OK || ended) {
            return status;
        }
    }
}

static enum wt_status read_value(struct reader *reader, const yaml_event_t *event, unsigned depth,
                                 struct wt_node **node_out)
{
    enum wt_status status = check_plain(reader, event);
    if (status != WT_OK) {
        return status;
    }
    unsigned line = line_of(reader, event->start_mark);
    if (depth > WT_NODE_DEPTH_MAX) {
        return refuse(reader, line, "nested deeper than %u levels", WT_NODE_DEPTH_MAX);
    }
    struct wt_node *node = wt_node_create_map(reader->source, line);
    if (event->type == YAML_SCALAR_EVENT) {
        node->kind = WT_NODE_SCALAR;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        status = read_scalar(reader, event, &node->text);
    } else {
        node->kind = event->type == YAML_MAPPING_START_EVENT ? WT_NODE_MAP : WT_NODE_LIST;
        status = read_entries(reader, node, depth);
    }
    if (status != WT_OK) {
        wt_node_destroy(node);
        return status;
    }
    *node_out = node;
    return WT_OK;
}

static struct wt_node *create_null(const struct reader *reader)
{
    struct wt_node *node = wt_node_create_map(reader->source, reader->lines ? 1 : 0);
    node->kind = WT_NODE_SCALAR;
    node->text = wt_strdup("");
    return node;
}

/* Reads the events: stream start, document start, the value, document end, stream end. */
static enum wt_status read_document(struct reader *reader, struct wt_node **root)
{
    for (;;) {
        yaml_event_t event;
        memset(&event, 0, sizeof event);
        enum wt_status status = next_event(reader, &event);
        yaml_event_type_t type = event.type;
        if (status == WT_OK && type == YAML_DOCUMENT_START_EVENT && *root != NULL) {
            status = refuse(reader, line_of(reader, event.start_mark),
                            "a second document begins here (---); one file is one configuration");
        } else if (status == WT_OK && type != YAML_STREAM_START_EVENT &&
                   type != YAML_STREAM_END_EVENT && type != YAML_DOCUMENT_START_EVENT &&
                   type != YAML_DOCUMENT_END_EVENT) {
            status = read_value(reader, &event, 1, root);
        }
        yaml_event_delete(&event);
        if (status != WT_OK || type == YAML_STREAM_END_EVENT) {
            return status;
        }
    }
}

enum wt_status wt_node_parse(const char *text, size_t bytes, const char *source, bool lines,
                             struct wt_node **node_out, struct wt_error *error)
{
    struct reader reader = {
        .text = text, .bytes = bytes, .source = source, .lines = lines, .error = error};
    if (yaml_parser_initialize(&reader.parser) != 1) {
        return refuse(&reader, 0, "out of memory while reading YAML");
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, bytes);
    struct wt_node *root = NULL;
    enum wt_status status = read_document(&reader, &root);
    yaml_parser_delete(&reader.parser);
    if (status != WT_OK) {
        wt_node_destroy(root);
        return status;
    }
    *node_out = root != NULL ? root : create_null(&reader);
    return WT_OK;
}
