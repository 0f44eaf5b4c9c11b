/* manifest.h: the description in a bundle, wiretag.json.
 *
 *   {"bundle_format": 2,                         or 1, which has no "task" and only names as labels
 *    "runtime": "torchscript",                   or "fake", in builds without libtorch
 *    "name": "…", "version": "…",
 *    "task": "single-label",                     or "multi-label"; absent: single-label
 *    "labels": ["…",                             in id order, 1 or more, all different: a name, or
 *               {"name": "…",
 *                "uri": "medtop:15000000",       optional: what the label is called elsewhere
 *                "threshold": 0.4}, …],          optional, 0 to 1
 *    "tokenizer": {"type": "wordpiece", "lowercase": false, "clean_text": true,
 *                  "handle_chinese_chars": true, "strip_accents": null},
 *                                                or {"type": "bpe"} or "unigram", which have all of
 *                                                this in their tokenizer.json
 *    "max_tokens": 512,                          with [CLS] and [SEP]
 *    "padding": "exact",                         or "padded-512"
 *    "inputs": "ids+lengths",                    or "ids+mask"
 *    "precisions": {"fp32": {"logits_bound": 1e-4}, "bf16": {"logits_bound": 0.01}}}
 *
 * `logits_bound` is the bound for differences from the fp32 logits, as measured at export. int8
 * needs none: it is made at load, and measured there unless the bundle has a bound for it. Unknown
 * keys are ignored, so that later versions of the export can add some. */
#ifndef WIRETAG_MODEL_MANIFEST_H
#define WIRETAG_MODEL_MANIFEST_H

#include "wiretag/model.h"
#include "wiretag/status.h"
#include "wiretag/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wt_precision { WT_FP32, WT_BF16, WT_FP16, WT_INT8, WT_PRECISION_COUNT };

/* "fp32", "bf16", "fp16", "int8". */
const char *wt_precision_name(enum wt_precision precision);

struct wt_manifest {
    char *runtime;
    char *name;
    char *version;
    enum wt_task task;
    char **labels;
    char **uris;        /* one for each label; NULL: it has none */
    double *thresholds; /* one for each label: the bundle's, else the task's default */
    uint32_t label_count;
    struct wt_tokenizer_options tokenizer;
    uint32_t tokens_max;
    uint32_t pad_to;                         /* 0: policy exact */
    bool takes_mask;                         /* inputs: ids+mask */
    double logits_bound[WT_PRECISION_COUNT]; /* negative: the bundle has none for this precision */
};

/* Parses `count` bytes of wiretag.json. `source` names the bundle in messages. WT_INVALID (class
 * fatal): the message says what is missing or wrong, and where. */
enum wt_status wt_manifest_parse(const char *bytes, size_t count, const char *source,
                                 struct wt_manifest **manifest_out, struct wt_error *error);

void wt_manifest_destroy(struct wt_manifest *manifest);

#endif
