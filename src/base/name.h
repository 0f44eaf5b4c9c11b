/* name.h: the names that Kafka takes for topics, and wiretag for passes. Pure. Thread: any. */
#ifndef WIRETAG_BASE_NAME_H
#define WIRETAG_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define WT_TOPIC_NAME_BYTES_MAX 249u /* Kafka's */

/* 1 to `bytes_max` ASCII letters, digits, '.', '_' or '-'. */
bool wt_name_is_legal(const char *name, size_t bytes_max);

/* A legal name of at most WT_TOPIC_NAME_BYTES_MAX bytes that is neither "." nor "..". */
bool wt_name_is_topic(const char *name);

#endif
