/* options.h: a command's options as a table, read the same way by every command.
 *
 *     const struct wt_cli_option own[] = {{"input", .text = &options.input},
 *                                         {"seconds", .number = &options.seconds, .low = 1, .high = 60},
 *                                         {"json", .flag = &json}};
 *
 * Besides its own every command has --help (-h), and those with a configuration -c (--config) and
 * --set. The last of an option that is given twice counts. Thread: main. */
#ifndef WIRETAG_CLI_OPTIONS_H
#define WIRETAG_CLI_OPTIONS_H

#include "cli/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exactly one of `flag`, `text` and `number` is set: where what was given is put. */
struct wt_cli_option {
    const char *name;  /* without its dashes */
    bool *flag;        /* takes no value */
    const char **text; /* points into argv afterwards */
    uint32_t *number;  /* a whole number, `low` to `high` */
    uint32_t low;
    uint32_t high;
};

struct wt_cli_options {
    const char *command;
    void (*help)(void); /* prints the help to stdout */
    const struct wt_cli_option *own;
    size_t own_count;
    struct wt_cli_config *config; /* of -c and --set; NULL: the command has no configuration */
    const char **operand;         /* the one argument that is no option, or NULL where it is not
                                   * given; NULL itself: the command takes none */
};

/* The first four: what every command has. */
#define WT_CLI_OPTIONS(command_name, print_help, table)                                            \
    .command = (command_name), .help = (print_help), .own = (table),                               \
    .own_count = sizeof(table) / sizeof(table)[0]

#define WT_CLI_OPTIONS_MAX 16u

/* Reads `argv`, whose first item is the command's name. False: the command ends here, with
 * *exit_status_out; its help was printed, or what was wrong. */
bool wt_cli_options_read(const struct wt_cli_options *options, int argc, char **argv,
                         int *exit_status_out);

#endif
