#include "codec/form.h"

#include "codec/enrich.h"

static void write(const struct wt_encoder *encoder, struct wt_record *record)
{
    struct wt_buffer label = {0};
    struct wt_buffer value = {0};
    wt_form_append_label(encoder, record, &label);
    wt_form_append_source(record, &label);
    wt_buffer_append(&label, "}", 1);
    wt_enrich_append(encoder->enrich, record, &label, &value);
    wt_buffer_free(&label);
    record->output.value = wt_buffer_take(&value, &record->output.value_bytes);
}

const struct wt_form wt_form_enriched = {.write = write};
