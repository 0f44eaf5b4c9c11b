/* trace.h: the trace context of a record that is traced, and when it left each stage. Times are of
 * wt_clock_us; 0: it did not pass the stage. Belongs to whoever owns the record. */
#ifndef WIRETAG_RECORD_TRACE_H
#define WIRETAG_RECORD_TRACE_H

#include <stdint.h>

struct wt_trace {
    char trace_id[33];  /* lower-case hex digits, NUL-terminated, as the other ids */
    char span_id[17];   /* of the record's own span */
    char parent_id[17]; /* "": the trace begins here */
    int64_t queued_us;
    int64_t decoded_us;
    int64_t tokenized_us;
    int64_t running_us; /* when it entered the model; 0 also for an article in windows */
};

#endif
