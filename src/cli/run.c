/* run.c: the worker. */
#include "cli/cli.h"
#include "cli/worker.h"

#include <getopt.h>
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
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct wt_cli_config given = wt_cli_config_begin(argc);
    struct wt_config *config = NULL;
    struct wt_error error;
    int exit_status = WT_EXIT_DONE;

    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            given.path = optarg;
            break;
        case 's':
            wt_cli_config_set(&given, optarg);
            break;
        case 'h':
            print_help();
            goto done;
        default:
            exit_status = wt_cli_bad_option("run", argv, "c:h");
            goto done;
        }
    }
    if (optind < argc) {
        exit_status = wt_cli_usage("run", "unexpected argument %s", argv[optind]);
        goto done;
    }
    exit_status = wt_cli_config_load(&given, "run", &config);
    if (exit_status != WT_EXIT_DONE) {
        goto done;
    }
    struct wt_pipeline_source endless = {0};
    enum wt_status status = wt_cli_work("run", config, &endless, &error);
    if (status != WT_OK) {
        exit_status = wt_cli_log_failure("run", status, &error);
    }
done:
    wt_config_destroy(config);
    wt_cli_config_free(&given);
    return exit_status;
}
