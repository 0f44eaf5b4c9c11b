#include "text/models/bpe_internal.h"

#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

/* A model while it is read. */
struct reader {
    struct wt_json *json;
    struct wt_bpe *bpe;
    char *unknown; /* unk_token; NULL: none */
    size_t unknown_bytes;
    bool has_vocab;
    uint32_t rank; /* of the next merge */
    struct wt_text_buffer joined;
};

static void free_bpe(struct wt_bpe *bpe)
{
    wt_pieces_free(&bpe->base.pieces);
    wt_pieces_free(&bpe->folded);
    free(bpe->merges);
    free(bpe->merge_filter);
    free(bpe->tokens);
    wt_pages_free(bpe->wholes);
    free(bpe->whole_tags);
    wt_pages_free(bpe->nodes);
    wt_bpe_pairs_free(&bpe->pairs);
    wt_bpe_rows_free(&bpe->rows);
    wt_symbols_free(&bpe->symbols);
    free(bpe);
}

static void destroy(struct wt_word_model *model)
{
    free_bpe((struct wt_bpe *)model);
}

/* --- pieces ---------------------------------------------------------------------------------- */

static void read_vocab(struct reader *reader)
{
    struct wt_json *json = reader->json;
    struct wt_pieces *pieces = &reader->bpe->base.pieces;
    struct wt_json_text key;
    uint32_t id = 0;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (!wt_json_uint32(json, &id)) {
            return;
        }
        if (id >= WT_PIECE_IDS_MAX) {
            (void)wt_json_refuse(json, "the id is too large");
        } else if (wt_pieces_of_id(pieces, id) != NULL) {
            (void)wt_json_refuse(json, "another piece has the id %u already", id);
        } else if (wt_pieces_add(pieces, key.bytes, key.count, id) != WT_OK) {
            (void)wt_json_out_of_memory(json);
        }
    }
    reader->has_vocab = true;
}

/* --- merges ---------------------------------------------------------------------------------- */

static bool grow_merges(struct wt_bpe *bpe)
{
    uint32_t old_slots = bpe->merge_slots;
    struct wt_bpe_merge *old = bpe->merges;
    uint32_t slots = old_slots == 0 ? 1024 : old_slots * 2;
    struct wt_bpe_merge *merges = malloc(slots * sizeof *merges);
    if (merges == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < slots; i++) {
        merges[i].rank = WT_BPE_NONE;
    }
    bpe->merges = merges;
    bpe->merge_slots = slots;
    bpe->merge_shift = 64;
    for (uint32_t size = slots; size > 1; size /= 2) {
        bpe->merge_shift--;
    }
    for (uint32_t i = 0; i < old_slots; i++) {
        if (old[i].rank != WT_BPE_NONE) {
            uint32_t slot = wt_bpe_slot(bpe, old[i].left, old[i].right);
            while (merges[slot].rank != WT_BPE_NONE) {
                slot = (slot + 1) & (slots - 1);
            }
            merges[slot] = old[i];
        }
    }
    free(old);
    return true;
}

/* Of equal pairs the last one counts. */
static bool add_merge(struct wt_bpe *bpe, struct wt_bpe_merge merge)
{
    if (bpe->merge_count * 2 >= bpe->merge_slots && !grow_merges(bpe)) {
        return false;
    }
    struct wt_bpe_merge *known =
        (struct wt_bpe_merge *)wt_bpe_find_merge(bpe, merge.left, merge.right);
    if (known != NULL) {
        *known = merge;
        return true;
    }
    uint32_t slot = wt_bpe_slot(bpe, merge.left, merge.right);
    while (bpe->merges[slot].rank != WT_BPE_NONE) {
        slot = (slot + 1) & (bpe->merge_slots - 1);
    }
    bpe->merges[slot] = merge;
    bpe->merge_count++;
    return true;
}

/* Takes the merge of two texts that stand one behind the other in reader->joined. */
static void take_merge(struct reader *reader, size_t left_bytes)
{
    struct wt_json *json = reader->json;
    const struct wt_pieces *pieces = &reader->bpe->base.pieces;
    const char *text = (const char *)reader->joined.bytes;
    size_t bytes = reader->joined.count;
    int32_t left = wt_pieces_find(pieces, text, left_bytes);
    int32_t right = wt_pieces_find(pieces, text + left_bytes, bytes - left_bytes);
    int32_t id = wt_pieces_find(pieces, text, bytes);
    if (left < 0 || right < 0 || id < 0) {
        (void)wt_json_refuse(json, "no piece is \"%.*s\"", (int)(bytes < 100 ? bytes : 100), text);
        return;
    }
    struct wt_bpe_merge merge = {.left = (uint32_t)left,
                                 .right = (uint32_t)right,
                                 .rank = reader->rank++,
                                 .id = (uint32_t)id};
    if (!add_merge(reader->bpe, merge)) {
        (void)wt_json_out_of_memory(json);
    }
}

static bool join(struct reader *reader, const char *text, size_t bytes)
{
    if (!wt_text_buffer_append(&reader->joined, text, bytes)) {
        (void)wt_json_out_of_memory(reader->json);
        return false;
    }
    return true;
}

/* "left right" */
static void read_words(struct reader *reader)
{
    struct wt_json_text text;
    if (!wt_json_string(reader->json, &text) ||
        (text.count >= 8 && memcmp(text.bytes, "#version", 8) == 0)) {
        return;
    }
    const char *blank = memchr(text.bytes, ' ', text.count);
    size_t left = blank != NULL ? (size_t)(blank - text.bytes) : 0;
    if (blank == NULL || memchr(blank + 1, ' ', text.count - left - 1) != NULL) {
        (void)wt_json_refuse(reader->json, "must be two pieces with a blank between them");
        return;
    }
    if (join(reader, text.bytes, left) && join(reader, blank + 1, text.count - left - 1)) {
        take_merge(reader, left);
    }
}

/* ["left", "right"] */
static void read_pair(struct reader *reader)
{
    struct wt_json *json = reader->json;
    struct wt_json_text text;
    size_t left = 0;
    uint32_t count = 0;
    (void)wt_json_array(json);
    while (wt_json_element(json)) {
        if (!wt_json_string(json, &text) || !join(reader, text.bytes, text.count)) {
            return;
        }
        left = count == 0 ? text.count : left;
        count++;
    }
    if (json->status == WT_OK && count != 2) {
        (void)wt_json_refuse(json, "must be two pieces");
    } else if (json->status == WT_OK) {
        take_merge(reader, left);
    }
}

static void read_merges(struct reader *reader)
{
    struct wt_json *json = reader->json;
    (void)wt_json_array(json);
    while (wt_json_element(json)) {
        reader->joined.count = 0;
        if (wt_json_peek(json) == WT_JSON_STRING) {
            read_words(reader);
        } else {
            read_pair(reader);
        }
    }
}

/* --- the object ------------------------------------------------------------------------------ */

static void read_unknown(struct reader *reader)
{
    if (!wt_json_null(reader->json)) {
        (void)wt_json_string_copy(reader->json, &reader->unknown, &reader->unknown_bytes);
    }
}

static void refuse_text(struct wt_json *json)
{
    struct wt_json_text text;
    if (!wt_json_null(json) && wt_json_string(json, &text) && text.count > 0) {
        (void)wt_json_refuse(json, "only null is supported");
    }
}

static void refuse_dropout(struct wt_json *json)
{
    double dropout = 0;
    if (!wt_json_null(json) && wt_json_number(json, &dropout) && dropout != 0) {
        (void)wt_json_refuse(json, "ids drawn by chance are not supported");
    }
}

/* The flag that `key` names; NULL: it names none. */
static bool *flag_of(struct wt_bpe *bpe, struct wt_json_text key)
{
    if (wt_json_text_is(key, "fuse_unk")) {
        return &bpe->fuse_unknown;
    }
    if (wt_json_text_is(key, "byte_fallback")) {
        return &bpe->byte_fallback;
    }
    return wt_json_text_is(key, "ignore_merges") ? &bpe->ignore_merges : NULL;
}

static void read_members(struct reader *reader)
{
    struct wt_json *json = reader->json;
    struct wt_json_text key;
    size_t merges_place = 0;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        bool *flag = flag_of(reader->bpe, key);
        if (flag != NULL) {
            (void)wt_json_bool(json, flag);
        } else if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "vocab") && !reader->has_vocab) {
            read_vocab(reader);
        } else if (wt_json_text_is(key, "merges") && reader->has_vocab) {
            read_merges(reader);
        } else if (wt_json_text_is(key, "merges")) {
            merges_place = json->place;
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "unk_token")) {
            read_unknown(reader);
        } else if (wt_json_text_is(key, "continuing_subword_prefix") ||
                   wt_json_text_is(key, "end_of_word_suffix")) {
            refuse_text(json);
        } else if (wt_json_text_is(key, "dropout")) {
            refuse_dropout(json);
        } else {
            (void)wt_json_refuse(json, "this key is not supported");
        }
    }
    if (json->status == WT_OK && merges_place > 0 && reader->has_vocab) {
        size_t end = json->place;
        json->place = merges_place;
        read_merges(reader);
        json->place = end;
    }
}

/* True if no byte or blank that words have in place of a character of the pieces is an unknown one:
 * the bytes to fall back to would be those of the character. */
static bool has_all_folded(const struct wt_bpe *bpe)
{
    uint32_t byte = 0;
    if (bpe->fold != WT_FOLD_BYTES) {
        return bpe->fold == WT_FOLD_NONE || wt_pieces_find(&bpe->folded, " ", 1) >= 0;
    }
    while (byte < 256 && bpe->byte_ids[byte] >= 0) {
        byte++;
    }
    return byte == 256;
}

/* What follows from the members. */
static void complete(struct reader *reader)
{
    struct wt_json *json = reader->json;
    struct wt_bpe *bpe = reader->bpe;
    if (!reader->has_vocab || bpe->base.pieces.count == 0) {
        (void)wt_json_refuse(json, "\"vocab\" is missing or empty");
        return;
    }
    if (reader->unknown != NULL) {
        bpe->base.unknown_id =
            wt_pieces_find(&bpe->base.pieces, reader->unknown, reader->unknown_bytes);
    }
    bpe->base.size = bpe->base.pieces.count;
    if ((bpe->merges == NULL && !grow_merges(bpe)) || wt_bpe_complete(bpe) != WT_OK) {
        (void)wt_json_out_of_memory(json);
        return;
    }
    bool has_all = has_all_folded(bpe);
    if (reader->unknown != NULL && bpe->base.unknown_id < 0 &&
        !(has_all && bpe->fold == WT_FOLD_BYTES)) {
        /* GPT-2's may be "": with a piece for each byte nothing is unknown. */
        (void)wt_json_refuse(json, "no piece is the unk_token");
    } else if (bpe->byte_fallback && !has_all) {
        (void)wt_json_refuse(json, bpe->fold == WT_FOLD_BYTES
                                       ? "byte_fallback behind ByteLevel is supported if each byte "
                                         "has a piece"
                                       : "byte_fallback behind Metaspace is supported with a piece "
                                         "for U+2581");
    }
}

static enum wt_status read(struct wt_json *json, enum wt_fold fold,
                           struct wt_word_model **model_out)
{
    struct wt_bpe *bpe = calloc(1, sizeof *bpe);
    if (bpe == NULL) {
        return wt_json_out_of_memory(json);
    }
    *model_out = &bpe->base;
    struct reader reader = {.json = json, .bpe = bpe};
    bpe->base.type = &wt_bpe_model_type;
    bpe->base.unknown_id = -1;
    bpe->fold = fold;
    read_members(&reader);
    if (json->status == WT_OK) {
        complete(&reader);
    }
    free(reader.unknown);
    wt_text_buffer_free(&reader.joined);
    if (json->status != WT_OK) {
        free_bpe(bpe);
        *model_out = NULL;
    }
    return json->status;
}

const struct wt_word_model_type wt_bpe_model_type = {
    .name = "BPE",
    .type = "bpe",
    .read = read,
    .destroy = destroy,
    .create_state = wt_bpe_create_state,
    .destroy_state = wt_bpe_destroy_state,
    .encode = wt_bpe_encode,
};
