/* redrive.c: labels dead letters again. */
#include "replay/redrive.h"
#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/replay/pass_run.h"
#include "cli/worker.h"
#include "config/config_load.h"

#include <stdio.h>
#include <stdlib.h>

#define NUMBER_MAX 100000000u
#define TRIES_MAX 5

static void print_help(void)
{
    (void)printf(
        "Labels dead letters with the current model. An article that fails again becomes a dead\n"
        "letter again, with one more try. Ends, shares work and resumes like a replay. Under the\n"
        "name of a finished one, it continues with the dead letters written since.\n"
        "\n"
        "Usage: wiretag redrive -c FILE [OPTION]...\n"
        "\n"
        "  -c, --config FILE  the configuration; dead letters come from its dead_letter.topic\n"
        "  --set KEY=VALUE    overrides one key, as for run\n"
        "  --code CODE        only this wiretag.error.code, or several separated by commas; an\n"
        "                     unknown one is refused with a list of the known ones\n"
        "  --from X           only dead letters from this time or offset on, as for replay\n"
        "                     (default earliest)\n"
        "  --to Y             only dead letters before it (default latest)\n"
        "  --partitions P     only these partitions of the dead-letter topic, such as 0,2-4\n"
        "  --tries-max N      skip articles that have failed N times (default 5)\n"
        "  --name N           letters, digits, '.', '_', '-' (default: letters); a name does not\n"
        "                     reread what it has passed, another name does\n"
        "  --rate R           at most R records a second in this worker\n"
        "  --dry-run          shows what would be read and how long it would take, then stops\n"
        "  --help             this text\n"
        "\n"
        "Of several dead letters of one article only the newest is taken, and none whose article\n"
        "was labelled by a redrive or replay of any name. Dead letters that are not taken stay in\n"
        "their topic and count as skipped.\n"
        "\n"
        "Example:\n"
        "  wiretag redrive -c config/wiretag.yaml --code model-failed --from -1d\n");
}

struct arguments {
    struct wt_cli_config given;
    const char *code;
    char *codes; /* `code`, sorted */
    uint32_t tries_max;
    struct wt_redrive redrive;
    struct wt_cli_pass pass;
};

static bool read_options(int argc, char **argv, struct arguments *arguments, int *exit_status_out)
{
    const struct wt_cli_option own[] = {
        {"code", .text = &arguments->code},
        {"from", .text = &arguments->pass.from},
        {"to", .text = &arguments->pass.to},
        {"name", .text = &arguments->pass.name},
        {"partitions", .text = &arguments->pass.partitions},
        {"tries-max", .number = &arguments->tries_max, .low = 1, .high = NUMBER_MAX},
        {"rate", .number = &arguments->pass.records_per_s_max, .low = 1, .high = NUMBER_MAX},
        {"dry-run", .flag = &arguments->pass.dry_run}};
    const struct wt_cli_options options = {WT_CLI_OPTIONS("redrive", print_help, own),
                                           .config = &arguments->given};
    return wt_cli_options_read(&options, argc, argv, exit_status_out);
}

static int read_values(struct arguments *arguments)
{
    struct wt_error error;
    const char *wrong_name = wt_cli_pass_wrong_name(&arguments->pass);
    if (wrong_name != NULL) {
        return wt_cli_usage("redrive", "%s", wrong_name);
    }
    enum wt_status status = wt_cli_pass_read(&arguments->pass, &error);
    if (status == WT_OK && arguments->code != NULL) {
        status = wt_dead_letter_codes_parse(arguments->code, &arguments->codes, &error);
        arguments->redrive.codes = arguments->codes;
    }
    arguments->redrive.tries_max = arguments->tries_max;
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_usage("redrive", "%s", error.message);
}

/* Makes the dead-letter topic the input. */
static void read_dead_letter_topic(struct wt_config *config)
{
    for (size_t i = 0; i < config->input.topics.count; i++) {
        free(config->input.topics.items[i]);
    }
    config->input.topics.count = 1;
    config->input.topics.items[0] = wt_strdup(config->dead_letter.topic);
}

static int redrive(struct arguments *arguments)
{
    struct wt_cli_pass *pass = &arguments->pass;
    int exit_status = read_values(arguments);
    if (exit_status == WT_EXIT_DONE) {
        exit_status = wt_cli_config_load(&arguments->given, "redrive", &pass->config);
    }
    if (exit_status != WT_EXIT_DONE) {
        return exit_status;
    }
    if (!pass->config->dead_letter.enabled) {
        return wt_cli_usage(
            "redrive", "dead_letter is null in the configuration, so there are no dead letters");
    }
    read_dead_letter_topic(pass->config);
    char *suffix = wt_format(".redrive.%s", pass->name);
    wt_config_name_command(pass->config, suffix);
    wt_config_drop_shadow(pass->config);
    free(suffix);
    return wt_cli_pass_run(pass);
}

int wt_cli_redrive(int argc, char **argv)
{
    struct arguments arguments = {
        .given = wt_cli_config_begin(argc + 1),
        .tries_max = TRIES_MAX,
        .pass = {.command = "redrive", .name = "letters", .from = "earliest", .to = "latest"}};
    arguments.pass.redrive = &arguments.redrive;
    arguments.pass.request.continues = true;
    int exit_status;
    if (read_options(argc, argv, &arguments, &exit_status)) {
        exit_status = redrive(&arguments);
    }
    wt_cli_pass_free(&arguments.pass);
    wt_cli_config_free(&arguments.given);
    free(arguments.codes);
    return exit_status;
}
