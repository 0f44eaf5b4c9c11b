#include "codec/dead_letter.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "codec/headers.h"
#include "record/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* wiretag never writes a larger count: a larger value came from elsewhere and counts as 0 tries. */
#define TRIES_MAX 1000000

/* Upper limits of Kafka's record format 2: what a record costs besides key, value and headers (61
 * bytes for the batch, up to 36 for lengths, timestamp and offset), and what a header costs besides
 * its name and value. */
#define RECORD_FRAME_BYTES (61u + 36u)
#define HEADER_FRAME_BYTES 10u

/* At most this many removed headers are named, each name cut to this length. */
#define CUT_NAMES_MAX 4u
#define CUT_NAME_BYTES_MAX 60u

#define SHA256_HEX_BYTES 65u

/* How much a dead letter says about itself, from most to least. The smaller forms are for topics
 * whose limit is below what wiretag itself adds. */
struct form {
    size_t message_bytes_max; /* of the error message; 0: none, and no headers for Kafka Connect */
    size_t kept_bytes_min;    /* kept of a value or key that is cut */
    bool names;               /* name the removed headers */
    bool details;             /* stage, timestamp; size and hash of what was cut */
    bool content;             /* keep any of value, headers and key */
};

static const struct form FORMS[] = {
    {.message_bytes_max = SIZE_MAX, .kept_bytes_min = 256, .names = true, true, true},
    {.message_bytes_max = 80, .kept_bytes_min = 64, .details = true, .content = true},
    {.message_bytes_max = 0, .kept_bytes_min = 0, .details = true, .content = true},
    {.message_bytes_max = 0, .kept_bytes_min = 0},
};
#define FORM_LEAST (sizeof FORMS / sizeof FORMS[0] - 1)

/* How much of the input record the dead letter keeps. */
struct kept {
    size_t value_bytes;
    size_t key_bytes;
    bool *headers; /* [i]: header i is kept; headers that wiretag replaces count as kept */
    bool headers_cut;
};

/* --- sizes ----------------------------------------------------------------------------------- */

static size_t header_bytes(const struct wt_header *header)
{
    return HEADER_FRAME_BYTES + strlen(header->name) + header->value_bytes;
}

size_t wt_output_bytes(const struct wt_output *output)
{
    size_t bytes = RECORD_FRAME_BYTES + output->key_bytes + output->value_bytes;
    for (size_t i = 0; i < output->header_count; i++) {
        bytes += header_bytes(&output->headers[i]);
    }
    return bytes;
}

/* --- headers that wiretag adds --------------------------------------------------------------- */

static void sha256_end(EVP_MD_CTX *context, char hex[SHA256_HEX_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes = 0;
    int done = EVP_DigestFinal_ex(context, digest, &digest_bytes);
    assert(done == 1 && digest_bytes == 32);
    (void)done;
    EVP_MD_CTX_free(context);
    for (size_t i = 0; i < digest_bytes; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}

static EVP_MD_CTX *sha256_begin(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = context != NULL ? EVP_DigestInit_ex(context, EVP_sha256(), NULL) : 0;
    assert(done == 1);
    (void)done;
    return context;
}

static void sha256_hex(const void *bytes, size_t count, char hex[SHA256_HEX_BYTES])
{
    EVP_MD_CTX *context = sha256_begin();
    (void)EVP_DigestUpdate(context, bytes, count);
    sha256_end(context, hex);
}

/* The length of the longest prefix of `text` that has at most `bytes_max` bytes and ends at a
 * character boundary. */
static size_t whole_characters(const char *text, size_t bytes_max)
{
    size_t bytes = strlen(text);
    return bytes > bytes_max ? wt_utf8_cut(text, bytes_max) : bytes;
}

static void add_cut_names(const struct wt_record *record, const struct kept *kept,
                          struct wt_headers *headers)
{
    struct wt_buffer names = {0};
    size_t missing = 0;
    for (size_t i = 0; i < record->header_count; i++) {
        const struct wt_header *header = &record->headers[i];
        if (kept->headers[i] || ++missing > CUT_NAMES_MAX) {
            continue;
        }
        char hex[SHA256_HEX_BYTES];
        size_t name_bytes = whole_characters(header->name, CUT_NAME_BYTES_MAX);
        sha256_hex(header->value, header->value_bytes, hex);
        wt_buffer_append_text(&names, missing > 1 ? ", " : "");
        wt_buffer_append(&names, header->name, name_bytes);
        wt_buffer_append_text(&names, header->name[name_bytes] != '\0' ? "…" : "");
        char *size = wt_format(" (%zu bytes, sha256 %s)", header->value_bytes, hex);
        wt_buffer_append_text(&names, size);
        free(size);
    }
    if (missing > CUT_NAMES_MAX) {
        char *more = wt_format(" and %zu more", missing - CUT_NAMES_MAX);
        wt_buffer_append_text(&names, more);
        free(more);
    }
    char *text = wt_buffer_take(&names, NULL);
    wt_headers_add_text(headers, "wiretag.error.headers_cut", text);
    free(text);
}

static void add_headers_cut(const struct wt_record *record, const struct form *form,
                            const struct kept *kept, struct wt_headers *headers)
{
    wt_headers_add_text(headers, "wiretag.error.headers_truncated", "true");
    if (!form->details || record->headers_unread) {
        return;
    }
    size_t bytes = 0;
    char hex[SHA256_HEX_BYTES];
    EVP_MD_CTX *context = sha256_begin();
    for (size_t i = 0; i < record->header_count; i++) {
        const struct wt_header *header = &record->headers[i];
        size_t name_bytes = strlen(header->name);
        bytes += name_bytes + header->value_bytes;
        (void)EVP_DigestUpdate(context, header->name, name_bytes);
        (void)EVP_DigestUpdate(context, header->value, header->value_bytes);
    }
    sha256_end(context, hex);
    wt_headers_add_integer(headers, "wiretag.error.headers_bytes", (int64_t)bytes);
    wt_headers_add_text(headers, "wiretag.error.headers_sha256", hex);
    if (form->names) {
        add_cut_names(record, kept, headers);
    }
}

static void add_value_cut(const struct wt_record *record, const struct form *form,
                          struct wt_headers *headers)
{
    char hex[SHA256_HEX_BYTES];
    wt_headers_add_text(headers, "wiretag.error.value_truncated", "true");
    if (form->details) {
        sha256_hex(record->value, record->value_bytes, hex);
        wt_headers_add_integer(headers, "wiretag.error.value_bytes", (int64_t)record->value_bytes);
        wt_headers_add_text(headers, "wiretag.error.value_sha256", hex);
    }
}

static void add_key_cut(const struct wt_record *record, const struct form *form,
                        struct wt_headers *headers)
{
    char hex[SHA256_HEX_BYTES];
    wt_headers_add_text(headers, "wiretag.error.key_truncated", "true");
    if (form->details) {
        sha256_hex(record->key, record->key_bytes, hex);
        wt_headers_add_integer(headers, "wiretag.error.key_bytes", (int64_t)record->key_bytes);
        wt_headers_add_text(headers, "wiretag.error.key_sha256", hex);
    }
}

static void add_message(const char *name, const char *message, size_t bytes_max,
                        struct wt_headers *headers)
{
    char cut[WT_ERROR_MESSAGE_BYTES_MAX];
    (void)snprintf(cut, sizeof cut, "%.*s", (int)whole_characters(message, bytes_max), message);
    wt_headers_add_text(headers, name, cut);
}

/* The stage in Kafka Connect's words (its enum Stage). */
static const char *connect_stage(const char *stage)
{
    return strcmp(stage, "decode") == 0    ? "VALUE_CONVERTER"
           : strcmp(stage, "publish") == 0 ? "KAFKA_PRODUCE"
                                           : "TRANSFORMATION";
}

/* The headers of Kafka Connect's dead letters (KIP-298, errors.deadletterqueue.context.headers.enable),
 * all of them text. There is no Java class and no stack trace: stage and code stand for the classes. */
static void add_connect(const struct wt_record *record, size_t message_bytes_max,
                        struct wt_headers *headers)
{
    const struct wt_failure *failure = record->failure;
    struct wt_origin origin = wt_record_origin(record);
    char class_name[40];
    (void)snprintf(class_name, sizeof class_name, "wiretag.%s", failure->stage);
    wt_headers_add_text(headers, "__connect.errors.topic", origin.topic);
    wt_headers_add_integer(headers, "__connect.errors.partition", origin.partition);
    wt_headers_add_integer(headers, "__connect.errors.offset", origin.offset);
    wt_headers_add_text(headers, "__connect.errors.connector.name", record->dead_letter_connector);
    wt_headers_add_text(headers, "__connect.errors.task.id", "0");
    wt_headers_add_text(headers, "__connect.errors.stage", connect_stage(failure->stage));
    wt_headers_add_text(headers, "__connect.errors.class.name", class_name);
    wt_headers_add_text(headers, "__connect.errors.exception.class.name", failure->error.code);
    add_message("__connect.errors.exception.message", failure->error.message, message_bytes_max,
                headers);
}

static struct wt_headers own_headers(const struct wt_record *record, const struct form *form,
                                     const struct kept *kept)
{
    const struct wt_failure *failure = record->failure;
    struct wt_headers headers = wt_headers_begin(record);
    wt_headers_add_text(&headers, "wiretag.error.code", failure->error.code);
    if (form->message_bytes_max > 0) {
        add_message("wiretag.error.message", failure->error.message, form->message_bytes_max,
                    &headers);
    }
    if (form->details) {
        wt_headers_add_text(&headers, "wiretag.error.stage", failure->stage);
        wt_headers_add_trace(&headers);
    }
    int64_t tries = wt_headers_find_integer(record, "wiretag.tries", 0);
    wt_headers_add_integer(&headers, "wiretag.tries",
                           tries >= 0 && tries < TRIES_MAX ? tries + 1 : 1);
    wt_headers_add_source(&headers);
    if (form->details) {
        wt_headers_add_integer(&headers, "wiretag.source.timestamp", record->timestamp_ms);
    }
    if (kept->value_bytes < record->value_bytes) {
        add_value_cut(record, form, &headers);
    }
    if (kept->headers_cut || record->headers_unread) {
        add_headers_cut(record, form, kept, &headers);
    }
    if (record->key != NULL && kept->key_bytes < record->key_bytes) {
        add_key_cut(record, form, &headers);
    }
    if (record->dead_letter_keyed && record->key == NULL) {
        wt_headers_add_text(&headers, "wiretag.error.key_null", "true");
    }
    if (record->dead_letter_connector != NULL && form->message_bytes_max > 0) {
        add_connect(record, form->message_bytes_max, &headers);
    }
    headers.keep = kept->headers;
    return headers;
}

/* --- what fits ------------------------------------------------------------------------------- */

static size_t least_of(size_t one, size_t other)
{
    return one < other ? one : other;
}

/* Bytes of the headers that wiretag adds for this `kept`, and of the record format. */
static size_t own_bytes(const struct wt_record *record, const struct form *form,
                        const struct kept *kept)
{
    struct wt_headers headers = own_headers(record, form, kept);
    size_t bytes = RECORD_FRAME_BYTES + headers.values.count;
    for (size_t i = 0; i < headers.count; i++) {
        bytes += HEADER_FRAME_BYTES + strlen(headers.names[i]);
    }
    wt_buffer_free(&headers.values);
    return bytes;
}

/* Keeps every header that still fits, in order. Returns the bytes left over. */
static size_t keep_headers(const struct wt_record *record, size_t room, struct kept *kept)
{
    kept->headers_cut = false;
    for (size_t i = 0; i < record->header_count; i++) {
        const struct wt_header *header = &record->headers[i];
        size_t bytes = header_bytes(header);
        kept->headers[i] = wt_headers_replaced(record, header->name) || bytes <= room;
        kept->headers_cut |= !kept->headers[i];
        if (kept->headers[i] && !wt_headers_replaced(record, header->name)) {
            room -= bytes;
        }
    }
    return room;
}

static void keep_nothing(const struct wt_record *record, struct kept *kept)
{
    kept->value_bytes = 0;
    kept->key_bytes = 0;
    (void)keep_headers(record, 0, kept);
}

static size_t dead_letter_bytes(const struct wt_record *record, const struct form *form,
                                const struct kept *kept)
{
    size_t bytes = own_bytes(record, form, kept) + kept->value_bytes + kept->key_bytes;
    for (size_t i = 0; i < record->header_count; i++) {
        bool copied = kept->headers[i] && !wt_headers_replaced(record, record->headers[i].name);
        bytes += copied ? header_bytes(&record->headers[i]) : 0;
    }
    return bytes;
}

/* Fills `bytes_max` in order of importance: a minimum of the value, the key (whole, or else its
 * minimum), headers, then the rest of the value. False: even the minimum of value and key does not
 * fit. */
static bool fit(const struct wt_record *record, const struct form *form, size_t key_bytes,
                size_t bytes_max, struct kept *kept)
{
    size_t value_least = least_of(record->value_bytes, form->kept_bytes_min);
    size_t key_least = record->key != NULL ? least_of(key_bytes, form->kept_bytes_min) : key_bytes;
    keep_nothing(record, kept);
    /* Reserves room for the case that value, headers and key are all cut: the most wiretag can
     * add. */
    size_t own = own_bytes(record, form, kept);
    if (own + value_least + key_least > bytes_max) {
        return false;
    }
    size_t room = bytes_max - own - value_least;
    kept->key_bytes = key_bytes <= room ? key_bytes : key_least;
    room = keep_headers(record, room - kept->key_bytes, kept);
    kept->value_bytes = value_least + least_of(record->value_bytes - value_least, room);
    /* The names of the removed headers may be longer than those reserved for above, so measure
     * again. */
    return dead_letter_bytes(record, form, kept) <= bytes_max;
}

static void keep_everything(const struct wt_record *record, size_t key_bytes, struct kept *kept)
{
    kept->value_bytes = record->value_bytes;
    kept->key_bytes = key_bytes;
    (void)keep_headers(record, SIZE_MAX / 2, kept);
}

/* The first form whose minimum fits. The last form is taken even if it does not fit. */
static const struct form *choose(struct wt_record *record, size_t key_bytes, struct kept *kept)
{
    size_t bytes_max = record->dead_letter_bytes_max;
    keep_everything(record, key_bytes, kept);
    if (bytes_max == 0 || dead_letter_bytes(record, &FORMS[0], kept) <= bytes_max) {
        return &FORMS[0];
    }
    for (size_t i = 0; i < FORM_LEAST; i++) {
        if (fit(record, &FORMS[i], key_bytes, bytes_max, kept)) {
            return &FORMS[i];
        }
    }
    keep_nothing(record, kept);
    kept->key_bytes = record->key == NULL ? key_bytes : 0;
    record->dead_letter_minimal = true;
    return &FORMS[FORM_LEAST];
}

/* --- encoding -------------------------------------------------------------------------------- */

/* A compacted topic refuses records without a key: give it a unique one. */
static char *key_from_origin(const struct wt_record *record)
{
    struct wt_origin origin = wt_record_origin(record);
    return wt_format("%s-%" PRId32 "-%" PRId64, origin.topic, origin.partition, origin.offset);
}

void wt_dead_letter_encode(struct wt_record *record)
{
    struct wt_output *output = &record->output;
    bool keyed = record->dead_letter_keyed && record->key == NULL;
    output->key_memory = keyed ? key_from_origin(record) : NULL;
    size_t key_bytes = keyed ? strlen(output->key_memory) : record->key_bytes;
    struct kept kept = {.headers = wt_alloc_zeroed(record->header_count + 1, sizeof(bool))};
    record->dead_letter_minimal = false;
    const struct form *form = choose(record, key_bytes, &kept);

    output->key = keyed ? output->key_memory : record->key;
    output->key_bytes = kept.key_bytes;
    /* A rejected tombstone stays a tombstone: its value is null. */
    if (record->value != NULL) {
        output->value = wt_alloc(kept.value_bytes + 1);
        output->value_bytes = kept.value_bytes;
        memcpy(output->value, record->value, kept.value_bytes);
    }
    struct wt_headers headers = own_headers(record, form, &kept);
    wt_headers_end(&headers, record);
    free(kept.headers);
}

/* --- reading it back ------------------------------------------------------------------------- */

bool wt_dead_letter_keyed(const struct wt_record *record)
{
    return wt_headers_find(record, "wiretag.error.key_null") != NULL;
}

static bool has_header(const struct wt_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static const char *cut_words(const struct wt_header *headers, size_t header_count, char *words)
{
    static const struct {
        const char *header;
        const char *word;
    } parts[] = {{"wiretag.error.value_truncated", "value"},
                 {"wiretag.error.headers_truncated", "headers"},
                 {"wiretag.error.key_truncated", "key"}};
    const char *found[3];
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        if (has_header(headers, header_count, parts[i].header)) {
            found[count++] = parts[i].word;
        }
    }
    words[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(words);
        (void)snprintf(words + used, WT_CUT_WORDS_BYTES_MAX - used, "%s%s",
                       i == 0           ? ""
                       : i + 1 == count ? " and "
                                        : ", ",
                       found[i]);
    }
    return words;
}

const char *wt_dead_letter_cut(const struct wt_record *record, char *words)
{
    return cut_words(record->headers, record->header_count, words);
}

const char *wt_output_cut(const struct wt_output *output, char *words)
{
    return cut_words(output->headers, output->header_count, words);
}
