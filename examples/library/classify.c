/* Labels texts: cc classify.c $(pkg-config --cflags --libs wiretag) */
#include "wiretag/classify.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct wt_classifier *classifier = NULL;
    struct wt_results *results = NULL;
    struct wt_text texts[64];
    struct wt_error error = {.message = "usage: classify BUNDLE TEXT..."};
    size_t count = argc > 2 && argc < 66 ? (size_t)argc - 2 : 0;
    for (size_t i = 0; i < count; i++) {
        texts[i] = (struct wt_text){.bytes = argv[i + 2], .count = strlen(argv[i + 2])};
    }
    if (count == 0 || wt_classifier_open(argv[1], NULL, NULL, &classifier, &error) != WT_OK ||
        wt_classify(classifier, texts, count, &results, &error) != WT_OK) {
        fprintf(stderr, "%s\n", error.message);
    }
    for (size_t i = 0; results != NULL && i < count; i++) {
        const struct wt_result *result = wt_results_get(results, i);
        if (result->status == WT_OK) {
            printf("%s %.6g\n", result->name, result->score);
        } else {
            printf("%s: %s\n", result->error->code, result->error->message);
        }
    }
    int failed = results == NULL;
    wt_results_destroy(results);
    wt_classifier_destroy(classifier);
    return failed;
}
