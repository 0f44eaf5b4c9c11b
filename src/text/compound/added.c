#include "text/compound/added.h"

#include "base/utf8.h"
#include "text/unicode/unicode_classes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- building -------------------------------------------------------------------------------- */

static bool new_node(struct wt_added *added, uint8_t byte, uint32_t *node_out)
{
    if (added->node_count == added->node_capacity) {
        uint32_t capacity = added->node_capacity * 2 + 256;
        struct wt_added_node *nodes = realloc(added->nodes, capacity * sizeof *nodes);
        if (nodes == NULL) {
            return false;
        }
        added->nodes = nodes;
        added->node_capacity = capacity;
    }
    added->nodes[added->node_count] = (struct wt_added_node){.byte = byte};
    *node_out = added->node_count++;
    return true;
}

/* The child of `node` by `byte`; 0: none. */
static uint32_t child_of(const struct wt_added *added, uint32_t node, uint8_t byte)
{
    uint32_t child = added->nodes[node].child;
    while (child != 0 && added->nodes[child].byte != byte) {
        child = added->nodes[child].sibling;
    }
    return child;
}

static bool insert(struct wt_added *added, const char *text, size_t bytes, uint32_t *node_out)
{
    uint32_t node = 0;
    if (added->node_count == 0 && !new_node(added, 0, &node)) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)text[i];
        uint32_t child = i == 0 ? added->roots[byte] : child_of(added, node, byte);
        if (child == 0) {
            if (!new_node(added, byte, &child)) {
                return false;
            }
            if (i == 0) {
                added->roots[byte] = child;
            } else {
                added->nodes[child].sibling = added->nodes[node].child;
                added->nodes[node].child = child;
            }
        }
        node = child;
    }
    *node_out = node;
    return true;
}

static bool spans_blanks(const char *text, size_t bytes)
{
    size_t i = 0;
    while (i < bytes && text[i] == ' ') {
        i++;
    }
    return memchr(text + i, ' ', bytes - i) != NULL;
}

enum wt_status wt_added_add(struct wt_added *added, const struct wt_added_token *token)
{
    assert(token->bytes > 0);
    if (added->count == added->capacity) {
        uint32_t capacity = added->capacity * 2 + 16;
        struct wt_added_token *tokens = realloc(added->tokens, capacity * sizeof *tokens);
        if (tokens == NULL) {
            return WT_MEMORY;
        }
        added->tokens = tokens;
        added->capacity = capacity;
    }
    uint32_t node = 0;
    char *text = malloc(token->bytes);
    if (text == NULL || !insert(added, token->text, token->bytes, &node)) {
        free(text);
        return WT_MEMORY;
    }
    memcpy(text, token->text, token->bytes);
    added->one_first_byte =
        added->count == 0 || (added->one_first_byte && added->first_byte == (uint8_t)text[0]);
    added->first_byte = (uint8_t)text[0];
    added->spans_blanks = added->spans_blanks || spans_blanks(text, token->bytes);
    added->tokens[added->count] = *token;
    added->tokens[added->count++].text = text;
    if (added->nodes[node].token != 0) {
        return WT_CLOSED;
    }
    added->nodes[node].token = added->count;
    return WT_OK;
}

void wt_added_free(struct wt_added *added)
{
    for (uint32_t i = 0; i < added->count; i++) {
        free(added->tokens[i].text);
    }
    free(added->tokens);
    free(added->nodes);
    *added = (struct wt_added){.count = 0};
}

/* --- searching ------------------------------------------------------------------------------- */

/* The longest token at `place`; NULL: none. */
static const struct wt_added_token *token_at(const struct wt_added *added, const uint8_t *text,
                                             size_t bytes, size_t place)
{
    const struct wt_added_token *found = NULL;
    for (uint32_t node = added->roots[text[place]]; node != 0;) {
        if (added->nodes[node].token != 0) {
            found = &added->tokens[added->nodes[node].token - 1];
        }
        place++;
        node = place < bytes ? child_of(added, node, text[place]) : 0;
    }
    return found;
}

/* The next place before `limit` at which a token may start. */
static size_t next_candidate(const struct wt_added *added, const uint8_t *text, size_t place,
                             size_t limit)
{
    if (place >= limit) {
        return limit;
    }
    if (added->one_first_byte) {
        const uint8_t *found = memchr(text + place, added->first_byte, limit - place);
        return found != NULL ? (size_t)(found - text) : limit;
    }
    while (place < limit && added->roots[text[place]] == 0) {
        place++;
    }
    return place;
}

/* Classes of the character that ends before `place` (> 0), and where it starts. Malformed bytes
 * have none. */
static uint32_t classes_before(const uint8_t *text, size_t place, size_t *start_out)
{
    size_t start = place - 1;
    while (start > 0 && place - start < 4 && (text[start] & 0xC0u) == 0x80u) {
        start--;
    }
    uint32_t c = 0;
    *start_out = start;
    return wt_utf8_decode(text + start, place - start, &c) == place - start ? wt_unicode_classes(c)
                                                                            : 0;
}

/* The same for the character that starts at `place` (< bytes). */
static uint32_t classes_at(const uint8_t *text, size_t bytes, size_t place, size_t *end_out)
{
    uint32_t c = 0;
    uint32_t length = wt_utf8_decode(text + place, bytes - place, &c);
    *end_out = place + (length > 0 ? length : 1);
    return length > 0 ? wt_unicode_classes(c) : 0;
}

static bool is_single_word(const struct wt_added_search *search, size_t start, size_t end)
{
    size_t ignored;
    bool before = start == 0 ? search->word_before
                             : (classes_before(search->text, start, &ignored) & WT_CLASS_WORD) != 0;
    bool behind =
        end == search->bytes
            ? search->word_behind
            : (classes_at(search->text, search->bytes, end, &ignored) & WT_CLASS_WORD) != 0;
    return !before && !behind;
}

bool wt_added_next(const struct wt_added *added, struct wt_added_search *search, size_t limit,
                   struct wt_added_match *match_out)
{
    const uint8_t *text = search->text;
    if (added->count == 0) {
        search->place = limit;
        return false;
    }
    for (;;) {
        size_t place = next_candidate(added, text, search->place, limit);
        if (place >= limit) {
            search->place = search->place > limit ? search->place : limit;
            return false;
        }
        const struct wt_added_token *token = token_at(added, text, search->bytes, place);
        if (token == NULL) {
            search->place = place + 1;
            continue;
        }
        size_t start = place;
        size_t end = place + token->bytes;
        search->place = end;
        if (token->single_word && !is_single_word(search, start, end)) {
            continue;
        }
        size_t before = start;
        while (token->lstrip && before > search->taken) {
            size_t next;
            if ((classes_before(text, before, &next) & WT_CLASS_SPACE) == 0) {
                break;
            }
            before = next;
        }
        start = token->lstrip && before < search->taken ? search->taken : before;
        while (token->rstrip && end < search->bytes) {
            size_t next;
            if ((classes_at(text, search->bytes, end, &next) & WT_CLASS_SPACE) == 0) {
                break;
            }
            end = next;
        }
        if (start >= end) {
            continue; /* white space that the match before it has taken whole */
        }
        search->taken = end;
        *match_out = (struct wt_added_match){.start = start, .end = end, .id = token->id};
        return true;
    }
}
