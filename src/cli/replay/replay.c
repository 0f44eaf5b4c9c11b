/* replay.c: labels a limited part of the input topics, again or for the first time. */
#include "base/alloc.h"
#include "base/name.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/replay/compare.h"
#include "cli/replay/pass_run.h"
#include "cli/worker.h"
#include "config/config_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MAX 100000000u

static void print_help(void)
{
    (void)printf(
        "Labels a limited part of the input topics: a backfill. It has its own consumer group.\n"
        "Workers started with the same --name share it; the same --name resumes it.\n"
        "\n"
        "Usage: wiretag replay -c FILE --from X --to Y --name N (--output T | --same-topic)\n"
        "       wiretag replay -c FILE --from X --to Y --name N --compare BUNDLE\n"
        "\n"
        "  -c, --config FILE  the configuration; config/wiretag.yaml shows every key\n"
        "  --set KEY=VALUE    overrides one key, as for run\n"
        "  --from X           earliest, latest; 2026-03-01T06:00:00+03:00; -7d, -36h, -90m;\n"
        "                     an offset 1200, or one for each partition 0:1200,1:900\n"
        "  --to Y             the same forms; the first record that is not read\n"
        "  --name N           letters, digits, '.', '_', '-'; the first start fixes the ranges;\n"
        "                     the same name with another range or output is refused\n"
        "  --output T         the topic for all labels, instead of output.topic and output.routes\n"
        "  --same-topic       the labels go where those of the live workers go\n"
        "  --partitions P     only these partitions, such as 0,2-4\n"
        "  --compare BUNDLE   labels with the configured model, A, and with this one, B, and "
        "shows\n"
        "                     how far they agree; publishes nothing\n"
        "  --only-changed     with --compare: publishes what B labels differently, labelled by B\n"
        "  --json             with --compare: the result as one JSON object on stdout\n"
        "  --html FILE        with --compare: the result as a page, too\n"
        "  --rate R           at most R records a second in this worker\n"
        "  --dry-run          shows what would be read and how long it would take, then stops\n"
        "  --help             this text\n"
        "\n"
        "Prints the balance of each partition on stdout at the end; exit 0 only if all is done.\n"
        "SIGTERM or SIGINT stop it cleanly, with exit 1; the same command resumes it.\n"
        "\n"
        "Example:\n"
        "  wiretag replay -c config/wiretag.yaml --from -7d --to latest --name spring \\\n"
        "    --output news.labelled.spring --rate 500\n");
}

struct arguments {
    struct wt_cli_config given;
    const char *output;
    bool same_topic;
    struct wt_cli_compare compare;
    struct wt_cli_pass pass;
};

static bool read_options(int argc, char **argv, struct arguments *arguments, int *exit_status_out)
{
    const struct wt_cli_option own[] = {
        {"from", .text = &arguments->pass.from},
        {"to", .text = &arguments->pass.to},
        {"name", .text = &arguments->pass.name},
        {"output", .text = &arguments->output},
        {"same-topic", .flag = &arguments->same_topic},
        {"partitions", .text = &arguments->pass.partitions},
        {"rate", .number = &arguments->pass.records_per_s_max, .low = 1, .high = RATE_MAX},
        {"compare", .text = &arguments->compare.bundle},
        {"only-changed", .flag = &arguments->compare.only_changed},
        {"json", .flag = &arguments->compare.json},
        {"html", .text = &arguments->compare.html},
        {"dry-run", .flag = &arguments->pass.dry_run}};
    const struct wt_cli_options options = {WT_CLI_OPTIONS("replay", print_help, own),
                                           .config = &arguments->given};
    return wt_cli_options_read(&options, argc, argv, exit_status_out);
}

/* What is wrong with the options; NULL: nothing. */
static const char *wrong_options(const struct arguments *arguments)
{
    if (arguments->pass.from == NULL || arguments->pass.to == NULL) {
        return "--from and --to are both required";
    }
    const char *wrong_name = wt_cli_pass_wrong_name(&arguments->pass);
    if (wrong_name != NULL) {
        return wrong_name;
    }
    const char *wrong_compare = wt_cli_compare_wrong(&arguments->compare);
    if (wrong_compare != NULL) {
        return wrong_compare;
    }
    if (arguments->compare.bundle != NULL && !arguments->compare.only_changed) {
        return arguments->output != NULL || arguments->same_topic
                   ? "--compare publishes nothing: give --only-changed, or no --output and no "
                     "--same-topic"
                   : NULL;
    }
    if ((arguments->output != NULL) == arguments->same_topic) {
        return "one of --output TOPIC and --same-topic is required";
    }
    if (arguments->output != NULL && !wt_name_is_topic(arguments->output)) {
        return "--output is not a valid topic name";
    }
    return NULL;
}

static int replay(struct arguments *arguments)
{
    struct wt_error error;
    if (wt_cli_pass_read(&arguments->pass, &error) != WT_OK) {
        return wt_cli_usage("replay", "%s", error.message);
    }
    char *output = NULL;
    if (arguments->output != NULL) {
        output = wt_format("output.topic=\"%s\"", arguments->output);
        wt_cli_config_set(&arguments->given, output);
        wt_cli_config_set(&arguments->given, "output.routes=[]");
    }
    int exit_status =
        arguments->compare.bundle != NULL
            ? wt_cli_compare_begin(&arguments->compare, &arguments->given, &arguments->pass.config)
            : wt_cli_config_load(&arguments->given, "replay", &arguments->pass.config);
    if (exit_status == WT_EXIT_DONE) {
        char *suffix = wt_format(".replay.%s", arguments->pass.name);
        wt_config_name_command(arguments->pass.config, suffix);
        wt_config_drop_shadow(arguments->pass.config);
        free(suffix);
        arguments->pass.compare = arguments->compare.bundle != NULL ? &arguments->compare : NULL;
        exit_status = wt_cli_pass_run(&arguments->pass);
    }
    free(output);
    return exit_status;
}

int wt_cli_replay(int argc, char **argv)
{
    struct arguments arguments = {.given = wt_cli_config_begin(argc + 4),
                                  .pass = {.command = "replay"}};
    int exit_status;
    if (read_options(argc, argv, &arguments, &exit_status)) {
        const char *wrong = wrong_options(&arguments);
        exit_status = wrong == NULL ? replay(&arguments) : wt_cli_usage("replay", "%s", wrong);
    }
    wt_cli_compare_free(&arguments.compare);
    wt_cli_pass_free(&arguments.pass);
    wt_cli_config_free(&arguments.given);
    return exit_status;
}
