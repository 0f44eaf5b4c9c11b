/* options.h: the options of a command as a table, parsed the same way for every command.
 *
 *     const struct wt_cli_option own[] = {
 *         {"input", .text = &options.input},
 *         {"seconds", .number = &options.seconds, .low = 1, .high = 60},
 *         {"json", .flag = &json}};
 *
 * Every command also has --help (-h). Commands with a configuration have -c (--config) and --set.
 * If an option is given twice, the last one counts. Thread: main. */
#ifndef WIRETAG_CLI_OPTIONS_H
#define WIRETAG_CLI_OPTIONS_H

#include "cli/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One option. Exactly one of `flag`, `text` and `number` is set; it receives the value. */
struct wt_cli_option {
    const char *name;  /* without the dashes */
    bool *flag;        /* the option takes no value */
    const char **text; /* points into argv afterwards */
    uint32_t *number;  /* an integer from `low` to `high` */
    uint32_t low;
    uint32_t high;
};

struct wt_cli_options {
    const char *command;
    void (*help)(void); /* prints the help to stdout */
    const struct wt_cli_option *own;
    size_t own_count;
    /* Receives -c and --set; NULL: the command has no configuration. */
    struct wt_cli_config *config;
    /* Where the one operand is stored; it is set to NULL if there is none. NULL: the command takes
     * no operand. */
    const char **operand;
};

/* The first four members of wt_cli_options: what every command has. */
#define WT_CLI_OPTIONS(command_name, print_help, table)                                            \
    .command = (command_name), .help = (print_help), .own = (table),                               \
    .own_count = sizeof(table) / sizeof(table)[0]

#define WT_CLI_OPTIONS_MAX 16u

/* Parses `argv`, whose first item is the command's name. False: the command ends here with
 * *exit_status_out, after printing its help or an error. */
bool wt_cli_options_read(const struct wt_cli_options *options, int argc, char **argv,
                         int *exit_status_out);

#endif
