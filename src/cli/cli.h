/* cli.h: the subcommands of wiretag, one file each.
 *
 * Each takes the arguments from its own name on and returns the exit status: 0 done, 1 failed, 2
 * bad usage or configuration. Results go to stdout, everything else to stderr. Thread: main. */
#ifndef WIRETAG_CLI_CLI_H
#define WIRETAG_CLI_CLI_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stdint.h>

#define WT_EXIT_DONE 0
#define WT_EXIT_FAILED 1
#define WT_EXIT_USAGE 2

int wt_cli_run(int argc, char **argv);
int wt_cli_replay(int argc, char **argv);
int wt_cli_redrive(int argc, char **argv);
int wt_cli_promote(int argc, char **argv);
int wt_cli_classify(int argc, char **argv);
int wt_cli_eval(int argc, char **argv);
int wt_cli_tokenize(int argc, char **argv);
int wt_cli_check(int argc, char **argv);
int wt_cli_explain(int argc, char **argv);
int wt_cli_bench(int argc, char **argv);

/* The kinds of bench; argv[0] is the name of the kind. */
int wt_cli_bench_tokenize(int argc, char **argv);
int wt_cli_bench_model(int argc, char **argv);
int wt_cli_bench_pipeline(int argc, char **argv);
int wt_cli_bench_tune(int argc, char **argv);

/* Prints "wiretag COMMAND: message" to stderr. Returns the exit status for `status`: usage for
 * WT_INVALID, else failed. */
int wt_cli_fail(const char *command, enum wt_status status, const struct wt_error *error);

/* The same as a log line, for commands that log to stderr, so that a JSON log stays JSON to the
 * end. */
int wt_cli_log_failure(const char *command, enum wt_status status, const struct wt_error *error);

/* Prints a usage error and how to get help. Returns WT_EXIT_USAGE. */
int wt_cli_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Like wt_model_load, with a progress display if it takes long. `as_log`: the command logs to
 * stderr. Replaces options->progress. */
struct wt_model;
struct wt_model_options;
enum wt_status wt_cli_model_load(const char *command, const char *path,
                                 const struct wt_model_options *options, bool as_log,
                                 struct wt_model **model_out, struct wt_error *error);

/* Prints to stderr if that is a terminal: a table for people, besides the JSON lines on stdout. */
void wt_cli_print_table(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Parses a decimal number from `low` to `high`. False: anything else. */
bool wt_cli_number(const char *text, uint32_t low, uint32_t high, uint32_t *number_out);

#endif
