#include "cli/cli.h"

#include "base/alloc.h"
#include "model/backend.h"
#include "observe/log.h"
#include "observe/progress.h"
#include "wiretag/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int wt_cli_fail(const char *command, enum wt_status status, const struct wt_error *error)
{
    (void)fprintf(stderr, "wiretag %s: %s\n", command, error->message);
    return status == WT_INVALID ? WT_EXIT_USAGE : WT_EXIT_FAILED;
}

int wt_cli_log_failure(const char *command, enum wt_status status, const struct wt_error *error)
{
    wt_log_error(command, "%s", error->message);
    wt_log_flush();
    return status == WT_INVALID ? WT_EXIT_USAGE : WT_EXIT_FAILED;
}

int wt_cli_usage(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "wiretag %s: ", command);
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, "\nTry: wiretag %s --help\n", command);
    va_end(arguments);
    return WT_EXIT_USAGE;
}

static void on_progress(void *opaque, const char *step, uint64_t done, uint64_t total)
{
    const struct wt_progress_state state = {.step = step, .done = done, .total = total};
    wt_progress_report(opaque, &state);
}

static void on_warning(const char *text)
{
    wt_log_warn("model", "libtorch: %s", text);
}

enum wt_status wt_cli_model_load(const char *command, const char *path,
                                 const struct wt_model_options *options, bool as_log,
                                 struct wt_model **model_out, struct wt_error *error)
{
    struct wt_model_options shown = *options;
    wt_backend_on_warning(on_warning);
    char *what = wt_format("loading %s", path);
    struct wt_progress *progress = wt_progress_create(command, what, as_log);
    shown.progress = (struct wt_model_progress){.tell = on_progress, .opaque = progress};
    enum wt_status status = wt_model_load(path, &shown, model_out, error);
    wt_progress_destroy(progress);
    free(what);
    return status;
}

void wt_cli_print_table(const char *format, ...)
{
    if (isatty(STDERR_FILENO) == 0) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
}

bool wt_cli_number(const char *text, uint32_t low, uint32_t high, uint32_t *number_out)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    unsigned long long number = strtoull(text, &end, 10);
    if (*end != '\0' || number < low || number > high) {
        return false;
    }
    *number_out = (uint32_t)number;
    return true;
}
