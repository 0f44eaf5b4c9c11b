/* json_internal.h: what the files of the JSON reader share. */
#ifndef WIRETAG_TEXT_JSON_JSON_INTERNAL_H
#define WIRETAG_TEXT_JSON_JSON_INTERNAL_H

#include "text/json/json.h"

/* Refuses the text as no JSON, for the reason `wanted`. Returns false. */
bool wt_json_malformed(struct wt_json *json, const char *wanted);

/* Reads the string whose opening quote is next. */
bool wt_json_take_string(struct wt_json *json, struct wt_json_text *text_out);

#endif
