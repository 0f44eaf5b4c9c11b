/* config.h: a checked and complete configuration, as read from a wiretag.yaml.
 *
 * The project's only open struct. The config owns its strings and arrays. config/wiretag.yaml
 * documents every key with default, unit and reason; a test holds the two equal. */
#ifndef WIRETAG_CONFIG_CONFIG_H
#define WIRETAG_CONFIG_CONFIG_H

#include "config/input_format.h"
#include "observe/log.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A librdkafka property and where it was set: "config/wiretag.yaml:12", "--set ..." or "the
 * default". Messages about a property never show its value: it may be a secret. */
struct wt_property {
    char *name;
    char *value;
    char *place;
};

struct wt_properties {
    struct wt_property *items;
    size_t count;
};

struct wt_strings {
    char **items;
    size_t count;
};

/* Scores from which a label counts: output.threshold. */
struct wt_label_threshold {
    char *label;
    double value; /* 0 to 1 */
    char *place;  /* where it was set, as of a property */
};

struct wt_thresholds {
    double all; /* of every label that is not named; negative: as the bundle says */
    struct wt_label_threshold *items;
    size_t count;
};

/* Articles that have one of the values at a JSON pointer: input.where. */
struct wt_filter {
    char *pointer;
    struct wt_strings values;
    bool null; /* also those that have null or nothing there */
};

struct wt_filters {
    struct wt_filter *items;
    size_t count; /* 0: all articles */
};

/* Labels that go to another topic than output.topic: output.routes. A label meets all conditions that a
 * route has. */
struct wt_route {
    bool by_category;
    struct wt_strings categories; /* of these categories, */
    bool none;                    /* or without one */
    double score_below;           /* above 1: any score; a score of null is below every other one */
    char *topic;
    uint32_t target; /* which of the topics for labels, see wt_config_label_topic */
    char *place;     /* where it was set, as of a property */
};

struct wt_routes {
    struct wt_route *items; /* the first that a label meets decides */
    size_t count;
    struct wt_strings topics; /* without output.topic, no duplicates */
};

/* How an input.id begins that names a header: header:ce_id. */
#define WT_INPUT_ID_HEADER "header:"

enum wt_markup_kind { WT_MARKUP_NONE, WT_MARKUP_HTML };
enum wt_normalize { WT_NORMALIZE_NONE, WT_NORMALIZE_NFC };
enum wt_output_form { WT_FORM_RECORD, WT_FORM_ENRICHED };
enum wt_output_partition { WT_PARTITION_SAME, WT_PARTITION_KEY };
enum wt_output_timestamp { WT_TIMESTAMP_INPUT, WT_TIMESTAMP_NOW };
enum wt_on_error { WT_ON_ERROR_DEAD_LETTER, WT_ON_ERROR_SKIP, WT_ON_ERROR_STOP };
enum wt_long { WT_LONG_CUT, WT_LONG_WINDOWS };
enum wt_damaged { WT_DAMAGED_AUTO, WT_DAMAGED_WAIT, WT_DAMAGED_SKIP, WT_DAMAGED_STOP };
/* What makes the worker take another model: SIGHUP, and with watch also a change of the file. */
enum wt_reload_on { WT_RELOAD_OFF, WT_RELOAD_SIGNAL, WT_RELOAD_WATCH };
enum wt_guarantee { WT_AT_LEAST_ONCE, WT_EXACTLY_ONCE };

struct wt_config {
    char *file; /* the file it was loaded from; NULL: none */
    struct {
        struct wt_properties common;   /* of both clients */
        struct wt_properties consumer; /* overrides common */
        struct wt_properties producer; /* overrides common */
    } kafka;
    struct {
        struct wt_strings topics; /* 1 or more, no duplicates */
        enum wt_input_format format;
        char *id;               /* JSON pointer, or WT_INPUT_ID_HEADER and a header's name */
        struct wt_strings text; /* JSON pointers, 1 or more */
        struct wt_filters where;
        struct wt_properties schema_registry; /* none: there is no registry */
        enum wt_markup_kind markup;
        enum wt_normalize normalize;
        enum wt_long long_articles; /* input.long: those of more tokens than the model takes */
        uint32_t window_overlap;    /* tokens that neighbouring windows share */
        uint32_t windows_max;       /* of an article */
        enum wt_damaged damaged;    /* auto: follows on_error */
    } input;
    struct {
        char *topic;
        enum wt_output_partition partition;
        enum wt_output_timestamp timestamp;
        uint32_t top_k; /* 1 or more; a number above that of the labels means all */
        struct wt_thresholds threshold;
        bool include_input;
        enum wt_output_form form;
        char *at; /* JSON pointer to a field, where form enriched puts the label */
        struct {
            struct wt_strings
                drop;   /* input headers that no label has: names, or beginnings with a * */
            bool label; /* labels have wiretag.category and wiretag.score */
        } headers;
        struct wt_routes routes;
    } output;
    struct {
        bool enabled;         /* false for "dead_letter: null" */
        char *topic;          /* <output.topic>.dlq if not given; never NULL while enabled */
        bool connect_headers; /* also the headers that Kafka Connect gives its dead letters */
    } dead_letter;
    enum wt_on_error on_error;
    struct {
        enum wt_guarantee guarantee;
        char *transactional_id; /* "auto" or the id */
        uint32_t commit_interval_ms;
        uint32_t drain_ms_max;
    } delivery;
    struct {
        char *path;
        char *sha256; /* 64 lower-case hex digits; NULL: not pinned */
        char *device;
        char *precision;
        char *kernels;     /* "auto", "libtorch" or the name of a kernel set */
        uint32_t replicas; /* 0: auto */
        uint32_t threads;  /* CPU threads of one replica; 0: auto */
        enum wt_reload_on reload;
        struct {
            char *path; /* NULL: there is no shadow, and the others have their defaults */
            char *sha256;
            double share; /* of the articles that it labels, too: 0 to 1 */
            char *topic;  /* for its labels; NULL: they are not published */
        } shadow;
        uint64_t cache_bytes_max; /* 0: no labels are kept */
    } model;
    struct {
        uint32_t tokens_max; /* 0: auto */
        uint32_t articles_max;
        uint32_t wait_ms_max;
    } batch;
    struct {
        uint32_t threads;
    } prepare;
    struct {
        uint32_t records_max;
        uint64_t bytes_max;
    } in_flight;
    struct {
        char *listen; /* "host:port", see address.h; NULL: no endpoint */
        bool page;    /* the live page at GET / */
        bool texts;   /* the page shows the beginnings of articles */
    } http;
    struct {
        char *endpoint; /* URL of an OTLP collector; NULL: nothing is traced */
        double share;   /* of the records without a traceparent that are traced */
    } traces;
    struct {
        enum wt_log_level level;
        enum wt_log_format format;
        bool texts; /* lines about records may quote the article */
    } log;
    struct wt_properties places; /* name: key, value: where it was set; see wt_config_place */
};

/* Where `key` was set: "config/wiretag.yaml:12", "--set output.topic=x" or "the default", as the
 * start of a message. `key` is such as "output.topic", or "dead_letter" if that is null. Owned by
 * the config. */
const char *wt_config_place(const struct wt_config *config, const char *key);

/* The topics that labels go to: 0 is output.topic, then come those of output.routes, each once. */
size_t wt_config_label_topic_count(const struct wt_config *config);
const char *wt_config_label_topic(const struct wt_config *config, size_t target);

/* The property of one client: from its own section, else from kafka.common; NULL: not set. Aliases
 * of a property (metadata.broker.list) are different names. */
const struct wt_property *wt_config_consumer_property(const struct wt_config *config,
                                                      const char *name);
const struct wt_property *wt_config_producer_property(const struct wt_config *config,
                                                      const char *name);

/* The number that a property is set to; NULL: `otherwise`. */
int64_t wt_property_number(const struct wt_property *property, int64_t otherwise);

/* True for passwords, keys and tokens. librdkafka quotes values in its messages, so messages about
 * such a property must not be passed on. */
bool wt_config_property_is_secret(const char *name);

#endif
