/* Pieces: a long article comes back once, with one outcome, in whatever order its windows end. */
#include "record/piece.h"

#include "dice.h"
#include "observe/metrics.h"
#include "record/in_flight.h"
#include "support.h"

#include <math.h>
#include <pthread.h>

#define LABELS 3u
#define PIECES 5u

/* Windows of 10 tokens of the text that share 3. */
static const struct wt_windows WINDOWS = {
    .before = 1, .behind = 1, .room = 10, .step = 7, .count_max = 16};

/* Ten tokens, then seven, seven, seven and one of their own. */
#define TEXT_TOKENS 32u
static const double OWN[PIECES] = {10, 7, 7, 7, 1};

static struct wt_partition source;

static struct wt_record *whole_create(struct wt_record *pieces_out[PIECES])
{
    struct wt_record *whole = record_of("{}");
    int32_t ids[TEXT_TOKENS + 2];
    for (uint32_t i = 0; i < COUNT_OF(ids); i++) {
        ids[i] = (int32_t)(100 + i);
    }
    whole->source = &source;
    whole->epoch = 3;
    whole->sequence = 7;
    whole->offset = 11;
    whole->token_count = COUNT_OF(ids);
    struct wt_record_list pieces = {0};
    wt_record_cut(whole, &WINDOWS, ids, LABELS, &pieces);
    assert_int_equal(pieces.count, PIECES);
    for (uint32_t i = 0; i < PIECES; i++) {
        pieces_out[i] = wt_record_list_take(&pieces);
    }
    return whole;
}

static float logit_of(uint32_t piece, uint32_t label)
{
    return (float)piece * 0.1f - (float)label * 1.7f + (float)(piece * label % 3);
}

static void finish(struct wt_record *piece)
{
    wt_record_advance(piece, WT_RECORD_WAITING);
    wt_record_advance(piece, WT_RECORD_RUNNING);
    wt_record_advance(piece, WT_RECORD_FINISHED);
}

static void label(struct wt_record *piece)
{
    piece->logits = calloc(LABELS, sizeof(float));
    for (uint32_t i = 0; i < LABELS; i++) {
        piece->logits[i] = logit_of(piece->piece_index, i);
    }
    piece->finished_us = 1000 + piece->piece_index;
    finish(piece);
}

static void poison(struct wt_record *piece)
{
    struct wt_error error;
    (void)wt_error_set(&error, WT_FAILED, WT_ERROR_RECORD, "model-failed", "piece %u",
                       piece->piece_index);
    wt_record_fail(piece, "infer", &error);
    finish(piece);
}

static void a_piece_is_a_record_of_its_window(void **state)
{
    (void)state;
    struct wt_record *pieces[PIECES];
    struct wt_record *whole = whole_create(pieces);
    for (uint32_t i = 0; i < PIECES; i++) {
        assert_ptr_equal(pieces[i]->whole, whole);
        assert_ptr_equal(pieces[i]->source, &source);
        assert_int_equal(pieces[i]->epoch, 3);
        assert_int_equal(pieces[i]->state, WT_RECORD_CONSUMED);
        assert_int_equal(pieces[i]->token_count, i < 4 ? 12 : 6);
        assert_int_equal(pieces[i]->ids[0], 100);
        assert_int_equal(pieces[i]->ids[1], 101 + 7 * i);
        assert_int_equal(pieces[i]->ids[pieces[i]->token_count - 1], 100 + TEXT_TOKENS + 1);
    }
    for (uint32_t i = 0; i < PIECES; i++) {
        label(pieces[i]);
        assert_ptr_equal(wt_piece_join(&pieces[i]), i + 1 < PIECES ? NULL : whole);
        assert_null(pieces[i]);
    }
    wt_record_destroy(whole);
    struct wt_record *plain = record_of("{}");
    struct wt_record *same = plain;
    assert_ptr_equal(wt_piece_join(&plain), same);
    wt_record_destroy(same);
}

static void the_logits_are_the_mean_by_own_tokens_in_every_order(void **state)
{
    (void)state;
    float first[LABELS];
    uint32_t order[PIECES] = {0, 1, 2, 3, 4};
    uint32_t orders = 0;
    do {
        struct wt_record *pieces[PIECES];
        struct wt_record *whole = whole_create(pieces);
        for (uint32_t i = 0; i < PIECES; i++) {
            label(pieces[order[i]]);
            assert_ptr_equal(wt_piece_join(&pieces[order[i]]), i + 1 < PIECES ? NULL : whole);
        }
        assert_int_equal(whole->state, WT_RECORD_FINISHED);
        assert_int_equal(whole->outcome, WT_OUTCOME_LABELLED);
        assert_int_equal(whole->finished_us, 1000 + PIECES - 1);
        assert_null(whole->pieces);
        if (orders++ == 0) {
            memcpy(first, whole->logits, sizeof first);
        }
        assert_memory_equal(whole->logits, first, sizeof first); /* bit by bit */
        wt_record_destroy(whole);
    } while (next_permutation(order, PIECES));
    assert_int_equal(orders, 120);
    for (uint32_t i = 0; i < LABELS; i++) {
        double sum = 0.0;
        for (uint32_t j = 0; j < PIECES; j++) {
            sum += OWN[j] * (double)logit_of(j, i);
        }
        assert_true(fabs(first[i] - sum / TEXT_TOKENS) < 1e-6);
    }
}

static void poison_pieces_are_one_dead_letter_with_the_first_of_them(void **state)
{
    (void)state;
    for (uint32_t bits = 1; bits < 1u << PIECES; bits++) {
        struct wt_record *pieces[PIECES];
        struct wt_record *whole = whole_create(pieces);
        struct wt_record *joined = NULL;
        uint32_t first = PIECES;
        for (uint32_t i = PIECES; i-- > 0;) {
            if ((bits & 1u << i) != 0) {
                poison(pieces[i]);
                first = i;
            } else {
                label(pieces[i]);
            }
            joined = wt_piece_join(&pieces[i]);
            assert_ptr_equal(joined, i > 0 ? NULL : whole);
        }
        char message[80];
        (void)snprintf(message, sizeof message, "window %u of 5: piece %u", first + 1, first);
        assert_int_equal(whole->outcome, WT_OUTCOME_DEAD_LETTERED);
        assert_string_equal(whole->failure->error.message, message);
        assert_string_equal(whole->failure->error.code, "model-failed");
        assert_int_equal(whole->failure->error.error_class, WT_ERROR_RECORD);
        assert_string_equal(whole->failure->stage, "infer");
        assert_null(whole->logits);
        assert_false(whole->abandoned);
        wt_record_destroy(whole);
    }
}

static void one_dropped_or_abandoned_piece_drops_the_whole_once(void **state)
{
    (void)state;
    struct wt_in_flight *in_flight = wt_in_flight_create(100, UINT64_MAX);
    for (uint32_t bits = 1; bits < 1u << PIECES; bits++) {
        struct wt_record *pieces[PIECES];
        struct wt_record *whole = whole_create(pieces);
        whole->source = NULL;
        wt_in_flight_add(in_flight, whole);
        int64_t dropped = wt_metric_get(WT_METRIC_RECORDS_DROPPED);
        struct wt_record *joined = NULL;
        for (uint32_t i = 0; i < PIECES; i++) {
            if ((bits & 1u << i) == 0) {
                label(pieces[i]);
                joined = wt_piece_join(&pieces[i]);
            } else if (i % 2 == 0) {
                wt_in_flight_drop(in_flight, &pieces[i]);
            } else {
                poison(pieces[i]);
                pieces[i]->abandoned = true;
                joined = wt_piece_join(&pieces[i]);
            }
            assert_null(pieces[i]);
        }
        if (joined != NULL) { /* else the last drop has ended it */
            assert_true(joined->abandoned);
            wt_in_flight_drop(in_flight, &joined);
        }
        assert_int_equal(wt_metric_get(WT_METRIC_RECORDS_DROPPED), dropped + 1);
        assert_int_equal(wt_in_flight_records(in_flight), 0);
    }
    wt_in_flight_destroy(in_flight);
}

/* Seen by the leak check of the address sanitizer. */
static void the_whole_goes_with_the_last_piece_that_is_destroyed(void **state)
{
    (void)state;
    struct wt_record *pieces[PIECES];
    (void)whole_create(pieces);
    label(pieces[2]);
    assert_null(wt_piece_join(&pieces[2]));
    for (uint32_t i = 0; i < PIECES; i++) {
        wt_record_destroy(pieces[i]);
    }
}

static void the_bounds_count_windows_from_the_first_byte_to_the_join(void **state)
{
    (void)state;
    char value[40];
    memset(value, 'a', sizeof value);
    struct wt_record *record = wt_record_create(NULL, 0, value, sizeof value, NULL, 0);
    uint64_t plain = record->bytes;
    wt_record_bound(record, &WINDOWS);
    assert_int_equal(record->rows, 6); /* 40 bytes: 10, and five times 7 */
    assert_int_equal(record->bytes, plain + 5ull * record->row_bytes);
    assert_true(record->row_bytes > sizeof *record + 12 * sizeof(int32_t));
    struct wt_in_flight *in_flight = wt_in_flight_create(6, UINT64_MAX);
    wt_in_flight_add(in_flight, record);
    assert_true(wt_in_flight_full(in_flight));
    assert_int_equal(wt_in_flight_records(in_flight), 1);
    wt_in_flight_resize(in_flight, record, 5);
    assert_false(wt_in_flight_full(in_flight));
    wt_in_flight_resize(in_flight, record, 16);
    assert_true(wt_in_flight_full(in_flight));
    wt_in_flight_resize(in_flight, record, 1);
    assert_int_equal(record->bytes, plain);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS), 1);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_BYTES), plain);
    wt_in_flight_end(in_flight, &record);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS), 0);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_BYTES), 0);

    /* An article that is cut counts one, whatever its size. */
    struct wt_windows cut = {.before = 1, .behind = 1, .room = 10, .step = 10, .count_max = 1};
    record = wt_record_create(NULL, 0, value, sizeof value, NULL, 0);
    wt_record_bound(record, &cut);
    assert_int_equal(record->rows, 1);
    assert_int_equal(record->bytes, plain);
    wt_record_destroy(record);

    struct wt_in_flight *small = wt_in_flight_create(100, plain + 1);
    record = wt_record_create(NULL, 0, value, sizeof value, NULL, 0);
    wt_record_bound(record, &WINDOWS);
    wt_in_flight_add(small, record);
    assert_true(wt_in_flight_full(small));
    wt_in_flight_resize(small, record, 1);
    assert_false(wt_in_flight_full(small));
    wt_in_flight_end(small, &record);
    wt_in_flight_destroy(small);
    wt_in_flight_destroy(in_flight);
}

#define WHOLES 2000u
#define THREADS 3u

struct crowd {
    struct wt_record *pieces[WHOLES][PIECES];
    struct wt_in_flight *in_flight;
};

struct joiner {
    struct crowd *crowd;
    uint32_t number;
    uint32_t given_back;
};

/* Ends every third piece: as publish would, or as a revoke. */
static void *join_some(void *opaque)
{
    struct joiner *joiner = opaque;
    for (uint32_t i = joiner->number; i < WHOLES * PIECES; i += THREADS) {
        struct wt_record **piece = &joiner->crowd->pieces[i / PIECES][i % PIECES];
        if (i % 11 == 0) {
            wt_in_flight_drop(joiner->crowd->in_flight, piece);
            continue;
        }
        label(*piece);
        struct wt_record *whole = wt_piece_join(piece);
        if (whole != NULL) {
            joiner->given_back++;
            wt_in_flight_end(joiner->crowd->in_flight, &whole);
        }
    }
    return NULL;
}

static void threads_that_join_pieces_of_one_whole_give_it_back_once(void **state)
{
    (void)state;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    crowd->in_flight = wt_in_flight_create(WHOLES, UINT64_MAX);
    for (uint32_t i = 0; i < WHOLES; i++) {
        struct wt_record *whole = whole_create(crowd->pieces[i]);
        whole->source = NULL;
        wt_in_flight_add(crowd->in_flight, whole);
    }
    int64_t dropped = wt_metric_get(WT_METRIC_RECORDS_DROPPED);
    struct joiner joiners[THREADS];
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        joiners[i] = (struct joiner){.crowd = crowd, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, join_some, &joiners[i]), 0);
    }
    uint32_t given_back = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        given_back += joiners[i].given_back;
    }
    assert_int_equal(given_back + wt_metric_get(WT_METRIC_RECORDS_DROPPED) - dropped, WHOLES);
    assert_int_equal(wt_in_flight_records(crowd->in_flight), 0);
    wt_in_flight_destroy(crowd->in_flight);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_is_a_record_of_its_window),
        cmocka_unit_test(the_logits_are_the_mean_by_own_tokens_in_every_order),
        cmocka_unit_test(poison_pieces_are_one_dead_letter_with_the_first_of_them),
        cmocka_unit_test(one_dropped_or_abandoned_piece_drops_the_whole_once),
        cmocka_unit_test(the_whole_goes_with_the_last_piece_that_is_destroyed),
        cmocka_unit_test(the_bounds_count_windows_from_the_first_byte_to_the_join),
        cmocka_unit_test(threads_that_join_pieces_of_one_whole_give_it_back_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
