#include "cli/explain/explanation.h"

#include "base/alloc.h"
#include "codec/article_windows.h"
#include "codec/decode.h"
#include "codec/encode.h"
#include "codec/headers.h"
#include "codec/json_path.h"
#include "pipeline/auto_limits.h"
#include "pipeline/batcher.h"
#include "pipeline/infer.h"
#include "record/piece.h"
#include "wiretag/tokenizer.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- record coordinates ---------------------------------------------------------------------- */

/* Parses an integer of digits only, at most `max`. */
static bool parse_digits(const char *text, size_t bytes, int64_t max, int64_t *number_out)
{
    int64_t number = 0;
    if (bytes == 0 || bytes > 19) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9' || number > (max - (text[i] - '0')) / 10) {
            return false;
        }
        number = number * 10 + (text[i] - '0');
    }
    *number_out = number;
    return true;
}

bool wt_place_parse(const char *text, struct wt_place *place_out)
{
    const char *last = strrchr(text, ':');
    const char *first = last;
    while (first != NULL && first > text && *--first != ':') {
    }
    if (first == NULL || first == text || *first != ':' ||
        (size_t)(first - text) >= WT_PLACE_TOPIC_BYTES ||
        memchr(text, ':', (size_t)(first - text))) {
        return false;
    }
    int64_t partition;
    int64_t offset;
    if (!parse_digits(first + 1, (size_t)(last - first) - 1, INT32_MAX, &partition) ||
        !parse_digits(last + 1, strlen(last + 1), INT64_MAX, &offset)) {
        return false;
    }
    (void)snprintf(place_out->topic, sizeof place_out->topic, "%.*s", (int)(first - text), text);
    place_out->partition = (int32_t)partition;
    place_out->offset = offset;
    return true;
}

bool wt_place_source(const struct wt_record *record, struct wt_place *place_out)
{
    const struct wt_header *topic = NULL;
    for (size_t i = 0; i < record->header_count; i++) {
        if (strcmp(record->headers[i].name, "wiretag.source.topic") == 0) {
            topic = &record->headers[i];
        }
    }
    int64_t partition = wt_headers_find_integer(record, "wiretag.source.partition", -1);
    int64_t offset = wt_headers_find_integer(record, "wiretag.source.offset", -1);
    if (topic == NULL || topic->value == NULL || topic->value_bytes == 0 ||
        topic->value_bytes >= WT_PLACE_TOPIC_BYTES || partition < 0 || partition > INT32_MAX ||
        offset < 0) {
        return false;
    }
    memcpy(place_out->topic, topic->value, topic->value_bytes);
    place_out->topic[topic->value_bytes] = '\0';
    place_out->partition = (int32_t)partition;
    place_out->offset = offset;
    return true;
}

/* --- the steps ------------------------------------------------------------------------------- */

struct steps {
    const struct wt_config *config;
    struct wt_model *model;
    const struct wt_model_info *info;
    struct wt_windows windows;
    struct wt_tokenizer *tokenizer;
    struct wt_explanation *explanation;
};

static void fail(struct wt_record *record, const char *stage, const struct wt_error *error)
{
    wt_record_fail(record, stage, error);
    wt_record_advance(record, WT_RECORD_FINISHED);
}

/* Words end at white space. Cutting there leaves the tokens of both sides unchanged. */
static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* The template's tokens: [CLS] and [SEP]. */
static uint32_t frame_of(const struct steps *steps)
{
    return steps->windows.before + steps->windows.behind;
}

/* The number of tokens of the first `bytes` bytes, without the template's. */
static uint32_t count_tokens(const struct steps *steps, size_t bytes)
{
    struct wt_tokens tokens;
    enum wt_status status =
        wt_tokenizer_encode(steps->tokenizer, steps->explanation->text, bytes, 0, &tokens, NULL);
    return status == WT_OK ? tokens.count - frame_of(steps) : UINT32_MAX;
}

/* The end of the last word that the model sees at least in part: the first word boundary at which
 * the token limit is reached. Bisects over bytes and moves each probe to a word boundary. */
static size_t find_cut(const struct steps *steps)
{
    const struct wt_explanation *explanation = steps->explanation;
    uint32_t room = explanation->token_count - frame_of(steps);
    size_t low = 0; /* up to here there are fewer tokens than the limit */
    size_t high = explanation->text_bytes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t end = middle;
        while (end < explanation->text_bytes && !is_space(explanation->text[end])) {
            end++;
        }
        if (count_tokens(steps, end) >= room) {
            high = middle;
        } else {
            low = end + 1;
        }
    }
    while (high < explanation->text_bytes && !is_space(explanation->text[high])) {
        high++;
    }
    return high;
}

static enum wt_status tokenize(struct steps *steps, struct wt_record *record,
                               struct wt_error *error)
{
    struct wt_explanation *explanation = steps->explanation;
    struct wt_tokens tokens;
    enum wt_status status =
        wt_tokenizer_encode(steps->tokenizer, explanation->text, explanation->text_bytes,
                            wt_windows_tokens_max(&steps->windows), &tokens, error);
    if (status != WT_OK) {
        return status;
    }
    size_t bytes = tokens.count * sizeof(int32_t);
    explanation->ids = wt_alloc(bytes);
    memcpy(explanation->ids, tokens.ids, bytes);
    explanation->token_count_max = wt_windows_tokens_max(&steps->windows);
    explanation->window_count = wt_windows_count(&steps->windows, tokens.count);
    record->window_count = steps->windows.count_max > 1 ? explanation->window_count : 0;
    record->token_count = explanation->token_count = tokens.count;
    record->unknown_count = explanation->unknown_count = tokens.unknown_count;
    record->truncated = explanation->truncated = tokens.truncated;
    explanation->read_bytes = explanation->text_bytes;
    explanation->token_count_whole = tokens.count;
    if (tokens.truncated) {
        /* The text beyond the limit was never tokenized; it may not even be UTF-8. */
        uint32_t whole = count_tokens(steps, explanation->text_bytes);
        explanation->token_count_whole = whole < UINT32_MAX ? whole + frame_of(steps) : 0;
        explanation->read_bytes = find_cut(steps);
    }
    return WT_OK;
}

/* Passes the record to the batcher, or its pieces. */
static void add_to(struct wt_batcher *batcher, const struct steps *steps, struct wt_record *record)
{
    const struct wt_explanation *explanation = steps->explanation;
    struct wt_record_list rows = {0};
    if (explanation->window_count > 1) {
        wt_record_cut(record, &steps->windows, explanation->ids, steps->info->label_count, &rows);
    } else {
        size_t bytes = record->token_count * sizeof(int32_t);
        record->ids = memcpy(wt_alloc(bytes), explanation->ids, bytes);
        wt_record_list_append(&rows, &record);
    }
    while ((record = wt_record_list_take(&rows)) != NULL) {
        wt_batcher_add(batcher, &record, 0);
    }
}

static void run_model(const struct steps *steps, struct wt_record *record)
{
    struct wt_batcher_limits limits = wt_auto_batch_limits(steps->config, steps->info);
    struct wt_batcher *batcher = wt_batcher_create(&limits);
    struct wt_infer_scratch scratch = {0};
    struct wt_batch batch = {.records =
                                 wt_alloc_zeroed(limits.articles_max, sizeof(struct wt_record *))};
    wt_model_thread_init(steps->model);
    add_to(batcher, steps, record);
    while (wt_batcher_take(batcher, 0, true, &batch)) {
        (void)wt_infer_batch(steps->model, &batch, &scratch);
        for (uint32_t i = 0; i < batch.count; i++) {
            (void)wt_piece_join(&batch.records[i]);
        }
    }
    wt_infer_scratch_free(&scratch);
    free(batch.records);
    wt_batcher_destroy(batcher);
}

static enum wt_status label(struct steps *steps, struct wt_decoder *decoder,
                            struct wt_record *record, struct wt_error *unread)
{
    struct wt_error error;
    struct wt_article article;
    if (record->value == NULL) {
        record->outcome = WT_OUTCOME_TOMBSTONE;
        wt_record_advance(record, WT_RECORD_FINISHED);
        return WT_OK;
    }
    enum wt_status status = wt_decode(decoder, record, &article, &error);
    steps->explanation->article = article;
    if (status == WT_IO) { /* nothing is known of the record */
        *unread = error;
        return WT_IO;
    }
    if (status != WT_OK) {
        fail(record, "decode", &error);
        return WT_OK;
    }
    if (record->outcome == WT_OUTCOME_FILTERED) {
        size_t bytes = 0;
        const char *value = wt_decoder_find(decoder, article.filtered_by, &bytes, NULL);
        steps->explanation->filtered = value != NULL ? wt_format("%.*s", (int)bytes, value) : NULL;
        wt_record_advance(record, WT_RECORD_FINISHED);
        return WT_OK;
    }
    steps->explanation->text = wt_alloc(article.text_bytes + 1);
    memcpy(steps->explanation->text, article.text, article.text_bytes);
    steps->explanation->text[article.text_bytes] = '\0';
    steps->explanation->text_bytes = article.text_bytes;
    steps->explanation->script = wt_script_of(article.text, article.text_bytes);
    if (tokenize(steps, record, &error) != WT_OK) {
        fail(record, "tokenize", &error);
        return WT_OK;
    }
    run_model(steps, record);
    return WT_OK;
}

enum wt_status wt_explain(const struct wt_config *config, struct wt_model *model,
                          struct wt_record *record, struct wt_explanation *explanation,
                          struct wt_error *error)
{
    struct steps steps = {
        .config = config, .model = model, .info = wt_model_info(model), .explanation = explanation};
    enum wt_status status = wt_article_windows(config, wt_model_vocab(model),
                                               steps.info->tokens_max, &steps.windows, error);
    if (status == WT_OK) {
        status = wt_tokenizer_create(wt_model_vocab(model), &steps.tokenizer, error);
    }
    if (status != WT_OK) {
        return status;
    }
    struct wt_decoder *decoder = wt_decoder_create(config);
    struct wt_encoder *encoder = wt_encoder_create(config, steps.info);
    status = label(&steps, decoder, record, error);
    if (status == WT_OK && record->outcome != WT_OUTCOME_FILTERED) {
        wt_encode(encoder, record);
    }
    wt_encoder_destroy(encoder);
    wt_decoder_destroy(decoder);
    wt_tokenizer_destroy(steps.tokenizer);
    return status;
}

void wt_explanation_free(struct wt_explanation *explanation)
{
    free(explanation->filtered);
    free(explanation->text);
    free(explanation->ids);
    *explanation = (struct wt_explanation){0};
}

/* --- comparison with what was published ------------------------------------------------------ */

static bool differ(char why[WT_WHY_BYTES], const char *now, const char *then)
{
    (void)snprintf(why, WT_WHY_BYTES, "%.90s now, %.90s then", now, then);
    return false;
}

static const char *error_code_of(const struct wt_record *published, char code[64])
{
    code[0] = '\0';
    for (size_t i = 0; i < published->header_count; i++) {
        const struct wt_header *header = &published->headers[i];
        if (strcmp(header->name, "wiretag.error.code") == 0 && header->value != NULL) {
            (void)snprintf(code, 64, "%.*s",
                           (int)(header->value_bytes < 63 ? header->value_bytes : 63),
                           (const char *)header->value);
        }
    }
    return code;
}

static const char *outcome_name(const struct wt_record *record)
{
    return record->outcome == WT_OUTCOME_LABELLED    ? "a label"
           : record->outcome == WT_OUTCOME_TOMBSTONE ? "a tombstone"
           : record->outcome == WT_OUTCOME_FILTERED  ? "filtered"
                                                     : record->failure->error.code;
}

static const char *category_of(const json_t *body)
{
    const char *category = json_string_value(json_object_get(body, "category"));
    return category != NULL ? category : "no category";
}

/* The score of the label `name` in a list; negative: it is not there. */
static double score_in(const json_t *labels, const char *name)
{
    size_t i;
    const json_t *label;
    json_array_foreach(labels, i, label)
    {
        const char *other = json_string_value(json_object_get(label, "label"));
        if (other != NULL && strcmp(other, name) == 0) {
            return json_number_value(json_object_get(label, "score"));
        }
    }
    return -1.0;
}

/* Finds a label of `labels` that `others` does not have, or by more than `tolerance` another score
 * for. `now`: which of the two `labels` is. */
static bool list_differs(const json_t *labels, const json_t *others, bool now, double tolerance,
                         char why[WT_WHY_BYTES])
{
    size_t i;
    const json_t *label;
    json_array_foreach(labels, i, label)
    {
        const char *name = json_string_value(json_object_get(label, "label"));
        double score = json_number_value(json_object_get(label, "score"));
        double other = score_in(others, name != NULL ? name : "");
        if (other < 0.0) {
            (void)snprintf(why, WT_WHY_BYTES, "%.90s %.4f %s, not %s", name != NULL ? name : "",
                           score, now ? "now" : "then", now ? "then" : "now");
            return true;
        }
        if (fabs(score - other) > tolerance) {
            (void)snprintf(why, WT_WHY_BYTES, "%.90s %.4f now, %.4f then", name,
                           now ? score : other, now ? other : score);
            return true;
        }
    }
    return false;
}

/* Compares the lists of a multi-label model, or of one of each kind. Another model may give other
 * scores to the same labels. */
static bool lists_agree(const json_t *now, const json_t *then, bool same_model, double tolerance,
                        char why[WT_WHY_BYTES])
{
    const json_t *labels_now = json_object_get(now, "labels");
    const json_t *labels_then = json_object_get(then, "labels");
    if (!json_is_array(labels_now) || !json_is_array(labels_then)) {
        return differ(why, json_is_array(labels_now) ? "several labels" : "one label",
                      json_is_array(labels_then) ? "several labels" : "one label");
    }
    double allowed = same_model ? tolerance : 1.0;
    bool differs = list_differs(labels_now, labels_then, true, allowed, why) ||
                   list_differs(labels_then, labels_now, false, allowed, why);
    size_t length = strlen(why);
    (void)snprintf(why + length, WT_WHY_BYTES - length, "%s", same_model ? "" : " (another model)");
    return !differs;
}

/* Compares two labels. */
static bool labels_agree(const json_t *now, const json_t *then, const struct wt_model_info *info,
                         double tolerance, char why[WT_WHY_BYTES])
{
    if (!json_is_object(then) || json_object_get(then, "category") == NULL) {
        return differ(why, "a label", "a record not written by wiretag");
    }
    const char *sha256 =
        json_string_value(json_object_get(json_object_get(then, "model"), "sha256"));
    bool same_model = sha256 != NULL && strcmp(sha256, info->sha256) == 0;
    const char *remark = same_model ? "" : " (another model)";
    if (json_object_get(now, "labels") != NULL || json_object_get(then, "labels") != NULL) {
        return lists_agree(now, then, same_model, tolerance, why);
    }
    double score_now = json_number_value(json_object_get(now, "score"));
    double score_then = json_number_value(json_object_get(then, "score"));
    if (strcmp(category_of(now), category_of(then)) != 0) {
        (void)snprintf(why, WT_WHY_BYTES, "%.60s %.4f now, %.60s %.4f then%s", category_of(now),
                       score_now, category_of(then), score_then, remark);
        return false;
    }
    if (!same_model || fabs(score_now - score_then) > tolerance) {
        (void)snprintf(why, WT_WHY_BYTES, "score %.4f now, %.4f then%s", score_now, score_then,
                       remark);
    }
    return !same_model || fabs(score_now - score_then) <= tolerance;
}

static bool take_value(void *opaque, const struct wt_value *value)
{
    const struct wt_value **taken = opaque;
    *taken = value;
    return false;
}

/* What is compared of a published label, which stands `at` a JSON pointer. Id, input and article may have
 * numbers that Jansson cannot hold. */
static json_t *load_label(const char *text, size_t bytes, const char *at)
{
    static const char *const compared[] = {"category", "score", "labels", "model"};
    struct wt_document document = {0};
    json_t *label = wt_document_read(&document, text, bytes) == NULL ? json_object() : NULL;
    for (size_t i = 0; label != NULL && i < sizeof compared / sizeof compared[0]; i++) {
        const struct wt_value *value = NULL;
        char *pointer = wt_format("%s/%s", at, compared[i]);
        struct wt_json_path *path = wt_json_path_create(pointer);
        (void)wt_json_path_each(path, &document, take_value, &value);
        wt_json_path_destroy(path);
        free(pointer);
        if (value != NULL) {
            size_t quotes = value->type == WT_VALUE_STRING ? 1 : 0;
            json_t *member = json_loadb(value->start - quotes, value->bytes + 2 * quotes,
                                        JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            (void)json_object_set_new(label, compared[i], member);
        }
    }
    wt_document_free(&document);
    return label;
}

bool wt_explain_agrees(const struct wt_record *record, const struct wt_model_info *info,
                       const struct wt_record *published, bool dead_letter, const char *at,
                       double tolerance, char why[WT_WHY_BYTES])
{
    char code[64];
    why[0] = '\0';
    if (dead_letter) {
        bool same = record->failure != NULL &&
                    strcmp(record->failure->error.code, error_code_of(published, code)) == 0;
        return same || differ(why, outcome_name(record), error_code_of(published, code));
    }
    if (published->value == NULL || record->outcome != WT_OUTCOME_LABELLED) {
        bool same = published->value == NULL && record->outcome == WT_OUTCOME_TOMBSTONE;
        return same || differ(why, outcome_name(record),
                              published->value == NULL ? "a tombstone" : "a label");
    }
    json_t *now = load_label(record->output.value, record->output.value_bytes, at);
    json_t *then = load_label(published->value, published->value_bytes, at);
    bool agrees = labels_agree(now, then, info, tolerance, why);
    json_decref(now);
    json_decref(then);
    return agrees;
}
