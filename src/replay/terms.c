#include "replay/terms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A value that is too long is cut to this length; a hash of the whole value follows. */
#define VALUE_BYTES_KEPT 240u

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    }
    return hash;
}

static void write_value(const char *value, char *text)
{
    size_t length = strlen(value);
    size_t kept = length < WT_TERM_VALUE_BYTES_MAX ? length : VALUE_BYTES_KEPT;
    for (size_t i = 0; i < kept; i++) {
        text[i] = '_';
        if (value[i] > ' ' && value[i] < 0x7f) {
            text[i] = value[i];
        }
    }
    text[kept] = '\0';
    if (kept < length) {
        (void)snprintf(text + kept, WT_TERM_VALUE_BYTES_MAX - kept, "~%016" PRIx64, hash_of(value));
    }
}

void wt_terms_add(char *terms, const char *name, const char *value)
{
    char text[WT_TERM_VALUE_BYTES_MAX];
    size_t used = strlen(terms);
    write_value(value, text);
    (void)snprintf(terms + used, WT_TERMS_BYTES_MAX - used, " %s=%s", name, text);
}

void wt_terms_add_integer(char *terms, const char *name, int64_t value)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    wt_terms_add(terms, name, digits);
}

bool wt_terms_find(const char *terms, const char *name, char *value)
{
    size_t name_bytes = strlen(name);
    for (const char *at = terms; *at == ' ';) {
        size_t term_bytes = strcspn(at + 1, " ");
        const char *equals = memchr(at + 1, '=', term_bytes);
        if (equals == at + 1 + name_bytes && memcmp(at + 1, name, name_bytes) == 0) {
            (void)snprintf(value, WT_TERM_VALUE_BYTES_MAX, "%.*s",
                           (int)(term_bytes - name_bytes - 1), equals + 1);
            return true;
        }
        at += 1 + term_bytes;
    }
    return false;
}

bool wt_terms_differ(const char *then, const char *now, const char *const *names, char *words,
                     size_t words_bytes)
{
    size_t length = 0;
    words[0] = '\0';
    for (; *names != NULL; names++) {
        char was[WT_TERM_VALUE_BYTES_MAX];
        char is[WT_TERM_VALUE_BYTES_MAX];
        if (wt_terms_find(then, *names, was) && wt_terms_find(now, *names, is) &&
            strcmp(was, is) != 0 && length < words_bytes) {
            length +=
                (size_t)snprintf(words + length, words_bytes - length, "%s%s was %s and is %s",
                                 length > 0 ? ", " : "", *names, was, is);
        }
    }
    return length > 0;
}
