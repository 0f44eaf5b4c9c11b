/* fuzz_tokenizer_json.c: any tokenizer.json and any text: no crash, nothing read past the text, and
 * the same ids however the work is done: words remembered or new, searched or merged, the text whole
 * or cut.
 *
 * Input: a byte of limit, two bytes of length, so many bytes of file, and the text. A file that
 * starts with '#' stands for BPE: what follows are merges of letters, two bytes each (see
 * write_bpe). */
#include "wiretag/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 3u
#define LETTERS 4u
#define PIECES_MAX 40u
#define PIECE_BYTES_MAX 12u

static void check(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "fuzz_tokenizer_json: %s\n", what);
        abort();
    }
}

/* --- a table of merges from a few bytes -------------------------------------------------------- */

struct table {
    char pieces[PIECES_MAX][PIECE_BYTES_MAX + 1];
    uint32_t piece_count;
    uint32_t merges[PIECES_MAX][3]; /* left, right, what they become; by rank */
    uint32_t merge_count;
};

static uint32_t find_piece(const struct table *table, const char *text)
{
    uint32_t i = 0;
    while (i < table->piece_count && strcmp(table->pieces[i], text) != 0) {
        i++;
    }
    return i;
}

/* Each two bytes choose two pieces that are there already: letters and what merges made. */
static void read_table(struct table *table, const uint8_t *data, size_t size)
{
    *table = (struct table){.piece_count = LETTERS};
    for (uint32_t i = 0; i < LETTERS; i++) {
        table->pieces[i][0] = (char)('a' + i);
    }
    for (size_t i = 0; i + 1 < size && table->merge_count < PIECES_MAX; i += 2) {
        char text[2 * PIECE_BYTES_MAX + 1];
        uint32_t left = data[i] % table->piece_count;
        uint32_t right = data[i + 1] % table->piece_count;
        (void)snprintf(text, sizeof text, "%s%s", table->pieces[left], table->pieces[right]);
        uint32_t piece = find_piece(table, text);
        if (strlen(text) > PIECE_BYTES_MAX || piece == PIECES_MAX) {
            continue;
        }
        if (piece == table->piece_count) {
            memcpy(table->pieces[table->piece_count++], text, strlen(text) + 1);
        }
        bool known = false;
        for (uint32_t j = 0; j < table->merge_count; j++) {
            known = known || (table->merges[j][0] == left && table->merges[j][1] == right);
        }
        if (!known) {
            table->merges[table->merge_count][0] = left;
            table->merges[table->merge_count][1] = right;
            table->merges[table->merge_count++][2] = piece;
        }
    }
}

static char *write_bpe(const struct table *table, size_t *bytes_out)
{
    char *file = NULL;
    FILE *out = open_memstream(&file, bytes_out);
    check(out != NULL, "out of memory");
    (void)fprintf(out, "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"vocab\":{\"?\":%u",
                  table->piece_count);
    for (uint32_t i = 0; i < table->piece_count; i++) {
        (void)fprintf(out, ",\"%s\":%u", table->pieces[i], i);
    }
    (void)fprintf(out, "},\"merges\":[");
    for (uint32_t i = 0; i < table->merge_count; i++) {
        (void)fprintf(out, "%s[\"%s\",\"%s\"]", i > 0 ? "," : "",
                      table->pieces[table->merges[i][0]], table->pieces[table->merges[i][1]]);
    }
    (void)fprintf(out, "]}}");
    (void)fclose(out);
    return file;
}

/* The plain reference: rank after rank, each from the left to the right. That is the definition as
 * long as the parts of each merge have lower ranks, so that no merge makes work for an earlier one;
 * else the lowest rank is looked for again after each merge. Returns the number of ids. */
static size_t merge_plainly(const struct table *table, const char *text, size_t bytes,
                            uint32_t *ids)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++) {
        bool letter = text[i] >= 'a' && text[i] < (char)('a' + LETTERS);
        ids[count++] = letter ? (uint32_t)(text[i] - 'a') : table->piece_count;
    }
    for (;;) {
        uint32_t best = table->merge_count;
        size_t place = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            for (uint32_t rank = 0; rank < best; rank++) {
                if (table->merges[rank][0] == ids[i] && table->merges[rank][1] == ids[i + 1]) {
                    best = rank;
                    place = i;
                }
            }
        }
        if (best == table->merge_count) {
            return count;
        }
        ids[place] = table->merges[best][2];
        memmove(ids + place + 1, ids + place + 2, (count - place - 2) * sizeof *ids);
        count--;
    }
}

/* --- encoding ---------------------------------------------------------------------------------- */

/* Encodes from a block of exactly the text's size: a byte read past it is seen. */
static enum wt_status encode(struct wt_tokenizer *tokenizer, const char *text, size_t bytes,
                             uint32_t tokens_max, struct wt_tokens *tokens_out)
{
    char *copy = malloc(bytes > 0 ? bytes : 1);
    check(copy != NULL, "out of memory");
    memcpy(copy, text, bytes);
    enum wt_status status =
        wt_tokenizer_encode(tokenizer, copy, bytes, tokens_max, tokens_out, NULL);
    free(copy);
    return status;
}

static bool is_ascii(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if ((text[i] & 0x80) != 0) {
            return false;
        }
    }
    return true;
}

/* Compares with the plain reference; the model splits nothing and every character is one byte. */
static void compare_with_reference(struct wt_tokenizer *tokenizer, const struct table *table,
                                   const char *text, size_t bytes)
{
    struct wt_tokens tokens;
    uint32_t *ids = malloc((bytes + 1) * sizeof *ids);
    check(ids != NULL, "out of memory");
    size_t count = merge_plainly(table, text, bytes, ids);
    check(encode(tokenizer, text, bytes, 0, &tokens) == WT_OK, "good text refused");
    check(tokens.count == count, "another number of ids than the reference");
    for (size_t i = 0; i < count; i++) {
        check((uint32_t)tokens.ids[i] == ids[i], "other ids than the reference");
    }
    free(ids);
}

/* A cut text has the first ids of the whole one, and a second call gives what the first gave. */
static void compare_with_itself(struct wt_tokenizer *tokenizer, const char *text, size_t bytes,
                                uint32_t tokens_max)
{
    struct wt_tokens tokens;
    if (encode(tokenizer, text, bytes, 0, &tokens) != WT_OK) {
        return;
    }
    uint32_t count = tokens.count;
    int32_t *ids = malloc((count + 1) * sizeof *ids);
    check(ids != NULL, "out of memory");
    memcpy(ids, tokens.ids, count * sizeof *ids);
    check(encode(tokenizer, text, bytes, 0, &tokens) == WT_OK, "refused the second time");
    check(tokens.count == count && memcmp(ids, tokens.ids, count * sizeof *ids) == 0,
          "other ids the second time");
    if (encode(tokenizer, text, bytes, tokens_max, &tokens) == WT_OK && tokens_max > 0) {
        check(tokens.count <= tokens_max, "more ids than the limit");
        check(tokens.truncated == (count > tokens_max), "truncated is wrong");
        check(tokens.truncated || memcmp(ids, tokens.ids, count * sizeof *ids) == 0,
              "other ids with a limit");
    }
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD_BYTES) {
        return 0;
    }
    size_t file_bytes = (size_t)data[1] << 8 | data[2];
    if (file_bytes > size - HEAD_BYTES) {
        file_bytes = size - HEAD_BYTES;
    }
    const uint8_t *file = data + HEAD_BYTES;
    const char *text = (const char *)file + file_bytes;
    size_t bytes = size - HEAD_BYTES - file_bytes;
    bool table_only = file_bytes > 0 && file[0] == '#';
    struct table table;
    size_t written_bytes = file_bytes;
    char *written = NULL;
    if (table_only) {
        read_table(&table, file + 1, file_bytes - 1);
        written = write_bpe(&table, &written_bytes);
    } else {
        written = malloc(file_bytes > 0 ? file_bytes : 1);
        check(written != NULL, "out of memory");
        memcpy(written, file, file_bytes);
    }
    struct wt_vocab *vocab = NULL;
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_error error;
    enum wt_status status = wt_vocab_create(written, written_bytes, "fuzz", NULL, &vocab, &error);
    check(status == WT_OK || (status == WT_INVALID && !table_only), "the file is refused");
    free(written);
    if (status != WT_OK) {
        return 0;
    }
    check(wt_tokenizer_create(vocab, &tokenizer, &error) == WT_OK, "no tokenizer");
    compare_with_itself(tokenizer, text, bytes, data[0]);
    if (table_only && is_ascii(text, bytes)) {
        compare_with_reference(tokenizer, &table, text, bytes);
    }
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
    return 0;
}
