/* fuzz_headers.c: whatever headers a record brings, its dead letter carries each of them on but those
 * that wiretag sets, which are there once; tries go up by one; a trace id is what W3C says or none. An
 * input is lines: the record's value, then headers, NAME=VALUE or, without a value, NAME. */
#include "codec/dead_letter.h"
#include "codec/encode.h"
#include "codec/trace_context.h"
#include "record/partition.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 32u
#define LETTER_BYTES_MAX 900u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Cuts `text` into lines and those into headers, in place. Returns how many. */
static size_t parse(char *text, struct wt_header *headers)
{
    size_t count = 0;
    char *line = strchr(text, '\n');
    while (line != NULL && count < HEADERS_MAX) {
        *line = '\0';
        char *name = line + 1;
        line = strchr(name, '\n');
        size_t bytes = line != NULL ? (size_t)(line - name) : strlen(name);
        char *equals = memchr(name, '=', bytes);
        headers[count] = (struct wt_header){.name = name};
        if (equals != NULL) {
            *equals = '\0';
            headers[count].value = equals + 1;
            headers[count].value_bytes = bytes - (size_t)(equals + 1 - name);
        }
        count++;
    }
    return count;
}

static const struct wt_header *find_once(const struct wt_output *output, const char *name)
{
    const struct wt_header *found = NULL;
    for (size_t i = 0; i < output->header_count; i++) {
        if (strcmp(output->headers[i].name, name) == 0) {
            require(found == NULL);
            found = &output->headers[i];
        }
    }
    return found;
}

static bool is_ours(const char *name)
{
    return strncmp(name, "wiretag.error.", 14) == 0 || strncmp(name, "wiretag.source.", 15) == 0 ||
           strcmp(name, "wiretag.tries") == 0;
}

/* The input's own headers stand first, in order and byte for byte. */
static void check_kept(const struct wt_record *record)
{
    size_t at = 0;
    for (size_t i = 0; i < record->header_count; i++) {
        const struct wt_header *before = &record->headers[i];
        if (is_ours(before->name)) {
            continue;
        }
        require(at < record->output.header_count);
        const struct wt_header *after = &record->output.headers[at++];
        require(strcmp(after->name, before->name) == 0);
        require((after->value == NULL) == (before->value == NULL));
        require(after->value_bytes == before->value_bytes);
        require(before->value_bytes == 0 ||
                memcmp(after->value, before->value, before->value_bytes) == 0);
    }
}

static void check_added(const struct wt_record *record)
{
    static const char *const names[] = {
        "wiretag.error.code",    "wiretag.error.message",    "wiretag.error.stage",
        "wiretag.tries",         "wiretag.source.topic",     "wiretag.source.partition",
        "wiretag.source.offset", "wiretag.source.timestamp",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        require(find_once(&record->output, names[i]) != NULL);
    }
    const struct wt_header *tries = find_once(&record->output, "wiretag.tries");
    char digits[24] = "";
    require(tries->value_bytes > 0 && tries->value_bytes < sizeof digits);
    memcpy(digits, tries->value, tries->value_bytes);
    require(strspn(digits, "0123456789") == tries->value_bytes && strtoll(digits, NULL, 10) > 0);
    require(find_once(&record->output, "wiretag.error.value_truncated") == NULL);
    require(record->output.value_bytes == record->value_bytes);
}

/* Cut, it is as small as it has to be, and says so. */
static void check_cut(const struct wt_record *record)
{
    const struct wt_output *output = &record->output;
    bool cut = output->value_bytes < record->value_bytes;
    require(record->dead_letter_minimal || wt_output_bytes(output) <= LETTER_BYTES_MAX);
    require((find_once(output, "wiretag.error.value_truncated") != NULL) == cut);
    require(find_once(output, "wiretag.error.code") != NULL);
    require(find_once(output, "wiretag.source.offset") != NULL);
}

static void check_trace(const struct wt_record *record)
{
    char trace_id[WT_TRACE_ID_BYTES];
    size_t digits = strspn(wt_trace_id(record, trace_id), "0123456789abcdef");
    require(trace_id[digits] == '\0' && (digits == 0 || digits == WT_TRACE_ID_BYTES - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const labels[] = {"a"};
    static const char *const uris[] = {"u:1"};
    static const double thresholds[] = {0.0};
    struct wt_model_info info = {.name = "m",
                                 .version = "1",
                                 .sha256 = "",
                                 .labels = labels,
                                 .label_count = 1,
                                 .label_uris = uris,
                                 .thresholds = thresholds};
    struct wt_config config = {.output = {.top_k = 1}};
    struct wt_partition source = {.topic = "t"};
    struct wt_error error;
    struct wt_header headers[HEADERS_MAX];
    char *text = calloc(1, size + 1);
    memcpy(text, data, size);
    size_t header_count = parse(text, headers);
    struct wt_record *record = wt_record_create(NULL, 0, text, strlen(text), headers, header_count);
    free(text);
    record->source = &source;
    (void)wt_error_set(&error, WT_INVALID, WT_ERROR_RECORD, "code", "message");
    wt_record_fail(record, "decode", &error);
    struct wt_encoder *encoder = wt_encoder_create(&config, &info);
    wt_encode(encoder, record);
    check_kept(record);
    check_added(record);
    check_trace(record);
    wt_record_output_clear(record);
    record->dead_letter_bytes_max = LETTER_BYTES_MAX;
    wt_encode(encoder, record);
    check_cut(record);
    wt_encoder_destroy(encoder);
    wt_record_destroy(record);
    return 0;
}
