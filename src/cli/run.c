/* run.c: the worker. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/worker.h"

#include <stdio.h>

static void print_help(void)
{
    (void)printf(
        "Labels the articles of the input topics until it is told to stop.\n\n"
        "Usage: wiretag run -c FILE [--set KEY=VALUE]...\n\n"
        "  -c, --config FILE  the configuration; config/wiretag.yaml shows every key\n"
        "  --set KEY=VALUE    overrides one key, such as delivery.commit_interval_ms=500;\n"
        "                     VALUE is YAML; may be repeated, the last one wins\n"
        "  --help             this text\n\n"
        "SIGTERM or SIGINT: running batches finish, offsets are committed, exit 0.\n"
        "A second one exits at once; nothing is lost, the records are read again.\n\n"
        "Example:\n"
        "  wiretag run -c config/wiretag.yaml --set input.topics=[news.articles] \\\n"
        "    --set kafka.common.bootstrap.servers=127.0.0.1:9092\n");
}

int wt_cli_run(int argc, char **argv)
{
    struct wt_cli_config given = wt_cli_config_begin(argc);
    const struct wt_cli_options options = {.command = "run", .help = print_help, .config = &given};
    struct wt_config *config = NULL;
    int exit_status;
    if (wt_cli_options_read(&options, argc, argv, &exit_status)) {
        exit_status = wt_cli_config_load(&given, "run", &config);
    }
    if (config != NULL) {
        struct wt_pipeline_source endless = {0};
        struct wt_error error;
        enum wt_status status = wt_cli_work("run", config, &endless, &error);
        exit_status = status == WT_OK ? WT_EXIT_DONE : wt_cli_log_failure("run", status, &error);
    }
    wt_config_destroy(config);
    wt_cli_config_free(&given);
    return exit_status;
}
