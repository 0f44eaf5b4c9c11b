/* read_normalizer.c: "normalizer" of a tokenizer.json. */
#include "text/compound/tokenizer_json.h"
#include "text/json/base64.h"

#include <string.h>

/* A regular expression of Replace that is known. */
static const struct blanks {
    const char *pattern;
    bool any_space;
    uint32_t least;
    bool breaks;
} known_blanks[] = {
    {" {2,}", false, 2, false},
    {" +", false, 1, false},
    {"\\s+", true, 1, false},
    {"\\s{2,}", true, 2, false},
    {"\\s{2,}|[\\n\\r\\t]", true, 2, true}, /* of DeBERTa's, as transformers 5 writes it */
};

/* A new step; NULL: there are too many. */
static struct wt_normalizer_step *add_step(struct wt_json *json, struct wt_normalizer *normalizer,
                                           enum wt_normalizer_kind kind)
{
    if (normalizer->count == WT_NORMALIZER_STEPS_MAX) {
        (void)wt_json_refuse(json, "more than %u normalizers", WT_NORMALIZER_STEPS_MAX);
        return NULL;
    }
    struct wt_normalizer_step *step = &normalizer->steps[normalizer->count++];
    *step = (struct wt_normalizer_step){.kind = kind};
    return step;
}

/* An object with only "type", which names `kind`. */
static void read_plain(struct wt_json *json, struct wt_normalizer *normalizer,
                       enum wt_normalizer_kind kind)
{
    struct wt_json_text key;
    (void)add_step(json, normalizer, kind);
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else {
            wt_refuse_key(json);
        }
    }
}

static const struct form_name {
    const char *name;
    enum wt_normal_form form;
} form_names[] = {{"NFC", WT_NFC}, {"NFD", WT_NFD}, {"NFKC", WT_NFKC}, {"NFKD", WT_NFKD}};

/* Reads a normal form. False: `type` is another normalizer. */
static bool read_form(struct wt_json *json, struct wt_normalizer *normalizer, const char *type)
{
    for (size_t i = 0; i < sizeof form_names / sizeof form_names[0]; i++) {
        if (strcmp(form_names[i].name, type) == 0) {
            read_plain(json, normalizer, WT_NORMALIZER_FORM);
            normalizer->steps[normalizer->count - 1].form = form_names[i].form;
            return true;
        }
    }
    return false;
}

/* The map in base64. */
static void read_charsmap(struct wt_json *json, struct wt_charsmap **map_out)
{
    struct wt_json_text text;
    struct wt_error error;
    size_t bytes = 0;
    if (!wt_json_string(json, &text)) {
        return;
    }
    uint8_t *data = malloc(WT_BASE64_BYTES(text.count) + 1);
    if (data == NULL) {
        (void)wt_json_out_of_memory(json);
    } else if (!wt_base64_decode(text.bytes, text.count, data, &bytes)) {
        (void)wt_json_refuse(json, "this is not base64");
    } else if (wt_charsmap_create(data, bytes, map_out, &error) != WT_OK) {
        (void)wt_json_refuse(json, "%s", error.message);
    }
    free(data);
}

static void read_precompiled(struct wt_json *json, struct wt_normalizer *normalizer)
{
    struct wt_json_text key;
    struct wt_normalizer_step *step = add_step(json, normalizer, WT_NORMALIZER_CHARSMAP);
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "precompiled_charsmap") && step->charsmap == NULL) {
            read_charsmap(json, &step->charsmap);
        } else {
            wt_refuse_key(json);
        }
    }
    if (json->status == WT_OK && step->charsmap == NULL) {
        (void)wt_json_refuse(json, "\"precompiled_charsmap\" is missing");
    }
}

static void read_strip(struct wt_json *json, struct wt_normalizer *normalizer)
{
    struct wt_json_text key;
    struct wt_normalizer_step *step = add_step(json, normalizer, WT_NORMALIZER_STRIP);
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "strip_left")) {
            (void)wt_json_bool(json, &step->left);
        } else if (wt_json_text_is(key, "strip_right")) {
            (void)wt_json_bool(json, &step->right);
        } else {
            wt_refuse_key(json);
        }
    }
}

static void read_prepend(struct wt_json *json, struct wt_normalizer *normalizer)
{
    struct wt_json_text key;
    struct wt_normalizer_step *step = add_step(json, normalizer, WT_NORMALIZER_PREPEND);
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "prepend")) {
            (void)wt_json_string_copy(json, &step->content, &step->content_bytes);
        } else {
            wt_refuse_key(json);
        }
    }
    if (json->status == WT_OK && step->content == NULL) {
        (void)wt_json_refuse(json, "\"prepend\" is missing");
    } else if (json->status == WT_OK && step->content_bytes == 0) {
        (void)wt_json_refuse(json, "an empty text is not supported"); /* it would not be nothing */
    }
}

/* {"String": TEXT} or {"Regex": PATTERN}. */
static void read_pattern(struct wt_json *json, struct wt_normalizer_step *step)
{
    struct wt_json_text key;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        bool regex = wt_json_text_is(key, "Regex");
        if (!regex && !wt_json_text_is(key, "String")) {
            wt_refuse_key(json);
            return;
        }
        (void)wt_json_string_copy(json, &step->pattern, &step->pattern_bytes);
        if (json->status != WT_OK || !regex) {
            continue;
        }
        const struct blanks *known = NULL;
        for (size_t i = 0; i < sizeof known_blanks / sizeof known_blanks[0]; i++) {
            if (strcmp(known_blanks[i].pattern, step->pattern) == 0) {
                known = &known_blanks[i];
            }
        }
        if (known == NULL) {
            (void)wt_json_refuse(json, "the pattern %.100s is not supported", step->pattern);
            return;
        }
        step->kind = WT_NORMALIZER_REPLACE_BLANKS;
        step->any_space = known->any_space;
        step->least = known->least;
        step->breaks = known->breaks;
    }
}

static void read_replace(struct wt_json *json, struct wt_normalizer *normalizer)
{
    struct wt_json_text key;
    struct wt_normalizer_step *step = add_step(json, normalizer, WT_NORMALIZER_REPLACE);
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "pattern")) {
            read_pattern(json, step);
        } else if (wt_json_text_is(key, "content")) {
            (void)wt_json_string_copy(json, &step->content, &step->content_bytes);
        } else {
            wt_refuse_key(json);
        }
    }
    if (json->status == WT_OK && (step->pattern == NULL || step->content == NULL)) {
        (void)wt_json_refuse(json, "\"pattern\" or \"content\" is missing");
    } else if (json->status == WT_OK && step->pattern_bytes == 0) {
        (void)wt_json_refuse(json, "an empty pattern is not supported");
    }
}

static void read_bert(struct wt_json *json, struct wt_normalizer *normalizer,
                      struct wt_bert_settings *bert)
{
    struct wt_json_text key;
    struct wt_tokenizer_options *options = &bert->options;
    wt_tokenizer_options_defaults(options, sizeof *options);
    options->lowercase = true;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "clean_text")) {
            (void)wt_json_bool(json, &options->clean_text);
        } else if (wt_json_text_is(key, "handle_chinese_chars")) {
            (void)wt_json_bool(json, &options->handle_chinese_chars);
        } else if (wt_json_text_is(key, "lowercase")) {
            (void)wt_json_bool(json, &options->lowercase);
        } else if (wt_json_text_is(key, "strip_accents")) {
            bool strip = false;
            if (!wt_json_null(json) && wt_json_bool(json, &strip)) {
                options->strip_accents = strip ? WT_STRIP_ACCENTS_YES : WT_STRIP_ACCENTS_NO;
            }
        } else {
            wt_refuse_key(json);
        }
    }
    bool strips = options->strip_accents == WT_STRIP_ACCENTS_YES ||
                  (options->strip_accents == WT_STRIP_ACCENTS_AUTO && options->lowercase);
    if (options->clean_text) {
        (void)add_step(json, normalizer, WT_NORMALIZER_BERT_CLEAN);
    }
    if (options->handle_chinese_chars) {
        (void)add_step(json, normalizer, WT_NORMALIZER_BERT_IDEOGRAPHS);
    }
    if (strips) {
        (void)add_step(json, normalizer, WT_NORMALIZER_BERT_STRIP_ACCENTS);
    }
    if (options->lowercase) {
        (void)add_step(json, normalizer, WT_NORMALIZER_LOWERCASE);
    }
}

static void read_any(struct wt_json *json, struct wt_normalizer *normalizer,
                     struct wt_bert_settings *bert);

/* One of a Sequence; what BERT's parts set is for those that stand alone. */
static void read_one(struct wt_json *json, void *opaque)
{
    struct wt_normalizer *normalizer = opaque;
    struct wt_bert_settings ignored;
    read_any(json, normalizer, &ignored);
}

static void read_any(struct wt_json *json, struct wt_normalizer *normalizer,
                     struct wt_bert_settings *bert)
{
    char type[WT_TYPE_NAME_BYTES];
    if (!wt_read_type(json, type)) {
        return;
    }
    if (normalizer->count == WT_NORMALIZER_STEPS_MAX) {
        (void)wt_json_refuse(json, "more than %u normalizers", WT_NORMALIZER_STEPS_MAX);
    } else if (strcmp(type, "Sequence") == 0) {
        wt_read_sequence(json, "normalizers", read_one, normalizer);
    } else if (strcmp(type, "BertNormalizer") == 0) {
        read_bert(json, normalizer, bert);
        bert->normalizer = true;
    } else if (strcmp(type, "Precompiled") == 0) {
        read_precompiled(json, normalizer);
    } else if (read_form(json, normalizer, type)) {
        return;
    } else if (strcmp(type, "Lowercase") == 0) {
        read_plain(json, normalizer, WT_NORMALIZER_LOWERCASE);
    } else if (strcmp(type, "StripAccents") == 0) {
        read_plain(json, normalizer, WT_NORMALIZER_STRIP_ACCENTS);
    } else if (strcmp(type, "Nmt") == 0) {
        read_plain(json, normalizer, WT_NORMALIZER_NMT);
    } else if (strcmp(type, "Strip") == 0) {
        read_strip(json, normalizer);
    } else if (strcmp(type, "Prepend") == 0) {
        read_prepend(json, normalizer);
    } else if (strcmp(type, "Replace") == 0) {
        read_replace(json, normalizer);
    } else {
        (void)wt_json_refuse(json, "the normalizer %s is not supported", type);
    }
}

enum wt_status wt_read_normalizer(struct wt_json *json, struct wt_normalizer *normalizer,
                                  struct wt_bert_settings *bert)
{
    if (!wt_json_null(json)) {
        read_any(json, normalizer, bert);
    }
    return json->status;
}
