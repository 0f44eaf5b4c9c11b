/* name.h: which names Kafka accepts for topics, and wiretag for replays. Pure. Thread: any. */
#ifndef WIRETAG_BASE_NAME_H
#define WIRETAG_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define WT_TOPIC_NAME_BYTES_MAX 249u /* Kafka's limit */

/* True for 1 to `bytes_max` ASCII letters, digits, '.', '_' or '-'. */
bool wt_name_is_legal(const char *name, size_t bytes_max);

/* True for a legal name of at most WT_TOPIC_NAME_BYTES_MAX bytes other than "." and "..". */
bool wt_name_is_topic(const char *name);

#endif
