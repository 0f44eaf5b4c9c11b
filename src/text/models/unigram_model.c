/* unigram_model.c: reads a Unigram model from a tokenizer.json, and encodes words with it. */
#include "text/models/unigram_model.h"

#include "base/pages.h"
#include "text/models/unigram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A word of at most so many bytes is remembered. */
#define KEY_BYTES 32u
#define KEY_PARTS (KEY_BYTES / sizeof(uint64_t))
#define ENTRY_IDS 8u
#define ENTRY_IDS_MAX (ENTRY_IDS - 1u)

/* A power of two: 4 MiB for each tokenizer. */
#define ENTRY_BITS 16u
#define ENTRY_COUNT (1u << ENTRY_BITS)

/* A remembered word in one cache line: its bytes, padded with zeros, and its ids. */
struct entry {
    _Alignas(64) uint64_t key[KEY_PARTS];
    int32_t ids[ENTRY_IDS_MAX];
    uint16_t bytes; /* of the word; 0: an empty entry */
    uint16_t id_count;
};

struct model {
    struct wt_word_model base;
    struct wt_unigram *unigram;
};

/* The pieces while they are read, by id. */
struct reader {
    struct wt_json *json;
    struct model *model;
    struct wt_text_buffer texts;
    struct wt_unigram_piece *pieces; /* `text` is set when all are read */
    uint32_t count;
    uint32_t capacity;
    bool byte_fallback;
    bool has_unknown;
    uint32_t unknown_id;
};

static void destroy(struct wt_word_model *base)
{
    struct model *model = (struct model *)base;
    wt_pieces_free(&model->base.pieces);
    wt_unigram_destroy(model->unigram);
    free(model);
}

/* --- reading --------------------------------------------------------------------------------- */

static void add_piece(struct reader *reader, double score)
{
    struct wt_json *json = reader->json;
    if (reader->count == WT_PIECE_IDS_MAX) {
        (void)wt_json_refuse(json, "there are too many pieces");
        return;
    }
    if (!(fabs(score) <= WT_UNIGRAM_SCORE_MAX)) {
        (void)wt_json_refuse(json, "the score is too far from 0");
        return;
    }
    if (reader->count == reader->capacity) {
        uint32_t capacity = reader->capacity * 2 + 1024;
        struct wt_unigram_piece *pieces = realloc(reader->pieces, capacity * sizeof *pieces);
        if (pieces == NULL) {
            (void)wt_json_out_of_memory(json);
            return;
        }
        reader->pieces = pieces;
        reader->capacity = capacity;
    }
    reader->pieces[reader->count++].score = score;
}

/* ["piece", score] */
static void read_piece(struct reader *reader)
{
    struct wt_json *json = reader->json;
    struct wt_json_text text = {.count = 0};
    double score = 0;
    if (!wt_json_array(json) || !wt_json_element(json) || !wt_json_string(json, &text)) {
        return;
    }
    if (wt_pieces_add(&reader->model->base.pieces, text.bytes, text.count, reader->count) !=
            WT_OK ||
        !wt_text_buffer_append(&reader->texts, text.bytes, text.count)) {
        (void)wt_json_out_of_memory(json);
        return;
    }
    uint32_t bytes = (uint32_t)text.count;
    if (!wt_json_element(json) || !wt_json_number(json, &score)) {
        (void)wt_json_refuse(json, "must be a piece and its score");
        return;
    }
    add_piece(reader, score);
    if (json->status == WT_OK) {
        reader->pieces[reader->count - 1].bytes = bytes;
        if (wt_json_element(json)) {
            (void)wt_json_refuse(json, "must be a piece and its score");
        }
    }
}

static void read_members(struct reader *reader)
{
    struct wt_json *json = reader->json;
    struct wt_json_text key;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "vocab") && reader->count == 0) {
            (void)wt_json_array(json);
            while (wt_json_element(json)) {
                read_piece(reader);
            }
        } else if (wt_json_text_is(key, "unk_id")) {
            if (wt_json_null(json)) {
                (void)wt_json_refuse(json,
                                     "null: without an unknown token a text with a character of "
                                     "no piece has no ids; name the token");
            }
            reader->has_unknown = wt_json_uint32(json, &reader->unknown_id);
        } else if (wt_json_text_is(key, "byte_fallback")) {
            (void)wt_json_bool(json, &reader->byte_fallback);
        } else {
            (void)wt_json_refuse(json, "this key is not supported");
        }
    }
}

static void complete(struct reader *reader, enum wt_fold fold)
{
    struct wt_json *json = reader->json;
    struct wt_unigram_options options = {.unknown_id = reader->unknown_id,
                                         .byte_fallback = reader->byte_fallback,
                                         .folds_space = fold == WT_FOLD_SPACE};
    if (reader->count == 0) {
        (void)wt_json_refuse(json, "\"vocab\" is missing or empty");
    } else if (!reader->has_unknown || reader->unknown_id >= reader->count) {
        (void)wt_json_refuse(json, "\"unk_id\" must be the id of a piece");
    } else if (fold == WT_FOLD_BYTES) {
        (void)wt_json_refuse(json, "Unigram is not supported behind the pre-tokenizer ByteLevel");
    }
    size_t place = 0;
    for (uint32_t i = 0; i < reader->count; i++) {
        reader->pieces[i].text = (const char *)reader->texts.bytes + place;
        place += reader->pieces[i].bytes;
    }
    if (json->status == WT_OK && wt_unigram_create(reader->pieces, reader->count, &options,
                                                   &reader->model->unigram) != WT_OK) {
        (void)wt_json_out_of_memory(json);
    }
    reader->model->base.unknown_id = (int32_t)reader->unknown_id;
    reader->model->base.size = reader->count;
}

static enum wt_status read(struct wt_json *json, enum wt_fold fold,
                           struct wt_word_model **model_out)
{
    struct reader reader = {.json = json, .model = calloc(1, sizeof *reader.model)};
    if (reader.model == NULL) {
        return wt_json_out_of_memory(json);
    }
    reader.model->base.type = &wt_unigram_model_type;
    read_members(&reader);
    if (json->status == WT_OK) {
        complete(&reader, fold);
    }
    free(reader.pieces);
    wt_text_buffer_free(&reader.texts);
    if (json->status != WT_OK) {
        destroy(&reader.model->base);
        return json->status;
    }
    *model_out = &reader.model->base;
    return WT_OK;
}

/* --- encoding -------------------------------------------------------------------------------- */

struct state {
    struct wt_unigram_room room;
    struct entry *entries; /* ENTRY_COUNT; a word can be in one entry only */
    uint64_t keys[WT_WORDS_AT_ONCE][KEY_PARTS];
    struct entry *places[WT_WORDS_AT_ONCE]; /* NULL: the word is too long */
};

static void destroy_state(void *opaque)
{
    struct state *state = opaque;
    wt_unigram_room_free(&state->room);
    wt_pages_free(state->entries);
    free(state);
}

static enum wt_status create_state(const struct wt_word_model *model, void **state_out)
{
    (void)model;
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        return WT_MEMORY;
    }
    state->entries = wt_pages_alloc(ENTRY_COUNT * sizeof *state->entries);
    if (state->entries == NULL) {
        destroy_state(state);
        return WT_MEMORY;
    }
    memset(state->entries, 0, ENTRY_COUNT * sizeof *state->entries);
    *state_out = state;
    return WT_OK;
}

/* Copies a word of at most KEY_BYTES bytes, behind which as many may be read, and pads it. */
static inline void load_key(uint64_t *key, const uint8_t *word, uint32_t bytes)
{
    static const uint8_t masks[2 * KEY_BYTES] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    uint64_t mask[KEY_PARTS];
    memcpy(mask, masks + KEY_BYTES - bytes, sizeof mask);
    memcpy(key, word, KEY_BYTES);
    for (size_t i = 0; i < KEY_PARTS; i++) {
        key[i] &= mask[i];
    }
}

static inline uint32_t hash(const uint64_t *key)
{
    uint64_t sum = key[0] * 0x9E3779B97F4A7C15u + key[1] * 0xC2B2AE3D27D4EB4Fu +
                   key[2] * 0x165667B19E3779F9u + key[3] * 0xD6E8FEB86659FD93u;
    return (uint32_t)((sum ^ sum >> 32) * 0xFF51AFD7ED558CCDu >> (64 - ENTRY_BITS));
}

static inline bool is_word(const struct entry *entry, const uint64_t *key, uint32_t bytes)
{
    uint64_t difference = 0;
    for (size_t i = 0; i < KEY_PARTS; i++) {
        difference |= entry->key[i] ^ key[i];
    }
    return difference == 0 && entry->bytes == bytes;
}

/* Cuts a word that is not remembered, and remembers it. There is room for its ids. */
static enum wt_status cut_word(const struct wt_unigram *unigram, struct state *state,
                               struct entry *entry, const uint64_t *key, const uint8_t *word,
                               uint32_t bytes, struct wt_ids *ids)
{
    if (wt_unigram_room_reserve(&state->room, bytes) != WT_OK) {
        return WT_MEMORY;
    }
    int32_t *out = ids->ids + ids->count;
    size_t count = wt_unigram_cut(unigram, &state->room, word, bytes, out);
    ids->count += count;
    if (entry != NULL && count <= ENTRY_IDS_MAX) {
        memcpy(entry->key, key, sizeof entry->key);
        memcpy(entry->ids, out, count * sizeof *out);
        entry->bytes = (uint16_t)bytes;
        entry->id_count = (uint16_t)count;
    }
    return WT_OK;
}

static enum wt_status encode(const struct wt_word_model *base, void *opaque, const uint8_t *text,
                             const struct wt_word *words, uint32_t count, struct wt_ids *ids)
{
    const struct wt_unigram *unigram = ((const struct model *)base)->unigram;
    struct state *state = opaque;
    size_t ids_max = 0;
    for (uint32_t i = 0; i < count; i++) {
        ids_max += WT_UNIGRAM_IDS_MAX(words[i].bytes);
        state->places[i] = NULL;
        if (words[i].bytes <= KEY_BYTES) {
            load_key(state->keys[i], text + words[i].start, words[i].bytes);
            state->places[i] = &state->entries[hash(state->keys[i])];
            __builtin_prefetch(state->places[i]);
        }
    }
    if (!wt_ids_reserve(ids, ids_max + ENTRY_IDS)) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct entry *entry = state->places[i];
        if (entry != NULL && is_word(entry, state->keys[i], words[i].bytes)) {
            memcpy(ids->ids + ids->count, entry->ids, sizeof entry->ids);
            ids->count += entry->id_count;
            continue;
        }
        if (cut_word(unigram, state, entry, state->keys[i], text + words[i].start, words[i].bytes,
                     ids) != WT_OK) {
            return WT_MEMORY;
        }
    }
    return WT_OK;
}

const struct wt_word_model_type wt_unigram_model_type = {
    .name = "Unigram",
    .type = "unigram",
    .read = read,
    .destroy = destroy,
    .create_state = create_state,
    .destroy_state = destroy_state,
    .encode = encode,
};
