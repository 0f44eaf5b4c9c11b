/* The section model: what fits together of the shadow model. */
#include "config/config_schema.h"

#include "config/config_load.h"

#include <stdlib.h>
#include <string.h>

static enum wt_status refuse(const struct wt_config *config, const char *key, const char *why,
                             struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-invalid", "%s: %s: %s",
                        wt_config_place(config, key), key, why);
}

static bool has(const struct wt_strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* What else the topic of the shadow's labels is; NULL: nothing. */
static const char *other_use(const struct wt_config *config, const char *topic)
{
    if (has(&config->input.topics, topic)) {
        return "is also one of input.topics; the shadow's labels would be read as articles; name "
               "another topic";
    }
    if (strcmp(topic, config->output.topic) == 0 || has(&config->output.routes.topics, topic)) {
        return "is also a topic of the model's own labels; readers would get two for each article; "
               "name another topic";
    }
    if (config->dead_letter.enabled && strcmp(topic, config->dead_letter.topic) == 0) {
        return "is also dead_letter.topic, where readers expect no labels; name another topic";
    }
    return NULL;
}

void wt_config_drop_shadow(struct wt_config *config)
{
    free(config->model.shadow.path);
    free(config->model.shadow.sha256);
    free(config->model.shadow.topic);
    config->model.shadow.path = NULL;
    config->model.shadow.sha256 = NULL;
    config->model.shadow.topic = NULL;
}

enum wt_status wt_shadow_check(const struct wt_config *config, struct wt_error *error)
{
    static const char without[] = "is set, but model.shadow.path is not, so that there is no "
                                  "shadow; name its bundle, or take this out";
    const char *path = config->model.shadow.path;
    const char *topic = config->model.shadow.topic;
    if (path == NULL && topic != NULL) {
        return refuse(config, "model.shadow.topic", without, error);
    }
    if (path == NULL && config->model.shadow.sha256 != NULL) {
        return refuse(config, "model.shadow.sha256", without, error);
    }
    const char *use = topic != NULL ? other_use(config, topic) : NULL;
    return use != NULL ? refuse(config, "model.shadow.topic", use, error) : WT_OK;
}
