/* run.c: the command that runs a worker. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/worker.h"
#include "config/config_load.h"

#include <stdio.h>

static void print_help(void)
{
    (void)printf(
        "Labels the articles of the input topics until it is stopped.\n"
        "\n"
        "Usage: wiretag run -c FILE [--set KEY=VALUE]...\n"
        "\n"
        "  -c, --config FILE  the configuration; config/wiretag.yaml shows every key\n"
        "  --set KEY=VALUE    overrides one key, such as delivery.commit_interval_ms=500;\n"
        "                     VALUE is YAML; can be repeated, the last one counts\n"
        "  --help             this text\n"
        "\n"
        "SIGTERM or SIGINT: finishes running batches, commits their offsets and exits with 0.\n"
        "A second SIGTERM or SIGINT ends it at once, with exit 1 if not everything was committed;\n"
        "nothing is lost, those records are read again.\n"
        "SIGHUP: reads the configuration file again and takes the model that model.path and\n"
        "model.sha256 name now, without a pause (model.reload).\n"
        "\n"
        "Example:\n"
        "  wiretag run -c config/wiretag.yaml --set input.topics=[news.articles] \\\n"
        "    --set kafka.common.bootstrap.servers=127.0.0.1:9092\n");
}

static int finish(void *opaque, enum wt_status status, const struct wt_error *error)
{
    (void)opaque;
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_log_failure("run", status, error);
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
        const struct wt_cli_job endless = {
            .command = "run", .config = config, .given = &given, .finish = finish};
        exit_status = wt_cli_work(&endless);
    }
    wt_config_destroy(config);
    wt_cli_config_free(&given);
    return exit_status;
}
