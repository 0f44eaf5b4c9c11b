#include "text/bpe.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BAR[] = "\xE2\x96\x81"; /* U+2581 */
#define BAR_BYTES 3u

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

static void destroy(struct wt_word_model *model)
{
    struct wt_bpe *bpe = (struct wt_bpe *)model;
    wt_pieces_free(&bpe->base.pieces);
    wt_pieces_free(&bpe->folded);
    free(bpe->merges);
    free(bpe);
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

/* The byte that a character of the byte-level alphabet stands for; -1: it is none. The alphabet is
 * that of GPT-2: printable bytes are themselves, the others are U+0100 and on, in order. */
static int32_t byte_of(uint32_t code_point)
{
    bool printable = (code_point >= 0x21 && code_point <= 0x7E) ||
                     (code_point >= 0xA1 && code_point <= 0xFF && code_point != 0xAD);
    if (printable) {
        return (int32_t)code_point;
    }
    if (code_point < 0x100 || code_point > 0x143) {
        return -1;
    }
    uint32_t other = code_point - 0x100;
    if (other < 0x21) {
        return (int32_t)other;
    }
    return other < 0x43 ? (int32_t)(other - 0x21 + 0x7F) : 0xAD;
}

/* Writes a piece as words have it. False: no word has it. */
static bool fold_piece(enum wt_fold fold, const char *text, size_t bytes, char *out,
                       size_t *count_out)
{
    size_t count = 0;
    for (size_t place = 0; place < bytes;) {
        uint8_t first = (uint8_t)text[place];
        if (fold == WT_FOLD_BYTES) {
            uint32_t code_point = first;
            size_t length = 1;
            if (first >= 0xC2 && first < 0xE0) {
                code_point = (first & 0x1Fu) << 6 | ((uint8_t)text[place + 1] & 0x3Fu);
                length = 2;
            } else if (first >= 0x80) {
                return false;
            }
            int32_t byte = byte_of(code_point);
            if (byte < 0) {
                return false;
            }
            out[count++] = (char)(uint8_t)byte;
            place += length;
        } else if (fold == WT_FOLD_SPACE && first == ' ') {
            return false;
        } else if (fold == WT_FOLD_SPACE && bytes - place >= BAR_BYTES &&
                   memcmp(text + place, BAR, BAR_BYTES) == 0) {
            out[count++] = ' ';
            place += BAR_BYTES;
        } else {
            out[count++] = text[place++];
        }
    }
    *count_out = count;
    return count > 0;
}

static bool fold_pieces(struct wt_bpe *bpe)
{
    const struct wt_pieces *pieces = &bpe->base.pieces;
    char *text = NULL;
    size_t capacity = 0;
    bool done = true;
    for (uint32_t i = 0; i < pieces->count && done; i++) {
        const struct wt_piece *piece = &pieces->items[i];
        if (piece->count > capacity) {
            capacity = piece->count * 2;
            char *larger = realloc(text, capacity);
            if (larger == NULL) {
                done = false;
                break;
            }
            text = larger;
        }
        size_t count = 0;
        if (text != NULL &&
            fold_piece(bpe->fold, pieces->bytes + piece->start, piece->count, text, &count)) {
            done = wt_pieces_add(&bpe->folded, text, count, piece->id) == WT_OK;
        }
    }
    free(text);
    return done;
}

/* The ids of bytes: of the alphabet's characters, or of "<0xNN>". */
static void find_bytes(struct wt_bpe *bpe)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[8] = {(char)(uint8_t)byte};
        if (bpe->fold == WT_FOLD_BYTES) {
            bpe->byte_ids[byte] = wt_pieces_find(&bpe->folded, text, 1);
        } else {
            (void)snprintf(text, sizeof text, "<0x%02X>", byte);
            bpe->byte_ids[byte] = wt_pieces_find(&bpe->base.pieces, text, strlen(text));
        }
    }
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
    struct wt_json_text text;
    if (wt_json_null(reader->json) || !wt_json_string(reader->json, &text)) {
        return;
    }
    free(reader->unknown);
    reader->unknown = malloc(text.count + 1);
    if (reader->unknown == NULL) {
        (void)wt_json_out_of_memory(reader->json);
        return;
    }
    memcpy(reader->unknown, text.bytes, text.count);
    reader->unknown_bytes = text.count;
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

/* What follows from the members. */
static void complete(struct reader *reader)
{
    struct wt_json *json = reader->json;
    struct wt_bpe *bpe = reader->bpe;
    if (!reader->has_vocab || bpe->base.pieces.count == 0) {
        (void)wt_json_refuse(json, "\"vocab\" is missing or empty");
        return;
    }
    if ((bpe->merges == NULL && !grow_merges(bpe)) || !fold_pieces(bpe)) {
        (void)wt_json_out_of_memory(json);
        return;
    }
    find_bytes(bpe);
    if (reader->unknown != NULL) {
        bpe->base.unknown_id =
            wt_pieces_find(&bpe->base.pieces, reader->unknown, reader->unknown_bytes);
        if (bpe->base.unknown_id < 0) {
            (void)wt_json_refuse(json, "no piece is the unk_token");
        }
    }
}

static enum wt_status read(struct wt_json *json, enum wt_fold fold,
                           struct wt_word_model **model_out)
{
    struct reader reader = {.json = json};
    reader.bpe = calloc(1, sizeof *reader.bpe);
    if (reader.bpe == NULL) {
        return wt_json_out_of_memory(json);
    }
    reader.bpe->base.type = &wt_bpe_model_type;
    reader.bpe->base.unknown_id = -1;
    reader.bpe->fold = fold;
    read_members(&reader);
    if (json->status == WT_OK) {
        complete(&reader);
    }
    free(reader.unknown);
    wt_text_buffer_free(&reader.joined);
    if (json->status != WT_OK) {
        destroy(&reader.bpe->base);
        return json->status;
    }
    *model_out = &reader.bpe->base;
    return WT_OK;
}

/* --- encoding -------------------------------------------------------------------------------- */

struct state {
    struct wt_bpe_room room;
};

static enum wt_status create_state(const struct wt_word_model *model, void **state_out)
{
    (void)model;
    struct state *state = calloc(1, sizeof *state);
    *state_out = state;
    return state != NULL ? WT_OK : WT_MEMORY;
}

static void destroy_state(void *opaque)
{
    struct state *state = opaque;
    wt_bpe_room_free(&state->room);
    free(state);
}

static enum wt_status encode(const struct wt_word_model *model, void *opaque, const uint8_t *text,
                             const struct wt_word *words, uint32_t count, struct wt_ids *ids)
{
    const struct wt_bpe *bpe = (const struct wt_bpe *)model;
    struct state *state = opaque;
    enum wt_status status = WT_OK;
    for (uint32_t i = 0; i < count && status == WT_OK; i++) {
        const uint8_t *word = text + words[i].start;
        int32_t whole = bpe->ignore_merges
                            ? wt_pieces_find(&bpe->folded, (const char *)word, words[i].bytes)
                            : -1;
        if (whole < 0) {
            status = wt_bpe_merge_word(bpe, &state->room, word, words[i].bytes, ids);
        } else if (!wt_ids_reserve(ids, 1)) {
            status = WT_MEMORY;
        } else {
            ids->ids[ids->count++] = whole;
        }
    }
    return status;
}

const struct wt_word_model_type wt_bpe_model_type = {
    .name = "BPE",
    .type = "bpe",
    .read = read,
    .destroy = destroy,
    .create_state = create_state,
    .destroy_state = destroy_state,
    .encode = encode,
};
