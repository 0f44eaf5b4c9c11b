/* oversize.h: answers of brokers that are larger than receive.message.max.bytes.
 *
 * A broker answers with at least one batch, however large it is. librdkafka closes the connection on which
 * an answer is too large, and asks again. One state a process. Thread: any. Locks: its own. */
#ifndef WIRETAG_KAFKA_OVERSIZE_H
#define WIRETAG_KAFKA_OVERSIZE_H

#define WT_OVERSIZE_BYTES_MAX 160u

/* Notes a line of librdkafka with the facility FAIL, if it is about such an answer. */
void wt_oversize_note(const char *message);

/* Writes what came within the last minute, and what to do, as the end of a message: "; a broker's answer
 * has …"; "": nothing. */
void wt_oversize_say(char text[WT_OVERSIZE_BYTES_MAX]);

#endif
