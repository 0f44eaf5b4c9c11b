/* priority.h: the calling thread gives way to others of the process where they want its processor.
 *
 * Where the system knows no such priority, nothing changes. Neither can be taken back without
 * privileges, and threads that the caller starts afterwards inherit it. Thread: the one it is for. */
#ifndef WIRETAG_BASE_PRIORITY_H
#define WIRETAG_BASE_PRIORITY_H

/* For work that may wait for ever: it runs while a processor has nothing else to do. */
void wt_priority_idle(void);

/* For work that must come to an end on busy processors, too: beside one usual thread it gets about a
 * tenth of a processor (nice 10 more; sched(7)). */
void wt_priority_low(void);

#endif
