/* nearest.h: which known name a mistyped one is nearest to. Pure. Thread: any. */
#ifndef WIRETAG_BASE_NEAREST_H
#define WIRETAG_BASE_NEAREST_H

/* The Levenshtein distance over the first WT_NEAREST_BYTES_MAX bytes of both. */
#define WT_NEAREST_BYTES_MAX 64u
unsigned wt_nearest_distance(const char *a, const char *b);

#endif
