/* config_load.h: makes a configuration from a file, overrides and defaults. Thread: any. */
#ifndef WIRETAG_CONFIG_CONFIG_LOAD_H
#define WIRETAG_CONFIG_CONFIG_LOAD_H

#include "config/config.h"

#include <stddef.h>

/* One `--set a.b=value`. */
struct wt_config_override {
    const char *text;
};

/* Reads `path`, applies the overrides in order, substitutes ${VAR} and ${file:PATH}, fills in
 * defaults and checks everything. A map in an override replaces that of the file. WT_INVALID or
 * WT_IO (class fatal): the message names the file, line, key and nearest known key. The caller
 * destroys *config_out. */
enum wt_status wt_config_load(const char *path, const struct wt_config_override *overrides,
                              size_t override_count, struct wt_config **config_out,
                              struct wt_error *error);

/* The same for `text_bytes` bytes in memory. Messages call them `source`. */
enum wt_status wt_config_parse(const char *text, size_t text_bytes, const char *source,
                               const struct wt_config_override *overrides, size_t override_count,
                               struct wt_config **config_out, struct wt_error *error);

/* The built-in defaults: those of config/wiretag.yaml. */
struct wt_config *wt_config_defaults(void);

/* Appends `suffix` (".replay.spring") to group.id and to a configured transactional id. Commands
 * other than `run` call this, so that they never touch the live workers' group. */
void wt_config_name_command(struct wt_config *config, const char *suffix);

/* Takes model.shadow out: a command that reads a range of articles has no shadow. */
void wt_config_drop_shadow(struct wt_config *config);

void wt_config_destroy(struct wt_config *config);

#endif
