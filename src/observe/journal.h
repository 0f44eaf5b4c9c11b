/* journal.h: whether systemd's journal reads what this process writes, as systemd.exec(5) describes it. */
#ifndef WIRETAG_OBSERVE_JOURNAL_H
#define WIRETAG_OBSERVE_JOURNAL_H

#include <stdbool.h>

/* True if `file` is the stream that JOURNAL_STREAM names by device and inode. A child with another
 * stderr inherits the variable, but not the stream. Thread: any. */
bool wt_journal_reads(int file);

#endif
