/* script.h: the script in which a text is written, for the metric of scripts. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_SCRIPT_H
#define WIRETAG_TEXT_SCRIPT_H

#include <stddef.h>

#define WT_SCRIPTS(X)                                                                              \
    X(LATIN, latin)                                                                                \
    X(CYRILLIC, cyrillic)                                                                          \
    X(GREEK, greek)                                                                                \
    X(ARMENIAN, armenian)                                                                          \
    X(GEORGIAN, georgian)                                                                          \
    X(HEBREW, hebrew)                                                                              \
    X(ARABIC, arabic)                                                                              \
    X(DEVANAGARI, devanagari)                                                                      \
    X(THAI, thai)                                                                                  \
    X(HANGUL, hangul)                                                                              \
    X(KANA, kana)                                                                                  \
    X(HAN, han)                                                                                    \
    X(OTHER, other)                                                                                \
    X(NONE, none) /* no letters: digits, signs, emoji */

#define WT_SCRIPT_VALUE(NAME, name) WT_SCRIPT_##NAME,
enum wt_script { WT_SCRIPTS(WT_SCRIPT_VALUE) WT_SCRIPT_COUNT };
#undef WT_SCRIPT_VALUE

/* The script of most letters among the first 4 KiB of `text`, well-formed UTF-8. Of two with as many
 * letters the first in the list above. */
enum wt_script wt_script_of(const char *text, size_t bytes);

/* "cyrillic" and so on. */
const char *wt_script_name(enum wt_script script);

#endif
