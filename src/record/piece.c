#include "record/piece.h"

#include "base/alloc.h"
#include "base/scores.h"
#include "record/labellers.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

/* What is left of a joined piece. */
struct result {
    float *logits;
    struct wt_failure *failure;
    int64_t finished_us;
    bool abandoned;
};

/* What a whole has of its pieces. Each piece writes its own result; the last one to be joined reads all. */
struct wt_pieces {
    uint32_t count;
    uint32_t label_count;
    atomic_uint left; /* pieces that are not joined yet */
    uint32_t *own;    /* weights, in the order of the windows */
    struct result *results;
};

static void destroy_pieces(struct wt_pieces *pieces)
{
    for (uint32_t i = 0; i < pieces->count; i++) {
        free(pieces->results[i].logits);
        free(pieces->results[i].failure);
    }
    free(pieces->results);
    free(pieces->own);
    free(pieces);
}

/* wt_record_destroy calls it for a piece that was not joined. */
static void drop(struct wt_record *piece)
{
    piece->abandoned = true;
    wt_record_destroy(wt_piece_join(&piece));
}

/* It has no value, and so no room in its block: its logits outlive it. */
static struct wt_record *piece_of(struct wt_record *whole, uint32_t index)
{
    struct wt_record *piece = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    piece->whole = whole;
    piece->drop = drop;
    piece->piece_index = index;
    piece->source = whole->source;
    piece->epoch = whole->epoch;
    piece->sequence = whole->sequence;
    piece->offset = whole->offset;
    piece->timestamp_ms = whole->timestamp_ms;
    piece->consumed_us = whole->consumed_us;
    piece->labeller = whole->labeller != NULL ? wt_labeller_hold(whole->labeller) : NULL;
    return piece;
}

void wt_record_cut(struct wt_record *whole, const struct wt_windows *windows, const int32_t *ids,
                   uint32_t label_count, struct wt_record_list *pieces_out)
{
    uint32_t count = wt_windows_count(windows, whole->token_count);
    assert(whole->state == WT_RECORD_CONSUMED && whole->pieces == NULL && count > 1);
    struct wt_pieces *pieces = wt_alloc_zeroed(1, sizeof *pieces);
    pieces->count = count;
    pieces->label_count = label_count;
    atomic_init(&pieces->left, count);
    pieces->own = wt_alloc(count * sizeof *pieces->own);
    pieces->results = wt_alloc_zeroed(count, sizeof *pieces->results);
    whole->pieces = pieces;
    for (uint32_t i = 0; i < count; i++) {
        struct wt_window window = wt_windows_at(windows, whole->token_count, i);
        struct wt_record *piece = piece_of(whole, i);
        size_t room = windows->before + window.count + windows->behind;
        piece->ids = wt_alloc(room * sizeof *piece->ids);
        piece->token_count = wt_windows_ids(windows, &window, ids, whole->token_count, piece->ids);
        pieces->own[i] = window.own;
        wt_record_list_append(pieces_out, &piece);
    }
}

/* The failure of the first window that failed; NULL: none did. */
static void fail(struct wt_record *whole, uint32_t index)
{
    const struct wt_pieces *pieces = whole->pieces;
    const struct wt_failure *cause = pieces->results[index].failure;
    struct wt_error error;
    (void)wt_error_set(&error, WT_FAILED, cause->error.error_class, cause->error.code,
                       "window %u of %u: %s", index + 1, pieces->count, cause->error.message);
    wt_record_fail(whole, cause->stage, &error);
}

static void label(struct wt_record *whole)
{
    const struct wt_pieces *pieces = whole->pieces;
    const float **rows = wt_alloc(pieces->count * sizeof *rows);
    for (uint32_t i = 0; i < pieces->count; i++) {
        rows[i] = pieces->results[i].logits;
    }
    whole->logits = wt_alloc(pieces->label_count * sizeof *whole->logits);
    wt_logits_mean(rows, pieces->own, pieces->count, pieces->label_count, whole->logits);
    whole->outcome = WT_OUTCOME_LABELLED;
    free(rows);
}

/* Gives the whole its outcome once all pieces are joined. */
static void settle(struct wt_record *whole)
{
    const struct wt_pieces *pieces = whole->pieces;
    uint32_t failed = pieces->count;
    for (uint32_t i = pieces->count; i-- > 0;) {
        const struct result *result = &pieces->results[i];
        whole->abandoned |= result->abandoned;
        failed = result->failure != NULL ? i : failed;
        if (result->finished_us > whole->finished_us) {
            whole->finished_us = result->finished_us;
        }
    }
    if (failed < pieces->count) {
        fail(whole, failed);
    } else if (!whole->abandoned) {
        label(whole);
    }
    destroy_pieces(whole->pieces);
    whole->pieces = NULL;
    wt_record_advance(whole, WT_RECORD_FINISHED);
}

struct wt_record *wt_piece_join(struct wt_record **record)
{
    struct wt_record *piece = *record;
    struct wt_record *whole = piece->whole;
    *record = NULL;
    if (whole == NULL) {
        return piece;
    }
    struct wt_pieces *pieces = whole->pieces;
    assert(piece->piece_index < pieces->count);
    assert(piece->abandoned || piece->state == WT_RECORD_FINISHED);
    struct result *result = &pieces->results[piece->piece_index];
    *result = (struct result){.logits = piece->logits,
                              .failure = piece->failure,
                              .finished_us = piece->finished_us,
                              .abandoned = piece->abandoned};
    assert(result->abandoned || (result->logits != NULL) != (result->failure != NULL));
    piece->logits = NULL;
    piece->failure = NULL;
    piece->drop = NULL;
    wt_record_destroy(piece);
    /* Release: this result. Acquire: those of the others. */
    if (atomic_fetch_sub_explicit(&pieces->left, 1, memory_order_acq_rel) > 1) {
        return NULL;
    }
    settle(whole);
    return whole;
}

void wt_record_bound(struct wt_record *record, const struct wt_windows *windows)
{
    assert(record->state == WT_RECORD_CONSUMED && record->rows == 1);
    if (windows->count_max == 1) {
        return;
    }
    size_t tokens = (size_t)windows->before + windows->room + windows->behind;
    record->row_bytes =
        (uint32_t)(sizeof *record + sizeof(struct result) + tokens * sizeof(int32_t));
    record->rows = wt_windows_count_bound(windows, record->value_bytes);
    record->bytes += (uint64_t)(record->rows - 1) * record->row_bytes;
}
