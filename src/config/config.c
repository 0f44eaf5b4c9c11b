#include "config/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *wt_config_place(const struct wt_config *config, const char *key)
{
    for (size_t i = 0; i < config->places.count; i++) {
        if (strcmp(config->places.items[i].name, key) == 0) {
            return config->places.items[i].place;
        }
    }
    assert(false && "a key of the table");
    return "";
}

size_t wt_config_label_topic_count(const struct wt_config *config)
{
    return 1 + config->output.routes.topics.count;
}

const char *wt_config_label_topic(const struct wt_config *config, size_t target)
{
    assert(target < wt_config_label_topic_count(config));
    return target == 0 ? config->output.topic : config->output.routes.topics.items[target - 1];
}

static const struct wt_property *find(const struct wt_properties *properties, const char *name)
{
    for (size_t i = 0; i < properties->count; i++) {
        if (strcmp(properties->items[i].name, name) == 0) {
            return &properties->items[i];
        }
    }
    return NULL;
}

const struct wt_property *wt_config_consumer_property(const struct wt_config *config,
                                                      const char *name)
{
    const struct wt_property *own = find(&config->kafka.consumer, name);
    return own != NULL ? own : find(&config->kafka.common, name);
}

const struct wt_property *wt_config_producer_property(const struct wt_config *config,
                                                      const char *name)
{
    const struct wt_property *own = find(&config->kafka.producer, name);
    return own != NULL ? own : find(&config->kafka.common, name);
}

int64_t wt_property_number(const struct wt_property *property, int64_t otherwise)
{
    return property != NULL ? strtoll(property->value, NULL, 10) : otherwise;
}

bool wt_config_property_is_secret(const char *name)
{
    static const char *const marks[] = {
        "password", "passphrase",         "secret", "key.pem", "ssl_key",
        "token",    "oauthbearer.config", "jaas"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strcasestr(name, marks[i]) != NULL) {
            return true;
        }
    }
    return false;
}
