/* extent.h: the readable offsets of a partition. */
#ifndef WIRETAG_KAFKA_EXTENT_H
#define WIRETAG_KAFKA_EXTENT_H

#include <stdint.h>

/* The offsets begin <= offset < end. */
struct wt_extent {
    int64_t begin; /* the oldest offset that retention has left */
    int64_t end;   /* the high watermark; for read_committed, the last stable offset */
};

#endif
