/* form.h: a form of the record that is published for a label: a file form_NAME.c, which defines
 * wt_form_NAME. encode.c chooses. For encode.c and the forms alone. */
#ifndef WIRETAG_CODEC_FORM_H
#define WIRETAG_CODEC_FORM_H

#include "base/buffer.h"
#include "codec/enrich.h"
#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

/* What the forms need of the encoder: texts that are the same in every record. */
struct wt_encoder {
    const struct wt_form *form;
    const struct wt_config *config;
    uint32_t label_count;
    enum wt_task task;
    char **labels;
    char **labels_json;       /* each label as a JSON string */
    char **uris_json;         /* each label's ,"uri":"…"; "" if it has none */
    double *thresholds;       /* of each label */
    char *model_json;         /* {"name":…,"version":…,"sha256":…} */
    char *model_header;       /* name:version */
    uint32_t top_k;           /* at most label_count */
    struct wt_enrich *enrich; /* NULL: the form is not enriched */
    const char *connector;    /* as record->dead_letter_connector; in the config */
};

struct wt_form {
    /* Sets record->output.value, and category and labels, of a labelled record. Thread: any. */
    void (*write)(const struct wt_encoder *encoder, struct wt_record *record);
};

extern const struct wt_form wt_form_record;   /* the label, with where its article came from */
extern const struct wt_form wt_form_enriched; /* the article, with that put in */

/* As wt_encode_label (encode.h). */
void wt_form_append_label(const struct wt_encoder *encoder, struct wt_record *record,
                          struct wt_buffer *value);

/* Appends ,"source":{…} with topic, partition, offset and timestamp. */
void wt_form_append_source(const struct wt_record *record, struct wt_buffer *value);

#endif
