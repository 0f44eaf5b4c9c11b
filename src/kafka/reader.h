/* reader.h: reads and searches single records. It neither joins the consumer group nor commits, so
 * it does not disturb workers. */
#ifndef WIRETAG_KAFKA_READER_H
#define WIRETAG_KAFKA_READER_H

#include "config/config.h"
#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_reader;

/* `committed`: reads only committed records, like workers; false: also those of open and aborted
 * transactions. WT_INVALID or WT_FAILED (class fatal). Thread: one for each reader. */
enum wt_status wt_reader_create(const struct wt_config *config, bool committed,
                                struct wt_reader **reader_out, struct wt_error *error);

/* Destroy the records that the reader returned first. Accepts NULL. */
void wt_reader_destroy(struct wt_reader *reader);

/* Reads the record at `offset`; the caller owns it. WT_INVALID with code topic-missing,
 * partition-missing, offset-deleted (by retention), offset-beyond (not written yet) or offset-empty
 * (a transaction marker, compacted away, or not committed). WT_IO: no answer within `wait_ms`, or
 * not authorized to read. */
enum wt_status wt_reader_fetch(struct wt_reader *reader, const char *topic, int32_t partition,
                               int64_t offset, int wait_ms, struct wt_record **record_out,
                               struct wt_error *error);

/* Appends to `list` the first records of a partition with from <= offset < to, at most
 * `records_max`. WT_IO as above. */
enum wt_status wt_reader_sample(struct wt_reader *reader, const char *topic, int32_t partition,
                                int64_t from, int64_t to, uint32_t records_max, int wait_ms,
                                struct wt_record_list *list, struct wt_error *error);

/* What wt_reader_search searches for. */
struct wt_reader_query {
    const char *topic;
    int32_t partition;        /* -1: all */
    int64_t from_ms;          /* records of this time or later; -1: all */
    const char *source_topic; /* compared with the headers wiretag.source.*, as are the next two */
    int32_t source_partition;
    int64_t source_offset;
    size_t records_max; /* limit on matches */
    /* If not NULL: called with every record, and the source is not compared. */
    void (*visit)(void *opaque, const struct wt_record *record);
    void *visit_opaque;
};

/* Reports that `done` of about `total` records were read. */
typedef void wt_reader_progress(void *opaque, uint64_t done, uint64_t total);

/* Reads up to the partitions' current ends and appends the matches to `list`, in the order read.
 * WT_IO: no answer for `wait_ms`. */
enum wt_status wt_reader_search(struct wt_reader *reader, const struct wt_reader_query *query,
                                int wait_ms, wt_reader_progress *progress, void *opaque,
                                struct wt_record_list *list, struct wt_error *error);

#endif
