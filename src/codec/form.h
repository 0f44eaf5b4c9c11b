/* form.h: a form of the record that is published for a label: a file form_NAME.c, which defines
 * wt_form_NAME. encode.c chooses. For encode.c and the forms alone. */
#ifndef WIRETAG_CODEC_FORM_H
#define WIRETAG_CODEC_FORM_H

#include "base/buffer.h"
#include "config/config.h"
#include "record/record.h"

/* What the forms need of the encoder: texts that are the same in every record. */
struct wt_encoder {
    const struct wt_form *form;
    const struct wt_config *config;
    uint32_t label_count;
    char **labels_json; /* each label as a JSON string */
    char *model_json;   /* {"name":…,"version":…,"sha256":…} */
    char *model_header; /* name:version */
    uint32_t top_k;     /* at most label_count */
};

struct wt_form {
    /* Sets record->output.value and record->category of a labelled record. Thread: any. */
    void (*write)(const struct wt_encoder *encoder, struct wt_record *record);
};

extern const struct wt_form wt_form_record; /* the label, with where its article came from */

/* As wt_encode_label (encode.h). */
uint32_t wt_form_append_label(const struct wt_encoder *encoder, const struct wt_record *record,
                              struct wt_buffer *value);

#endif
