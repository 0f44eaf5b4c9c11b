#include "config/config_schema.h"

#include "base/address.h"
#include "base/name.h"

#include <assert.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static_assert(sizeof(enum wt_on_error) == sizeof(unsigned), "choices are stored as unsigned");

/* RFC 6901. */
static bool valid_pointer(const char *text)
{
    if (text[0] != '\0' && text[0] != '/') {
        return false;
    }
    for (const char *tilde = strchr(text, '~'); tilde != NULL; tilde = strchr(tilde + 1, '~')) {
        if (tilde[1] != '0' && tilde[1] != '1') {
            return false;
        }
    }
    return true;
}

/* True: `text` names headers: it is a name, or the beginning of names and a *. */
static bool valid_header(const char *text)
{
    const char *star = strchr(text, '*');
    return text[0] != '\0' && (star == NULL || star[1] == '\0');
}

static bool valid_id(const char *text)
{
    size_t prefix = strlen(WT_INPUT_ID_HEADER);
    return strncmp(text, WT_INPUT_ID_HEADER, prefix) == 0 ? text[prefix] != '\0'
                                                          : valid_pointer(text);
}

static bool valid_field(const char *text)
{
    return text[0] != '\0' && valid_pointer(text);
}

static bool valid_sha256(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

static bool valid_device(const char *text)
{
    if (strcmp(text, "auto") == 0 || strcmp(text, "cpu") == 0 || strcmp(text, "cuda") == 0) {
        return true;
    }
    size_t digits = strncmp(text, "cuda:", 5) == 0 ? strspn(text + 5, "0123456789") : 0;
    return digits > 0 && digits <= 3 && text[5 + digits] == '\0';
}

static bool valid_precision(const char *text)
{
    static const char *const known[] = {"auto", "fp32", "bf16", "fp16", "int8"};
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        found = found || strcmp(text, known[i]) == 0;
    }
    return found;
}

/* Which sets there are is the processor's to say, when the model is loaded. */
static bool valid_kernels(const char *text)
{
    return text[0] != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static bool valid_listen(const char *text)
{
    struct wt_address address;
    return wt_address_parse(text, &address);
}

/* A login would be shown with the URL. */
static bool valid_endpoint(const char *text)
{
    size_t scheme = strncmp(text, "http://", 7) == 0    ? 7
                    : strncmp(text, "https://", 8) == 0 ? 8
                                                        : 0;
    return scheme > 0 && text[scheme] != '\0' && text[scheme] != '/' &&
           strpbrk(text, "@ ?#\t\n\r") == NULL;
}

#define CHOICE(NAME, name) {#name, WT_INPUT_##NAME},
static const struct wt_choice formats[] = {WT_INPUT_FORMATS(CHOICE){0}};
#undef CHOICE
static const struct wt_choice markups[] = {{"none", WT_MARKUP_NONE}, {"html", WT_MARKUP_HTML}, {0}};
static const struct wt_choice normalizes[] = {
    {"none", WT_NORMALIZE_NONE}, {"nfc", WT_NORMALIZE_NFC}, {0}};
static const struct wt_choice partitions[] = {
    {"same", WT_PARTITION_SAME}, {"key", WT_PARTITION_KEY}, {0}};
static const struct wt_choice forms[] = {
    {"record", WT_FORM_RECORD}, {"enriched", WT_FORM_ENRICHED}, {0}};
static const struct wt_choice timestamps[] = {
    {"input", WT_TIMESTAMP_INPUT}, {"now", WT_TIMESTAMP_NOW}, {0}};
static const struct wt_choice on_errors[] = {{"dead-letter", WT_ON_ERROR_DEAD_LETTER},
                                             {"skip", WT_ON_ERROR_SKIP},
                                             {"stop", WT_ON_ERROR_STOP},
                                             {0}};
static const struct wt_choice longs[] = {{"cut", WT_LONG_CUT}, {"windows", WT_LONG_WINDOWS}, {0}};
static const struct wt_choice damaged[] = {{"auto", WT_DAMAGED_AUTO},
                                           {"wait", WT_DAMAGED_WAIT},
                                           {"skip", WT_DAMAGED_SKIP},
                                           {"stop", WT_DAMAGED_STOP},
                                           {0}};
static const struct wt_choice reloads[] = {
    {"off", WT_RELOAD_OFF}, {"signal", WT_RELOAD_SIGNAL}, {"watch", WT_RELOAD_WATCH}, {0}};
static const struct wt_choice guarantees[] = {
    {"at-least-once", WT_AT_LEAST_ONCE}, {"exactly-once", WT_EXACTLY_ONCE}, {0}};
static const struct wt_choice log_levels[] = {{"debug", WT_LOG_DEBUG},
                                              {"info", WT_LOG_INFO},
                                              {"warn", WT_LOG_WARN},
                                              {"error", WT_LOG_ERROR},
                                              {0}};
static const struct wt_choice log_formats[] = {
    {"auto", WT_LOG_AUTO}, {"text", WT_LOG_TEXT}, {"json", WT_LOG_JSON}, {0}};

#define TOPIC_MUST                                                                                 \
    "a topic name: letters, digits, '.', '_' and '-', 249 at most (patterns are not supported)"
#define POINTER_MUST                                                                               \
    "a JSON pointer (RFC 6901) such as /text or /meta/id; ~ is written ~0, / inside a name ~1"

/* clang-format off */
#define AT(field) .offset = offsetof(struct wt_config, field)
static const struct wt_key keys[] = {
    {"kafka.common", WT_KEY_PROPERTIES, AT(kafka.common), "{bootstrap.servers: \"127.0.0.1:9092\"}"},
    {"kafka.consumer", WT_KEY_PROPERTIES, AT(kafka.consumer), "{group.id: wiretag}"},
    {"kafka.producer", WT_KEY_PROPERTIES, AT(kafka.producer), "{}"},
    {"input.topics", WT_KEY_TEXTS, AT(input.topics), "[news.articles]",
     .valid = wt_name_is_topic, .must = TOPIC_MUST},
    {"input.format", WT_KEY_CHOICE, AT(input.format), "json", .choices = formats},
    {"input.id", WT_KEY_TEXT, AT(input.id), "/id", .valid = valid_id,
     .must = "a JSON pointer (RFC 6901) such as /id or /meta/id, or header:NAME such as header:ce_id"},
    {"input.text", WT_KEY_TEXTS, AT(input.text), "[/text]",
     .valid = valid_pointer, .must = POINTER_MUST},
    {"input.where", WT_KEY_FILTERS, AT(input.where), "{}", .valid = valid_pointer,
     .must = "a map from JSON pointers to lists of values, such as {/lang: [ru, uk]}"},
    {"input.markup", WT_KEY_CHOICE, AT(input.markup), "none", .choices = markups},
    {"input.normalize", WT_KEY_CHOICE, AT(input.normalize), "none", .choices = normalizes},
    {"input.long", WT_KEY_CHOICE, AT(input.long_articles), "cut", .choices = longs},
    {"input.window_overlap", WT_KEY_U32, AT(input.window_overlap), "64", .min = 0, .max = 8191},
    {"input.windows_max", WT_KEY_U32, AT(input.windows_max), "16", .min = 1, .max = 256},
    {"input.schema_registry", WT_KEY_PROPERTIES, AT(input.schema_registry), "null",
     .must = "null or a map such as {url: \"http://registry:8081\"}"},
    {"input.damaged", WT_KEY_CHOICE, AT(input.damaged), "auto", .choices = damaged},
    {"output.topic", WT_KEY_TEXT, AT(output.topic), "news.labelled",
     .valid = wt_name_is_topic, .must = TOPIC_MUST},
    {"output.partition", WT_KEY_CHOICE, AT(output.partition), "same", .choices = partitions},
    {"output.timestamp", WT_KEY_CHOICE, AT(output.timestamp), "input", .choices = timestamps},
    {"output.top_k", WT_KEY_U32, AT(output.top_k), "3", .min = 1, .max = 100000},
    {"output.threshold", WT_KEY_THRESHOLDS, AT(output.threshold), "auto", .min = 0, .max = 1},
    {"output.include_input", WT_KEY_BOOL, AT(output.include_input), "false"},
    {"output.form", WT_KEY_CHOICE, AT(output.form), "record", .choices = forms},
    {"output.at", WT_KEY_TEXT, AT(output.at), "/wiretag", .valid = valid_field,
     .must = "a JSON pointer (RFC 6901) to one field, such as /wiretag or /meta/label"},
    {"output.headers.drop", WT_KEY_TEXTS, AT(output.headers.drop), "[]", .empty_allowed = true,
     .valid = valid_header,
     .must = "a list of header names, such as [debug, internal.*]; a * may only end a name"},
    {"output.headers.label", WT_KEY_BOOL, AT(output.headers.label), "false"},
    {"output.routes", WT_KEY_ROUTES, AT(output.routes), "[]",
     .valid = wt_name_is_topic, .must = TOPIC_MUST},
    {"dead_letter.topic", WT_KEY_TEXT, AT(dead_letter.topic), "null", .null_allowed = true,
     .valid = wt_name_is_topic, .must = TOPIC_MUST ", or null for <output.topic>.dlq"},
    {"dead_letter.connect_headers", WT_KEY_BOOL, AT(dead_letter.connect_headers), "false"},
    {"on_error", WT_KEY_CHOICE, AT(on_error), "dead-letter", .choices = on_errors},
    {"delivery.guarantee", WT_KEY_CHOICE, AT(delivery.guarantee), "exactly-once",
     .choices = guarantees},
    {"delivery.transactional_id", WT_KEY_TEXT, AT(delivery.transactional_id), "auto",
     .must = "auto or an id"},
    {"delivery.commit_interval_ms", WT_KEY_U32, AT(delivery.commit_interval_ms), "200",
     .min = 1, .max = 60000},
    {"delivery.drain_ms_max", WT_KEY_U32, AT(delivery.drain_ms_max), "10000",
     .min = 1, .max = 300000},
    {"model.path", WT_KEY_TEXT, AT(model.path), "models/demo.pt", .must = "the path of a bundle"},
    {"model.sha256", WT_KEY_TEXT, AT(model.sha256), "null", .null_allowed = true,
     .valid = valid_sha256, .must = "64 hexadecimal digits (sha256sum prints them), or null"},
    {"model.device", WT_KEY_TEXT, AT(model.device), "auto",
     .valid = valid_device, .must = "auto, cpu, cuda or cuda:N"},
    {"model.precision", WT_KEY_TEXT, AT(model.precision), "auto",
     .valid = valid_precision, .must = "auto, fp32, bf16, fp16 or int8"},
    {"model.kernels", WT_KEY_TEXT, AT(model.kernels), "auto", .valid = valid_kernels,
     .must = "auto, libtorch or a kernel set such as avx2"},
    {"model.replicas", WT_KEY_U32, AT(model.replicas), "auto",
     .min = 1, .max = 64, .auto_allowed = true},
    {"model.threads", WT_KEY_U32, AT(model.threads), "auto",
     .min = 1, .max = 1024, .auto_allowed = true},
    {"model.reload", WT_KEY_CHOICE, AT(model.reload), "signal", .choices = reloads},
    {"model.shadow.path", WT_KEY_TEXT, AT(model.shadow.path), "null", .null_allowed = true,
     .must = "the path of a bundle, or null"},
    {"model.shadow.sha256", WT_KEY_TEXT, AT(model.shadow.sha256), "null", .null_allowed = true,
     .valid = valid_sha256, .must = "64 hexadecimal digits (sha256sum prints them), or null"},
    {"model.shadow.share", WT_KEY_NUMBER, AT(model.shadow.share), "1", .min = 0, .max = 1},
    {"model.shadow.topic", WT_KEY_TEXT, AT(model.shadow.topic), "null", .null_allowed = true,
     .valid = wt_name_is_topic, .must = TOPIC_MUST ", or null"},
    {"model.cache_bytes_max", WT_KEY_U64, AT(model.cache_bytes_max), "0", .min = 0, .max = MIB << 20},
    {"batch.tokens_max", WT_KEY_U32, AT(batch.tokens_max), "auto",
     .min = 16, .max = 16777216, .auto_allowed = true},
    {"batch.articles_max", WT_KEY_U32, AT(batch.articles_max), "64", .min = 1, .max = 65536},
    {"batch.wait_ms_max", WT_KEY_U32, AT(batch.wait_ms_max), "20", .min = 0, .max = 60000},
    {"prepare.threads", WT_KEY_U32, AT(prepare.threads), "1", .min = 1, .max = 256},
    {"in_flight.records_max", WT_KEY_U32, AT(in_flight.records_max), "16384",
     .min = 1, .max = 10000000},
    {"in_flight.bytes_max", WT_KEY_U64, AT(in_flight.bytes_max), "67108864",
     .min = MIB, .max = MIB << 20},
    {"http.listen", WT_KEY_TEXT, AT(http.listen), "127.0.0.1:9464", .null_allowed = true,
     .valid = valid_listen,
     .must = "HOST:PORT such as 127.0.0.1:9464 or '[::1]:9464', or :PORT for all addresses of this machine "
             "(port 0: any free one), or null"},
    {"http.page", WT_KEY_BOOL, AT(http.page), "true"},
    {"http.texts", WT_KEY_BOOL, AT(http.texts), "false"},
    {"traces.endpoint", WT_KEY_TEXT, AT(traces.endpoint), "null", .null_allowed = true,
     .valid = valid_endpoint,
     .must = "the URL of an OTLP collector, such as http://127.0.0.1:4318, without a login, or null"},
    {"traces.share", WT_KEY_NUMBER, AT(traces.share), "0.01", .min = 0, .max = 1},
    {"log.level", WT_KEY_CHOICE, AT(log.level), "info", .choices = log_levels},
    {"log.format", WT_KEY_CHOICE, AT(log.format), "auto", .choices = log_formats},
    {"log.texts", WT_KEY_BOOL, AT(log.texts), "false"},
};
/* clang-format on */

#define KEY_COUNT (sizeof keys / sizeof keys[0])

const struct wt_key *wt_schema_keys(size_t *count_out)
{
    *count_out = KEY_COUNT;
    return keys;
}
