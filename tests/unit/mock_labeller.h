/* mock_labeller.h: a labeller of two labels without a model, for tests of what comes behind the model. */
#ifndef WIRETAG_TESTS_MOCK_LABELLER_H
#define WIRETAG_TESTS_MOCK_LABELLER_H

#include "codec/encode.h"
#include "observe/metrics.h"
#include "record/labellers.h"

#include <stdlib.h>

#define MOCK_LABELS 2

static const char *const mock_labels[MOCK_LABELS] = {"politics", "sports"};
static const char *const mock_uris[MOCK_LABELS];
static const double mock_thresholds[MOCK_LABELS];
static const struct wt_model_info mock_info = {.name = "fake",
                                               .version = "1",
                                               .sha256 = "",
                                               .labels = mock_labels,
                                               .label_count = MOCK_LABELS,
                                               .label_uris = mock_uris,
                                               .thresholds = mock_thresholds};

static inline void mock_labeller_begin(struct wt_labeller *labeller, const struct wt_config *config)
{
    *labeller = (struct wt_labeller){.number = 1, .info = &mock_info};
    labeller->encoder = wt_encoder_create(config, &mock_info);
    labeller->label_series = calloc(MOCK_LABELS, sizeof(struct wt_series *));
    const char *const topic[] = {wt_config_label_topic(config, 0)};
    labeller->topic_series = calloc(1, sizeof(struct wt_series *));
    labeller->topic_series[0] = wt_series_get(WT_FAMILY_LABELLED_BY_TOPIC, topic);
    for (int i = 0; i < MOCK_LABELS; i++) {
        labeller->label_series[i] = wt_series_get(WT_FAMILY_LABELS, &mock_labels[i]);
    }
}

static inline void mock_labeller_end(struct wt_labeller *labeller)
{
    wt_encoder_destroy(labeller->encoder);
    free(labeller->label_series);
    free(labeller->topic_series);
}

#endif
