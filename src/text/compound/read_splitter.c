/* read_splitter.c: "pre_tokenizer" of a tokenizer.json. */
#include "text/compound/tokenizer_json.h"

#include <string.h>

static const char BAR[] = "\xE2\x96\x81"; /* U+2581 */

static void add_stage(struct wt_json *json, struct wt_splitter *splitter,
                      struct wt_splitter_stage stage)
{
    if (splitter->count == WT_SPLITTER_STAGES_MAX) {
        (void)wt_json_refuse(json, "more than %u pre-tokenizers", WT_SPLITTER_STAGES_MAX);
    } else if (json->status == WT_OK) {
        splitter->stages[splitter->count++] = stage;
    }
}

static void read_plain(struct wt_json *json, struct wt_splitter *splitter, wt_split_function *split)
{
    struct wt_json_text key;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else {
            wt_refuse_key(json);
        }
    }
    add_stage(json, splitter, (struct wt_splitter_stage){.split = split});
}

static void read_digits(struct wt_json *json, struct wt_splitter *splitter)
{
    struct wt_json_text key;
    bool single = false;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "individual_digits")) {
            (void)wt_json_bool(json, &single);
        } else {
            wt_refuse_key(json);
        }
    }
    add_stage(
        json, splitter,
        (struct wt_splitter_stage){.split = single ? wt_split_single_digits : wt_split_digits});
}

static enum wt_split_behavior read_behavior(struct wt_json *json)
{
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    struct wt_json_text text;
    if (wt_json_string(json, &text)) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (wt_json_text_is(text, names[i])) {
                return (enum wt_split_behavior)i;
            }
        }
        (void)wt_json_refuse(json, "there is no such behavior");
    }
    return WT_SPLIT_ISOLATED;
}

static void read_punctuation(struct wt_json *json, struct wt_splitter *splitter)
{
    struct wt_json_text key;
    enum wt_split_behavior behavior = WT_SPLIT_ISOLATED;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "behavior")) {
            behavior = read_behavior(json);
            if (behavior == WT_SPLIT_MERGED_WITH_NEXT ||
                behavior == WT_SPLIT_MERGED_WITH_PREVIOUS) {
                (void)wt_json_refuse(json, "this behavior is not supported");
            }
        } else {
            wt_refuse_key(json);
        }
    }
    add_stage(json, splitter,
              (struct wt_splitter_stage){.split = wt_split_punctuation, .behavior = behavior});
}

static void read_byte_level(struct wt_json *json, struct wt_splitter *splitter)
{
    struct wt_json_text key;
    bool prefix = true;
    bool pattern = true;
    bool ignored;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "add_prefix_space")) {
            (void)wt_json_bool(json, &prefix);
        } else if (wt_json_text_is(key, "use_regex")) {
            (void)wt_json_bool(json, &pattern);
        } else if (wt_json_text_is(key, "trim_offsets")) {
            (void)wt_json_bool(json, &ignored);
        } else {
            wt_refuse_key(json);
        }
    }
    if (splitter->fold != WT_FOLD_NONE) {
        (void)wt_json_refuse(json, "ByteLevel behind Metaspace or ByteLevel is not supported");
    }
    splitter->fold = WT_FOLD_BYTES;
    if (prefix || pattern) {
        add_stage(json, splitter,
                  (struct wt_splitter_stage){.split = pattern ? wt_split_gpt2 : NULL,
                                             .prefix = prefix ? WT_PREFIX_ALWAYS : WT_PREFIX_NONE});
    }
}

static enum wt_prefix read_prefix(struct wt_json *json)
{
    struct wt_json_text text;
    if (!wt_json_string(json, &text) || wt_json_text_is(text, "always")) {
        return WT_PREFIX_ALWAYS;
    }
    if (wt_json_text_is(text, "first")) {
        return WT_PREFIX_FIRST;
    }
    if (!wt_json_text_is(text, "never")) {
        (void)wt_json_refuse(json, "must be always, first or never");
    }
    return WT_PREFIX_NONE;
}

static void read_metaspace(struct wt_json *json, struct wt_splitter *splitter)
{
    struct wt_json_text key;
    struct wt_json_text text;
    enum wt_prefix prefix = WT_PREFIX_ALWAYS;
    bool adds = true;
    bool splits = true;
    bool replaces = false;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type") || wt_json_text_is(key, "str_rep")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "replacement")) {
            replaces = wt_json_string(json, &text) && wt_json_text_is(text, BAR);
            if (!replaces) {
                (void)wt_json_refuse(json, "only U+2581 is supported");
            }
        } else if (wt_json_text_is(key, "prepend_scheme")) {
            prefix = read_prefix(json);
        } else if (wt_json_text_is(key, "add_prefix_space")) {
            (void)wt_json_bool(json, &adds);
        } else if (wt_json_text_is(key, "split")) {
            if (!wt_json_null(json)) {
                (void)wt_json_bool(json, &splits);
            }
        } else {
            wt_refuse_key(json);
        }
    }
    if (json->status == WT_OK && !replaces) {
        (void)wt_json_refuse(json, "\"replacement\" is missing");
    }
    if (!adds && prefix != WT_PREFIX_NONE) {
        (void)wt_json_refuse(json, "\"add_prefix_space\" and \"prepend_scheme\" contradict");
    }
    if (splitter->fold != WT_FOLD_NONE) {
        (void)wt_json_refuse(json, "Metaspace behind Metaspace or ByteLevel is not supported");
    }
    splitter->fold = WT_FOLD_SPACE;
    add_stage(json, splitter,
              (struct wt_splitter_stage){.split = splits ? wt_split_metaspace : NULL,
                                         .prefix = prefix,
                                         .spells_blanks = true});
}

static void read_literal(struct wt_json *json, struct wt_json_text text,
                         struct wt_splitter_stage *stage)
{
    if (text.count == 0 || text.count > sizeof stage->literal) {
        (void)wt_json_refuse(json, "a text of 1 to %zu bytes is supported", sizeof stage->literal);
        return;
    }
    memcpy(stage->literal, text.bytes, text.count);
    stage->literal_bytes = (uint32_t)text.count;
    stage->split = wt_split_literal;
}

/* {"Regex": PATTERN} or {"String": TEXT}. */
static void read_pattern(struct wt_json *json, struct wt_splitter_stage *stage)
{
    struct wt_json_text key;
    struct wt_json_text text;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        bool regex = wt_json_text_is(key, "Regex");
        if (!regex && !wt_json_text_is(key, "String")) {
            wt_refuse_key(json);
        } else if (wt_json_string(json, &text) && !regex) {
            read_literal(json, text, stage);
        } else if (json->status == WT_OK) {
            stage->split = wt_split_pattern(text.bytes, text.count);
            if (stage->split == NULL) {
                (void)wt_json_refuse(json, "the pattern %.*s is not supported",
                                     (int)(text.count < 200 ? text.count : 200), text.bytes);
            }
        }
    }
}

/* The known patterns match everything, so isolating the matches and removing the rest are one. A text
 * is split at by every behavior. */
static void read_split(struct wt_json *json, struct wt_splitter *splitter)
{
    struct wt_json_text key;
    struct wt_splitter_stage stage = {.behavior = WT_SPLIT_CONTIGUOUS};
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "pattern")) {
            read_pattern(json, &stage);
        } else if (wt_json_text_is(key, "behavior")) {
            stage.behavior = read_behavior(json);
        } else if (wt_json_text_is(key, "invert")) {
            (void)wt_json_bool(json, &stage.invert);
        } else {
            wt_refuse_key(json);
        }
    }
    if (json->status == WT_OK && stage.split == NULL) {
        (void)wt_json_refuse(json, "\"pattern\" is missing");
    }
    bool isolates =
        stage.behavior == WT_SPLIT_ISOLATED || (stage.behavior == WT_SPLIT_REMOVED && stage.invert);
    if (stage.split != wt_split_literal && !isolates) {
        (void)wt_json_refuse(json, "Split by a Regex is supported with the behavior Isolated, or "
                                   "Removed and inverted");
    }
    add_stage(json, splitter, stage);
}

static void read_any(struct wt_json *json, struct wt_splitter *splitter,
                     struct wt_bert_settings *bert);

/* One of a Sequence; what BERT's parts set is for those that stand alone. */
static void read_one(struct wt_json *json, void *opaque)
{
    struct wt_splitter *splitter = opaque;
    struct wt_bert_settings ignored;
    read_any(json, splitter, &ignored);
}

static void read_any(struct wt_json *json, struct wt_splitter *splitter,
                     struct wt_bert_settings *bert)
{
    char type[WT_TYPE_NAME_BYTES];
    if (!wt_read_type(json, type)) {
        return;
    }
    /* What comes behind these two gets their characters, not the text's. */
    bool folded = splitter->fold == WT_FOLD_BYTES ||
                  (splitter->fold == WT_FOLD_SPACE && strcmp(type, "Digits") != 0 &&
                   strcmp(type, "Punctuation") != 0);
    if (folded && strcmp(type, "Sequence") != 0) {
        (void)wt_json_refuse(json, "the pre-tokenizer %s behind %s is not supported", type,
                             splitter->fold == WT_FOLD_BYTES ? "ByteLevel" : "Metaspace");
    } else if (strcmp(type, "Sequence") == 0) {
        wt_read_sequence(json, "pretokenizers", read_one, splitter);
    } else if (strcmp(type, "ByteLevel") == 0) {
        read_byte_level(json, splitter);
    } else if (strcmp(type, "Metaspace") == 0) {
        read_metaspace(json, splitter);
    } else if (strcmp(type, "Split") == 0) {
        read_split(json, splitter);
    } else if (strcmp(type, "Whitespace") == 0) {
        read_plain(json, splitter, wt_split_whitespace);
    } else if (strcmp(type, "WhitespaceSplit") == 0) {
        read_plain(json, splitter, wt_split_whitespace_alone);
    } else if (strcmp(type, "BertPreTokenizer") == 0) {
        read_plain(json, splitter, wt_split_bert);
        bert->words = true;
    } else if (strcmp(type, "Punctuation") == 0) {
        read_punctuation(json, splitter);
    } else if (strcmp(type, "Digits") == 0) {
        read_digits(json, splitter);
    } else {
        (void)wt_json_refuse(json, "the pre-tokenizer %s is not supported", type);
    }
}

enum wt_status wt_read_splitter(struct wt_json *json, struct wt_splitter *splitter,
                                struct wt_bert_settings *bert)
{
    if (!wt_json_null(json)) {
        read_any(json, splitter, bert);
    }
    return json->status;
}
