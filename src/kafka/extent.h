/* extent.h: what of a partition can be read. */
#ifndef WIRETAG_KAFKA_EXTENT_H
#define WIRETAG_KAFKA_EXTENT_H

#include <stdint.h>

/* What can be read: offsets begin <= offset < end. */
struct wt_extent {
    int64_t begin; /* the oldest that retention has left */
    int64_t end;   /* behind the newest; for readers of committed records, the last stable one */
};

#endif
