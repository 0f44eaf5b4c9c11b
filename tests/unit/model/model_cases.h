/* model_cases.h: what the tests of the model layer share: cmocka, temporary files, rows of ids. */
#ifndef WIRETAG_TESTS_MODEL_CASES_H
#define WIRETAG_TESTS_MODEL_CASES_H

#include "wiretag/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define PATH_BYTES_MAX 400u
#define LABELS_MAX 16u

/* The path of a file of the repository, in `path_out`. */
static inline const char *source_path(const char *name, char path_out[PATH_BYTES_MAX])
{
    const char *root = getenv("WIRETAG_SOURCE_DIR");
    (void)snprintf(path_out, PATH_BYTES_MAX, "%s/%s", root != NULL ? root : ".", name);
    return path_out;
}

/* Writes `count` bytes to a new temporary file; its name is in `path_out`, the caller unlinks it. */
static inline const char *temporary_file(const void *bytes, size_t count,
                                         char path_out[PATH_BYTES_MAX])
{
    const char *folder = getenv("TMPDIR");
    (void)snprintf(path_out, PATH_BYTES_MAX, "%s/wiretag-test-XXXXXX",
                   folder != NULL ? folder : "/tmp");
    int fd = mkstemp(path_out);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, count), count);
    assert_int_equal(close(fd), 0);
    return path_out;
}

/* A whole file in new memory. */
static inline char *read_file(const char *path, size_t *count_out)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long count = ftell(file);
    assert_true(count > 0);
    rewind(file);
    char *bytes = malloc((size_t)count);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)count, file), count);
    assert_int_equal(fclose(file), 0);
    *count_out = (size_t)count;
    return bytes;
}

/* Loading `path` fails; the error has this code and says `words`. Nothing is written to the model. */
static inline void assert_refused(const char *path, const struct wt_model_options *options,
                                  enum wt_status status, const char *code, const char *words)
{
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    assert_int_equal(wt_model_load(path, options, &model, &error), status);
    assert_null(model);
    assert_string_equal(error.code, code);
    if (strstr(error.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
    assert_int_equal(error.error_class, WT_ERROR_FATAL);
}

/* Articles of given lengths, of ids that depend on the article and the position alone. */
struct articles {
    uint32_t count;
    uint32_t lengths[64];
    uint32_t vocab_size;
};

static inline int64_t article_id(const struct articles *articles, uint32_t article,
                                 uint32_t position)
{
    uint32_t mixed = (article + 1) * 2654435761u + position * 40503u + 7u * position * position;
    return (int64_t)(5 + mixed % (articles->vocab_size - 5));
}

/* The logits of the `count` articles that `chosen` names, in one batch padded to the longest and
 * `extra` more; `padding` is the id past their lengths. */
static inline void label_together(struct wt_model *model, const struct articles *articles,
                                  const uint32_t *chosen, uint32_t count, uint32_t extra,
                                  int64_t padding, float *logits_out)
{
    uint32_t width = 0;
    for (uint32_t row = 0; row < count; row++) {
        uint32_t length = articles->lengths[chosen[row]];
        width = length > width ? length : width;
    }
    width += extra;
    int64_t *ids = malloc((size_t)count * width * sizeof *ids);
    int64_t *lengths = malloc(count * sizeof *lengths);
    assert_non_null(ids);
    assert_non_null(lengths);
    for (uint32_t row = 0; row < count; row++) {
        lengths[row] = articles->lengths[chosen[row]];
        for (uint32_t i = 0; i < width; i++) {
            ids[(size_t)row * width + i] =
                i < lengths[row] ? article_id(articles, chosen[row], i) : padding;
        }
    }
    struct wt_error error = {0};
    if (wt_model_forward(model, ids, lengths, count, width, logits_out, &error) != WT_OK) {
        fail_msg("forward failed: %s", error.message);
    }
    free(ids);
    free(lengths);
}

/* The id of the largest logit. */
static inline uint32_t best_label(const float *logits, uint32_t label_count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < label_count; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

/* Ids, lengths and shapes that `model` (512 tokens at most) must refuse, and their neighbours. */
static inline void assert_rows_out_of_range_are_refused(struct wt_model *model)
{
    uint32_t vocab_size = wt_vocab_size(wt_model_vocab(model));
    static int64_t many[514];
    static const struct {
        int64_t id;
        int64_t length;
        uint32_t batch_size;
        uint32_t width;
        const char *code;
    } cases[] = {
        {-1, 2, 1, 3, "batch-id"},
        {INT64_MAX, 2, 1, 3, "batch-id"},
        {1, 0, 1, 3, "batch-length"},
        {1, -1, 1, 3, "batch-length"},
        {1, 4, 1, 3, "batch-length"},
        {1, 1, 0, 3, "batch-shape"},
        {1, 1, 1, 0, "batch-shape"},
        {1, 1, 1, 513, "batch-shape"},
        {1, INT64_MIN, 1, 3, "batch-length"},
    };
    float logits[LABELS_MAX];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wt_error error = {0};
        many[1] = cases[i].id;
        int64_t length = cases[i].length;
        assert_int_equal(wt_model_forward(model, many, &length, cases[i].batch_size, cases[i].width,
                                          logits, &error),
                         WT_INVALID);
        assert_string_equal(error.code, cases[i].code);
        assert_int_equal(error.error_class, WT_ERROR_RECORD);
    }
    struct wt_error error = {0};
    int64_t length = 1;
    many[1] = 0;
    many[2] = vocab_size; /* past the length, but the model would still look it up */
    assert_int_equal(wt_model_forward(model, many, &length, 1, 3, logits, &error), WT_INVALID);
    assert_string_equal(error.code, "batch-id");
    many[2] = vocab_size - 1;
    assert_int_equal(wt_model_forward(model, many, &length, 1, 3, logits, &error), WT_OK);
    many[2] = 0;
    assert_int_equal(wt_model_forward(model, many, &length, 1, 512, logits, &error), WT_OK);
}

#endif
