/* The hot paths of the worker, each in a function of its own whose instructions test_instructions.py has
 * counted. What they need is made outside of them.
 *
 *     hot_paths ARTICLES.jsonl vocab.txt bpe.json unigram.json */
#include "base/file.h"
#include "codec/decode.h"
#include "codec/encode.h"
#include "config/config_load.h"
#include "dice.h"
#include "pipeline/batcher.h"
#include "record/partition.h"
#include "text/script.h"
#include "wiretag/tokenizer.h"

#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Other compilers make other instructions of the same source; so do the sanitizers and no optimization. */
#define NUMBER(value) #value
#define WORD(value) NUMBER(value)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define COMPILER "for tests"
#elif defined(__clang__)
#define COMPILER "clang " WORD(__clang_major__)
#else
#define COMPILER "gcc " WORD(__GNUC__)
#endif

#define NEVER_INLINE __attribute__((noinline, noclone))

#define ARTICLES_MAX 64u
#define ROUNDS 20
#define BATCHED_RECORDS 4000u
#define LABEL_COUNT 11u

struct text {
    char *bytes;
    size_t count;
};

struct inputs {
    struct wt_config *config;
    struct text lines[ARTICLES_MAX]; /* the articles as JSON, */
    struct text texts[ARTICLES_MAX]; /* and their texts */
    uint32_t count;
};

static void must(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "hot_paths: %s\n", what);
        exit(1);
    }
}

static struct wt_record *record_of(const struct text *line)
{
    return wt_record_create("key", 3, line->bytes, line->count, NULL, 0);
}

/* --- the paths ------------------------------------------------------------------------------- */

NEVER_INLINE void path_json(struct wt_decoder *decoder, struct wt_record *record,
                            struct wt_article *article);
NEVER_INLINE void path_script(const struct text *text);
NEVER_INLINE void path_wordpiece(struct wt_tokenizer *tokenizer, const struct text *text);
NEVER_INLINE void path_bpe(struct wt_tokenizer *tokenizer, const struct text *text);
NEVER_INLINE void path_unigram(struct wt_tokenizer *tokenizer, const struct text *text);
NEVER_INLINE void path_batcher(struct wt_batcher *batcher, struct wt_record **records,
                               struct wt_batch *batch);
NEVER_INLINE void path_encode(const struct wt_encoder *encoder, struct wt_record *record);

void path_json(struct wt_decoder *decoder, struct wt_record *record, struct wt_article *article)
{
    struct wt_error error;
    must(wt_decode(decoder, record, article, &error) == WT_OK, "an article is refused");
}

void path_script(const struct text *text)
{
    must(wt_script_of(text->bytes, text->count) == WT_SCRIPT_CYRILLIC, "another script");
}

static inline void tokenize(struct wt_tokenizer *tokenizer, const struct text *text)
{
    struct wt_tokens tokens;
    struct wt_error error;
    must(wt_tokenizer_encode(tokenizer, text->bytes, text->count, 512, &tokens, &error) == WT_OK &&
             tokens.count > 2,
         "a text is not tokenized");
}

void path_wordpiece(struct wt_tokenizer *tokenizer, const struct text *text)
{
    tokenize(tokenizer, text);
}

void path_bpe(struct wt_tokenizer *tokenizer, const struct text *text)
{
    tokenize(tokenizer, text);
}

void path_unigram(struct wt_tokenizer *tokenizer, const struct text *text)
{
    tokenize(tokenizer, text);
}

/* As under load: 64 records come at once, and batches are taken while they are due. */
void path_batcher(struct wt_batcher *batcher, struct wt_record **records, struct wt_batch *batch)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < BATCHED_RECORDS; i++) {
        wt_batcher_add(batcher, &records[i], i);
        bool last = i + 1 == BATCHED_RECORDS;
        while ((i % 64 == 63 || last) && wt_batcher_take(batcher, i, last, batch)) {
            memcpy(&records[taken], batch->records, batch->count * sizeof(struct wt_record *));
            taken += batch->count;
        }
    }
    must(taken == BATCHED_RECORDS, "records are missing");
}

void path_encode(const struct wt_encoder *encoder, struct wt_record *record)
{
    wt_encode(encoder, record);
    wt_record_output_clear(record);
}

/* --- what they need -------------------------------------------------------------------------- */

static void run_json(struct inputs *inputs)
{
    struct wt_decoder *decoder = wt_decoder_create(inputs->config);
    for (uint32_t i = 0; i < ROUNDS * inputs->count; i++) {
        uint32_t line = i % inputs->count;
        struct wt_record *record = record_of(&inputs->lines[line]);
        struct wt_article article;
        path_json(decoder, record, &article);
        struct text *text = &inputs->texts[line];
        free(text->bytes);
        text->count = article.text_bytes;
        text->bytes = malloc(text->count + 1);
        must(text->bytes != NULL, "out of memory");
        memcpy(text->bytes, article.text, text->count);
        wt_record_destroy(record);
    }
    wt_decoder_destroy(decoder);
}

static void run_tokenizer(const struct inputs *inputs, const char *path,
                          void (*run)(struct wt_tokenizer *, const struct text *))
{
    struct wt_vocab *vocab;
    struct wt_tokenizer *tokenizer;
    struct wt_error error;
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    must(wt_vocab_load(path, &options, &vocab, &error) == WT_OK, path);
    must(wt_tokenizer_create(vocab, &tokenizer, &error) == WT_OK, path);
    for (uint32_t i = 0; i < ROUNDS * inputs->count; i++) {
        run(tokenizer, &inputs->texts[i % inputs->count]);
    }
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void run_batcher(void)
{
    struct wt_batcher_limits limits = {
        .tokens_max = 1024, .articles_max = 64, .wait_us_max = 20000, .length_max = 512};
    struct wt_batcher *batcher = wt_batcher_create(&limits);
    struct wt_record **records = malloc(BATCHED_RECORDS * sizeof(struct wt_record *));
    struct wt_record *room[64];
    struct wt_batch batch = {.records = room};
    struct dice dice = {.state = 1};
    must(records != NULL, "out of memory");
    for (uint32_t i = 0; i < BATCHED_RECORDS; i++) {
        records[i] = record_of(&(struct text){.bytes = "{}", .count = 2});
        records[i]->token_count = dice_article_tokens(&dice);
    }
    path_batcher(batcher, records, &batch);
    for (uint32_t i = 0; i < BATCHED_RECORDS; i++) {
        wt_record_destroy(records[i]);
    }
    free(records);
    wt_batcher_destroy(batcher);
}

static void run_encode(const struct inputs *inputs)
{
    static const char *const labels[LABEL_COUNT] = {"climate", "conflicts", "culture",  "economy",
                                                    "gloss",   "health",    "politics", "science",
                                                    "society", "sports",    "travel"};
    static const char *const uris[LABEL_COUNT];
    static const double thresholds[LABEL_COUNT];
    struct wt_model_info info = {.name = "speed",
                                 .version = "1",
                                 .sha256 = "00",
                                 .labels = labels,
                                 .label_count = LABEL_COUNT,
                                 .label_uris = uris,
                                 .thresholds = thresholds};
    struct wt_partition source = {.topic = "news.articles", .number = 3};
    struct wt_encoder *encoder = wt_encoder_create(inputs->config, &info);
    struct dice dice = {.state = 2};
    for (uint32_t i = 0; i < ROUNDS * inputs->count; i++) {
        struct wt_record *record = record_of(&inputs->lines[i % inputs->count]);
        record->source = &source;
        record->offset = 1000 + i;
        record->timestamp_ms = 1700000000123;
        record->id_json = strdup("\"article-1\"");
        record->token_count = dice_article_tokens(&dice);
        record->logits = malloc(LABEL_COUNT * sizeof(float));
        must(record->id_json != NULL && record->logits != NULL, "out of memory");
        for (uint32_t label = 0; label < LABEL_COUNT; label++) {
            record->logits[label] = (float)(3.0 * dice_normal(&dice));
        }
        record->outcome = WT_OUTCOME_LABELLED;
        path_encode(encoder, record);
        wt_record_destroy(record);
    }
    wt_encoder_destroy(encoder);
}

static void read_articles(struct inputs *inputs, const char *path)
{
    char *all;
    size_t bytes;
    struct wt_error error;
    must(wt_file_read(path, 1u << 20, &all, &bytes, &error) == WT_OK, path);
    for (char *line = all; line < all + bytes && inputs->count < ARTICLES_MAX;) {
        char *end = memchr(line, '\n', (size_t)(all + bytes - line));
        size_t count = (size_t)((end != NULL ? end : all + bytes) - line);
        inputs->lines[inputs->count++] =
            (struct text){.bytes = strndup(line, count), .count = count};
        line += count + 1;
    }
    free(all);
}

int main(int argc, char **argv)
{
    must(argc == 5, "ARTICLES.jsonl vocab.txt bpe.json unigram.json");
    struct inputs inputs = {.config = wt_config_defaults()};
    read_articles(&inputs, argv[1]);
    run_json(&inputs);
    for (uint32_t i = 0; i < ROUNDS * inputs.count; i++) {
        path_script(&inputs.texts[i % inputs.count]);
    }
    run_tokenizer(&inputs, argv[2], path_wordpiece);
    run_tokenizer(&inputs, argv[3], path_bpe);
    run_tokenizer(&inputs, argv[4], path_unigram);
    run_batcher();
    run_encode(&inputs);
    size_t bytes = 0;
    for (uint32_t i = 0; i < inputs.count; i++) {
        bytes += inputs.texts[i].count;
        free(inputs.lines[i].bytes);
        free(inputs.texts[i].bytes);
    }
    (void)printf("{\"articles\": %u, \"bytes\": %zu, \"built\": \"" COMPILER
                 "\", \"libc\": \"glibc %s\"}\n",
                 inputs.count, bytes, gnu_get_libc_version());
    wt_config_destroy(inputs.config);
    return 0;
}
