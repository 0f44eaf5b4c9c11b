/* read_template.c: "post_processor" of a tokenizer.json: which ids stand before and behind. */
#include "text/compound/tokenizer_json.h"

#include <string.h>

#define SPECIALS_MAX 64u

/* The ids of a special token, by its name. */
struct special {
    char name[WT_TYPE_NAME_BYTES * 4];
    int32_t ids[WT_TEMPLATE_IDS_MAX];
    uint32_t count;
};

struct template
{
    struct special specials[SPECIALS_MAX];
    uint32_t count;
};

static void read_id(struct wt_json *json, int32_t *id_out)
{
    uint32_t id = 0;
    if (wt_json_uint32(json, &id) && id >= WT_PIECE_IDS_MAX) {
        (void)wt_json_refuse(json, "an id is too large");
    }
    *id_out = (int32_t)id;
}

static void add_before(struct wt_json *json, struct wt_compound *compound, const int32_t *ids,
                       uint32_t count)
{
    if (compound->before_count + count > WT_TEMPLATE_IDS_MAX) {
        (void)wt_json_refuse(json, "more than %u ids before the text", WT_TEMPLATE_IDS_MAX);
        return;
    }
    memcpy(compound->before + compound->before_count, ids, count * sizeof *ids);
    compound->before_count += count;
}

static void add_behind(struct wt_json *json, struct wt_compound *compound, const int32_t *ids,
                       uint32_t count)
{
    if (compound->behind_count + count > WT_TEMPLATE_IDS_MAX) {
        (void)wt_json_refuse(json, "more than %u ids behind the text", WT_TEMPLATE_IDS_MAX);
        return;
    }
    memcpy(compound->behind + compound->behind_count, ids, count * sizeof *ids);
    compound->behind_count += count;
}

/* --- BertProcessing, RobertaProcessing --------------------------------------------------------- */

/* ["</s>", 2] */
static void read_pair(struct wt_json *json, int32_t *id_out)
{
    struct wt_json_text text;
    bool whole = wt_json_array(json) && wt_json_element(json) && wt_json_string(json, &text) &&
                 wt_json_element(json);
    if (whole) {
        read_id(json, id_out);
    }
    if (json->status == WT_OK && (!whole || wt_json_element(json))) {
        (void)wt_json_refuse(json, "must be a token and its id");
    }
}

/* tokenizers would add the tokens of another one to each of these, too. */
static void refuse_second(struct wt_json *json, const struct wt_compound *compound)
{
    if (compound->before_count + compound->behind_count > 0) {
        (void)wt_json_refuse(json, "only one post-processor that adds tokens is supported");
    }
}

static void read_processing(struct wt_json *json, struct wt_compound *compound, bool roberta)
{
    struct wt_json_text key;
    int32_t cls = -1;
    int32_t sep = -1;
    bool ignored;
    refuse_second(json, compound);
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "cls")) {
            read_pair(json, &cls);
        } else if (wt_json_text_is(key, "sep")) {
            read_pair(json, &sep);
        } else if (roberta && (wt_json_text_is(key, "trim_offsets") ||
                               wt_json_text_is(key, "add_prefix_space"))) {
            (void)wt_json_bool(json, &ignored);
        } else {
            wt_refuse_key(json);
        }
    }
    if (json->status == WT_OK && (cls < 0 || sep < 0)) {
        (void)wt_json_refuse(json, "\"cls\" or \"sep\" is missing");
    } else if (json->status == WT_OK) {
        add_before(json, compound, &cls, 1);
        add_behind(json, compound, &sep, 1);
    }
}

/* --- TemplateProcessing ------------------------------------------------------------------------ */

static void read_special(struct wt_json *json, struct special *special)
{
    struct wt_json_text key;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (!wt_json_text_is(key, "ids")) {
            wt_json_skip(json);
            continue;
        }
        special->count = 0;
        (void)wt_json_array(json);
        while (wt_json_element(json)) {
            if (special->count == WT_TEMPLATE_IDS_MAX) {
                (void)wt_json_refuse(json, "more than %u ids", WT_TEMPLATE_IDS_MAX);
                return;
            }
            read_id(json, &special->ids[special->count++]);
        }
    }
}

static void read_specials(struct wt_json *json, struct template *template)
{
    struct wt_json_text key;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        struct special *special = &template->specials[template->count];
        if (template->count == SPECIALS_MAX || key.count >= sizeof special->name) {
            (void)wt_json_refuse(json, "more than %u special tokens, or too long a name",
                                 SPECIALS_MAX);
            return;
        }
        memcpy(special->name, key.bytes, key.count);
        special->name[key.count] = '\0';
        template->count++;
        read_special(json, special);
    }
}

/* {"id": NAME, "type_id": 0}: the name. */
static bool read_item(struct wt_json *json, char *name, size_t name_bytes)
{
    uint32_t depth = json->depth;
    bool found = wt_json_find(json, "id", name, name_bytes);
    if (json->status == WT_OK && !found) {
        (void)wt_json_refuse(json, "\"id\" is missing");
    }
    if (json->status == WT_OK) {
        wt_json_skip(json);
    }
    return json->status == WT_OK && json->depth == depth;
}

/* NULL: refused. */
static const struct special *find_special(struct wt_json *json, const struct template *template,
                                          const char *name)
{
    for (uint32_t i = 0; i < template->count; i++) {
        if (strcmp(template->specials[i].name, name) == 0) {
            return &template->specials[i];
        }
    }
    (void)wt_json_refuse(json, "the special token %.60s has no ids", name);
    return NULL;
}

static void append_ids(struct wt_json *json, struct special *ids, const struct special *more)
{
    if (more != NULL && ids->count + more->count > WT_TEMPLATE_IDS_MAX) {
        (void)wt_json_refuse(json, "more than %u ids around the text", WT_TEMPLATE_IDS_MAX);
    } else if (more != NULL) {
        memcpy(ids->ids + ids->count, more->ids, more->count * sizeof *more->ids);
        ids->count += more->count;
    }
}

/* "single": [{"SpecialToken": {…}}, {"Sequence": {"id": "A", …}}, …] */
static void read_single(struct wt_json *json, const struct template *template,
                        struct wt_compound *compound)
{
    struct special before = {.count = 0};
    struct special behind = {.count = 0};
    bool text_seen = false;
    struct wt_json_text key;
    (void)wt_json_array(json);
    while (wt_json_element(json)) {
        (void)wt_json_object(json);
        while (wt_json_key(json, &key)) {
            char name[WT_TYPE_NAME_BYTES * 4] = "";
            bool sequence = wt_json_text_is(key, "Sequence");
            if (!sequence && !wt_json_text_is(key, "SpecialToken")) {
                wt_refuse_key(json);
            } else if (!read_item(json, name, sizeof name)) {
                return;
            } else if (!sequence) {
                append_ids(json, text_seen ? &behind : &before, find_special(json, template, name));
            } else if (text_seen || strcmp(name, "A") != 0) {
                (void)wt_json_refuse(json, "the sequence A must stand here once");
            } else {
                text_seen = true;
            }
        }
    }
    if (json->status == WT_OK && !text_seen) {
        (void)wt_json_refuse(json, "the sequence A is missing");
    }
    if (json->status == WT_OK) {
        add_before(json, compound, before.ids, before.count);
        add_behind(json, compound, behind.ids, behind.count);
    }
}

static void read_template(struct wt_json *json, struct wt_compound *compound)
{
    struct wt_json_text key;
    struct template template = {.count = 0};
    size_t start = json->place;
    uint32_t depth = json->depth;
    bool single = false;
    refuse_second(json, compound);
    /* Twice: the ids stand behind what uses them. */
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "special_tokens")) {
            read_specials(json, &template);
        } else if (wt_json_text_is(key, "type") || wt_json_text_is(key, "single") ||
                   wt_json_text_is(key, "pair")) {
            wt_json_skip(json);
        } else {
            wt_refuse_key(json);
        }
    }
    if (json->status != WT_OK) {
        return;
    }
    json->place = start;
    json->depth = depth;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "single") && !single) {
            read_single(json, &template, compound);
            single = true;
        } else {
            wt_json_skip(json);
        }
    }
    if (json->status == WT_OK && !single) {
        (void)wt_json_refuse(json, "\"single\" is missing");
    }
}

/* --- any --------------------------------------------------------------------------------------- */

static void read_any(struct wt_json *json, struct wt_compound *compound);

static void read_one(struct wt_json *json, void *opaque)
{
    struct wt_compound *compound = opaque;
    read_any(json, compound);
}

static void read_any(struct wt_json *json, struct wt_compound *compound)
{
    char type[WT_TYPE_NAME_BYTES];
    if (!wt_read_type(json, type)) {
        return;
    }
    if (strcmp(type, "Sequence") == 0) {
        wt_read_sequence(json, "processors", read_one, compound);
    } else if (strcmp(type, "TemplateProcessing") == 0) {
        read_template(json, compound);
    } else if (strcmp(type, "BertProcessing") == 0) {
        read_processing(json, compound, false);
    } else if (strcmp(type, "RobertaProcessing") == 0) {
        read_processing(json, compound, true);
    } else if (strcmp(type, "ByteLevel") == 0) {
        wt_json_skip(json); /* it moves offsets only */
    } else {
        (void)wt_json_refuse(json, "the post-processor %s is not supported", type);
    }
}

enum wt_status wt_read_template(struct wt_json *json, struct wt_compound *compound)
{
    if (!wt_json_null(json)) {
        read_any(json, compound);
    }
    return json->status;
}
