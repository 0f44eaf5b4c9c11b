/* redrive.c: dead letters through the model once more. */
#include "replay/redrive.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/name.h"
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
        "Takes dead letters through the current model to the output topic. What fails again is a\n"
        "dead letter again, with its tries counted. Ends, shares and resumes as a replay does; a\n"
        "finished one, started again under its name, goes on with the letters that came since.\n\n"
        "Usage: wiretag redrive -c FILE [OPTION]...\n\n"
        "  -c, --config FILE  the configuration; dead letters come from its dead_letter.topic\n"
        "  --set KEY=VALUE    overrides one key, as for run\n"
        "  --code CODE        only this wiretag.error.code, or several joined by commas; one that\n"
        "                     no letter can have is refused with those there are\n"
        "  --from X           only letters of this time or offset on, as for replay (earliest)\n"
        "  --to Y             only letters before it (latest)\n"
        "  --partitions P     only these of the dead-letter topic, such as 0,2-4\n"
        "  --tries-max N      leave what has failed N times (5): no letter goes round for ever\n"
        "  --name N           letters, digits, '.', '_', '-' (letters); what one name has passed\n"
        "                     it does not look at again, another name does\n"
        "  --rate R           at most R records a second in this worker\n"
        "  --dry-run          shows what would be read and how long that takes, does nothing\n"
        "  --help             this text\n\n"
        "Of several letters of one article only the newest is taken, and none whose article has "
        "its\n"
        "label by a redrive or replay, of whatever name. Letters that are not taken stay where "
        "they\n"
        "are and count as skipped.\n\n"
        "Example:\n"
        "  wiretag redrive -c config/wiretag.yaml --code model-failed --from -1d\n");
}

struct arguments {
    struct wt_cli_config given;
    const char *code;
    char *codes; /* of `code`, in order */
    uint32_t tries_max;
    struct wt_redrive letters;
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
    struct wt_preview_request *request = &arguments->pass.request;
    struct wt_error error;
    int64_t now_ms = wt_clock_wall_ms();
    if (!wt_name_is_legal(arguments->pass.name, WT_PASS_NAME_BYTES_MAX)) {
        return wt_cli_usage("redrive", "--name N must be 1 to 64 letters, digits, '.', '_' or '-'");
    }
    enum wt_status status =
        wt_offset_spec_parse("--from", arguments->pass.from, now_ms, &request->from, &error);
    if (status == WT_OK) {
        status = wt_offset_spec_parse("--to", arguments->pass.to, now_ms, &request->to, &error);
    }
    if (status == WT_OK && arguments->pass.partitions != NULL) {
        status =
            wt_numbers_parse("--partitions", arguments->pass.partitions, &request->numbers, &error);
    }
    if (status == WT_OK && arguments->code != NULL) {
        status = wt_dead_letter_codes_parse(arguments->code, &arguments->codes, &error);
        arguments->letters.codes = arguments->codes;
    }
    arguments->letters.tries_max = arguments->tries_max;
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_usage("redrive", "%s", error.message);
}

/* The dead-letter topic is the input now. */
static void read_letters(struct wt_config *config)
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
        return wt_cli_usage("redrive", "dead_letter is null in the configuration: there are none");
    }
    read_letters(pass->config);
    char *suffix = wt_format(".redrive.%s", pass->name);
    wt_config_name_command(pass->config, suffix);
    free(suffix);
    return wt_cli_pass_run(pass);
}

int wt_cli_redrive(int argc, char **argv)
{
    struct arguments arguments = {
        .given = wt_cli_config_begin(argc + 1),
        .tries_max = TRIES_MAX,
        .pass = {.command = "redrive", .name = "letters", .from = "earliest", .to = "latest"}};
    arguments.pass.redrive = &arguments.letters;
    arguments.pass.request.goes_on = true;
    int exit_status;
    if (read_options(argc, argv, &arguments, &exit_status)) {
        exit_status = redrive(&arguments);
    }
    wt_offset_spec_free(&arguments.pass.request.from);
    wt_offset_spec_free(&arguments.pass.request.to);
    wt_numbers_free(&arguments.pass.request.numbers);
    wt_config_destroy(arguments.pass.config);
    wt_cli_config_free(&arguments.given);
    free(arguments.codes);
    return exit_status;
}
