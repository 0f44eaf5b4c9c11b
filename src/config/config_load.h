/* config_load.h: makes a configuration of a file, overrides and defaults. Thread: any. */
#ifndef WIRETAG_CONFIG_CONFIG_LOAD_H
#define WIRETAG_CONFIG_CONFIG_LOAD_H

#include "config/config.h"

#include <stddef.h>

/* One `--set a.b=value`. */
struct wt_config_override {
    const char *text;
};

/* Reads `path`, applies the overrides in order, substitutes ${VAR} and ${file:PATH}, fills in
 * defaults and checks everything. A map given by an override replaces the file's. WT_INVALID or
 * WT_IO (class fatal): the message names file, line, key and the nearest known key. `config_out`
 * is the caller's to destroy. Thread: any. */
enum wt_status wt_config_load(const char *path, const struct wt_config_override *overrides,
                              size_t override_count, struct wt_config **config_out,
                              struct wt_error *error);

/* The same from `text_bytes` bytes in memory; `source` names them in messages. */
enum wt_status wt_config_parse(const char *text, size_t text_bytes, const char *source,
                               const struct wt_config_override *overrides, size_t override_count,
                               struct wt_config **config_out, struct wt_error *error);

/* The built-in defaults, complete: those of config/wiretag.yaml. */
struct wt_config *wt_config_defaults(void);

/* Makes the configuration that of a command beside `run`: behind group.id and a transactional id of
 * the user's own comes `suffix` (".replay.spring"), so that the live workers' group is never
 * touched. */
void wt_config_name_command(struct wt_config *config, const char *suffix);

void wt_config_destroy(struct wt_config *config);

#endif
