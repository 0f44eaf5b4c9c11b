#include "rows.h"

#include "record/piece.h"

#include <stdlib.h>

const struct wt_windows simulation_windows = {
    .before = 1, .behind = 1, .room = 80, .step = 60, .count_max = WINDOWS_MAX};

void rows_bound(const struct worker *worker, struct wt_record *record)
{
    if (worker->world->windows) {
        wt_record_bound(record, &simulation_windows);
    }
}

void rows_add(struct worker *worker, struct wt_record *record)
{
    struct wt_record_list rows = {0};
    uint32_t most = wt_windows_tokens_max(&simulation_windows);
    if (worker->world->windows && record->token_count > most) {
        record->token_count = most;
    }
    if (worker->world->windows && wt_windows_count(&simulation_windows, record->token_count) > 1) {
        int32_t *ids = calloc(record->token_count, sizeof *ids);
        wt_record_cut(record, &simulation_windows, ids, 1, &rows);
        free(ids);
        world_require(worker->world, record->rows >= rows.count,
                      "an article of %u windows counts as %u", rows.count, record->rows);
        wt_in_flight_resize(worker->in_flight, record, rows.count);
        worker->pieces += rows.count;
        worker->cut++;
        worker->world->tally->cut++;
    } else {
        wt_in_flight_resize(worker->in_flight, record, 1);
        wt_record_list_append(&rows, &record);
    }
    struct wt_record *row;
    while ((row = wt_record_list_take(&rows)) != NULL) {
        wt_batcher_add(worker->batcher, &row, worker->world->now_us);
    }
}

bool rows_is_poison(const struct wt_record *record)
{
    return record->whole == NULL || record->piece_index == (uint64_t)record->offset % 2;
}

void rows_label(struct wt_record *record)
{
    if (record->whole != NULL) {
        record->logits = calloc(1, sizeof *record->logits);
    }
    record->outcome = WT_OUTCOME_LABELLED;
}

struct wt_record *rows_join(struct worker *worker, struct wt_record *record)
{
    bool piece = record->whole != NULL;
    struct wt_record *whole = wt_piece_join(&record);
    worker->pieces -= piece;
    worker->cut -= piece && whole != NULL;
    if (whole != NULL) {
        wt_in_flight_resize(worker->in_flight, whole, 1);
    }
    return whole;
}

void rows_drop(struct worker *worker, struct wt_record **record)
{
    bool piece = (*record)->whole != NULL;
    uint32_t before = wt_in_flight_records(worker->in_flight);
    wt_in_flight_drop(worker->in_flight, record);
    worker->pieces -= piece;
    if (piece && wt_in_flight_records(worker->in_flight) < before) {
        worker->cut--;
        worker->world->tally->broken++;
    }
}
