/* infer_cases.h: a fake model, and the infer stage with everything around it, for the tests of infer. */
#ifndef WIRETAG_TESTS_INFER_CASES_H
#define WIRETAG_TESTS_INFER_CASES_H

#include "observe/metrics.h"
#include "pipeline/infer.h"
#include "record/labellers.h"
#include "support.h"

#include <time.h>

enum { ID_PAD, ID_UNK, ID_CLS, ID_SEP, ID_POISON, ID_NAN, ID_WORD };

#define ROWS_MAX 64u
#define WAIT_US_MAX 1000

/* More words than the tests write. */
#define VOCAB_SIZE 1000

#define THREE_LABELS "\"bundle_format\":1,\"labels\":[\"a\",\"b\",\"c\"]"

/* A bundle of the fake model with the given keys of its manifest, among them three labels, and the
 * given behaviour, a JSON object. */
static inline struct wt_model *model_of(const char *labels, const char *behaviour)
{
    char path[] = "/tmp/wiretag-test-infer-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "{\"wiretag\":{%s,\"runtime\":\"fake\",\"name\":\"f\","
                  "\"version\":\"1\",\"tokenizer\":{\"type\":"
                  "\"wordpiece\",\"lowercase\":false,\"clean_text\":true,"
                  "\"handle_chinese_chars\":true,\"strip_accents\":null},\"max_tokens\":128,"
                  "\"padding\":\"exact\",\"inputs\":\"ids+lengths\","
                  "\"precisions\":{\"fp32\":{\"logits_bound\":1e-4}}},\"selftest\":[],"
                  "\"behaviour\":%s,\"vocab\":[\"[PAD]\",\"[UNK]\",\"[CLS]\",\"[SEP]\","
                  "\"poison\",\"nan\"",
                  labels, behaviour);
    for (int id = ID_WORD; id < VOCAB_SIZE; id++) {
        (void)fprintf(file, ",\"%d\"", id);
    }
    (void)fprintf(file, "]}");
    (void)fclose(file);
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    struct wt_model_options options = {
        .size = sizeof(struct wt_model_options), .device = "cpu", .skip_selftest = true};
    enum wt_status status = wt_model_load(path, &options, &model, &error);
    (void)unlink(path);
    if (status != WT_OK) {
        fail_msg("%s", error.message);
    }
    wt_model_thread_init(model);
    return model;
}

static inline struct wt_model *model_create(const char *behaviour)
{
    return model_of(THREE_LABELS, behaviour);
}

/* A record of `token_count` tokens that says `number`, with the id `odd` in it where that is > 0. */
static inline struct wt_record *record_saying(uint32_t number, uint32_t token_count, int32_t odd)
{
    struct wt_record *record = record_of_tokens(token_count);
    record->offset = number;
    record->ids = calloc(token_count, sizeof(int32_t));
    for (uint32_t i = 0; i < token_count; i++) {
        record->ids[i] = ID_WORD + (int32_t)(number >> i % 8 & 7);
    }
    if (odd > 0) {
        record->ids[token_count / 2] = odd;
    }
    return record;
}

static inline void assert_labelled(const struct wt_record *record)
{
    assert_int_equal(record->state, WT_RECORD_FINISHED);
    assert_int_equal(record->outcome, WT_OUTCOME_LABELLED);
    assert_non_null(record->logits);
    assert_null(record->failure);
    assert_null(record->ids);
}

static inline void assert_failed(const struct wt_record *record, const char *code)
{
    assert_int_equal(record->state, WT_RECORD_FINISHED);
    assert_int_equal(record->outcome, WT_OUTCOME_DEAD_LETTERED);
    assert_string_equal(record->failure->stage, "infer");
    assert_string_equal(record->failure->error.code, code);
    assert_null(record->ids);
}

struct stage {
    struct wt_model *model;
    struct wt_batch_stage *batch_in;
    struct wt_queue *finished;
    struct wt_in_flight *in_flight;
    struct wt_infer *infer;
    struct wt_partition source;
    struct wt_labeller labeller; /* of all records */
};

#define HOUR_MS 3600000u

static inline struct stage *stage_start_waiting(struct wt_model *model, int64_t wait_us_max,
                                                uint32_t memory_wait_ms_max)
{
    struct wt_batcher_limits limits = {
        .tokens_max = 256, .articles_max = ROWS_MAX, .wait_us_max = wait_us_max, .length_max = 128};
    struct stage *stage = calloc(1, sizeof *stage);
    atomic_store(&stage->source.epoch_live, 1);
    stage->model = model;
    stage->labeller =
        (struct wt_labeller){.number = 1, .model = model, .info = wt_model_info(model)};
    stage->batch_in = wt_batch_stage_create(&stage->labeller, &limits);
    stage->finished = wt_queue_create(10000);
    stage->in_flight = wt_in_flight_create(10000, UINT64_MAX);
    struct wt_infer_ports ports = {.replicas = 2,
                                   .articles_max = ROWS_MAX,
                                   .memory_wait_ms_max = memory_wait_ms_max,
                                   .batch_in = stage->batch_in,
                                   .finished_out = stage->finished,
                                   .in_flight = stage->in_flight};
    assert_int_equal(wt_infer_start(&ports, &stage->infer, NULL), WT_OK);
    return stage;
}

static inline struct stage *stage_start(struct wt_model *model, int64_t wait_us_max)
{
    return stage_start_waiting(model, wait_us_max, HOUR_MS);
}

static inline void stage_add(struct stage *stage, struct wt_record *record)
{
    struct wt_record_list list = {0};
    record->source = &stage->source;
    record->epoch = 1;
    record->labeller = wt_labeller_hold(&stage->labeller);
    wt_record_list_append(&list, &record);
    wt_batch_stage_add(stage->batch_in, &list);
}

static inline void stage_stop(struct stage *stage)
{
    wt_batch_stage_close(stage->batch_in);
    wt_infer_join(stage->infer);
    wt_batch_stage_destroy(stage->batch_in);
    wt_queue_destroy(stage->finished);
    wt_in_flight_destroy(stage->in_flight);
    wt_model_destroy(stage->model);
    free(stage);
}

static inline void take_finished(struct stage *stage, uint32_t wanted)
{
    for (uint32_t count = 0; count < wanted;) {
        struct wt_record_list list = {0};
        assert_int_equal(wt_queue_pop(stage->finished, 10000, wanted, &list), WT_OK);
        assert_true(list.count > 0);
        count += list.count;
        for (struct wt_record *record; (record = wt_record_list_take(&list)) != NULL;) {
            wt_record_destroy(record);
        }
    }
}

/* Waits until `metric` is from `least` to `most`. */
static inline void wait_between(enum wt_metric metric, int64_t least, int64_t most)
{
    int64_t deadline_us = wt_clock_us() + 60000000;
    while (wt_metric_get(metric) < least || wt_metric_get(metric) > most) {
        struct timespec wait = {.tv_nsec = 1000000};
        (void)nanosleep(&wait, NULL);
        assert_true(wt_clock_us() < deadline_us);
    }
}

static inline void wait_for(enum wt_metric metric, int64_t value)
{
    wait_between(metric, value, value);
}

#endif
