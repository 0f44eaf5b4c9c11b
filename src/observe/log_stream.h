/* log_stream.h: what becomes of the stream that the log goes to: who reads it, who cuts it. Thread: any. */
#ifndef WIRETAG_OBSERVE_LOG_STREAM_H
#define WIRETAG_OBSERVE_LOG_STREAM_H

#include <stdbool.h>

/* True if systemd's journal reads `file`: JOURNAL_STREAM names it by device and inode, as
 * systemd.exec(5) describes. A child with another stderr inherits the variable, but not the stream. */
bool wt_log_stream_is_journal(int file);

/* Writes to a regular file go to its end from now on. logrotate's copytruncate would leave a hole of
 * zeros before the next line of a file that a shell has opened by ">". */
void wt_log_stream_append(int file);

#endif
