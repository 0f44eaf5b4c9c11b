#include "cli/model_reload.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "config/config_compare.h"
#include "config/config_load.h"
#include "model/bundle.h"
#include "observe/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* What a reload takes from the configuration; view_of takes just these. */
static const char *const taken_keys[] = {
    "model.path",    "model.sha256",  "model.device",     "model.precision",
    "model.kernels", "model.threads", "output.threshold", NULL};

/* With model.reload: watch, what failed for want of memory or descriptors, or by the file system, is tried
 * again after this time and this many times the time that the attempt took: no file changes then. */
#define RETRY_US 20000000
#define RETRY_PAUSES 9

/* A model that was loaded, and the configurations that go with it. */
struct loaded {
    struct loaded *next;
    struct wt_model *model;
    /* That of the start, with what was taken from `read`; NULL: the first model. */
    struct wt_config *view;
    struct wt_config *read;
    struct wt_model_name name; /* of one that a promotion names: where `view` has path and hash */
};

/* By which a changed file is known. All zero: there is none. Whoever copies a file may give it the time of
 * writing that the original has, as rsync -t and cp -p do, and a repaired right changes nothing else than
 * `altered`. */
struct mark {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec written;
    struct timespec altered; /* also its rights, owner and name */
};

struct wt_cli_reload {
    const char *command;
    const struct wt_config *config;
    const struct wt_cli_config *given;
    struct loaded *loaded;
    char *path; /* the bundle that the configuration named when it was last read */
    struct mark model_loaded;
    struct mark model_seen; /* a second ago */
    struct mark config_loaded;
    bool failed;                  /* the last one */
    int64_t retry_us;             /* when it is tried again; 0: when something has changed */
    struct wt_model_name own;     /* what the configuration names */
    struct wt_model_name lacking; /* what a promotion names and could not be loaded; "": none */
};

/* --- watching -------------------------------------------------------------------------------- */

static struct mark mark_of(const char *path)
{
    struct stat status;
    struct mark mark;
    memset(&mark, 0, sizeof mark);
    if (path != NULL && stat(path, &status) == 0) {
        mark.device = status.st_dev;
        mark.inode = status.st_ino;
        mark.bytes = status.st_size;
        mark.written = status.st_mtim;
        mark.altered = status.st_ctim;
    }
    return mark;
}

static bool same_time(const struct timespec *left, const struct timespec *right)
{
    return left->tv_sec == right->tv_sec && left->tv_nsec == right->tv_nsec;
}

static bool same(const struct mark *left, const struct mark *right)
{
    return left->device == right->device && left->inode == right->inode &&
           left->bytes == right->bytes && same_time(&left->written, &right->written) &&
           same_time(&left->altered, &right->altered);
}

/* A file that is still being written has changed again a second later. One that is missing is not a change:
 * it is being replaced. */
static bool changed(void *opaque)
{
    struct wt_cli_reload *reload = opaque;
    struct mark none = {0};
    struct mark now = mark_of(reload->path);
    bool quiet = same(&now, &reload->model_seen);
    reload->model_seen = now;
    if (same(&now, &none) || !quiet) {
        return false;
    }
    struct mark config = mark_of(reload->given->path);
    bool repaired = reload->failed && !same(&config, &reload->config_loaded);
    bool replaced = !same(&now, &reload->model_loaded);
    bool again = reload->retry_us != 0 && wt_clock_us() >= reload->retry_us;
    if (repaired || replaced) {
        wt_log_info(reload->command, "%s has changed: looking for another model",
                    replaced ? reload->path : reload->given->path);
    } else if (again) {
        wt_log_info(reload->command, "%s could not be loaded: trying again", reload->path);
    }
    return repaired || replaced || again;
}

/* `path` may be reload->path. */
static void note_marks(struct wt_cli_reload *reload, const char *path)
{
    char *copy = wt_strdup(path);
    free(reload->path);
    reload->path = copy;
    reload->model_loaded = mark_of(reload->path);
    reload->config_loaded = mark_of(reload->given->path);
}

/* --- loading --------------------------------------------------------------------------------- */

static void destroy_loaded(struct loaded *loaded)
{
    wt_model_destroy(loaded->model);
    free(loaded->view);
    wt_config_destroy(loaded->read);
    free(loaded);
}

/* The worker's configuration with what is taken from `read`, which owns that. */
static struct wt_config *view_of(const struct wt_config *config, const struct wt_config *read)
{
    struct wt_config *view = wt_alloc(sizeof *view);
    *view = *config;
    view->model.path = read->model.path;
    view->model.sha256 = read->model.sha256;
    view->model.device = read->model.device;
    view->model.precision = read->model.precision;
    view->model.kernels = read->model.kernels;
    view->model.threads = read->model.threads;
    view->output.threshold = read->output.threshold;
    return view;
}

/* `path` as it is found from any directory. */
static void name_model(struct wt_model_name *name, const char *sha256, const char *path)
{
    char *whole = realpath(path, NULL);
    (void)snprintf(name->sha256, sizeof name->sha256, "%s", sha256);
    (void)snprintf(name->path, sizeof name->path, "%s", whole != NULL ? whole : path);
    free(whole);
}

/* *same_out: the bundle is that of `now`, to be loaded in the same way. The file is read for that only if its
 * pin and the other keys leave it open. */
static enum wt_status compare(const struct wt_served_model *now, const struct wt_config *view,
                              bool *same_out, struct wt_error *error)
{
    static const char *const path_and_pin[] = {"model.path", "model.sha256", NULL};
    const struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                             .sha256 = view->model.sha256,
                                             .named_by = "model.path"};
    const char *running = wt_model_info(now->model)->sha256;
    const char *pin = view->model.sha256;
    char *differences = wt_config_differences(now->config, view, path_and_pin);
    bool other = differences != NULL || (pin != NULL && strcasecmp(pin, running) != 0);
    free(differences);
    *same_out = false;
    if (other) {
        return WT_OK;
    }
    char sha256[WT_SHA256_TEXT_BYTES];
    enum wt_status status = wt_bundle_hash(view->model.path, &options, sha256, error);
    *same_out = status == WT_OK && strcmp(sha256, running) == 0;
    return status;
}

static void log_untaken(const struct wt_cli_reload *reload, const struct wt_config *read)
{
    char *keys = wt_config_differences(reload->config, read, taken_keys);
    if (keys != NULL) {
        wt_log_warn(reload->command, "changed in %s, but only a restart takes it: %s",
                    reload->given->path, keys);
    }
    free(keys);
}

static enum wt_status load_into(struct wt_cli_reload *reload, const struct wt_served_model *now,
                                struct loaded *loaded, struct wt_error *error)
{
    const struct wt_cli_config *given = reload->given;
    enum wt_status status =
        wt_config_load(given->path, given->sets, given->set_count, &loaded->read, error);
    if (status != WT_OK) {
        return status;
    }
    note_marks(reload, loaded->read->model.path);
    log_untaken(reload, loaded->read);
    loaded->view = view_of(reload->config, loaded->read);
    bool unchanged = false;
    status = compare(now, loaded->view, &unchanged, error);
    if (status == WT_OK && unchanged) {
        const struct wt_model_info *info = wt_model_info(now->model);
        wt_log_info(reload->command,
                    "nothing to reload: %s is the model that runs, %s %s, and nothing that a "
                    "reload takes from the configuration has changed",
                    loaded->view->model.path, info->name, info->version);
    }
    if (status == WT_OK && !unchanged) {
        wt_log_info(reload->command, "loading the model %s beside the one that runs",
                    loaded->view->model.path);
        status =
            wt_cli_configured_model(reload->command, loaded->view, true, &loaded->model, error);
    }
    if (status == WT_OK) {
        const struct wt_model *own = unchanged ? now->model : loaded->model;
        name_model(&reload->own, wt_model_info(own)->sha256, loaded->view->model.path);
    }
    return status;
}

static void keep(struct wt_cli_reload *reload, struct loaded *loaded,
                 struct wt_served_model *next_out)
{
    loaded->next = reload->loaded;
    reload->loaded = loaded;
    *next_out = (struct wt_served_model){.model = loaded->model, .config = loaded->view};
}

static enum wt_status load(void *opaque, const struct wt_served_model *now,
                           struct wt_served_model *next_out, struct wt_error *error)
{
    struct wt_cli_reload *reload = opaque;
    struct loaded *loaded = wt_alloc_zeroed(1, sizeof *loaded);
    int64_t began_us = wt_clock_us();
    note_marks(reload, reload->path); /* where the configuration cannot be read */
    enum wt_status status = load_into(reload, now, loaded, error);
    reload->failed = status != WT_OK;
    int64_t now_us = wt_clock_us();
    reload->retry_us = status == WT_MEMORY || status == WT_IO
                           ? now_us + RETRY_US + (now_us - began_us) * RETRY_PAUSES
                           : 0;
    if (loaded->model == NULL) {
        destroy_loaded(loaded);
        return status;
    }
    keep(reload, loaded, next_out);
    return WT_OK;
}

static struct wt_model_name own(void *opaque)
{
    const struct wt_cli_reload *reload = opaque;
    return reload->own;
}

/* With the keys that a reload takes, but for path and hash. Of a configuration that cannot be read now, those
 * of the start. */
static enum wt_status load_from(struct wt_cli_reload *reload, const struct wt_model_name *name,
                                const char *path, struct loaded *loaded, struct wt_error *error)
{
    const struct wt_cli_config *given = reload->given;
    struct wt_error ignored;
    if (loaded->view == NULL) {
        (void)wt_config_load(given->path, given->sets, given->set_count, &loaded->read, &ignored);
        loaded->view =
            view_of(reload->config, loaded->read != NULL ? loaded->read : reload->config);
    }
    (void)snprintf(loaded->name.sha256, sizeof loaded->name.sha256, "%s", name->sha256);
    (void)snprintf(loaded->name.path, sizeof loaded->name.path, "%s", path);
    loaded->view->model.path = loaded->name.path;
    loaded->view->model.sha256 = loaded->name.sha256;
    return wt_cli_configured_model(reload->command, loaded->view, true, &loaded->model, error);
}

static enum wt_status load_named(void *opaque, const struct wt_model_name *name,
                                 struct wt_served_model *next_out, struct wt_error *error)
{
    struct wt_cli_reload *reload = opaque;
    struct loaded *loaded = wt_alloc_zeroed(1, sizeof *loaded);
    const char *first = name->path[0] != '\0' ? name->path : reload->path;
    enum wt_status status = load_from(reload, name, first, loaded, error);
    if (status != WT_OK && strcmp(first, reload->path) != 0) {
        struct wt_error second; /* the first one says where the model is expected */
        status = load_from(reload, name, reload->path, loaded, &second);
    }
    reload->lacking = status == WT_OK ? (struct wt_model_name){0} : *name;
    if (status != WT_OK) {
        destroy_loaded(loaded);
        return status;
    }
    keep(reload, loaded, next_out);
    return WT_OK;
}

const char *wt_cli_reload_lacking(const struct wt_cli_reload *reload)
{
    return reload->lacking.sha256;
}

bool wt_cli_reload_find(struct wt_cli_reload *reload, struct wt_error *error)
{
    struct wt_model_name name = reload->lacking;
    struct wt_served_model next;
    return name.sha256[0] == '\0' || load_named(reload, &name, &next, error) == WT_OK;
}

static void unload(void *opaque, const struct wt_served_model *served)
{
    struct wt_cli_reload *reload = opaque;
    struct loaded **link = &reload->loaded;
    while ((*link)->model != served->model) {
        link = &(*link)->next;
        assert(*link != NULL);
    }
    struct loaded *loaded = *link;
    *link = loaded->next;
    destroy_loaded(loaded);
}

/* --- life ------------------------------------------------------------------------------------ */

struct wt_cli_reload *wt_cli_reload_create(const char *command, const struct wt_config *config,
                                           const struct wt_cli_config *given)
{
    struct wt_cli_reload *reload = wt_alloc_zeroed(1, sizeof *reload);
    reload->command = command;
    reload->config = config;
    reload->given = given;
    note_marks(reload, config->model.path);
    return reload;
}

void wt_cli_reload_adopt(struct wt_cli_reload *reload, struct wt_model *model)
{
    struct loaded *loaded = wt_alloc_zeroed(1, sizeof *loaded);
    loaded->model = model;
    loaded->next = reload->loaded;
    reload->loaded = loaded;
    name_model(&reload->own, wt_model_info(model)->sha256, reload->config->model.path);
}

static void destroy_from(struct loaded *loaded)
{
    while (loaded != NULL) {
        struct loaded *next = loaded->next;
        destroy_loaded(loaded);
        loaded = next;
    }
}

struct wt_model *wt_cli_reload_current(struct wt_cli_reload *reload,
                                       const struct wt_config **config_out)
{
    struct loaded *current = reload->loaded; /* the last one that was loaded and not given back */
    destroy_from(current->next);
    current->next = NULL;
    *config_out = current->view;
    return current->model;
}

struct wt_reload_ports wt_cli_reload_ports(struct wt_cli_reload *reload)
{
    bool watches = reload->config->model.reload == WT_RELOAD_WATCH;
    return (struct wt_reload_ports){.opaque = reload,
                                    .load = load,
                                    .own = own,
                                    .load_named = load_named,
                                    .unload = unload,
                                    .changed = watches ? changed : NULL};
}

void wt_cli_reload_destroy(struct wt_cli_reload *reload)
{
    if (reload == NULL) {
        return;
    }
    destroy_from(reload->loaded);
    free(reload->path);
    free(reload);
}
