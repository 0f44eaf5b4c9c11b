/* Long articles through batch and infer: the same logits alone and in every batch; one poison window
 * is one dead letter; a revoke drops what it must. */
#include "base/clock.h"
#include "dice.h"
#include "infer_cases.h"
#include "record/piece.h"

#define ARTICLES 60u
#define LABELS 3u

/* Windows of 30 tokens of the text that share 8; the model takes 128, so batches mix them with
 * articles that are longer than a window. */
static const struct wt_windows WINDOWS = {
    .before = 1, .behind = 1, .room = 30, .step = 22, .count_max = 6};

struct article {
    int32_t ids[200];
    uint32_t count;
};

static void write_articles(struct article *articles, struct dice *dice)
{
    for (uint32_t i = 0; i < ARTICLES; i++) {
        uint32_t most = wt_windows_tokens_max(&WINDOWS);
        articles[i].count = i % 3 == 0 ? dice_between(dice, 3, 32) : dice_between(dice, 33, most);
        for (uint32_t j = 0; j < articles[i].count; j++) {
            articles[i].ids[j] = ID_WORD + (int32_t)dice_below(dice, VOCAB_SIZE - ID_WORD);
        }
    }
}

/* Plain and slow: each window by a call of its own, the mean with nothing shared with the code. */
static void expected_logits(struct wt_model *model, const struct article *article,
                            float logits_out[LABELS])
{
    double sums[LABELS] = {0};
    double weight = 0.0;
    uint32_t text = article->count - 2;
    uint32_t done = 0;
    for (uint32_t from = 0; from == 0 || done < text; from += 22) {
        int64_t row[32] = {article->ids[0]};
        uint32_t count = 0;
        while (count < 30 && from + count < text) {
            row[1 + count] = article->ids[1 + from + count];
            count++;
        }
        row[1 + count] = article->ids[article->count - 1];
        int64_t length = count + 2;
        float logits[LABELS];
        assert_int_equal(wt_model_forward(model, row, &length, 1, (uint32_t)length, logits, NULL),
                         WT_OK);
        double own = from + count - done;
        for (uint32_t i = 0; i < LABELS; i++) {
            sums[i] += own * (double)logits[i];
        }
        weight += own;
        done = from + count;
    }
    for (uint32_t i = 0; i < LABELS; i++) {
        logits_out[i] = (float)(sums[i] / weight);
    }
}

/* Adds the article's record, or its pieces, as prepare would. */
static void add_article(struct stage *stage, const struct article *article, uint32_t number)
{
    struct wt_record *record = record_of_tokens(article->count);
    struct wt_record_list list = {0};
    record->source = &stage->source;
    record->epoch = 1;
    record->offset = number;
    record->labeller = wt_labeller_hold(&stage->labeller);
    wt_in_flight_add(stage->in_flight, record);
    if (wt_windows_count(&WINDOWS, article->count) > 1) {
        wt_record_cut(record, &WINDOWS, article->ids, LABELS, &list);
    } else {
        record->ids = calloc(article->count, sizeof(int32_t));
        memcpy(record->ids, article->ids, article->count * sizeof(int32_t));
        wt_record_list_append(&list, &record);
    }
    wt_batch_stage_add(stage->batch_in, &list);
    assert_int_equal(list.count, 0);
}

/* Takes finished rows until `wanted` whole records are joined; hands each to `see`. */
static void join_finished(struct stage *stage, uint32_t wanted,
                          void (*see)(struct wt_record *record, void *opaque), void *opaque)
{
    while (wanted > 0) {
        struct wt_record_list list = {0};
        assert_int_equal(wt_queue_pop(stage->finished, 10000, 100, &list), WT_OK);
        assert_true(list.count > 0);
        for (struct wt_record *row; (row = wt_record_list_take(&list)) != NULL;) {
            struct wt_record *record = wt_piece_join(&row);
            if (record != NULL) {
                see(record, opaque);
                wt_in_flight_end(stage->in_flight, &record);
                wanted--;
            }
        }
    }
}

struct seen {
    const float (*expected)[LABELS];
    uint32_t times[ARTICLES];
    uint32_t poisoned;
};

static void see_label(struct wt_record *record, void *opaque)
{
    struct seen *seen = opaque;
    assert_int_equal(record->outcome, WT_OUTCOME_LABELLED);
    assert_memory_equal(record->logits, seen->expected[record->offset], LABELS * sizeof(float));
    seen->times[record->offset]++;
}

static struct stage *stage_of(const char *behaviour, uint32_t tokens_max, uint32_t articles_max)
{
    struct wt_batcher_limits limits = {.tokens_max = tokens_max,
                                       .articles_max = articles_max,
                                       .wait_us_max = WAIT_US_MAX,
                                       .length_max = 128};
    struct stage *stage = stage_start(model_create(behaviour), WAIT_US_MAX);
    wt_batch_stage_close(stage->batch_in);
    wt_infer_join(stage->infer);
    wt_batch_stage_destroy(stage->batch_in);
    stage->batch_in = wt_batch_stage_create(&stage->labeller, &limits);
    struct wt_infer_ports ports = {.replicas = 2,
                                   .articles_max = articles_max,
                                   .memory_wait_ms_max = HOUR_MS,
                                   .batch_in = stage->batch_in,
                                   .finished_out = stage->finished,
                                   .in_flight = stage->in_flight};
    assert_int_equal(wt_infer_start(&ports, &stage->infer, NULL), WT_OK);
    return stage;
}

static void an_article_has_the_same_logits_alone_and_in_every_batch(void **state)
{
    (void)state;
    struct dice dice = {.state = 11};
    struct article *articles = calloc(ARTICLES, sizeof *articles);
    float expected[ARTICLES][LABELS];
    write_articles(articles, &dice);
    struct wt_model *model = model_create("{}");
    for (uint32_t i = 0; i < ARTICLES; i++) {
        expected_logits(model, &articles[i], expected[i]);
    }
    wt_model_destroy(model);
    static const uint32_t sizes[][2] = {{1, 1}, {64, 2}, {100, 3}, {256, 64}, {4096, 64}};
    for (size_t size = 0; size < COUNT_OF(sizes); size++) {
        struct stage *stage = stage_of("{}", sizes[size][0], sizes[size][1]);
        struct seen seen = {.expected = (const float(*)[LABELS])expected};
        for (uint32_t i = 0; i < ARTICLES; i++) { /* alone */
            add_article(stage, &articles[i], i);
            join_finished(stage, 1, see_label, &seen);
        }
        uint32_t order[ARTICLES];
        for (uint32_t i = 0; i < ARTICLES; i++) {
            order[i] = i;
        }
        for (int round = 0; round < 5; round++) { /* in mixed batches */
            dice_shuffle(&dice, order, ARTICLES);
            for (uint32_t i = 0; i < ARTICLES; i++) {
                add_article(stage, &articles[order[i]], order[i]);
            }
            join_finished(stage, ARTICLES, see_label, &seen);
        }
        for (uint32_t i = 0; i < ARTICLES; i++) {
            assert_int_equal(seen.times[i], 6);
        }
        assert_int_equal(wt_in_flight_records(stage->in_flight), 0);
        stage_stop(stage);
    }
    free(articles);
}

static void see_label_or_poison(struct wt_record *record, void *opaque)
{
    struct seen *seen = opaque;
    if (record->offset % 7 != 1) {
        see_label(record, opaque);
        return;
    }
    assert_int_equal(record->outcome, WT_OUTCOME_DEAD_LETTERED);
    assert_string_equal(record->failure->error.code, "model-failed");
    assert_string_equal(record->failure->stage, "infer");
    assert_non_null(strstr(record->failure->error.message, "window "));
    seen->times[record->offset]++;
    seen->poisoned++;
}

static void a_poison_window_is_its_articles_only_dead_letter(void **state)
{
    (void)state;
    struct dice dice = {.state = 12};
    struct article *articles = calloc(ARTICLES, sizeof *articles);
    float expected[ARTICLES][LABELS];
    write_articles(articles, &dice);
    struct stage *stage = stage_of("{\"fail_on_token\":\"poison\"}", 512, 64);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        if (i % 7 != 1) {
            expected_logits(stage->model, &articles[i], expected[i]);
            continue;
        }
        articles[i].count = 120;
        articles[i].ids[dice_between(&dice, 1, 118)] = ID_POISON; /* in one window or in two */
        for (uint32_t j = 0; j < 120; j++) {
            articles[i].ids[j] = articles[i].ids[j] > 0 ? articles[i].ids[j] : ID_WORD;
        }
    }
    struct seen seen = {.expected = (const float(*)[LABELS])expected};
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < ARTICLES; i++) {
            add_article(stage, &articles[i], i);
        }
        join_finished(stage, ARTICLES, see_label_or_poison, &seen);
    }
    assert_int_equal(seen.poisoned, 5 * ((ARTICLES + 5) / 7));
    for (uint32_t i = 0; i < ARTICLES; i++) {
        assert_int_equal(seen.times[i], 5);
    }
    assert_int_equal(wt_in_flight_records(stage->in_flight), 0);
    stage_stop(stage);
    free(articles);
}

struct drain {
    struct wt_in_flight *in_flight;
    uint32_t labelled;
    uint32_t broken; /* dropped although a window had run */
};

static void publish(struct drain *drain, struct wt_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct wt_record *record = wt_piece_join(&batch->records[i]);
        if (record != NULL && record->abandoned) {
            drain->broken++;
            wt_in_flight_drop(drain->in_flight, &record);
        } else if (record != NULL) {
            assert_int_equal(record->outcome, WT_OUTCOME_LABELLED);
            drain->labelled++;
            wt_in_flight_end(drain->in_flight, &record);
        }
    }
    batch->count = 0;
}

/* The epoch ends while two batches run, some are done and others wait: each article is labelled or
 * dropped, once, and those with a window that was dropped are dropped. */
static void revoke_after(uint32_t batches, const struct article *articles, struct drain *drain)
{
    struct stage stage = {.model = model_create("{}"), .in_flight = drain->in_flight};
    struct wt_batcher_limits limits = {
        .tokens_max = 96, .articles_max = 4, .wait_us_max = 0, .length_max = 128};
    struct wt_infer_scratch scratch = {0};
    struct wt_record *rows[2][4];
    struct wt_batch running[2] = {{.records = rows[0]}, {.records = rows[1]}};
    atomic_store(&stage.source.epoch_live, 1);
    stage.batch_in = wt_batch_stage_create(&stage.labeller, &limits);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        add_article(&stage, &articles[i], i);
    }
    for (uint32_t i = 0; i < batches; i++) {
        assert_int_equal(wt_batch_stage_pull(stage.batch_in, &running[0]), WT_OK);
        (void)wt_infer_batch(stage.model, &running[0], &scratch);
        publish(drain, &running[0]);
    }
    assert_int_equal(wt_batch_stage_pull(stage.batch_in, &running[0]), WT_OK);
    assert_int_equal(wt_batch_stage_pull(stage.batch_in, &running[1]), WT_OK);
    struct wt_record_list stale = {0};
    atomic_store(&stage.source.epoch_live, 0);
    wt_batch_stage_remove_stale(stage.batch_in, &stale);
    for (struct wt_record *row; (row = wt_record_list_take(&stale)) != NULL;) {
        wt_in_flight_drop(stage.in_flight, &row);
    }
    for (uint32_t i = 0; i < 2; i++) {
        (void)wt_infer_batch(stage.model, &running[i], &scratch);
        publish(drain, &running[i]);
    }
    wt_batch_stage_destroy(stage.batch_in);
    wt_infer_scratch_free(&scratch);
    wt_model_destroy(stage.model);
}

static void a_revoke_in_the_middle_of_an_article_drops_it_once(void **state)
{
    (void)state;
    struct dice dice = {.state = 13};
    struct article *articles = calloc(ARTICLES, sizeof *articles);
    write_articles(articles, &dice);
    struct drain drain = {.in_flight = wt_in_flight_create(10000, UINT64_MAX)};
    for (uint32_t batches = 0; batches < 30; batches++) {
        drain.labelled = 0;
        int64_t dropped = wt_metric_get(WT_METRIC_RECORDS_DROPPED);
        revoke_after(batches, articles, &drain);
        assert_int_equal(drain.labelled + wt_metric_get(WT_METRIC_RECORDS_DROPPED) - dropped,
                         ARTICLES);
        assert_int_equal(wt_in_flight_records(drain.in_flight), 0);
    }
    assert_true(drain.broken > 0);
    wt_in_flight_destroy(drain.in_flight);
    free(articles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_article_has_the_same_logits_alone_and_in_every_batch),
        cmocka_unit_test(a_poison_window_is_its_articles_only_dead_letter),
        cmocka_unit_test(a_revoke_in_the_middle_of_an_article_drops_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
