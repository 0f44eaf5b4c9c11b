#include "cli/options.h"

#include "cli/cli.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

/* getopt_long returns the index of a command's own option plus this. */
#define OWN_BASE 256

static void make_table(const struct wt_cli_options *options, struct option *table)
{
    size_t count = 0;
    assert(options->own_count <= WT_CLI_OPTIONS_MAX);
    for (size_t i = 0; i < options->own_count; i++) {
        const struct wt_cli_option *own = &options->own[i];
        table[count++] =
            (struct option){.name = own->name,
                            .has_arg = own->flag != NULL ? no_argument : required_argument,
                            .val = OWN_BASE + (int)i};
    }
    table[count++] = (struct option){.name = "help", .has_arg = no_argument, .val = 'h'};
    if (options->config != NULL) {
        table[count++] =
            (struct option){.name = "config", .has_arg = required_argument, .val = 'c'};
        table[count++] = (struct option){.name = "set", .has_arg = required_argument, .val = 's'};
    }
    table[count] = (struct option){.name = NULL};
}

/* Reports an option that getopt_long did not accept: unknown, or without its value. */
static int bad_option(const char *command, char **argv, const char *letters)
{
    const char *written = argv[optind - 1];
    if (strncmp(written, "--", 2) != 0 && optopt != 0) {
        /* Short options may be written together, so argv does not tell which one failed. */
        bool known = strchr(letters, optopt) != NULL;
        return known ? wt_cli_usage(command, "-%c needs a value", optopt)
                     : wt_cli_usage(command, "unknown option -%c", optopt);
    }
    size_t length = strcspn(written, "=");
    if (optopt == 0) {
        return wt_cli_usage(command, "unknown option %.*s", (int)length, written);
    }
    return written[length] == '='
               ? wt_cli_usage(command, "%.*s takes no value", (int)length, written)
               : wt_cli_usage(command, "%s needs a value", written);
}

static int take_own(const struct wt_cli_options *options, const struct wt_cli_option *own)
{
    if (own->flag != NULL) {
        *own->flag = true;
    } else if (own->text != NULL) {
        *own->text = optarg;
    } else if (!wt_cli_number(optarg, own->low, own->high, own->number)) {
        return wt_cli_usage(options->command, "--%s %s: a whole number from %u to %u", own->name,
                            optarg, own->low, own->high);
    }
    return WT_EXIT_DONE;
}

static int take_operand(const struct wt_cli_options *options, int argc, char **argv)
{
    int taken = options->operand != NULL ? 1 : 0;
    if (options->operand != NULL) {
        *options->operand = argv[optind]; /* NULL at the end */
    }
    return argc - optind > taken
               ? wt_cli_usage(options->command, "unexpected argument %s", argv[optind + taken])
               : WT_EXIT_DONE;
}

bool wt_cli_options_read(const struct wt_cli_options *options, int argc, char **argv,
                         int *exit_status_out)
{
    struct option table[WT_CLI_OPTIONS_MAX + 4];
    const char *letters = options->config != NULL ? "c:h" : "h";
    int option;
    make_table(options, table);
    *exit_status_out = WT_EXIT_DONE;
    while (
        *exit_status_out == WT_EXIT_DONE &&
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): the arguments are read before a thread begins */
        (option = getopt_long(argc, argv, letters, table, NULL)) != -1) {
        if (option >= OWN_BASE) {
            *exit_status_out = take_own(options, &options->own[option - OWN_BASE]);
        } else if (option == 'c') {
            options->config->path = optarg;
        } else if (option == 's') {
            wt_cli_config_set(options->config, optarg);
        } else if (option == 'h') {
            options->help();
            return false;
        } else {
            *exit_status_out = bad_option(options->command, argv, letters);
        }
    }
    if (*exit_status_out == WT_EXIT_DONE) {
        *exit_status_out = take_operand(options, argc, argv);
    }
    return *exit_status_out == WT_EXIT_DONE;
}
