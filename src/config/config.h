/* config.h: what a wiretag.yaml says, checked and complete.
 *
 * The only open struct of the project. Strings and arrays are owned by the config. Every key, its
 * default, unit and reason is written in config/wiretag.yaml; a test holds the two equal. */
#ifndef WIRETAG_CONFIG_CONFIG_H
#define WIRETAG_CONFIG_CONFIG_H

#include "config/input_format.h"
#include "observe/log.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One librdkafka property, and where it was set: "config/wiretag.yaml:12", "--set ..." or
 * "the default". A message about one of these must not show the value. */
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

enum wt_output_partition { WT_PARTITION_SAME, WT_PARTITION_KEY };
enum wt_output_timestamp { WT_TIMESTAMP_INPUT, WT_TIMESTAMP_NOW };
enum wt_on_error { WT_ON_ERROR_DEAD_LETTER, WT_ON_ERROR_SKIP, WT_ON_ERROR_STOP };
enum wt_damaged { WT_DAMAGED_AUTO, WT_DAMAGED_WAIT, WT_DAMAGED_SKIP, WT_DAMAGED_STOP };
enum wt_guarantee { WT_AT_LEAST_ONCE, WT_EXACTLY_ONCE };

struct wt_config {
    char *file; /* that it was loaded from; NULL: none */
    struct {
        struct wt_properties common;   /* for both clients */
        struct wt_properties consumer; /* wins over common */
        struct wt_properties producer; /* wins over common */
    } kafka;
    struct {
        struct wt_strings topics; /* 1 or more, none twice */
        enum wt_input_format format;
        char *id;                /* JSON pointer */
        struct wt_strings text;  /* JSON pointers, 1 or more */
        enum wt_damaged damaged; /* auto: as on_error says */
    } input;
    struct {
        char *topic;
        enum wt_output_partition partition;
        enum wt_output_timestamp timestamp;
        uint32_t top_k; /* 1 or more; more than there are labels means all */
        double threshold;
        bool include_input;
    } output;
    struct {
        bool enabled; /* false: dead_letter: null */
        char *topic;  /* never NULL while enabled: <output.topic>.dlq was filled in */
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
        uint32_t replicas; /* 0: auto */
        uint32_t threads;  /* CPU threads of one replica; 0: auto */
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
        char *listen; /* "host:port", see address.h; NULL: none */
    } http;
    struct {
        enum wt_log_level level;
        enum wt_log_format format;
        bool texts; /* lines about records may show what the article says */
    } log;
    struct wt_properties places; /* name: key, value: where it was set; see wt_config_place */
};

/* Where `key` ("output.topic"; "dead_letter" where that is null) was set, to begin a message with:
 * "config/wiretag.yaml:12", "--set output.topic=x" or "the default". Owned by the config. */
const char *wt_config_place(const struct wt_config *config, const char *key);

/* What holds for one client: the property of its own section, else of kafka.common; NULL: not
 * configured. Other spellings of the same property (metadata.broker.list) are other names. */
const struct wt_property *wt_config_consumer_property(const struct wt_config *config,
                                                      const char *name);
const struct wt_property *wt_config_producer_property(const struct wt_config *config,
                                                      const char *name);

/* True for passwords, keys and tokens: librdkafka puts values into its messages, so where this is
 * true its text must not be passed on. */
bool wt_config_property_is_secret(const char *name);

#endif
