/* reader.h: reads single records and looks for them, beside workers: the consumer group is
 * neither joined nor committed to. */
#ifndef WIRETAG_KAFKA_READER_H
#define WIRETAG_KAFKA_READER_H

#include "config/config.h"
#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_reader;

/* `committed`: sees what workers see; else also what transactions did not commit. WT_INVALID or
 * WT_FAILED (class fatal). Thread: one for each reader. */
enum wt_status wt_reader_create(const struct wt_config *config, bool committed,
                                struct wt_reader **reader_out, struct wt_error *error);

/* The records it gave out must be destroyed before. Accepts NULL. */
void wt_reader_destroy(struct wt_reader *reader);

/* The record at `offset`, the caller's. WT_INVALID, code: topic-missing; partition-missing;
 * offset-deleted (retention was faster); offset-beyond (nothing there yet); offset-empty (a
 * transaction marker, compacted away, or not committed where only that is seen). WT_IO: no answer
 * within `wait_ms`, or no right to read. */
enum wt_status wt_reader_fetch(struct wt_reader *reader, const char *topic, int32_t partition,
                               int64_t offset, int wait_ms, struct wt_record **record_out,
                               struct wt_error *error);

/* Appends the first `records_max` records of a partition from offset `from` on and before `to` to
 * `list`; fewer where there are no more. WT_IO as above. */
enum wt_status wt_reader_sample(struct wt_reader *reader, const char *topic, int32_t partition,
                                int64_t from, int64_t to, uint32_t records_max, int wait_ms,
                                struct wt_record_list *list, struct wt_error *error);

/* What wt_reader_search is to look for. */
struct wt_reader_query {
    const char *topic;
    int32_t partition;        /* -1: all */
    int64_t from_ms;          /* records of this time or later; -1: all */
    const char *source_topic; /* by the headers wiretag.source.* */
    int32_t source_partition;
    int64_t source_offset;
    size_t records_max; /* found ones */
    /* Shown every record instead, and nothing is looked for; NULL: by source, as above. */
    void (*visit)(void *opaque, const struct wt_record *record);
    void *visit_opaque;
};

/* Told how many records were looked at, of about how many. */
typedef void wt_reader_progress(void *opaque, uint64_t done, uint64_t total);

/* Reads to what is the end now and appends what it finds, in order of reading, to `list`. WT_IO:
 * it did not get there: no answer for `wait_ms`. */
enum wt_status wt_reader_search(struct wt_reader *reader, const struct wt_reader_query *query,
                                int wait_ms, wt_reader_progress *progress, void *opaque,
                                struct wt_record_list *list, struct wt_error *error);

#endif
