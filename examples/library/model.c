/* Runs a model on token ids: cc model.c $(pkg-config --cflags --libs wiretag)
 *
 * For programs that make their own batches. classify.c is shorter. */
#include "wiretag/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One text, one row. */
static enum wt_status run(struct wt_model *model, const char *text, struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(model);
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_tokens tokens;
    float *logits = calloc(info->label_count, sizeof *logits);
    int64_t *ids = calloc(info->tokens_max, sizeof *ids);
    enum wt_status status = logits != NULL && ids != NULL ? WT_OK : WT_MEMORY;
    if (status == WT_OK) {
        status = wt_tokenizer_create(wt_model_vocab(model), &tokenizer, error);
    }
    if (status == WT_OK) {
        status =
            wt_tokenizer_encode(tokenizer, text, strlen(text), info->tokens_max, &tokens, error);
    }
    if (status == WT_OK) {
        int64_t length = tokens.count;
        for (uint32_t i = 0; i < tokens.count; i++) {
            ids[i] = tokens.ids[i];
        }
        wt_model_thread_init(model);
        status = wt_model_forward(model, ids, &length, 1, tokens.count, logits, error);
    }
    for (uint32_t i = 0; status == WT_OK && i < info->label_count; i++) {
        printf("%s %.9g\n", info->labels[i], (double)logits[i]);
    }
    wt_tokenizer_destroy(tokenizer);
    free(ids);
    free(logits);
    return status;
}

int main(int argc, char **argv)
{
    struct wt_model_options options = wt_model_options_default();
    struct wt_model *model = NULL;
    struct wt_error error = {.message = "usage: model BUNDLE TEXT"};
    options.device = "cpu";
    int done = argc == 3 && wt_model_load(argv[1], &options, &model, &error) == WT_OK &&
               run(model, argv[2], &error) == WT_OK;
    if (!done) {
        fprintf(stderr, "%s\n", error.message);
    }
    wt_model_destroy(model);
    return !done;
}
