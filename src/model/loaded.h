/* loaded.h: the parts of a loaded model. load.c fills them, model.c uses them, and no other file
 * does. They do not change after wt_model_load has returned. */
#ifndef WIRETAG_MODEL_LOADED_H
#define WIRETAG_MODEL_LOADED_H

#include "model/backend.h"
#include "model/manifest.h"
#include "wiretag/model.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_model {
    struct wt_backend *backend;
    struct wt_manifest *manifest;
    struct wt_vocab *vocab;
    struct wt_model_info info;
    uint32_t threads_per_call;
    int64_t pad_id;
    bool one_row_at_a_time; /* int8 or bf16, and the bits of a row may depend on its neighbours */
    char sha256[65];
    char device[16];
    char precision_why[700];
    struct wt_backend_prepared prepared;
    struct wt_model_load_seconds load_seconds;
};

#endif
